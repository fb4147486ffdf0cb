// Nothing is lost: what close, abort, linger and resets do to bytes that are under way. DATA-1 to
// DATA-6.
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"
#include "probe.h"

static const int streams[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_CONNECTION};
static const unsigned no_messages = ALL_EVENTS & ~SOCKET_EVENT_MASK(SOCKET_EVENT_MESSAGE);

// DATA-1: whether the peer's own bytes were read here or not; close(2) alone would lose most of
// them.
LOOPS_TEST(close_delivers_everything)
{
    enum { SIZE = 3 << 20 };
    for (int i = 0; i < 2; i++) {
        for (int unread = 0; unread < 3; unread++) {
            struct pair pair = pair_new_masked(streams[i], unread ? no_messages : ALL_EVENTS);
            struct probe *p = pair.probe;
            if (unread) peer_write_pattern(pair.peer, 0, 100000);
            if (unread == 2) peer_end(pair.peer);
            CHECK_EQ(probe_send_pattern(p, 0, SIZE), 0);
            CHECK_EQ(probe_close(p), 0);
            if (!unread) peer_write_pattern(pair.peer, 0, 100000);
            CHECK_EQ(peer_read_pattern_to_end(pair.peer, 0), SIZE);
            peer_close(pair.peer);
            pair.peer = -1;
            WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], 0);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
            CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 0);
            pair_close(&pair);
        }
    }
}

// DATA-1: after FIN input is discarded until the peer's end; only then is the descriptor closed.
LOOPS_TEST(close_waits_for_the_peers_end)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 3600000), 0);
    CHECK_EQ(probe_close(p), 0);
    peer_read_end(pair.peer);
    // goes nowhere, blocks nothing
    for (int i = 0; i < 20; i++) peer_write_pattern(pair.peer, 0, 1 << 20);
    settle();
    CHECK_EQ(p->count[SOCKET_EVENT_CLOSE], 0);
    CHECK_EQ(p->size, 0);
    CHECK_OK(socket_get_fd(p->socket));
    peer_end(pair.peer);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_CODE(socket_get_fd(p->socket), 2301009);
    pair_close(&pair);
}

// A connection whose buffers in the kernel are small, so that queues move in small steps.
static struct pair narrow_pair(void)
{
    struct pair pair = {0};
    int port;
    int listener = peer_listen(&port);
    set_int_option(listener, SOL_SOCKET, SO_RCVBUF, 16384);
    pair.probe = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(probe_connect(pair.probe, port), 0);
    pair.peer = peer_accept(listener);
    struct probe *p = pair.probe;
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
    o.fields = SOCKET_EXTRA_SEND_BUFFER_SIZE;
    o.send_buffer_size = 16384;
    CHECK_EQ(socket_set_extra_options(p->socket, &o), 0);
    peer_close(listener);
    return pair;
}

// DATA-2: the peer never reads.
LOOPS_TEST(close_runs_out_of_time_with_bytes_queued)
{
    enum { TIMEOUT = 200 };
    struct pair pair = narrow_pair();
    struct probe *p = pair.probe;
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, TIMEOUT), 0);
    CHECK_EQ(probe_send_pattern(p, 0, 1 << 20), 0);
    settle();
    int64_t start = now_ms();
    CHECK_EQ(probe_close(p), 0);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK(now_ms() - start >= TIMEOUT - 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2301110);
    CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -2301110);
    CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], -2301110);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], -2301110);
    CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 1);
    CHECK_STR(p->order, "CcsXZz");
    peer_read_reset(pair.peer); // not an end: it has not got all
    pair_close(&pair);
}

// LISTEN-5, DONE-2: what is pending when a period ends completes before its error and close events.
LOOPS_TEST(pending_operations_complete_before_the_last_events)
{
    for (int reset = 0; reset < 2; reset++) {
        struct pair pair = pair_new(SOCKET_KIND_TCP);
        struct probe *p = pair.probe;
        CHECK_EQ(probe_send_pattern(p, 0, 12 << 20), 0);
        CHECK_EQ(probe_end(p), 0);
        settle();
        CHECK_STR(p->order, "Cc");
        if (reset) {
            peer_reset(pair.peer);
            pair.peer = -1;
        } else {
            CHECK_EQ(socket_abort(p->socket), 0);
        }
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_STR(p->order, reset ? "CcseXZ" : "CcseZ");
        pair_close(&pair);
    }
}

