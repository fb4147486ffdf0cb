// The order of operations, events and completions on TLS sockets: ORDER-1 to ORDER-9, DONE-2,
// DONE-5, LIFE-3 to LIFE-5, TLS-1.
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "tls_pair.h"

enum { ONE_MB = 1 << 20 };

// ORDER-1, ORDER-4, TLS-5: the peer gets all, and a close_notify behind it.
LOOPS_TEST(connect_send_close_back_to_back)
{
    static const size_t sizes[] = {1, 1000, 3 << 20};
    int port;
    int listener = peer_listen(&port);
    for (int i = 0; i < 3; i++) {
        for (int released = 0; released < 2; released++) {
            struct probe *p = tls_client_new();
            CHECK_EQ(probe_connect(p, port), 0);
            CHECK_EQ(probe_send_pattern(p, 0, sizes[i]), 0);
            CHECK_EQ(probe_send_pattern(p, sizes[i], 7), 0);
            if (released)
                probe_release(p);
            else
                CHECK_EQ(probe_close(p), 0);
            struct tls_peer peer = tls_peer_accept(listener);
            CHECK_EQ(tls_peer_read_to_end(&peer, 0), sizes[i] + 7);
            tls_peer_close(&peer);
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

// ORDER-1, DONE-5
LOOPS_TEST(connect_many_sends_end_back_to_back)
{
    int port;
    uint64_t offset = 0;
    int listener = peer_listen(&port);
    struct probe *p = tls_client_new();
    CHECK_EQ(probe_connect(p, port), 0);
    for (int i = 1; i <= 1000; i++) {
        CHECK_EQ(probe_send_pattern(p, offset, (size_t)i), 0);
        offset += (uint64_t)i;
    }
    CHECK_EQ(probe_end(p), 0);
    struct tls_peer peer = tls_peer_accept(listener);
    CHECK_EQ(tls_peer_read_to_end(&peer, 0), offset);
    tls_peer_close(&peer);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1 && p->done[SOCKET_OPERATION_END] == 1);
    CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 1000);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND] | p->done_error[SOCKET_OPERATION_END], 0);
    CHECK_STR(p->order, "CcseEZ");
    probe_release(p);
    peer_close(listener);
}

// The clients of CONNECTING tests stand at one of these places.
enum stage { LOOK_UP, TCP_CONNECT, HANDSHAKE, STAGES };

struct connecting {
    struct probe *probe;
    struct full_listener full;
    int listener, peer;
};

static struct connecting connecting_new(enum stage stage, int bound, int timeout_ms)
{
    struct connecting c = {.probe = tls_client_new(), .listener = -1, .peer = -1};
    c.full.listener = -1;
    int port;
    if (bound) probe_bind(c.probe);
    switch (stage) {
    case LOOK_UP:
        freeze();
        CHECK_EQ(probe_connect_to(c.probe, "no-such-host.invalid", 9, timeout_ms), 0);
        break;
    case TCP_CONNECT:
        c.full = peer_listen_full();
        CHECK_EQ(probe_connect_to(c.probe, "127.0.0.1", c.full.port, timeout_ms), 0);
        settle();
        break;
    default: // the peer accepts and says nothing
        c.listener = peer_listen(&port);
        CHECK_EQ(probe_connect_to(c.probe, "127.0.0.1", port, timeout_ms), 0);
        c.peer = peer_accept(c.listener);
        char hello;
        peer_read(c.peer, &hello, 1);
        CHECK_EQ(hello, 22); // a handshake record
    }
    return c;
}

static void connecting_close(struct connecting *c, enum stage stage)
{
    if (stage == LOOK_UP) thaw();
    if (c->full.listener >= 0) peer_close_full(&c->full);
    if (c->listener >= 0) peer_close(c->listener);
    if (c->peer >= 0) peer_close(c->peer);
}

// ORDER-2: nothing is queued behind it. LIFE-4: closed meanwhile, it has a close event.
LOOPS_TEST(close_and_abort_cancel_a_connect_at_every_stage)
{
    for (enum stage stage = LOOK_UP; stage < STAGES; stage++) {
        for (int variant = 0; variant < 4; variant++) {
            struct connecting c = connecting_new(stage, variant & 1, PATIENCE_MS);
            struct probe *p = c.probe;
            int aborts = variant & 2;
            if (stage != LOOK_UP) CHECK_STR(p->order, "");
            CHECK_EQ(aborts ? socket_abort(p->socket) : probe_close(p), 0);
            if (stage == LOOK_UP) thaw();
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1 && p->done[SOCKET_OPERATION_CLOSE] == !aborts);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2303225);
            CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], 0);
            CHECK_STR(p->order, aborts ? "cZ" : "cZz");
            CHECK_EQ(state_of(p->socket), 4);
            probe_release(p);
            connecting_close(&c, stage == LOOK_UP ? STAGES : stage);
        }
    }
}

