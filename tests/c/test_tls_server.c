// Servers: handshakes beside each other, those that stall or fail, and what the server does
// meanwhile. TLS-1, TLS-2, TLS-3, TLS-9, DATA-9, ORDER-6, BOUND-4.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls_pair.h"

static void serve_one(struct probe *server, int port, int nth)
{
    struct tls_peer peer = tls_peer_connect(port);
    WAIT(server->clients == nth);
    struct probe *client = server->client[nth - 1];
    tls_peer_take_tickets(&peer);
    tls_peer_write(&peer, "hello", 5);
    WAIT(client->size == 5);
    tls_peer_close(&peer);
    WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_EQ(client->error[SOCKET_EVENT_CLOSE], 0);
}

static int failed_port, failed_family;
static char failed_address[64];

static void note_failure(struct probe *server, const socket_event *e)
{
    (void)server;
    if (e->type != SOCKET_EVENT_ERROR) return;
    CHECK(e->remote.address != NULL && e->connection == 0);
    state_lock();
    snprintf(failed_address, sizeof failed_address, "%s", e->remote.address);
    failed_port = e->remote.port;
    failed_family = e->remote.family;
    state_changed();
    state_unlock();
}

// TLS-1: clients that stall, at each place, hurt nobody; each is an error event with its address in
// the end.
LOOPS_TEST(stalled_clients_hurt_nobody)
{
    enum { STALLED = 9 };
    int port, stalled[STALLED];
    struct tls_peer half[3];
    struct probe *server = tls_server_new(&port);
    server->on_event = note_failure;
    CHECK_EQ(socket_set_option(server->socket, SOCKET_OPTION_HANDSHAKE_TIMEOUT, 500), 0);
    int64_t begun = now_ms();
    freeze();
    for (int i = 0; i < STALLED; i++) {
        stalled[i] = peer_connect(port);
        if (i % 3 == 1) peer_write(stalled[i], "\x16\x03\x01\x01", 4); // a piece of a record
        if (i % 3 == 2) {
            half[i / 3] = tls_peer_new(stalled[i], 0);
            tls_peer_shake_once(&half[i / 3]); // a hello, and nothing more
        }
    }
    thaw();
    settle();
    check_quiet();
    for (int i = 1; i <= 5; i++) serve_one(server, port, i);
    WAIT(server->count[SOCKET_EVENT_ERROR] == STALLED);
    CHECK(now_ms() - begun >= 500);
    CHECK_EQ(server->error[SOCKET_EVENT_ERROR], -2303210);
    settle();
    CHECK_STR(failed_address, "127.0.0.1");
    CHECK_EQ(failed_family, SOCKET_FAMILY_IPV4);
    int known = 0;
    for (int i = 0; i < STALLED; i++) known |= failed_port == peer_port(stalled[i]);
    CHECK(known);
    serve_one(server, port, 6);
    for (int i = 0; i < STALLED; i++) {
        if (i % 3 == 2) tls_peer_drop(&half[i / 3]);
        else peer_close(stalled[i]);
    }
    tls_server_close(server);
}

// TLS-1, TLS-3: each way to fail is one error event of the server, and the server goes on.
LOOPS_TEST(failed_handshakes_are_error_events)
{
    int port;
    char text[200];
    struct probe *server = tls_server_new(&port);
    server->on_event = note_failure;

    int peer = peer_connect(port);
    peer_write(peer, "GET / HTTP/1.0\r\n\r\n", 18);
    WAIT(server->count[SOCKET_EVENT_ERROR] == 1);
    CHECK_EQ(server->error[SOCKET_EVENT_ERROR], -2303505);
    WAIT(failed_port == peer_port(peer)); // noted after it was counted
    CHECK(socket_get_error_detail(server->socket, text, sizeof text) > 0);
    CHECK(strstr(text, "does not speak TLS") != NULL && strstr(text, "127.0.0.1") != NULL);
    peer_close(peer);

    peer = peer_connect(port); // goes at once
    peer_close(peer);
    WAIT(server->count[SOCKET_EVENT_ERROR] == 2);
    CHECK_EQ(server->error[SOCKET_EVENT_ERROR], -2303505);

    peer = peer_connect(port);
    peer_write(peer, "\x16\x03\x01", 3);
    peer_reset(peer);
    WAIT(server->count[SOCKET_EVENT_ERROR] == 3);
    CHECK_EQ(server->error[SOCKET_EVENT_ERROR], -2303204);

    // A client of the library that does not trust us: its alert is what the server learns.
    struct probe *client = probe_new(SOCKET_KIND_TLS);
    socket_tls_options o = tls_client_options();
    const char *other[1] = {certificate_text("unknown.pem")};
    o.ca = other;
    CHECK_EQ(socket_tls_set_secure_options(client->socket, &o), 0);
    CHECK_EQ(probe_connect(client, port), 0);
    WAIT(client->done[SOCKET_OPERATION_CONNECT] == 1 && server->count[SOCKET_EVENT_ERROR] == 4);
    CHECK_EQ(client->done_error[SOCKET_OPERATION_CONNECT], -2303504);
    CHECK_EQ(server->error[SOCKET_EVENT_ERROR], -2303504);
    CHECK_STR(client->order, "c"); // TLS-2: it was never told "connected"
    probe_release(client);

    CHECK_EQ(server->clients, 0);
    CHECK_EQ(state_of(server->socket), 1);
    serve_one(server, port, 1);
    tls_server_close(server);
}

