// Servers and their connections: ids, options, backlog, threads, running out of descriptors.
// LISTEN-6, ORDER-6, THREAD-3, THREAD-4, DATA-9.
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"

static int listen_at(struct probe *server, int port, int backlog)
{
    socket_listen_options o = listen_options("127.0.0.1", port, backlog);
    return socket_listen(server->socket, &o);
}

// Ids count a server's clients from 1 and are not used again.
LOOPS_TEST(client_ids_count_from_1)
{
    int ports[2];
    struct probe *servers[2] = {server_new(&ports[0]), server_new(&ports[1])};
    for (int i = 1; i <= 20; i++) {
        for (int k = 0; k < 2; k++) {
            int peer = peer_connect(ports[k]);
            WAIT(servers[k]->clients == i);
            struct probe *client = servers[k]->client[i - 1];
            CHECK_EQ(socket_get_client_id(client->socket), i);
            if (i % 2) CHECK_EQ(socket_abort(client->socket), 0);
            peer_close(peer);
            WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
        }
    }
    probe_closed(servers[0]);
    probe_closed(servers[1]);
}

static void check_remote(struct probe *server, const socket_event *e)
{
    if (e->type != SOCKET_EVENT_CONNECT) return;
    char text[64];
    int port, family;
    CHECK_STR(e->remote.address, "127.0.0.1");
    CHECK_EQ(e->remote.family, SOCKET_FAMILY_IPV4);
    CHECK_EQ(e->error, 0);
    CHECK_EQ(socket_get_kind(e->connection), SOCKET_KIND_TCP_CONNECTION);
    CHECK_EQ(state_of(e->connection), 3);
    CHECK_EQ(socket_get_remote_address(e->connection, text, sizeof text, &port, &family), 9);
    CHECK_EQ(port, e->remote.port);
    CHECK_EQ(socket_get_local_address(e->connection, text, sizeof text, &port, &family), 9);
    CHECK_EQ(port, probe_port(server));
    CHECK_EQ(*(int *)server->context, e->remote.port);
}

LOOPS_TEST(the_connect_event_has_the_client)
{
    int port, own;
    freeze();
    struct probe *server = server_new(&port);
    int peer = peer_connect(port);
    own = peer_port(peer);
    server->context = &own;
    server->on_event = check_remote;
    thaw();
    WAIT(server->clients == 1);
    CHECK_EQ(state_of(server->socket), 3);
    peer_close(peer);
    struct probe *client = server->client[0];
    WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
    POLL(state_of(server->socket) == 1);
    probe_closed(server);
}

// A server hands its options on to the clients it accepts later.
LOOPS_TEST(connections_inherit_options)
{
    int port;
    struct probe *server = server_new(&port);
    int peers[3];
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(socket_set_option(server->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 1000 * i), 0);
        CHECK_EQ(socket_set_option(server->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 100 * i), 0);
        CHECK_EQ(socket_set_option(server->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, i % 2), 0);
        CHECK_EQ(socket_set_option(server->socket, SOCKET_OPTION_IDLE_TIMEOUT, 1000000 * i), 0);
        peers[i - 1] = peer_connect(port);
        WAIT(server->clients == i);
        for (int k = 1; k <= i; k++) {
            socket_handle client = server->client[k - 1]->socket;
            CHECK_EQ(socket_get_option(client, SOCKET_OPTION_SEND_QUEUE_LIMIT), 1000 * k);
            CHECK_EQ(socket_get_option(client, SOCKET_OPTION_CLOSE_TIMEOUT), 100 * k);
            CHECK_EQ(socket_get_option(client, SOCKET_OPTION_ALLOW_HALF_OPEN), k % 2);
            CHECK_EQ(socket_get_option(client, SOCKET_OPTION_IDLE_TIMEOUT), 1000000 * k);
        }
    }
    struct probe **client = server->client;
    for (int i = 0; i < 3; i++) CHECK_EQ(socket_abort(client[i]->socket), 0);
    for (int i = 0; i < 3; i++) peer_close(peers[i]);
    for (int i = 0; i < 3; i++) WAIT(client[i]->count[SOCKET_EVENT_CLOSE] == 1);
    probe_closed(server);
}

