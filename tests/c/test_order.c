// The order of operations, events and completions: ORDER-1 to ORDER-7, ORDER-9.
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "probe.h"

static const int streams[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_CONNECTION};

// ORDER-1, ORDER-4
LOOPS_TEST(connect_send_close_back_to_back)
{
    static const size_t sizes[] = {1, 1000, 3 << 20};
    int port;
    int listener = peer_listen(&port);
    for (int i = 0; i < 3; i++) {
        for (int released = 0; released < 2; released++) {
            struct probe *p = probe_new(SOCKET_KIND_TCP);
            CHECK_EQ(probe_connect(p, port), 0);
            CHECK_EQ(probe_send_pattern(p, 0, sizes[i]), 0);
            CHECK_EQ(probe_send_pattern(p, sizes[i], 7), 0);
            if (released)
                probe_release(p);
            else
                CHECK_EQ(probe_close(p), 0);
            int peer = peer_accept(listener);
            CHECK_EQ(peer_read_pattern_to_end(peer, 0), sizes[i] + 7);
            peer_close(peer);
            WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1 && p->done[SOCKET_OPERATION_SEND] == 2);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
            if (released) continue;
            WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], 0);
            CHECK_STR(p->order, "CcsZz");
            probe_release(p);
        }
    }
    peer_close(listener);
}

// ORDER-1
LOOPS_TEST(connect_many_sends_end_back_to_back)
{
    int port;
    uint64_t offset = 0;
    int listener = peer_listen(&port);
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(probe_connect(p, port), 0);
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(probe_send_pattern(p, offset, (size_t)i), 0);
        offset += (uint64_t)i;
    }
    CHECK_EQ(probe_send_pattern(p, offset, 12 << 20), 0); // more than the kernel takes at once
    offset += 12 << 20;
    CHECK_EQ(probe_end(p), 0);
    int peer = peer_accept(listener);
    settle();
    CHECK_EQ(p->done[SOCKET_OPERATION_END], 0);
    CHECK_EQ(peer_read_pattern_to_end(peer, 0), offset);
    peer_close(peer);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1 && p->done[SOCKET_OPERATION_END] == 1);
    CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 1001);
    probe_release(p);
    peer_close(listener);
}

// ORDER-2, LIFE-4: nothing is queued behind it.
LOOPS_TEST(close_cancels_a_connect)
{
    struct full_listener full = peer_listen_full();
    for (int bound = 0; bound < 2; bound++) {
        struct probe *p = probe_new(SOCKET_KIND_TCP);
        if (bound) probe_bind(p);
        CHECK_EQ(probe_connect(p, full.port), 0);
        settle();
        CHECK_STR(p->order, "");
        CHECK_EQ(probe_close(p), 0);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1 && p->done[SOCKET_OPERATION_CONNECT] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301125);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], 0);
        CHECK_STR(p->order, "cZz"); // LIFE-4: closed meanwhile, it has a close event
        CHECK_EQ(state_of(p->socket), 4);
        probe_release(p);
    }
    peer_close_full(&full);
}

// ORDER-2: with sends queued the connect is given its time.
LOOPS_TEST(close_waits_for_a_connect_with_sends)
{
    struct full_listener full = peer_listen_full();
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(probe_connect(p, full.port), 0);
    CHECK_EQ(probe_send_pattern(p, 0, 100000), 0);
    CHECK_EQ(probe_close(p), 0);
    settle();
    CHECK_STR(p->order, "");
    peer_unfill(&full);
    int peer = peer_accept(full.listener); // the kernel tries again after a second
    CHECK_EQ(peer_read_pattern_to_end(peer, 0), 100000);
    peer_close(peer);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_STR(p->order, "CcsZz");
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND] | p->done_error[SOCKET_OPERATION_CLOSE], 0);
    probe_release(p);
    peer_close_full(&full);
}

// ORDER-2, ORDER-5: and if the time is not enough, all of it fails alike.
LOOPS_TEST(a_connect_with_sends_and_close_can_run_out_of_time)
{
    struct full_listener full = peer_listen_full();
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(probe_connect_to(p, "127.0.0.1", full.port, 200), 0);
    CHECK_EQ(probe_send(p, "abc", 3), 0);
    CHECK_EQ(probe_close(p), 0);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301110);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2301110);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], -2301110);
    CHECK_EQ(p->count[SOCKET_EVENT_CONNECT], 0);
    probe_release(p);
    peer_close_full(&full);
}