// LIFE-5, DONE-2: the promised completions still come, and the event does not.
LOOPS_TEST(release_cancels_a_connect_at_every_stage)
{
    for (enum stage stage = LOOK_UP; stage < STAGES; stage++) {
        struct connecting c = connecting_new(stage, 0, PATIENCE_MS);
        struct probe *p = c.probe;
        probe_release(p);
        CHECK(!is_valid(p->socket));
        if (stage == LOOK_UP) thaw();
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2303225);
        settle();
        CHECK_STR(p->order, "c");
        connecting_close(&c, stage == LOOK_UP ? STAGES : stage);
    }
}

// ORDER-2: with sends queued the connect is given its time, though the handshake is slow.
LOOPS_TEST(close_waits_for_a_handshake_with_sends)
{
    struct connecting c = connecting_new(HANDSHAKE, 0, PATIENCE_MS);
    struct probe *p = c.probe;
    CHECK_EQ(probe_send_pattern(p, 0, ONE_MB), 0);
    CHECK_EQ(probe_close(p), 0);
    settle();
    CHECK_STR(p->order, "");
    peer_close(c.peer);
    peer_close(c.listener);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1); // one byte of the hello was taken: the peer reset
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], p->done_error[SOCKET_OPERATION_SEND]);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], p->done_error[SOCKET_OPERATION_CLOSE]);
    CHECK_EQ(p->count[SOCKET_EVENT_CONNECT], 0);
    probe_release(p);

    int port, listener = peer_listen(&port);
    p = tls_client_new();
    CHECK_EQ(probe_connect(p, port), 0);
    CHECK_EQ(probe_send_pattern(p, 0, ONE_MB), 0);
    CHECK_EQ(probe_close(p), 0);
    struct tls_peer peer = tls_peer_new(peer_accept(listener), TLS_PEER_SERVER);
    settle();
    CHECK_STR(p->order, "");
    CHECK_EQ(tls_peer_shake(&peer), TLS_PEER_DONE);
    CHECK_EQ(tls_peer_read_to_end(&peer, 0), ONE_MB);
    tls_peer_close(&peer);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_STR(p->order, "CcsZz");
    probe_release(p);
    peer_close(listener);
}

// TLS-1, BOUND-6, ORDER-5: the time limit covers every stage; the socket is as before, and what was
// queued fails.
LOOPS_TEST(the_time_limit_covers_connection_and_handshake)
{
    for (enum stage stage = TCP_CONNECT; stage < STAGES; stage++) {
        for (int bound = 0; bound < 2; bound++) {
            struct connecting c = connecting_new(stage, bound, 200);
            struct probe *p = c.probe;
            char text[200];
            CHECK_EQ(probe_send(p, "abc", 3), 0);
            CHECK_EQ(probe_end(p), 0);
            WAIT(p->done[SOCKET_OPERATION_END] == 1);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2303210);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2303210);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_END], -2303210);
            CHECK_STR(p->order, "cse");
            CHECK_EQ(state_of(p->socket), bound);
            CHECK(socket_get_error_detail(p->socket, text, sizeof text) > 0);
            CHECK((strstr(text, "handshake") != NULL) == (stage == HANDSHAKE));
            connecting_close(&c, stage);
            if (bound) probe_closed(p);
            else probe_release(p);
        }
    }
}

// ORDER-5, LIFE-3, TLS-2, TLS-3: a bound socket whose handshake failed can connect again from the
// same port.
LOOPS_TEST(connect_again_after_a_failed_handshake)
{
    int port, listener = peer_listen(&port);
    for (int bound = 0; bound < 2; bound++) {
        struct probe *p = tls_client_new();
        int local = bound ? probe_bind(p) : 0;
        CHECK_EQ(probe_connect(p, port), 0);
        struct tls_peer peer = tls_peer_new(peer_accept(listener), TLS_PEER_SERVER | TLS_PEER_STRANGER);
        tls_peer_shake(&peer);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2303504);
        CHECK_EQ(p->count[SOCKET_EVENT_CONNECT], 0); // TLS-2
        CHECK_EQ(state_of(p->socket), bound);
        tls_peer_drop(&peer);
        int other, second = peer_listen(&other); // another port: the old connection may linger
        CHECK_EQ(probe_connect(p, other), 0);
        peer = tls_peer_accept(second);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 2);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
        if (bound) CHECK_EQ(probe_port(p), local);
        CHECK_EQ(probe_close(p), 0);
        CHECK_EQ(tls_peer_read_to_end(&peer, 0), 0);
        tls_peer_close(&peer);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
        CHECK_STR(p->order, "cCcZz");
        probe_release(p);
        peer_close(second);
    }
    peer_close(listener);
}

