// The life of a handle: LIFE-1 to LIFE-7.
#include <stdlib.h>

#include "peer.h"
#include "probe.h"

static const int kinds[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_SERVER, SOCKET_KIND_UDP};
static const int streams[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_CONNECTION};

// LIFE-1
LOOPS_TEST(handles_are_positive_and_small)
{
    for (int i = 0; i < 3; i++) {
        socket_handle s = CHECK_OK(socket_construct(test_loop, kinds[i]));
        CHECK(s > 0 && s < (int64_t)1 << 52);
        CHECK_EQ((int64_t)(double)s, s);
        CHECK_EQ(socket_get_kind(s), kinds[i]);
        CHECK_EQ(state_of(s), 0);
        CHECK_EQ(socket_release(s), 0);
    }
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    CHECK(loop > 0 && loop < (int64_t)1 << 53);
    CHECK_EQ(socket_loop_close(loop), 0);
}

TEST(the_short_constructors_make_their_kinds)
{
    socket_handle tcp = CHECK_OK(socket_construct_tcp());
    socket_handle server = CHECK_OK(socket_construct_tcp_server());
    socket_handle udp = CHECK_OK(socket_construct_udp());
    CHECK_EQ(socket_get_kind(tcp), SOCKET_KIND_TCP);
    CHECK_EQ(socket_get_kind(server), SOCKET_KIND_TCP_SERVER);
    CHECK_EQ(socket_get_kind(udp), SOCKET_KIND_UDP);
    CHECK_EQ(socket_release(tcp), 0);
    CHECK_EQ(socket_release(server), 0);
    CHECK_EQ(socket_release(udp), 0);
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

// LIFE-2
TEST(numbers_do_not_come_back)
{
    enum { MANY = 100000 };
    int64_t *seen = malloc(MANY * sizeof *seen);
    for (int i = 0; i < MANY; i++) {
        seen[i] = CHECK_OK(socket_construct(0, kinds[i % 3]));
        CHECK_EQ(socket_release(seen[i]), 0);
        CHECK_CODE(socket_release(seen[i]), 2301009);
    }
    qsort(seen, MANY, sizeof *seen, ascending);
    for (int i = 1; i < MANY; i++) CHECK(seen[i] != seen[i - 1]);
    free(seen);
}

// LIFE-3, LIFE-4, LISTEN-2
LOOPS_TEST(a_client_can_connect_again_after_close)
{
    int port;
    int listener = peer_listen(&port);
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 1234), 0);
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 4321), 0);
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(probe_connect(p, port), 0);
        int peer = peer_accept(listener);
        peer_write(peer, "abc", 3);
        WAIT(p->size == (uint64_t)i * 3);
        CHECK_EQ(state_of(p->socket), 3);
        CHECK_EQ(probe_close(p), 0);
        peer_read_end(peer);
        peer_close(peer);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == i);
        CHECK_EQ(state_of(p->socket), 4);
        CHECK_EQ(socket_get_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT), 1234);
        CHECK_EQ(socket_get_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT), 4321);
    }
    CHECK_STR(p->order, "CcMZzCcMZzCcMZz");
    probe_release(p);
    peer_close(listener);
}

// LIFE-3
LOOPS_TEST(a_server_can_listen_again_after_close)
{
    int port;
    struct probe *server = server_new(&port);
    for (int i = 1; i <= 3; i++) {
        int peer = peer_connect(port);
        WAIT(server->clients == i);
        CHECK_EQ(state_of(server->socket), 3);
        CHECK_EQ(probe_close(server), 0);
        WAIT(server->done[SOCKET_OPERATION_CLOSE] == i);
        CHECK_EQ(state_of(server->socket) & 5, 4);
        peer_close(peer);
        struct probe *client = server->client[i - 1];
        WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
        socket_listen_options o = listen_options("127.0.0.1", 0, 0);
        CHECK_EQ(socket_listen(server->socket, &o), 0);
        port = probe_port(server);
    }
    probe_closed(server);
    CHECK_STR(server->order, "LCZzLCZzLCZzLZz");
}