// A server's connections stay open when it is closed or released.
LOOPS_TEST(connections_outlive_their_server)
{
    for (int released = 0; released < 2; released++) {
        int port;
        struct probe *server = server_new(&port);
        int peer = peer_connect(port);
        WAIT(server->clients == 1);
        struct probe *client = server->client[0];
        if (released)
            probe_release(server);
        else
            probe_closed(server);
        peer_write(peer, "abc", 3);
        WAIT(client->size == 3);
        CHECK_EQ(probe_send(client, "def", 3), 0);
        char text[3];
        peer_read(peer, text, 3);
        peer_close(peer);
        WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
        POLL(!is_valid(client->socket));
    }
}

// Clients that were never accepted are gone with the server.
LOOPS_TEST(clients_in_the_backlog_are_reset_by_close)
{
    struct probe *server = probe_new_masked(SOCKET_KIND_TCP_SERVER, 0);
    CHECK_EQ(listen_at(server, 0, 0), 0);
    int peer = peer_connect(probe_port(server));
    probe_closed(server);
    peer_read_reset(peer);
    peer_close(peer);
}

// The kernel tells the length of the queue of a listening socket as one of TCP_INFO's numbers.
LOOPS_TEST(the_backlog_is_the_kernels)
{
    static const int backlogs[] = {1, 2, 100};
    for (int i = 0; i < 3; i++) {
        struct probe *server = probe_new_masked(SOCKET_KIND_TCP_SERVER, 0);
        CHECK_EQ(listen_at(server, 0, backlogs[i]), 0);
        CHECK_EQ(peer_tcp_info((int)CHECK_OK(socket_get_fd(server->socket))).tcpi_sacked, backlogs[i]);
        probe_closed(server);
    }
    struct probe *server = probe_new_masked(SOCKET_KIND_TCP_SERVER, 0);
    CHECK_EQ(listen_at(server, 0, 0), 0);
    CHECK(peer_tcp_info((int)CHECK_OK(socket_get_fd(server->socket))).tcpi_sacked > 100);
    probe_closed(server);
}

LOOPS_TEST(listen_says_what_is_wrong)
{
    int port;
    struct probe *first = server_new(&port), *second = probe_new(SOCKET_KIND_TCP_SERVER);
    CHECK_CODE(listen_at(second, port, 0), 2303198);
    CHECK_EQ(state_of(second->socket), 0);
    socket_listen_options o = listen_options("192.0.2.1", 0, 0);
    CHECK_CODE(socket_listen(second->socket, &o), 2303199);
    CHECK_EQ(listen_at(second, 0, 0), 0);
    WAIT(second->count[SOCKET_EVENT_LISTENING] == 1);
    CHECK_STR(second->order, "L");
    probe_closed(first);
    probe_closed(second);
}

// The port is free again at once, though connections of it are in TIME_WAIT.
LOOPS_TEST(a_port_can_be_used_again_at_once)
{
    int port;
    struct probe *server = server_new(&port);
    for (int i = 1; i <= 3; i++) {
        int peer = peer_connect(port);
        WAIT(server->clients == i);
        struct probe *client = server->client[i - 1];
        CHECK_EQ(probe_close(client), 0);
        peer_read_end(peer);
        peer_close(peer);
        WAIT(client->done[SOCKET_OPERATION_CLOSE] == 1);
        CHECK_EQ(probe_close(server), 0);
        WAIT(server->done[SOCKET_OPERATION_CLOSE] == i);
        CHECK_EQ(listen_at(server, port, 0), 0);
    }
    probe_closed(server);
}

