// One side has ended: HALF-1 to HALF-4.
#include <string.h>

#include "peer.h"
#include "probe.h"

static const int streams[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_CONNECTION};
static const char *start_of(int i) { return i == 0 ? "Cc" : ""; }

static void check_letters(struct probe *p, int i, const char *rest)
{
    char expected[64];
    snprintf(expected, sizeof expected, "%s%s", start_of(i), rest);
    CHECK_STR(p->order, expected);
}

// HALF-1
LOOPS_TEST(end_comes_once_after_the_last_message)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        p->pattern = 1;
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
        peer_write_pattern(pair.peer, 0, 3000000);
        peer_end(pair.peer);
        WAIT(p->count[SOCKET_EVENT_END] == 1);
        CHECK_EQ(p->size, 3000000);
        settle();
        check_quiet();
        check_letters(p, i, "ME");
        pair_close(&pair);
    }
}

// HALF-2: with nothing to send the library closes; without a listener of end it does so too.
LOOPS_TEST(the_library_closes_after_the_end)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new_masked(streams[i], i == 0 ? ALL_EVENTS : SOCKET_EVENT_MASK(SOCKET_EVENT_CLOSE));
        struct probe *p = pair.probe;
        peer_end(pair.peer);
        peer_read_end(pair.peer);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], 0);
        check_letters(p, i, i == 0 ? "EZ" : "Z");
        pair_close(&pair);
    }
}

enum { ANSWER = 4 << 20 };

static void answer_at_end(struct probe *p, const socket_event *e)
{
    if (e->type != SOCKET_EVENT_END) return;
    CHECK_EQ(probe_send_pattern(p, 1000000, ANSWER), 0);
    CHECK_EQ(probe_send_pattern(p, 1000000 + ANSWER, 3), 0);
}

// HALF-2: what is queued at the end of that callback, sends made in it included, is sent first.
LOOPS_TEST(sends_inside_the_end_event_are_sent)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        p->on_event = answer_at_end;
        CHECK_EQ(probe_send_pattern(p, 0, 1000000), 0);
        peer_end(pair.peer);
        CHECK_EQ(peer_read_pattern_to_end(pair.peer, 0), 1000000 + ANSWER + 3);
        WAIT(p->done[SOCKET_OPERATION_SEND] == 3 && p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
        CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], 0);
        CHECK_EQ(p->order[strlen(p->order) - 1], 'Z');
        pair_close(&pair);
    }
}

// HALF-2: a peer that has ended and does not read cannot hold the socket for ever.
LOOPS_TEST(an_ended_peer_that_does_not_read)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 150), 0);
    CHECK_EQ(probe_send_pattern(p, 0, 12 << 20), 0);
    peer_end(pair.peer);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2301110);
    CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], -2301110);
    CHECK_EQ(p->count[SOCKET_EVENT_END], 1);
    CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -2301110);
    pair_close(&pair);
}

// HALF-3, HALF-1
LOOPS_TEST(half_open_stays_writable)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
        peer_end(pair.peer);
        WAIT(p->count[SOCKET_EVENT_END] == 1);
        for (uint64_t n = 0; n < 5; n++) {
            CHECK_EQ(probe_send_pattern(p, n * 1000000, 1000000), 0);
            peer_read_pattern(pair.peer, n * 1000000, 1000000);
        }
        settle();
        check_quiet();
        check_letters(p, i, "Es");
        CHECK_EQ(state_of(p->socket), 3);
        CHECK_EQ(probe_close(p), 0);
        peer_read_end(pair.peer);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
        check_letters(p, i, "EsZz");
        pair_close(&pair);
    }
}

// HALF-3: a peer that resets after its end is reported.
LOOPS_TEST(half_open_and_reset)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
    peer_end(pair.peer);
    WAIT(p->count[SOCKET_EVENT_END] == 1);
    peer_reset(pair.peer);
    pair.peer = -1;
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_STR(p->order, "CcEXZ");
    /* the kernel says EPIPE once the peer has ended */
    CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -2301032);
    pair_close(&pair);
}

