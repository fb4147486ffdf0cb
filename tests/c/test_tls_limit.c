// A limit for handshakes that run at once, and what socket_get_stats says of TLS. TLS-13.
#include <unistd.h>

#include "tls_pair.h"

static uint64_t handshakes(void) { return stats_now().tls_handshakes; }

static void set_limit(struct probe *server, int64_t limit)
{
    CHECK_EQ(socket_set_option(server->socket, SOCKET_OPTION_HANDSHAKE_LIMIT, limit), 0);
}

static struct tls_peer hello(int port)
{
    struct tls_peer peer = tls_peer_new(peer_connect(port), 0);
    tls_peer_shake_once(&peer);
    return peer;
}

static void check_waits(struct tls_peer *peer, uint64_t limit)
{
    settle();
    check_quiet();
    CHECK_EQ(handshakes(), limit);
    CHECK_EQ(peer_readable(peer->fd), 0);
}

// TLS-13: one that goes makes room for one, whatever it goes by.
LOOPS_TEST(further_clients_wait_in_the_backlog)
{
    enum { LIMIT = 3 };
    int port, stalled[LIMIT];
    struct probe *server = tls_server_new(&port);
    set_limit(server, LIMIT);
    for (int i = 0; i < LIMIT; i++) stalled[i] = peer_connect(port);
    POLL(handshakes() == LIMIT);
    for (int i = 0; i < LIMIT; i++) {
        struct tls_peer peer = hello(port);
        check_waits(&peer, LIMIT);
        if (i == 0) peer_close(stalled[i]);
        if (i == 1) peer_write(stalled[i], "GET / HTTP/1.0\r\n\r\n", 18);
        if (i == 2) peer_reset(stalled[i]);
        CHECK_EQ(tls_peer_shake(&peer), TLS_PEER_DONE);
        WAIT(server->clients == i + 1);
        if (i == 1) peer_close(stalled[i]);
        POLL(handshakes() == LIMIT - 1);
        tls_peer_take_tickets(&peer);
        tls_peer_write(&peer, "hello", 5);
        struct probe *client = server->client[i];
        WAIT(client->size == 5);
        // Those that were shown do not count.
        stalled[i] = peer_connect(port);
        POLL(handshakes() == LIMIT);
        tls_peer_write(&peer, "hello", 5);
        WAIT(client->size == 10);
        tls_peer_close(&peer);
        WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
    }
    CHECK_EQ(server->count[SOCKET_EVENT_ERROR], LIMIT);
    for (int i = 0; i < LIMIT; i++) peer_close(stalled[i]);
    tls_server_close(server);
}

// TLS-13: the deadline of those that stall is what bounds the wait.
LOOPS_TEST(clients_that_stall_make_room_in_time)
{
    int port;
    struct probe *server = tls_server_new(&port);
    set_limit(server, 1);
    CHECK_EQ(socket_set_option(server->socket, SOCKET_OPTION_HANDSHAKE_TIMEOUT, 300), 0);
    int stalled = peer_connect(port);
    POLL(handshakes() == 1);
    struct tls_peer peer = tls_peer_connect(port);
    WAIT(server->clients == 1);
    CHECK_EQ(server->count[SOCKET_EVENT_ERROR], 1);
    CHECK_EQ(server->error[SOCKET_EVENT_ERROR], -2303210);
    tls_peer_close(&peer);
    peer_close(stalled);
    tls_server_close(server);
}

// TLS-13: a limit that is set on a listening server counts at once.
LOOPS_TEST(the_limit_may_change)
{
    for (int none = 0; none < 2; none++) {
        int port, stalled[3];
        struct probe *server = tls_server_new(&port);
        for (int i = 0; i < 3; i++) stalled[i] = peer_connect(port);
        POLL(handshakes() == 3);
        set_limit(server, 2); // fewer than there are
        struct tls_peer peer = hello(port);
        check_waits(&peer, 3);
        peer_close(stalled[0]);
        POLL(handshakes() == 2);
        check_waits(&peer, 2);
        set_limit(server, none ? 0 : 3);
        CHECK_EQ(tls_peer_shake(&peer), TLS_PEER_DONE);
        WAIT(server->clients == 1);
        for (int i = 1; i < 3; i++) peer_close(stalled[i]);
        tls_peer_close(&peer);
        tls_server_close(server);
    }
}

// TLS-13: clients that are done count until they have been shown, which a paused server does not
// do.
LOOPS_TEST(clients_that_wait_to_be_shown_count)
{
    int port;
    struct tls_peer peer[4];
    struct probe *server = tls_server_new(&port);
    set_limit(server, 2);
    freeze(); // an answer that came at once would be processed by hello
    for (int i = 0; i < 2; i++) peer[i] = hello(port);
    thaw();
    POLL(handshakes() == 2);
    CHECK_EQ(socket_pause(server->socket), 0);
    for (int i = 0; i < 2; i++) CHECK_EQ(tls_peer_shake(&peer[i]), TLS_PEER_DONE);
    for (int i = 2; i < 4; i++) peer[i] = hello(port);
    settle();
    CHECK_EQ(handshakes(), 2);
    CHECK_EQ(server->clients, 0);
    CHECK_EQ(socket_resume(server->socket), 0);
    for (int i = 2; i < 4; i++) CHECK_EQ(tls_peer_shake(&peer[i]), TLS_PEER_DONE);
    WAIT(server->clients == 4);
    for (int i = 0; i < 4; i++) tls_peer_close(&peer[i]);
    tls_server_close(server);
}

// The header at socket_stats.
LOOPS_TEST(counters_of_tls)
{
    struct tls_both b = tls_both_new(ALL_EVENTS, ALL_EVENTS);
    socket_stats s = stats_now();
    CHECK_EQ(s.tls_sessions, 2);
    CHECK_EQ(s.tls_contexts, 2); // the client's and the server's
    CHECK_EQ(s.tls_handshakes, 0);
    int stalled = peer_connect(b.port);
    POLL(handshakes() == 1 && stats_now().tls_sessions == 3);
    CHECK_EQ(stats_now().tls_contexts, 2);
    peer_close(stalled);
    POLL(handshakes() == 0 && stats_now().tls_sessions == 2);
    tls_both_close(&b);
}