// LIFE-3
LOOPS_TEST(a_udp_socket_can_be_bound_again_after_close)
{
    int port;
    int peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    for (int i = 1; i <= 3; i++) {
        peer_send_to(peer, probe_bind(p), "x", 1);
        WAIT(p->count[SOCKET_EVENT_MESSAGE] == i);
        CHECK_EQ(probe_close(p), 0);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == i);
    }
    CHECK_STR(p->order, "LMZzLMZzLMZz");
    probe_release(p);
    peer_close(peer);
}

static void end_period(struct probe *p, int peer, int how)
{
    switch (how) {
    case 0: peer_close(peer); break;
    case 1: peer_reset(peer); break;
    case 2: CHECK_EQ(socket_close(p->socket, NULL, NULL), 0); peer_close(peer); break;
    case 3: CHECK_EQ(socket_abort(p->socket), 0); peer_close(peer); break;
    case 4: peer_reset(peer); socket_abort(p->socket); break;
    case 5: CHECK_EQ(socket_end(p->socket, NULL, NULL), 0); peer_read_end(peer); peer_close(peer); break;
    default: peer_end(peer); socket_close(p->socket, NULL, NULL); peer_close(peer); break;
    }
}

// LIFE-4: however a period ends, it has one connect and one close event.
LOOPS_TEST(each_period_has_one_connect_and_one_close)
{
    int port;
    int listener = peer_listen(&port);
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    for (int i = 1; i <= 70; i++) {
        CHECK_EQ(probe_connect(p, port), 0);
        int peer = peer_accept(listener);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == i);
        end_period(p, peer, i % 7);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == i);
        CHECK_EQ(p->count[SOCKET_EVENT_CONNECT], i);
    }
    settle();
    CHECK_EQ(p->count[SOCKET_EVENT_CLOSE], 70);
    probe_release(p);
    peer_close(listener);
}

// LIFE-4, LIFE-6: the same of connections.
LOOPS_TEST(each_connection_has_one_close)
{
    int port;
    struct probe *server = server_new(&port);
    for (int i = 1; i <= 70; i++) {
        int peer = peer_connect(port);
        WAIT(server->clients == i);
        struct probe *p = server->client[i - 1];
        end_period(p, peer, i % 7);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        POLL(!is_valid(p->socket));
        CHECK_EQ(p->count[SOCKET_EVENT_CONNECT], 0);
    }
    CHECK_EQ(server->count[SOCKET_EVENT_CONNECT], 70);
    probe_closed(server);
}

// LIFE-5, DATA-1, DONE-2: release is a close; afterwards there are completions but no events.
LOOPS_TEST(release_sends_what_is_queued)
{
    enum { SIZE = 3 << 20 };
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        peer_write(pair.peer, "never read here", 15);
        WAIT(p->size == 15);
        CHECK_EQ(probe_send_pattern(p, 0, SIZE), 0);
        int events = p->count[SOCKET_EVENT_MESSAGE];
        probe_release(p);
        CHECK(!is_valid(p->socket));
        CHECK_CODE(socket_release(p->socket), 2301009);
        peer_write(pair.peer, "nor this", 8);
        CHECK_EQ(peer_read_pattern_to_end(pair.peer, 0), SIZE);
        WAIT(p->done[SOCKET_OPERATION_SEND] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
        peer_close(pair.peer);
        settle();
        CHECK_EQ(p->count[SOCKET_EVENT_MESSAGE], events);
        CHECK_EQ(p->count[SOCKET_EVENT_CLOSE], 0);
        if (pair.server) probe_closed(pair.server);
    }
}

struct release_at {
    int event, operation; // where to release; the other is 0
    int released;
};

static void release_here(struct probe *p, struct release_at *at)
{
    probe_release(p);
    CHECK(!is_valid(p->socket));
    CHECK_CODE(socket_send(p->socket, "x", 1, NULL, NULL), 2301009);
    state_lock();
    at->released = 1;
    state_changed();
    state_unlock();
}

static void release_at_event(struct probe *p, const socket_event *e)
{
    struct release_at *at = p->context;
    if (at->released) FAIL("event %d after release", e->type);
    if (e->type == at->event) release_here(p, at);
}

static void release_at_done(struct probe *p, int operation, int error)
{
    struct release_at *at = p->context;
    (void)error;
    if (operation == at->operation && !at->released) release_here(p, at);
}

