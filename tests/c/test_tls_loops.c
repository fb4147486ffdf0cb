// TLS on several default loops: connections on other loops than their servers. LISTEN-6, THREAD-3.
#include "tls_pair.h"

static void early(struct probe *client, const socket_event *e)
{
    (void)e;
    if (!__atomic_load_n((int *)client->context, __ATOMIC_ACQUIRE)) FAIL("an event before the connect listener has returned");
}

enum { THREADS = 4, CLIENTS = 48 };
static int returned[CLIENTS];

static void slow_accept(struct probe *server, const socket_event *e)
{
    if (e->type != SOCKET_EVENT_CONNECT) return;
    int n = server->clients - 1;
    server->client[n]->on_event = early;
    server->client[n]->context = &returned[n];
    CHECK_EQ(socket_send(e->connection, "go", 2, NULL, NULL), 0);
    pause_ms(1);
    __atomic_store_n(&returned[n], 1, __ATOMIC_RELEASE);
}

// LISTEN-6, THREAD-3: handshakes run on the loops of the connections; none has an event before its
// server has seen it.
BARE_TEST(connections_are_spread_over_the_dispatch_threads)
{
    int port, threads[THREADS] = {0}, used = 0;
    struct probe *client[CLIENTS];
    CHECK_EQ(socket_set_dispatch_threads(THREADS), 0);
    struct probe *server = tls_server_new(&port);
    server->on_event = slow_accept;
    for (int i = 0; i < CLIENTS; i++) {
        client[i] = tls_client_new();
        CHECK_EQ(probe_connect(client[i], port), 0);
        CHECK_EQ(probe_send(client[i], "hello", 5), 0);
    }
    WAIT(server->clients == CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        struct probe *connection = server->client[i], *p = client[i];
        WAIT(connection->size == 5 && p->size == 2);
        int k = 0;
        while (k < used && threads[k] != connection->thread) k++;
        CHECK(k < THREADS);
        threads[k] = connection->thread;
        if (k == used) used++;
        CHECK_EQ(probe_close(p), 0);
    }
    CHECK_EQ(used, THREADS);
    for (int i = 0; i < CLIENTS; i++) {
        struct probe *connection = server->client[i];
        WAIT(connection->count[SOCKET_EVENT_CLOSE] == 1);
        probe_closed(client[i]);
    }
    tls_server_close(server);
    CHECK_EQ(socket_run(), 0);
    CHECK_EQ(socket_shutdown(PATIENCE_MS), 0);
}

// Servers on one loop, clients and their handshakes on others, closed in the midst of it, again and
// again.
BARE_TEST(servers_close_while_other_threads_shake_hands)
{
    CHECK_EQ(socket_set_dispatch_threads(2), 0);
    for (int round = 0; round < 40; round++) {
        int port;
        struct probe *server = tls_server_new(&port), *client[6];
        for (int i = 0; i < 6; i++) {
            client[i] = tls_client_new();
            CHECK_EQ(probe_connect(client[i], port), 0);
        }
        int garbage = peer_connect(port);
        peer_write(garbage, "GET / HTTP/1.0\r\n\r\n", 18);
        if (round % 4) pause_ms(round % 4);
        CHECK_EQ(probe_close(server), 0);
        WAIT(server->done[SOCKET_OPERATION_CLOSE] == 1);
        for (int i = 0; i < 6; i++) {
            struct probe *p = client[i];
            WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
            probe_release(p);
        }
        settle();
        probe_release(server);
        for (int i = 0; i < server->clients; i++) socket_abort(server->client[i]->socket);
        peer_close(garbage);
    }
    POLL(stats_now().sockets == 0);
    CHECK_EQ(socket_shutdown(PATIENCE_MS), 0);
}