// TLS-2: two-way authentication. A client without a certificate is refused, one with one is shown.
LOOPS_TEST(clients_without_a_certificate)
{
    for (int version = SOCKET_PROTOCOL_TLS12; version <= SOCKET_PROTOCOL_TLS13; version++) {
        int port;
        struct probe *server = tls_server_new(&port);
        const char *ca[1] = {certificate_text("ca.pem")};
        socket_tls_options o = tls_server_options();
        o.is_bidirectional_authentication = 1;
        o.ca = ca;
        o.ca_count = 1;
        o.protocols = (uint32_t)version;
        CHECK_EQ(socket_tls_set_secure_options(server->socket, &o), 0);

        struct probe *client = tls_client_new();
        CHECK_EQ(probe_connect(client, port), 0);
        WAIT(client->done[SOCKET_OPERATION_CONNECT] == 1 && server->count[SOCKET_EVENT_ERROR] == 1);
        CHECK_EQ(server->error[SOCKET_EVENT_ERROR], -2303504);
        // In TLS 1.3 the client is done before the server looks at its certificate: the refusal
        // comes as an error.
        if (client->done_error[SOCKET_OPERATION_CONNECT] == 0) {
            CHECK_EQ(version, SOCKET_PROTOCOL_TLS13);
            WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
            CHECK_EQ(client->error[SOCKET_EVENT_CLOSE], -2303504);
        } else {
            // an alert that says nothing of certificates
            CHECK_EQ(client->done_error[SOCKET_OPERATION_CONNECT], -2303505);
        }
        CHECK_EQ(server->clients, 0);
        probe_release(client);

        client = probe_new(SOCKET_KIND_TLS);
        o = tls_client_options();
        o.identity = (socket_tls_identity){certificate_text("client.pem"), certificate_text("client_encrypted.key"), "secret"};
        CHECK_EQ(socket_tls_set_secure_options(client->socket, &o), 0);
        CHECK_EQ(probe_connect(client, port), 0);
        WAIT(client->done[SOCKET_OPERATION_CONNECT] == 1 && server->clients == 1);
        CHECK_EQ(client->done_error[SOCKET_OPERATION_CONNECT], 0);
        unsigned char shown[4096], seen[4096];
        int n = socket_tls_get_certificate(client->socket, shown, sizeof shown);
        CHECK(n > 100);
        CHECK_EQ(socket_tls_get_remote_certificate(server->client[0]->socket, seen, sizeof seen), n);
        CHECK_EQ(memcmp(shown, seen, (size_t)n), 0);
        probe_release(client);
        tls_server_close(server);
    }
}