// DATA-2: without queued bytes running out of time is no error.
LOOPS_TEST(close_runs_out_of_time_with_nothing_queued)
{
    enum { TIMEOUT = 200 };
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, TIMEOUT), 0);
        CHECK_EQ(probe_send(p, "bye", 3), 0);
        int64_t start = now_ms();
        CHECK_EQ(probe_close(p), 0);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
        CHECK(now_ms() - start >= TIMEOUT - 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], 0);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
        CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], 0);
        CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 0);
        pair_close(&pair);
    }
}

// DATA-2, DATA-1: a peer that reads slowly but reads gets it all, however long that takes.
LOOPS_TEST(close_has_patience_with_a_slow_reader)
{
    enum { TIMEOUT = 1000 * HARNESS_SLOWNESS, STEPS = 48, STEP = 32768, PAUSE = TIMEOUT / 30 };
    struct pair pair = narrow_pair();
    struct probe *p = pair.probe;
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, TIMEOUT), 0);
    CHECK_EQ(probe_send_pattern(p, 0, STEPS * STEP), 0);
    CHECK_EQ(probe_close(p), 0);
    int64_t start = now_ms();
    for (uint64_t i = 0; i < STEPS; i++) {
        peer_read_pattern(pair.peer, i * STEP, STEP);
        pause_ms(PAUSE);
    }
    CHECK(now_ms() - start > TIMEOUT);
    CHECK_EQ(peer_read_pattern_to_end(pair.peer, STEPS * STEP), 0);
    peer_close(pair.peer);
    pair.peer = -1;
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], 0);
    pair_close(&pair);
}

// DATA-3, ORDER-4
LOOPS_TEST(abort_drops_and_resets)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        CHECK_EQ(probe_send_pattern(p, 0, 10 << 20), 0);
        CHECK_EQ(probe_send(p, "x", 1), 0);
        CHECK(socket_get_send_queue_length(p->socket) > 0);
        CHECK_EQ(socket_abort(p->socket), 0);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 2);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -code_for(streams[i], 2301125));
        CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 0);
        CHECK_STR(p->order, i == 0 ? "CcsZ" : "sZ");
        peer_read_reset(pair.peer);
        pair_close(&pair);
    }
}

static void set_linger(struct probe *p, int on, int ms)
{
    socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
    o.fields = SOCKET_EXTRA_LINGER;
    o.linger_on = on;
    o.linger_ms = ms;
    CHECK_EQ(socket_set_extra_options(p->socket, &o), 0);
}

// DATA-4
LOOPS_TEST(linger_0_makes_close_a_reset)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        set_linger(p, 1, 0);
        CHECK_EQ(probe_close(p), 0);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
        peer_read_reset(pair.peer);
        pair_close(&pair);
    }
}

// DATA-4
LOOPS_TEST(linger_is_the_close_timeout)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 3600000), 0);
    set_linger(p, 1, 150);
    int64_t start = now_ms();
    CHECK_EQ(probe_close(p), 0);
    peer_read_end(pair.peer); // not a reset
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK(now_ms() - start >= 149);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], 0);
    pair_close(&pair);
}

// DATA-4: off again, it is the option that counts.
LOOPS_TEST(linger_off)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    set_linger(p, 1, 0);
    set_linger(p, 0, 0);
    CHECK_EQ(probe_send(p, "bye", 3), 0);
    CHECK_EQ(probe_close(p), 0);
    char text[3];
    peer_read(pair.peer, text, 3);
    peer_read_end(pair.peer);
    peer_close(pair.peer);
    pair.peer = -1;
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    pair_close(&pair);
}

static void check_size(struct probe *p, const socket_event *e)
{
    (void)p;
    if (e->type == SOCKET_EVENT_MESSAGE) CHECK(e->size > 0 && e->size <= 65536);
}