// ORDER-2, DONE-2: connect and close at once, when the connect may already have succeeded.
LOOPS_TEST(connect_and_close_at_once)
{
    int port;
    int listener = peer_listen_at("127.0.0.1", &port, 1024);
    for (int i = 0; i < 200; i++) {
        struct probe *p = probe_new(SOCKET_KIND_TCP);
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 1), 0);
        CHECK_EQ(probe_connect(p, port), 0);
        CHECK_EQ(probe_close(p), 0);
        if (i % 2) socket_abort(p->socket);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1 && p->done[SOCKET_OPERATION_CONNECT] == 1);
        int error = p->done_error[SOCKET_OPERATION_CONNECT];
        CHECK(error == 0 || error == -2301125);
        CHECK_EQ(p->count[SOCKET_EVENT_CONNECT], error == 0);
        probe_release(p);
    }
    peer_close(listener);
}

// ORDER-5: no event; sends behind it have its error.
LOOPS_TEST(a_failed_connect_has_its_completion_only)
{
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    int unused = peer_unused_port();
    for (int i = 1; i <= 3; i++) {
        freeze();
        CHECK_EQ(probe_connect(p, unused), 0);
        CHECK_EQ(probe_send(p, "abc", 3), 0);
        CHECK_EQ(probe_send_pattern(p, 0, 1 << 20), 0);
        thaw();
        WAIT(p->done[SOCKET_OPERATION_SEND] == 2 * i);
        CHECK_EQ(p->done[SOCKET_OPERATION_CONNECT], i);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301111);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2301111);
        CHECK_EQ(state_of(p->socket), 0);
        CHECK_EQ(socket_get_send_queue_length(p->socket), 0);
        CHECK_CODE(socket_send(p->socket, "x", 1, NULL, NULL), 2301009);
        CHECK_CODE(probe_close(p), 2300999);
    }
    settle();
    CHECK_STR(p->order, "cscscs");
    probe_release(p);
}

// ORDER-5: bound if it was bound, to the same port, and it can connect from there.
LOOPS_TEST(a_failed_connect_leaves_a_socket_bound)
{
    int port;
    int listener = peer_listen(&port);
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    int own = probe_bind(p);
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(probe_connect(p, peer_unused_port()), 0);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == i);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301111);
        CHECK_EQ(state_of(p->socket), 1);
        CHECK_EQ(probe_port(p), own);
    }
    CHECK_EQ(probe_connect(p, port), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 4);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
    int peer = peer_accept(listener);
    CHECK_EQ(probe_port(p), own);
    peer_write(peer, "hello", 5);
    WAIT(p->size == 5);
    CHECK_STR(p->order, "cccCcM");
    peer_close(peer);
    probe_closed(p);
    peer_close(listener);
}

// ORDER-6, ORDER-3
LOOPS_TEST(an_error_is_followed_by_close)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        peer_reset(pair.peer);
        pair.peer = -1;
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_STR(p->order, i == 0 ? "CcXZ" : "XZ");
        CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -code_for(streams[i], 2301104));
        CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], -code_for(streams[i], 2301104));
        pair_close(&pair);
    }
}

// ORDER-7, DONE-2, LIFE-4, ORDER-4: a second close joins the first.
LOOPS_TEST(closes_join)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        for (int n = 0; n < 5; n++) CHECK_EQ(probe_close(p), 0);
        peer_read_end(pair.peer);
        peer_close(pair.peer);
        pair.peer = -1;
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 5);
        CHECK_EQ(p->count[SOCKET_EVENT_CLOSE], 1);
        CHECK_STR(p->order, i == 0 ? "CcZzzzzz" : "Zzzzzz");
        pair_close(&pair);
    }
}

struct again {
    int listener_port;
    int in_event, result, tried; // where to connect again, what that returned
};

static void connect_again(struct probe *p, struct again *a)
{
    if (a->tried != 0) return;
    int result = probe_connect(p, a->listener_port);
    state_lock();
    a->result = result;
    a->tried = 1;
    state_changed();
    state_unlock();
}

static void at_close_event(struct probe *p, const socket_event *e)
{
    struct again *a = p->context;
    if (e->type == SOCKET_EVENT_CLOSE && a->in_event) connect_again(p, a);
}