// HALF-4
LOOPS_TEST(our_end_goes_on_receiving)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        p->pattern = 1;
        CHECK_EQ(probe_send_pattern(p, 0, 3000000), 0);
        CHECK_EQ(probe_end(p), 0);
        CHECK_CODE(socket_send(p->socket, "x", 1, NULL, NULL), code_for(streams[i], 2301108));
        CHECK_CODE(socket_sendv(p->socket, NULL, 0, NULL, NULL), code_for(streams[i], 2301108));
        CHECK_EQ(peer_read_pattern_to_end(pair.peer, 0), 3000000);
        WAIT(p->done[SOCKET_OPERATION_END] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_END], 0);
        check_letters(p, i, "se");
        peer_write_pattern(pair.peer, 0, 2000000);
        WAIT(p->size == 2000000);
        settle();
        CHECK_EQ(p->count[SOCKET_EVENT_CLOSE], 0);
        peer_end(pair.peer);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        check_letters(p, i, "seMEZ");
        pair_close(&pair);
    }
}

// HALF-4: the socket is closed at once if the peer has ended already.
LOOPS_TEST(our_end_after_the_peers)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
    peer_end(pair.peer);
    WAIT(p->count[SOCKET_EVENT_END] == 1);
    CHECK_EQ(probe_send_pattern(p, 0, 3000000), 0);
    CHECK_EQ(probe_end(p), 0);
    CHECK_EQ(peer_read_pattern_to_end(pair.peer, 0), 3000000);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1 && p->done[SOCKET_OPERATION_END] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_END], 0);
    CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], 0);
    pair_close(&pair);
}

static void end_at_message(struct probe *p, const socket_event *e)
{
    if (e->type != SOCKET_EVENT_MESSAGE || p->done[SOCKET_OPERATION_END] || e->size == 0) return;
    p->on_event = NULL;
    CHECK_EQ(probe_send(p, "answer", 6), 0);
    CHECK_EQ(probe_end(p), 0);
}

// HALF-4, ORDER-1: sends gathered in a callback come before the end made in it.
LOOPS_TEST(send_and_end_inside_a_callback)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    char text[6];
    p->on_event = end_at_message;
    peer_write(pair.peer, "question", 8);
    peer_read(pair.peer, text, 6);
    CHECK_EQ(memcmp(text, "answer", 6), 0);
    peer_read_end(pair.peer);
    peer_end(pair.peer);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_STR(p->order, "CcMseEZ");
    pair_close(&pair);
}

// DONE-8: what a peer that has gone does to us is no mistake of the program.
LOOPS_TEST(an_end_to_a_peer_that_has_gone)
{
    for (int i = 0; i < 4; i++) {
        struct pair pair = pair_new(streams[i % 2]);
        struct probe *p = pair.probe;
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
        peer_close(pair.peer);
        pair.peer = -1;
        WAIT(p->count[SOCKET_EVENT_END] == 1);
        if (i >= 2) CHECK_EQ(probe_send(p, "x", 1), 0); // which a reset answers
        int code = probe_end(p);
        if (i < 2) CHECK_EQ(code, 0); // later it may be closed already
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1 && p->done[SOCKET_OPERATION_END] == (code == 0));
        CHECK(socket_error_category(p->done_error[SOCKET_OPERATION_END]) != SOCKET_CATEGORY_USAGE);
        CHECK(socket_error_category(p->error[SOCKET_EVENT_ERROR]) != SOCKET_CATEGORY_USAGE);
        CHECK(socket_error_category(p->error[SOCKET_EVENT_CLOSE]) != SOCKET_CATEGORY_USAGE);
        if (i < 2) CHECK_EQ(p->done_error[SOCKET_OPERATION_END], 0);
        pair_close(&pair);
    }
}