// SOCKET_OPTION_REUSE_PORT
LOOPS_TEST(servers_share_a_port)
{
    struct probe *servers[2];
    int port = 0;
    for (int i = 0; i < 2; i++) {
        servers[i] = probe_new(SOCKET_KIND_TCP_SERVER);
        servers[i]->keeps_clients = 1;
        servers[i]->client_mask = ALL_EVENTS;
        CHECK_EQ(socket_set_option(servers[i]->socket, SOCKET_OPTION_REUSE_PORT, 1), 0);
        CHECK_EQ(listen_at(servers[i], port, 0), 0);
        port = probe_port(servers[i]);
    }
    int peers[64];
    for (int i = 0; i < 64; i++) peers[i] = peer_connect(port);
    WAIT(servers[0]->clients + servers[1]->clients == 64);
    CHECK(servers[0]->clients > 0 && servers[1]->clients > 0);
    for (int i = 0; i < 64; i++) peer_close(peers[i]);
    probe_closed(servers[0]);
    probe_closed(servers[1]);
}

LOOPS_TEST(udp_sockets_share_a_port)
{
    struct probe *a = probe_new(SOCKET_KIND_UDP), *b = probe_new(SOCKET_KIND_UDP), *c = probe_new(SOCKET_KIND_UDP);
    CHECK_EQ(socket_set_option(a->socket, SOCKET_OPTION_REUSE_PORT, 1), 0);
    CHECK_EQ(socket_set_option(b->socket, SOCKET_OPTION_REUSE_PORT, 1), 0);
    socket_address same = address_of("127.0.0.1", probe_bind(a), 0);
    CHECK_EQ(socket_bind(b->socket, &same), 0);
    CHECK_CODE(socket_bind(c->socket, &same), 2301098);
    probe_closed(a);
    probe_closed(b);
    probe_release(c);
}

// Clients that come and go at once do not disturb.
LOOPS_TEST(clients_that_reset_before_they_are_accepted)
{
    int port;
    struct probe *server = server_new(&port);
    freeze();
    for (int i = 0; i < 50; i++) peer_reset(peer_connect(port));
    int peer = peer_connect(port);
    thaw();
    peer_write(peer, "abc", 3);
    WAIT(server->clients > 0 && server->client[server->clients - 1]->size == 3);
    CHECK_EQ(server->count[SOCKET_EVENT_ERROR], 0);
    peer_close(peer);
    probe_closed(server);
}

static void greet(struct probe *server, const socket_event *e)
{
    if (e->type == SOCKET_EVENT_CONNECT) CHECK_EQ(socket_send(e->connection, "hello", 5, NULL, NULL), 0);
    if (e->type == SOCKET_EVENT_CONNECT && server->clients % 2) CHECK_EQ(socket_close(e->connection, NULL, NULL), 0);
}

// A server may speak first, and close first, inside the connect event.
LOOPS_TEST(sends_inside_the_connect_event)
{
    int port;
    struct probe *server = server_new(&port);
    server->on_event = greet;
    for (int i = 1; i <= 10; i++) {
        char text[5];
        int peer = peer_connect(port);
        peer_read(peer, text, 5);
        CHECK_EQ(memcmp(text, "hello", 5), 0);
        if (i % 2) peer_read_end(peer);
        peer_close(peer);
        WAIT(server->clients == i);
        struct probe *client = server->client[i - 1];
        WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
    }
    probe_closed(server);
}

// ORDER-6: out of descriptors is one error event, and no spinning; when there are descriptors again
// it goes on.
LOOPS_TEST(a_server_out_of_descriptors_recovers)
{
    int port;
    struct probe *server = server_new(&port);
    struct rlimit old, none;
    int peers[3];
    for (int i = 0; i < 3; i++) peers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int lowest = dup(0);
    close(lowest);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = (rlim_t)lowest;
    settle();
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 3; i++) peer_connect_with(peers[i], port);
    WAIT(server->count[SOCKET_EVENT_ERROR] == 1);
    CHECK_EQ(server->error[SOCKET_EVENT_ERROR], -2303124);
    settle();
    check_quiet();
    check_quiet();
    check_quiet();
    CHECK_EQ(server->count[SOCKET_EVENT_ERROR], 1);
    CHECK_EQ(server->clients, 0);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    WAIT(server->clients == 3);
    for (int i = 0; i < 3; i++) peer_close(peers[i]);
    for (int i = 0; i < 3; i++) WAIT(server->client[i]->count[SOCKET_EVENT_CLOSE] == 1);
    probe_closed(server);
}