static void at_close_done(struct probe *p, int operation, int error)
{
    struct again *a = p->context;
    (void)error;
    if (operation == SOCKET_OPERATION_CLOSE && !a->in_event) connect_again(p, a);
}

// ORDER-7, LIFE-3: in the close event, whoever has closed and whether the close has a completion,
// and in that.
LOOPS_TEST(reconnect_from_inside_close)
{
    static const struct {
        int in_event, completion, by_peer;
    } cases[] = {{1, 0, 1}, {1, 0, 0}, {0, 1, 0}, {1, 1, 0}};
    int port;
    int listener = peer_listen(&port);
    // a callback may still be running when the next begins, and when the test ends
    static struct again all[4];
    for (int i = 0; i < 4; i++) {
        struct again *a = &all[i];
        *a = (struct again){.listener_port = port, .in_event = cases[i].in_event};
        struct probe *p = probe_new(SOCKET_KIND_TCP);
        p->context = a;
        p->on_event = at_close_event;
        p->on_done = at_close_done;
        CHECK_EQ(probe_connect(p, port), 0);
        int peer = peer_accept(listener);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        if (!cases[i].by_peer) CHECK_EQ(socket_close(p->socket, cases[i].completion ? probe_completion(SOCKET_OPERATION_CLOSE) : NULL, p), 0);
        peer_close(peer);
        WAIT(a->tried >= 1);
        CHECK_EQ(a->result, 0);
        peer = peer_accept(listener);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 2);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
        peer_write(peer, "again", 5);
        WAIT(p->size == 5);
        peer_close(peer);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 2);
        CHECK_EQ(p->done[SOCKET_OPERATION_CLOSE], cases[i].completion);
        probe_release(p);
    }
    peer_close(listener);
}

static void retry(struct probe *p, int operation, int error)
{
    if (operation == SOCKET_OPERATION_CONNECT && error < 0 && p->done[operation] < 100)
        CHECK_EQ(probe_connect(p, *(int *)p->context), 0);
}

// ORDER-5: a failed connect may be tried again inside its completion.
LOOPS_TEST(reconnect_from_inside_a_failed_connect)
{
    int unused = peer_unused_port();
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    p->context = &unused;
    p->on_done = retry;
    CHECK_EQ(probe_connect(p, unused), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 100);
    settle();
    CHECK_EQ(p->done[SOCKET_OPERATION_CONNECT], 100);
    probe_release(p);
}

static void close_at_connect(struct probe *p, const socket_event *e)
{
    if (e->type == SOCKET_EVENT_CONNECT) CHECK_EQ(probe_close(p), 0);
}

// ORDER-4: the completion of the connect still comes first, and it has succeeded.
LOOPS_TEST(close_inside_the_connect_event)
{
    int port;
    int listener = peer_listen(&port);
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    p->on_event = close_at_connect;
    CHECK_EQ(probe_connect(p, port), 0);
    int peer = peer_accept(listener);
    peer_read_end(peer);
    peer_close(peer);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_STR(p->order, "CcZz");
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
    probe_release(p);
    peer_close(listener);
}

// ORDER-3: listening comes first, even if a datagram or a client has been quick.
LOOPS_TEST(listening_comes_first)
{
    int port, own;
    int peer = peer_udp(&port);
    freeze();
    struct probe *udp = probe_new(SOCKET_KIND_UDP);
    own = probe_bind(udp);
    peer_send_to(peer, own, "x", 1);
    struct probe *server = server_new(&port);
    int client = peer_connect(port);
    thaw();
    WAIT(udp->count[SOCKET_EVENT_MESSAGE] == 1 && server->clients == 1);
    CHECK_STR(udp->order, "LM");
    CHECK_STR(server->order, "LC");
    peer_close(client);
    peer_close(peer);
    probe_closed(udp);
    probe_closed(server);
    struct probe *connection = server->client[0];
    WAIT(connection->count[SOCKET_EVENT_CLOSE] == 1);
}

enum ending { CLOSE, ABORT, RELEASE, ENDINGS };

static const int holders[] = {SOCKET_KIND_UDP, SOCKET_KIND_TCP_SERVER, SOCKET_KIND_TCP};

struct succession {
    int kind;
    enum ending ending;
    struct probe *first, *second; // of one port
    int port, sends_to;           // 0: does not send
    int result;
};

