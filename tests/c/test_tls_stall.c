// Closing has an end, whatever a connection is doing and however its peer stalls: DATA-2, DONE-2.
// Each state, each way to close.
#include <sys/socket.h>

#include "tls_halved.h"

enum state {
    TCP_IDLE,
    TCP_QUEUED,            // the peer does not read
    TCP_PEER_ENDED_QUEUED, // and has ended; we may stay half open
    TCP_CONNECTING,
    TCP_CONNECTING_QUEUED,
    TLS_IDLE,
    TLS_QUEUED,
    TLS_PAUSED_QUEUED,
    TLS_MESSAGE,        // the peer has sent the first part of a message of the handshake
    TLS_MESSAGE_QUEUED, // and bytes wait for the second
    TLS_SHAKING,        // a client; the peer says nothing
    TLS_SHAKING_QUEUED,
    TLS_CONNECTION_QUEUED, // a server's
    STATES
};

enum way { CLOSE, END, END_THEN_CLOSE, END_THEN_PEER, ABORT, RELEASE, SHUTDOWN, WAYS };

enum { CLOSE_MS = 100, CONNECT_MS = 500, MUCH = 14 << 20 };

struct stalled {
    struct probe *probe, *server;
    struct tls_peer peer; // or its fd only
    struct full_listener full;
};

static struct stalled stalled_connect(int kind, int port)
{
    struct stalled s = {.peer = {.fd = -1}};
    s.probe = kind == SOCKET_KIND_TLS ? tls_client_new() : probe_new(kind);
    CHECK_EQ(probe_connect_to(s.probe, "127.0.0.1", port, CONNECT_MS), 0);
    return s;
}

static int is_connecting(enum state state)
{
    return state == TCP_CONNECTING || state == TCP_CONNECTING_QUEUED || state == TLS_SHAKING || state == TLS_SHAKING_QUEUED;
}

static int is_connecting_still(const struct stalled *s)
{
    state_lock();
    int done = s->probe->done[SOCKET_OPERATION_CONNECT];
    state_unlock();
    return done == 0;
}