// TLS-22, ORDER-9: the port is free at once, and clients whose handshakes end in time are shown
// before the close event.
LOOPS_TEST(a_server_that_closes_finishes_its_handshakes)
{
    enum { CLIENTS = 3 };
    int port;
    struct tls_peer client[CLIENTS];
    struct probe *server = tls_server_new(&port);
    CHECK_EQ(socket_set_option(server->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 60000), 0);
    freeze();
    for (int i = 0; i < CLIENTS; i++) {
        client[i] = tls_peer_new(peer_connect(port), 0);
        if (i > 0) tls_peer_shake_once(&client[i]); // one says nothing yet
    }
    thaw();
    settle();
    CHECK_EQ(probe_close(server), 0);
    settle();
    check_quiet();
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(late, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, sizeof(struct sockaddr_in)) < 0 && errno == ECONNREFUSED);
    close(late);
    CHECK_EQ(server->count[SOCKET_EVENT_CLOSE], 0);
    for (int i = 0; i < CLIENTS; i++) {
        CHECK_EQ(tls_peer_shake(&client[i]), TLS_PEER_DONE);
        WAIT(server->clients == i + 1);
    }
    WAIT(server->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_STR(server->order, "LCCCZz");
    CHECK_EQ(server->done_error[SOCKET_OPERATION_CLOSE], 0);
    probe_release(server);
    for (int i = 0; i < CLIENTS; i++) { // they outlive it
        tls_peer_take_tickets(&client[i]);
        tls_peer_write(&client[i], "hello", 5);
        WAIT(server->client[i]->size == 5);
        tls_peer_close(&client[i]);
        WAIT(server->client[i]->count[SOCKET_EVENT_CLOSE] == 1);
    }
}

// TLS-22: it waits neither for a client that has gone nor for one that was refused.
LOOPS_TEST(a_server_that_closes_does_not_wait_for_those_that_have_gone)
{
    int port;
    struct probe *server = tls_server_new(&port);
    CHECK_EQ(socket_set_option(server->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 60000), 0);
    freeze();
    int gone = peer_connect(port), wrong = peer_connect(port);
    thaw();
    settle();
    CHECK_EQ(probe_close(server), 0);
    settle();
    CHECK_EQ(server->count[SOCKET_EVENT_CLOSE], 0);
    peer_write(wrong, "GET / HTTP/1.0\r\n\r\n", 18);
    WAIT(server->count[SOCKET_EVENT_ERROR] == 1);
    CHECK_EQ(server->count[SOCKET_EVENT_CLOSE], 0);
    peer_reset(gone);
    // though the one that was refused may still read its alert
    WAIT(server->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_STR(server->order, "LXXZz");
    probe_release(server);
    peer_close(wrong);
}

// TLS-22, DONE-2, ORDER-3: clients that nobody has seen in time go with the server, without a word.
LOOPS_TEST(a_server_closes_while_handshakes_run)
{
    for (int how = 0; how < 5; how++) {
        int port;
        struct probe *server = tls_server_new(&port);
        enum tls_peer_outcome o;
        CHECK_EQ(socket_set_option(server->socket, SOCKET_OPTION_CLOSE_TIMEOUT, how == 0 ? 100 : 60000), 0);
        freeze();
        struct tls_peer half = tls_peer_new(peer_connect(port), 0);
        tls_peer_shake_once(&half);
        int silent = peer_connect(port);
        thaw();
        settle();
        if (how == 0 || how >= 3) {
            if (how == 3) CHECK_EQ(socket_pause(server->socket), 0);
            if (how == 4) probe_listen(server, ALL_EVENTS & ~SOCKET_EVENT_MASK(SOCKET_EVENT_CONNECT));
            CHECK_EQ(probe_close(server), 0);
            WAIT(server->done[SOCKET_OPERATION_CLOSE] == 1);
            CHECK_STR(server->order, "LZz");
        } else if (how == 1) {
            CHECK_EQ(socket_abort(server->socket), 0);
            WAIT(server->count[SOCKET_EVENT_CLOSE] == 1);
            CHECK_STR(server->order, "LZ");
        }
        probe_release(server);
        if (tls_peer_shake(&half) == TLS_PEER_DONE) { // as far as the client can see
            CHECK_EQ(tls_peer_read_rest(&half, 0, &o), 0);
            CHECK(o == TLS_PEER_RESET || o == TLS_PEER_CUT);
        }
        tls_peer_drop(&half);
        peer_read_end(silent);
        peer_close(silent);
        POLL(stats_now().sockets == 0);
        CHECK_EQ(server->count[SOCKET_EVENT_ERROR], 0);
    }
}

// DATA-9: without a connect listener, or paused, clients wait; nobody is lost, and the loop does
// not spin.
LOOPS_TEST(a_server_that_does_not_look)
{
    enum { CLIENTS = 4 };
    for (int paused = 0; paused < 2; paused++) {
        int port;
        struct probe *server = tls_server_new(&port), *client[2 * CLIENTS];
        for (int i = 0; i < CLIENTS; i++) {
            client[i] = tls_client_new();
            CHECK_EQ(probe_connect(client[i], port), 0);
        }
        // Some may be in their handshakes by now.
        if (paused) CHECK_EQ(socket_pause(server->socket), 0);
        else probe_listen(server, ALL_EVENTS & ~SOCKET_EVENT_MASK(SOCKET_EVENT_CONNECT));
        settle();
        int before = server->clients;
        for (int i = CLIENTS; i < 2 * CLIENTS; i++) {
            client[i] = tls_client_new();
            CHECK_EQ(probe_connect(client[i], port), 0);
            CHECK_EQ(probe_send(client[i], "hello", 5), 0);
        }
        settle();
        check_quiet();
        CHECK_EQ(server->clients, before);
        if (paused) CHECK_EQ(socket_resume(server->socket), 0);
        else probe_listen(server, ALL_EVENTS);
        WAIT(server->clients == 2 * CLIENTS);
        for (int i = 0; i < 2 * CLIENTS; i++) {
            struct probe *p = client[i];
            WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
            CHECK_EQ(probe_close(p), 0);
        }
        uint64_t size = 0;
        for (int i = 0; i < 2 * CLIENTS; i++) {
            struct probe *p = server->client[i];
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            size += p->size;
            probe_closed(client[i]);
        }
        CHECK_EQ(size, 5 * CLIENTS);
        tls_server_close(server);
    }
}

// ORDER-6: out of descriptors is one error event, and no spinning; when there are descriptors again
// it goes on.
LOOPS_TEST(a_server_out_of_descriptors_recovers)
{
    int port, fd[3];
    struct probe *server = tls_server_new(&port);
    struct rlimit old, none;
    serve_one(server, port, 1); // OpenSSL has read what it wants to read
    for (int i = 0; i < 3; i++) fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int lowest = dup(0);
    close(lowest);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = (rlim_t)lowest;
    settle();
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 3; i++) peer_connect_with(fd[i], port);
    WAIT(server->count[SOCKET_EVENT_ERROR] == 1);
    CHECK_EQ(server->error[SOCKET_EVENT_ERROR], -2303124);
    settle();
    check_quiet();
    check_quiet();
    CHECK_EQ(server->count[SOCKET_EVENT_ERROR], 1);
    CHECK_EQ(server->clients, 1);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    for (int i = 0; i < 3; i++) {
        struct tls_peer peer = tls_peer_new(fd[i], 0);
        CHECK_EQ(tls_peer_shake(&peer), TLS_PEER_DONE);
        WAIT(server->clients == 2 + i);
        tls_peer_close(&peer);
    }
    for (int i = 0; i < 4; i++) WAIT(server->client[i]->count[SOCKET_EVENT_CLOSE] == 1);
    tls_server_close(server);
}