static int open_at(struct probe *p, int port)
{
    socket_listen_options at = listen_options("127.0.0.1", port, 0);
    return p->kind == SOCKET_KIND_TCP_SERVER ? socket_listen(p->socket, &at) : socket_bind(p->socket, &at.address);
}

static void succeed(void *argument)
{
    struct succession *s = argument;
    if (s->first->count[SOCKET_EVENT_LISTENING] == 0 && s->port == 0) {
        CHECK_EQ(open_at(s->first, 0), 0);
        s->port = probe_port(s->first);
    }
    if (s->sends_to) CHECK_EQ(probe_send_to(s->first, s->sends_to, "last", 4), 0);
    switch (s->ending) {
    case CLOSE: CHECK_EQ(probe_close(s->first), 0); break;
    case ABORT: CHECK_EQ(socket_abort(s->first->socket), 0); break;
    default: CHECK_EQ(socket_release(s->first->socket), 0);
    }
    s->result = open_at(s->second, s->port);
}

static void check_succession(struct succession *s)
{
    on_loop(succeed, s);
    CHECK_EQ(s->result, 0);
    if (s->ending != RELEASE) {
        WAIT(s->first->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_EQ(s->first->error[SOCKET_EVENT_CLOSE], 0);
        if (s->kind != SOCKET_KIND_TCP) CHECK_EQ(s->first->count[SOCKET_EVENT_LISTENING], 1);
        CHECK_EQ(open_at(s->first, 0), 0); // it can be opened again
        probe_opened(s->first);
        probe_closed(s->first);
    }
    CHECK_EQ(probe_port(s->second), s->port);
    probe_closed(s->second);
}

static struct succession succession_new(int kind, enum ending ending)
{
    return (struct succession){.kind = kind, .ending = ending, .first = probe_new(kind), .second = probe_new(kind)};
}

// ORDER-9
LOOPS_TEST(a_port_is_free_when_close_returns)
{
    for (int i = 0; i < 3; i++)
        for (int ending = CLOSE; ending < ENDINGS; ending++)
            for (int at_once = 0; at_once < 2; at_once++) {
                struct succession s = succession_new(holders[i], (enum ending)ending);
                if (!at_once) {
                    CHECK_EQ(open_at(s.first, 0), 0);
                    s.port = probe_port(s.first);
                    settle();
                }
                check_succession(&s);
            }
}

// ORDER-9: a connected UDP socket, and one that has gathered something to send.
LOOPS_TEST(a_udp_port_is_free_when_close_returns)
{
    int port, from;
    char got[8];
    int peer = peer_udp(&port);
    struct succession s = succession_new(SOCKET_KIND_UDP, CLOSE);
    s.port = probe_bind(s.first);
    CHECK_EQ(probe_connect(s.first, port), 0);
    WAIT(s.first->done[SOCKET_OPERATION_CONNECT] == 1);
    check_succession(&s);

    s = succession_new(SOCKET_KIND_UDP, CLOSE);
    s.port = probe_bind(s.first);
    s.sends_to = port;
    check_succession(&s);
    CHECK_EQ(peer_receive(peer, got, sizeof got, &from), 4);
    CHECK_EQ(from, s.port);
    peer_close(peer);
}

static void close_inside_message(struct probe *p, const socket_event *e)
{
    struct succession *s = p->context;
    // more of one batch may follow
    if (e->type == SOCKET_EVENT_MESSAGE && s->result == -1) succeed(s);
}

// ORDER-9: inside a listener of the socket itself, with more datagrams on their way.
LOOPS_TEST(a_port_is_free_inside_a_message)
{
    int port;
    int peer = peer_udp(&port);
    struct succession s = succession_new(SOCKET_KIND_UDP, CLOSE);
    s.result = -1;
    s.port = probe_bind(s.first);
    settle();
    s.first->context = &s;
    s.first->on_event = close_inside_message;
    freeze();
    for (int i = 0; i < 100; i++) peer_send_to(peer, s.port, "x", 1);
    thaw();
    WAIT(s.first->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(s.result, 0);
    if (test_loop_kind != LOOP_POLL) CHECK_EQ(s.first->count[SOCKET_EVENT_MESSAGE], 1);
    CHECK_EQ(probe_port(s.second), s.port);
    probe_closed(s.first);
    probe_closed(s.second);
    peer_close(peer);
}