// LIFE-3, LIFE-4: each open period has its events, and nothing of the last one comes in the next.
LOOPS_TEST(the_same_socket_again_and_again)
{
    int port;
    struct probe *server = tls_server_new(&port);
    struct probe *p = tls_client_new();
    for (int i = 1; i <= 5; i++) {
        CHECK_EQ(probe_connect(p, port), 0);
        CHECK_EQ(probe_send_pattern(p, 0, 100000), 0);
        WAIT(server->clients == i && server->client[i - 1]->size == 100000);
        struct probe *connection = server->client[i - 1];
        CHECK_EQ(probe_send(connection, "bye", 3), 0);
        CHECK_EQ(probe_close(connection), 0);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == i && connection->done[SOCKET_OPERATION_CLOSE] == 1);
        CHECK_EQ(p->size, 3 * i);
        CHECK_STR(connection->order, "MsZz");
        CHECK_EQ(connection->error[SOCKET_EVENT_CLOSE], 0);
    }
    CHECK_STR(p->order, "CcsMEZCcsMEZCcsMEZCcsMEZCcsMEZ");
    probe_release(p);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(socket_close(server->socket, NULL, NULL), 0);
        WAIT(server->count[SOCKET_EVENT_CLOSE] == i + 1);
        tls_listen(server);
    }
    CHECK_EQ(socket_close(server->socket, NULL, NULL), 0);
    WAIT(server->count[SOCKET_EVENT_CLOSE] == 6);
    probe_release(server);
}

// DATA-3: what is queued is dropped and the peer sees a reset, not an end.
LOOPS_TEST(abort_resets)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        CHECK_EQ(probe_send_pattern(p, 0, 32 << 20), 0);
        CHECK_EQ(probe_end(p), 0);
        settle();
        CHECK_EQ(socket_abort(p->socket), 0);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2303225);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_END], -2303225);
        CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 0);
        enum tls_peer_outcome o;
        tls_peer_read_rest(&pair.peer, 0, &o);
        CHECK_EQ(o, TLS_PEER_RESET);
        tls_pair_close(&pair);
    }
}

// ORDER-7: a second close joins the first; DONE-2: both complete once.
LOOPS_TEST(close_twice)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        CHECK_EQ(probe_send_pattern(p, 0, 4 << 20), 0);
        CHECK_EQ(probe_close(p), 0);
        CHECK_EQ(probe_close(p), 0);
        CHECK_CODE(probe_send(p, "x", 1), 2303208);
        CHECK_CODE(probe_end(p), 2303208);
        CHECK_EQ(tls_peer_read_to_end(&pair.peer, 0), 4 << 20);
        tls_peer_close(&pair.peer);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 2);
        CHECK_EQ(p->count[SOCKET_EVENT_CLOSE], 1);
        tls_pair_close(&pair);
    }
}

// ORDER-3, ORDER-6, DATA-6: what came before a reset is delivered first, then the error, then
// close.
LOOPS_TEST(messages_error_close)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        p->pattern = 1;
        tls_peer_write_pattern(&pair.peer, 0, 50000);
        WAIT(p->size == 50000);
        tls_peer_reset(&pair.peer);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -2303204);
        CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], -2303204);
        CHECK_STR(p->order, k == 0 ? "CcMXZ" : "MXZ");
        tls_pair_close(&pair);
    }
}