// DATA-5: many bytes both ways at once, in messages of up to 64 KiB.
LOOPS_TEST(bytes_arrive_in_order_both_ways)
{
    enum { STEP = 1 << 20, STEPS = 12 };
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        p->pattern = 1;
        p->on_event = check_size;
        for (uint64_t n = 0; n < STEPS; n++) CHECK_EQ(probe_send_pattern(p, n * STEP, STEP), 0);
        for (uint64_t n = 0; n < STEPS; n++) {
            peer_write_pattern(pair.peer, n * STEP, STEP);
            peer_read_pattern(pair.peer, n * STEP, STEP);
        }
        WAIT(p->size == STEPS * STEP && p->done[SOCKET_OPERATION_SEND] == STEPS);
        pair_close(&pair);
    }
}

// DATA-5: sizes around the edges of buffers.
LOOPS_TEST(sends_of_all_sizes_arrive)
{
    static const size_t sizes[] = {1, 2, 4095, 4096, 4097, 16383, 16384, 16385, 65535, 65536, 65537, 131072, 1000000};
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    uint64_t offset = 0;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        CHECK_EQ(probe_send_pattern(pair.probe, offset, sizes[i]), 0);
        offset += sizes[i];
    }
    peer_read_pattern(pair.peer, 0, offset);
    struct probe *p = pair.probe;
    WAIT(p->done[SOCKET_OPERATION_SEND] == 13);
    pair_close(&pair);
}

// DATA-5: a send is one piece of the stream, however many buffers it has.
LOOPS_TEST(vectors_arrive_in_order)
{
    enum { COUNT = 1024, EACH = 777 };
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    char *data = malloc(COUNT * EACH);
    socket_buffer *buffers = calloc(COUNT, sizeof *buffers);
    pattern_fill(data, 0, COUNT * EACH);
    for (int i = 0; i < COUNT; i++) buffers[i] = (socket_buffer){data + i * EACH, EACH};
    CHECK_EQ(socket_sendv(pair.probe->socket, buffers, COUNT, NULL, NULL), 0);
    memset(data, 0, COUNT * EACH); // ours again
    free(buffers);
    free(data);
    peer_read_pattern(pair.peer, 0, COUNT * EACH);
    pair_close(&pair);
}

// DATA-6: what arrived before a reset comes first, whether it is read at once or late.
LOOPS_TEST(bytes_before_a_reset_are_delivered)
{
    for (int i = 0; i < 2; i++) {
        for (int late = 0; late < 2; late++) {
            struct pair pair = pair_new_masked(streams[i], late ? no_messages : ALL_EVENTS);
            struct probe *p = pair.probe;
            p->pattern = 1;
            freeze();
            peer_write_pattern(pair.peer, 0, 50000);
            peer_reset(pair.peer);
            pair.peer = -1;
            thaw();
            settle();
            if (late) {
                CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 0);
                probe_listen(p, ALL_EVENTS);
            }
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            CHECK_EQ(p->size, 50000);
            CHECK_STR(p->order, i == 0 ? "CcMXZ" : "MXZ");
            CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -code_for(streams[i], 2301104));
            pair_close(&pair);
        }
    }
}

// DATA-6: a send that meets the reset takes the kernel's error away; the end that follows is still
// not a clean one.
LOOPS_TEST(a_failed_send_does_not_make_a_clean_end)
{
    for (int i = 0; i < 2; i++) {
        for (int unread = 0; unread < 2; unread++) {
            struct pair pair = pair_new_masked(streams[i], no_messages);
            struct probe *p = pair.probe;
            p->pattern = 1;
            freeze();
            if (unread) peer_write_pattern(pair.peer, 0, 50000);
            peer_reset(pair.peer);
            pair.peer = -1;
            while (socket_send(p->socket, "x", 1, NULL, NULL) >= 0 && socket_get_send_queue_length(p->socket) > 0) continue;
            for (int n = 0; n < 3; n++) socket_send(p->socket, "y", 1, NULL, NULL);
            probe_listen(p, ALL_EVENTS);
            thaw();
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            CHECK_EQ(p->size, unread ? 50000 : 0);
            CHECK_EQ(p->count[SOCKET_EVENT_END], 0);
            CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 1);
            pair_close(&pair);
        }
    }
}