// TLS-9: new options hold for the clients that come after the call; those that are there keep
// theirs.
LOOPS_TEST(a_certificate_is_replaced_without_a_restart)
{
    int port;
    unsigned char first[4096], second[4096], other[4096];
    struct tls_both b = tls_both_new(ALL_EVENTS, ALL_EVENTS);
    port = b.port;
    struct probe *server = b.server, *p = tls_client_new();
    int n = (int)CHECK_OK(socket_tls_get_remote_certificate(b.client->socket, first, sizeof first));
    socket_tls_options o = tls_server_options();
    o.identity.key = certificate_text("client.key"); // of another certificate
    CHECK_CODE(socket_tls_set_secure_options(server->socket, &o), 2303504);
    o.identity.cert = certificate_text("second.pem");
    o.identity.key = certificate_text("second.key");
    CHECK_EQ(socket_tls_set_secure_options(server->socket, &o), 0);
    CHECK_EQ(probe_connect(p, port), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1 && server->clients == 2);
    int m = (int)CHECK_OK(socket_tls_get_remote_certificate(p->socket, second, sizeof second));
    CHECK(m != n || memcmp(first, second, (size_t)n) != 0);
    CHECK_EQ(socket_tls_get_certificate(server->socket, other, sizeof other), m);
    CHECK_EQ(memcmp(other, second, (size_t)m), 0);
    CHECK_EQ(socket_tls_get_certificate(b.connection->socket, other, sizeof other), n);
    CHECK_EQ(memcmp(other, first, (size_t)n), 0);
    CHECK_EQ(probe_send_pattern(b.client, 0, 1000), 0);
    struct probe *connection = b.connection;
    WAIT(connection->size == 1000);
    probe_release(p);
    tls_both_close(&b);
}