// LOOP_DEFAULT only: the others close their sockets with the loop, see test_loops.
TEST(shutdown_with_handshakes_under_way)
{
    int port, silent = peer_listen(&port), server_port;
    struct probe *server = tls_server_new(&server_port);
    struct probe *p = tls_client_new(), *q = tls_client_new();
    CHECK_EQ(probe_connect(p, port), 0);
    CHECK_EQ(probe_send(p, "x", 1), 0);
    int peer = peer_accept(silent), stalled = peer_connect(server_port);
    CHECK_EQ(probe_connect(q, server_port), 0);
    WAIT(server->clients == 1 && q->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(socket_shutdown(PATIENCE_MS), 0);
    CHECK_EQ(p->done[SOCKET_OPERATION_CONNECT], 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2303225);
    CHECK_EQ(server->count[SOCKET_EVENT_CLOSE], 1);
    CHECK_EQ(q->count[SOCKET_EVENT_CLOSE], 1);
    CHECK_EQ(server->client[0]->count[SOCKET_EVENT_CLOSE], 1);
    CHECK(!is_valid(p->socket) && !is_valid(server->socket));
    peer_close(peer);
    peer_close(stalled);
    peer_close(silent);
}

// A peer in a thread of its own, which answers at once.
static void *answer_all(void *argument)
{
    struct tls_peer *peer = argument;
    char bytes[64];
    int n;
    while ((n = SSL_read(peer->ssl, bytes, sizeof bytes)) > 0 && bytes[0] != 'Q') CHECK_EQ(SSL_write(peer->ssl, bytes, n), n);
    return NULL;
}

static void is_behind_its_send(struct probe *p, const socket_event *e)
{
    if (e->type == SOCKET_EVENT_MESSAGE) CHECK_EQ(p->done[SOCKET_OPERATION_SEND], p->count[SOCKET_EVENT_MESSAGE]);
}

static void send_and_be_answered(void *argument)
{
    CHECK_EQ(probe_send(argument, "ping", 4), 0);
}

// ORDER-8
LOOPS_TEST(a_send_completes_before_its_answer)
{
    for (int i = 0; i < 2; i++) {
        struct tls_pair pair = tls_pair_new(tls_streams[i]);
        struct probe *p = pair.probe;
        pthread_t thread;
        CHECK_EQ(fcntl(pair.peer.fd, F_SETFL, fcntl(pair.peer.fd, F_GETFL) & ~O_NONBLOCK), 0);
        start_thread(&thread, answer_all, &pair.peer);
        p->on_event = is_behind_its_send;
        for (int round = 1; round <= 200; round++) {
            if (round % 2)
                send_and_be_answered(p);
            else
                on_loop(send_and_be_answered, p);
            WAIT(p->count[SOCKET_EVENT_MESSAGE] == round);
        }
        CHECK_EQ(probe_send(p, "Q", 1), 0);
        WAIT(p->done[SOCKET_OPERATION_SEND] == 201);
        join_thread(thread);
        p->on_event = NULL;
        tls_pair_close(&pair);
    }
}

struct succession {
    struct probe *first, *second; // of one port
    int port, ending, result;
};

static int open_at(struct probe *p, int port)
{
    socket_tls_options o = tls_server_options();
    socket_listen_options at = listen_options("127.0.0.1", port, 0);
    at.tls = &o;
    return p->kind == SOCKET_KIND_TLS_SERVER ? socket_listen(p->socket, &at) : socket_bind(p->socket, &at.address);
}

static void succeed(void *argument)
{
    struct succession *s = argument;
    switch (s->ending) {
    case 0: CHECK_EQ(probe_close(s->first), 0); break;
    case 1: CHECK_EQ(socket_abort(s->first->socket), 0); break;
    default: CHECK_EQ(socket_release(s->first->socket), 0);
    }
    s->result = open_at(s->second, s->port);
}

// ORDER-9
LOOPS_TEST(a_port_is_free_when_close_returns)
{
    static const int holders[] = {SOCKET_KIND_TLS_SERVER, SOCKET_KIND_TLS};
    for (int i = 0; i < 2; i++)
        for (int ending = 0; ending < 3; ending++) {
            struct succession s = {.first = probe_new(holders[i]), .second = probe_new(holders[i]), .ending = ending};
            CHECK_EQ(open_at(s.first, 0), 0);
            s.port = probe_port(s.first);
            settle();
            on_loop(succeed, &s);
            CHECK_EQ(s.result, 0);
            if (ending < 2) {
                WAIT(s.first->count[SOCKET_EVENT_CLOSE] == 1);
                CHECK_EQ(s.first->error[SOCKET_EVENT_CLOSE], 0);
                CHECK_EQ(open_at(s.first, 0), 0); // it can be opened again
                probe_opened(s.first);
                probe_closed(s.first);
            }
            CHECK_EQ(probe_port(s.second), s.port);
            probe_closed(s.second);
        }
}