static struct stalled stalled_new(enum state state)
{
    struct stalled s = {.peer = {.fd = -1}};
    struct full_listener full = {0};
    int port, listener;
    if (state <= TCP_PEER_ENDED_QUEUED) {
        struct pair pair = pair_new(SOCKET_KIND_TCP);
        s.probe = pair.probe;
        s.peer.fd = pair.peer;
    } else if (state <= TCP_CONNECTING_QUEUED) {
        full = peer_listen_full();
        s = stalled_connect(SOCKET_KIND_TCP, full.port);
        s.full = full;
    } else if (state == TLS_SHAKING || state == TLS_SHAKING_QUEUED) {
        listener = peer_listen(&port);
        s = stalled_connect(SOCKET_KIND_TLS, port);
        s.peer.fd = peer_accept(listener);
        peer_close(listener);
    } else if (state == TLS_MESSAGE || state == TLS_MESSAGE_QUEUED) {
        struct halved h = halved_ticket();
        send_first(&h);
        s.probe = h.pair.probe;
        s.peer = h.pair.peer;
    } else {
        struct tls_pair pair = tls_pair_new(state == TLS_CONNECTION_QUEUED ? SOCKET_KIND_TLS_CONNECTION : SOCKET_KIND_TLS);
        s.probe = pair.probe;
        s.server = pair.server;
        s.peer = pair.peer;
    }
    CHECK_EQ(socket_set_option(s.probe->socket, SOCKET_OPTION_CLOSE_TIMEOUT, CLOSE_MS), 0);
    if (state == TLS_PAUSED_QUEUED) CHECK_EQ(socket_pause(s.probe->socket), 0);
    if (state == TCP_PEER_ENDED_QUEUED) {
        CHECK_EQ(socket_set_option(s.probe->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
        peer_end(s.peer.fd);
        WAIT(s.probe->count[SOCKET_EVENT_END] == 1);
    }
    if (state != TCP_IDLE && state != TLS_IDLE && state != TCP_CONNECTING && state != TLS_MESSAGE && state != TLS_SHAKING) {
        int error = probe_send_pattern(s.probe, 0, MUCH);
        // On a slow machine a connect runs out of time before the send; check_ends tries again.
        if (is_connecting(state) && !is_connecting_still(&s)) return s;
        CHECK_EQ(error, 0);
    }
    settle();
    return s;
}

static void close_by(struct stalled *s, enum way way)
{
    struct probe *p = s->probe;
    if (way == END || way == END_THEN_CLOSE || way == END_THEN_PEER) CHECK_EQ(probe_end(p), 0);
    if (way == CLOSE || way == END_THEN_CLOSE) CHECK_EQ(probe_close(p), 0);
    if (way == END_THEN_PEER) shutdown(s->peer.fd, SHUT_WR);
    if (way == ABORT) CHECK_EQ(socket_abort(p->socket), 0);
    if (way == RELEASE) CHECK_EQ(socket_release(p->socket), 0);
    if (way == SHUTDOWN) CHECK_EQ(socket_shutdown(PATIENCE_MS), 0);
}

// No completion is owed. (A connect that fails without a close has no close event.)
static int is_over(const struct stalled *s, enum state state, enum way way, int sends)
{
    const struct probe *p = s->probe;
    if (p->done[SOCKET_OPERATION_SEND] < sends) return 0;
    if (is_connecting(state) && p->done[SOCKET_OPERATION_CONNECT] == 0) return 0;
    if ((way == END || way == END_THEN_CLOSE || way == END_THEN_PEER) && p->done[SOCKET_OPERATION_END] == 0) return 0;
    if (way == CLOSE || way == END_THEN_CLOSE) return p->done[SOCKET_OPERATION_CLOSE] == 1;
    return way == RELEASE || is_connecting(state) || p->count[SOCKET_EVENT_CLOSE] == 1;
}

static void drop(struct stalled *s, enum way way)
{
    if (s->peer.ssl != NULL)
        tls_peer_drop(&s->peer);
    else if (s->peer.fd >= 0)
        peer_close(s->peer.fd);
    if (s->full.port != 0) peer_close_full(&s->full);
    if (way != RELEASE && way != SHUTDOWN && is_valid(s->probe->socket)) socket_release(s->probe->socket);
    if (s->server != NULL && way != SHUTDOWN) tls_server_close(s->server);
}

static void check_ends(enum state state, enum way way)
{
    // The peer of a pending connect cannot end, nor can one that has; end alone waits for the peer
    // of an open connection.
    if (way == END_THEN_PEER && (is_connecting(state) || state == TCP_PEER_ENDED_QUEUED)) return;
    if (way == END && !is_connecting(state)) return;
    if (way == SHUTDOWN && test_loop_kind != LOOP_DEFAULT) return;
    struct stalled s = stalled_new(state);
    while (is_connecting(state) && !is_connecting_still(&s)) { // a slow machine: nothing to be seen
        drop(&s, CLOSE);
        s = stalled_new(state);
    }
    uint64_t sockets = stats_now().sockets;
    int sends = state != TCP_IDLE && state != TLS_IDLE && state != TCP_CONNECTING && state != TLS_MESSAGE && state != TLS_SHAKING;
    close_by(&s, way);
    WAIT(is_over(&s, state, way, sends));
    if (way == RELEASE) POLL(stats_now().sockets < sockets);
    drop(&s, way);
}

static void all_ways(enum state from, enum state to)
{
    for (enum state state = from; state <= to; state++)
        for (enum way way = CLOSE; way < WAYS; way++) check_ends(state, way);
    if (test_loop_kind == LOOP_DEFAULT) settle(); // a new loop, which the baseline has
}

// DATA-2, DONE-2
LOOPS_TEST(a_close_over_tcp_has_an_end) { all_ways(TCP_IDLE, TCP_CONNECTING_QUEUED); }

// DATA-2, DONE-2
LOOPS_TEST(a_close_over_tls_has_an_end) { all_ways(TLS_IDLE, TLS_PAUSED_QUEUED); }

// DATA-2, DONE-2
LOOPS_TEST(a_close_in_the_middle_of_a_message_has_an_end) { all_ways(TLS_MESSAGE, TLS_MESSAGE_QUEUED); }

// DATA-2, DONE-2
LOOPS_TEST(a_close_in_the_handshake_has_an_end) { all_ways(TLS_SHAKING, TLS_CONNECTION_QUEUED); }