// DONE-1: a listen or connect that is refused has not changed the options.
LOOPS_TEST(what_is_refused_changes_nothing)
{
    unsigned char before[4096], after[4096];
    struct tls_both b = tls_both_new(ALL_EVENTS, ALL_EVENTS);
    int n = (int)CHECK_OK(socket_tls_get_certificate(b.server->socket, before, sizeof before));
    socket_tls_options o = tls_server_options();
    socket_listen_options where = listen_options("127.0.0.1", 0, 0);
    where.tls = &o;
    o.identity.cert = certificate_text("second.pem");
    o.identity.key = certificate_text("second.key");
    CHECK_CODE(socket_listen(b.server->socket, &where), 2303122);
    CHECK_EQ(socket_tls_get_certificate(b.server->socket, after, sizeof after), n);
    CHECK_EQ(memcmp(before, after, (size_t)n), 0);

    socket_tls_options nobody = SOCKET_TLS_OPTIONS_INIT;
    const char *ca[1] = {certificate_text("unknown.pem")};
    nobody.ca = ca;
    nobody.ca_count = 1;
    socket_connect_options to = connect_options("127.0.0.1", b.port, 0);
    to.tls = &nobody;
    struct probe *p = b.client;
    CHECK_CODE(socket_connect(p->socket, &to, NULL, NULL), 2303206);
    CHECK_EQ(probe_close(p), 0);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(probe_connect(p, b.port), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 2);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
    tls_both_close(&b);
}

// BOUND-4: an accepted connection has the idle timeout of its server from the handshake on.
LOOPS_TEST(idle_connections_of_a_server)
{
    int port;
    struct probe *server = tls_server_new(&port);
    CHECK_EQ(socket_set_option(server->socket, SOCKET_OPTION_IDLE_TIMEOUT, 150), 0);
    struct tls_peer peer = tls_peer_connect(port);
    WAIT(server->clients == 1 && server->client[0]->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_EQ(server->client[0]->error[SOCKET_EVENT_ERROR], -2303210);
    tls_peer_drop(&peer);
    tls_server_close(server);
}

// The API's own servers start with credentials that are no good, and each client learns it.
LOOPS_TEST(compat_bad_credentials_show_up_per_client)
{
    CHECK_EQ(socket_set_compat(1), 0);
    struct probe *server = probe_new(SOCKET_KIND_TLS_SERVER), *bare = probe_new(SOCKET_KIND_TLS_SERVER);
    CHECK_EQ(socket_set_compat(0), 1);
    socket_tls_options o = tls_server_options();
    socket_listen_options where = listen_options("127.0.0.1", 0, 0);
    o.identity.key = certificate_text("client.key");
    where.tls = &o;
    CHECK_EQ(socket_listen(server->socket, &where), 0);
    CHECK_CODE(socket_tls_get_protocol(server->socket, NULL, 0), 2303501);
    where.tls = NULL;
    CHECK_EQ(socket_listen(bare->socket, &where), 0);
    for (int i = 1; i <= 3; i++) {
        for (int k = 0; k < 2; k++) {
            struct probe *s = k ? bare : server, *client = tls_client_new();
            CHECK_EQ(probe_connect(client, probe_port(s)), 0);
            WAIT(client->done[SOCKET_OPERATION_CONNECT] == 1 && s->count[SOCKET_EVENT_ERROR] == i);
            CHECK(client->done_error[SOCKET_OPERATION_CONNECT] < 0);
            CHECK_EQ(s->error[SOCKET_EVENT_ERROR], k ? -2303505 : -2303504);
            probe_release(client);
        }
    }
    o = tls_server_options();
    CHECK_EQ(socket_tls_set_secure_options(server->socket, &o), 0);
    server->keeps_clients = 1;
    server->client_mask = ALL_EVENTS;
    serve_one(server, probe_port(server), 1);
    tls_server_close(server);
    tls_server_close(bare);

    struct probe *plain = probe_new(SOCKET_KIND_TLS_SERVER);
    o.identity.key = certificate_text("client.key");
    where.tls = &o;
    CHECK_CODE(socket_listen(plain->socket, &where), 2303504);
    where.tls = NULL;
    CHECK_CODE(socket_listen(plain->socket, &where), 2303505);
    CHECK_EQ(state_of(plain->socket), 0);
    probe_release(plain);
}