// LIFE-5, LISTEN-3: released in a callback of each kind, a socket says no more. A record that has
// been fetched is the host's, so this is not about records.
CALLBACKS_TEST(release_in_every_callback)
{
    static const struct release_at places[] = {
        {SOCKET_EVENT_CONNECT, 0, 0}, {SOCKET_EVENT_MESSAGE, 0, 0}, {SOCKET_EVENT_END, 0, 0},
        {SOCKET_EVENT_ERROR, 0, 0},   {SOCKET_EVENT_CLOSE, 0, 0},   {0, SOCKET_OPERATION_CONNECT, 0},
        {0, SOCKET_OPERATION_SEND, 0}, {0, SOCKET_OPERATION_END, 0}, {0, SOCKET_OPERATION_CLOSE, 0},
    };
    int port;
    int listener = peer_listen(&port);
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        struct release_at at = places[i];
        struct probe *p = probe_new(SOCKET_KIND_TCP);
        p->context = &at;
        p->on_event = release_at_event;
        p->on_done = release_at_done;
        CHECK_EQ(probe_connect(p, port), 0);
        int sends = probe_send(p, "hello", 5) == 0;
        int peer = peer_accept(listener);
        peer_write(peer, "you", 3);
        if (at.event == SOCKET_EVENT_END) peer_end(peer);
        if (at.event == SOCKET_EVENT_ERROR) {
            WAIT(p->size == 3 && p->done[SOCKET_OPERATION_SEND] == 1);
            peer_reset(peer);
        }
        if (at.event == SOCKET_EVENT_CLOSE || at.operation == SOCKET_OPERATION_CLOSE) {
            WAIT(p->size == 3);
            CHECK_EQ(probe_close(p), 0);
            peer_end(peer);
        }
        if (at.operation == SOCKET_OPERATION_END) CHECK_EQ(probe_end(p), 0);
        WAIT(at.released);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        WAIT(p->done[SOCKET_OPERATION_SEND] == sends);
        if (at.event != SOCKET_EVENT_ERROR) peer_close(peer);
        if (at.event == SOCKET_EVENT_CLOSE) WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
        settle();
    }
    peer_close(listener);
}

static void check_still_valid(struct probe *p, const socket_event *e)
{
    if (e->type == SOCKET_EVENT_CLOSE) CHECK(is_valid(p->socket));
}

static void check_still_valid_done(struct probe *p, int operation, int error)
{
    (void)error;
    if (operation == SOCKET_OPERATION_CLOSE) CHECK(is_valid(p->socket));
}

// LIFE-6
CALLBACKS_TEST(a_connection_releases_itself)
{
    for (int closes = 0; closes <= 2; closes++) {
        struct pair pair = pair_new(SOCKET_KIND_TCP_CONNECTION);
        struct probe *p = pair.probe;
        p->on_event = check_still_valid;
        p->on_done = check_still_valid_done;
        freeze();
        for (int i = 0; i < closes; i++) CHECK_EQ(probe_close(p), 0);
        peer_close(pair.peer);
        pair.peer = -1;
        thaw();
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1 && p->done[SOCKET_OPERATION_CLOSE] == closes);
        POLL(!is_valid(p->socket));
        pair_close(&pair);
    }
}

// LIFE-7
LOOPS_TEST(what_is_not_open_cannot_be_closed)
{
    for (int i = 0; i < 3; i++) {
        struct probe *p = probe_new(kinds[i]);
        CHECK_CODE(probe_close(p), 2300999);
        CHECK_CODE(socket_abort(p->socket), 2300999);
        if (kinds[i] == SOCKET_KIND_TCP_SERVER) {
            socket_listen_options o = listen_options("127.0.0.1", 0, 0);
            CHECK_EQ(socket_listen(p->socket, &o), 0);
        } else {
            probe_bind(p);
        }
        CHECK_EQ(probe_close(p), 0);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
        CHECK_CODE(probe_close(p), 2300999);
        CHECK_CODE(socket_abort(p->socket), 2300999);
        settle();
        CHECK_EQ(p->done[SOCKET_OPERATION_CLOSE], 1);
        probe_release(p);
    }
}