enum { THREADS = 4, CLIENTS = 64 };
static int returned[CLIENTS]; // the server's listener has returned for this client

static void early(struct probe *client, const socket_event *e)
{
    (void)e;
    if (!__atomic_load_n((int *)client->context, __ATOMIC_ACQUIRE)) FAIL("an event before the connect listener has returned");
}

static void slow_accept(struct probe *server, const socket_event *e)
{
    if (e->type != SOCKET_EVENT_CONNECT) return;
    int n = server->clients - 1;
    server->client[n]->on_event = early;
    server->client[n]->context = &returned[n];
    // the peer's bytes are under way now
    CHECK_EQ(socket_send(e->connection, "go", 2, NULL, NULL), 0);
    pause_ms(2);
    __atomic_store_n(&returned[n], 1, __ATOMIC_RELEASE);
}

// LISTEN-6, THREAD-3, THREAD-4: clients are spread over the threads; none has an event before the
// server's listener is back.
BARE_TEST(connections_are_spread_over_the_dispatch_threads)
{
    int port, peers[CLIENTS], threads[THREADS] = {0}, used = 0;
    CHECK_EQ(socket_set_dispatch_threads(THREADS), 0);
    struct probe *server = server_new(&port);
    CHECK_CODE(socket_set_dispatch_threads(2), 2301114);
    server->on_event = slow_accept;
    for (int i = 0; i < CLIENTS; i++) {
        peers[i] = peer_connect(port);
        peer_write(peers[i], "hello", 5);
    }
    WAIT(server->clients == CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        struct probe *client = server->client[i];
        WAIT(client->size == 5);
        int k = 0;
        while (k < used && threads[k] != client->thread) k++;
        CHECK(k < THREADS);
        threads[k] = client->thread;
        if (k == used) used++;
    }
    CHECK_EQ(used, THREADS);
    for (int i = 0; i < CLIENTS; i++) peer_close(peers[i]);
    for (int i = 0; i < CLIENTS; i++) {
        struct probe *client = server->client[i];
        WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
    }
    probe_closed(server);
    CHECK_EQ(socket_run(), 0);
    CHECK_EQ(socket_shutdown(PATIENCE_MS), 0);
    CHECK_EQ(socket_set_dispatch_threads(1), 0);
}

static int blocking, go_on;

static void block(struct probe *p, const socket_event *e)
{
    (void)p;
    if (e->type != SOCKET_EVENT_MESSAGE) return;
    __atomic_store_n(&blocking, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&go_on, __ATOMIC_ACQUIRE)) pause_ms(1);
}

// THREAD-4: a callback that takes long delays the sockets of its own loop only; THREAD-2: no call
// waits for it.
BARE_TEST(a_slow_callback_delays_its_own_loop_only)
{
    CHECK_EQ(socket_set_dispatch_threads(2), 0);
    struct pair a = pair_new(SOCKET_KIND_TCP), b = pair_new(SOCKET_KIND_TCP);
    peer_write(a.peer, "x", 1);
    peer_write(b.peer, "x", 1);
    struct probe *pa = a.probe, *pb = b.probe;
    WAIT(pa->size == 1 && pb->size == 1);
    CHECK(pa->thread != pb->thread);
    pa->on_event = block;
    peer_write(a.peer, "x", 1);
    WAIT(__atomic_load_n(&blocking, __ATOMIC_ACQUIRE) || pa->size == 2);
    char c;
    for (uint64_t i = 0; i < 100; i++) {
        peer_write(b.peer, "y", 1);
        WAIT(pb->size == 2 + i);
        CHECK_EQ(probe_send(pb, "z", 1), 0);
        peer_read(b.peer, &c, 1);
        CHECK_EQ(socket_send(pa->socket, "z", 1, NULL, NULL), 0);
        peer_read(a.peer, &c, 1);
    }
    __atomic_store_n(&go_on, 1, __ATOMIC_RELEASE);
    pair_close(&a);
    pair_close(&b);
    CHECK_EQ(socket_shutdown(PATIENCE_MS), 0);
}
