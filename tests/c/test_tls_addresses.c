// Servers that are connected to by an address: the certificate has to have that address. IPv6.
// TLS-1, TLS-2.
#include <string.h>
#include <unistd.h>

#include "tls_pair.h"

static const socket_tls_options *options_with(const char *server_name, int version)
{
    static socket_tls_options o;
    o = tls_client_options();
    o.server_name = server_name;
    o.protocols = (uint32_t)version;
    return &o;
}

static struct probe *listen_at(const char *address, int *port)
{
    socket_tls_options secure = tls_server_options();
    socket_listen_options o = listen_options(address, 0, 0);
    struct probe *server = probe_new_masked(SOCKET_KIND_TLS_SERVER, 0);
    server->keeps_clients = 1;
    server->client_mask = ALL_EVENTS;
    probe_listen(server, ALL_EVENTS);
    o.tls = &secure;
    CHECK_EQ(socket_listen(server->socket, &o), 0);
    *port = probe_port(server);
    return server;
}

// TLS-2: our server at ::1, our client, which verifies the address that it connects to.
LOOPS_TEST(a_server_at_an_IPv6_address)
{
    static const char *const forms[] = {"::1", "0:0:0:0:0:0:0:1", "::1%lo", "0000::0001"};
    for (int version = SOCKET_PROTOCOL_TLS12; version <= SOCKET_PROTOCOL_TLS13; version++) {
        int port;
        struct probe *server = listen_at("::1", &port);
        for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
            struct probe *p = tls_client_new();
            char address[64], name[64];
            int family, n = (int)i + 1;
            p->pattern = 1;
            CHECK_EQ(socket_tls_set_secure_options(p->socket, options_with(NULL, version)), 0);
            CHECK_EQ(probe_connect_to(p, forms[i], port, PATIENCE_MS), 0);
            WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1 && server->clients == n);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
            struct probe *connection = server->client[i];
            connection->pattern = 1;
            CHECK_OK(socket_get_remote_address(connection->socket, address, sizeof address, NULL, &family));
            CHECK_STR(address, "::1");
            CHECK_EQ(family, SOCKET_FAMILY_IPV6);
            CHECK_OK(socket_tls_get_server_name(connection->socket, name, sizeof name));
            CHECK_STR(name, ""); // an address is not sent as a name
            CHECK_EQ(probe_send_pattern(p, 0, 100000), 0);
            CHECK_EQ(probe_send_pattern(connection, 0, 100000), 0);
            WAIT(p->size == 100000 && connection->size == 100000);
            CHECK_EQ(socket_close(p->socket, NULL, NULL), 0);
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1 && connection->count[SOCKET_EVENT_CLOSE] == 1);
            CHECK_EQ(connection->error[SOCKET_EVENT_CLOSE], 0);
            probe_release(p);
        }
        tls_server_close(server);
    }
}

// TLS-2: OpenSSL's server at ::1 and at 127.0.0.1, by addresses and names that the certificate has,
// and by others.
LOOPS_TEST(the_address_has_to_be_in_the_certificate)
{
    static const struct {
        const char *address, *name;
        int code;
    } cases[] = {
        {"::1", NULL, 0}, {"::1", "::1", 0}, {"::1", "localhost", 0}, {"::1", "127.0.0.1", 0}, {"127.0.0.1", "::1", 0},
        {"::1", "::2", 2303504}, {"::1", "::ffff:127.0.0.2", 2303504}, {"::1", "127.0.0.2", 2303504}, {"::1", "elsewhere", 2303504},
        {"127.0.0.1", "::2", 2303504}, {"::ffff:127.0.0.1", NULL, 2303504}, {"::ffff:127.0.0.1", "127.0.0.1", 0},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        int port, v6 = strcmp(cases[i].address, "::1") == 0, listener = peer_listen_at(v6 ? "::1" : "127.0.0.1", &port, 8);
        struct probe *p = tls_client_new();
        CHECK_EQ(socket_tls_set_secure_options(p->socket, options_with(cases[i].name, 0)), 0);
        CHECK_EQ(probe_connect_to(p, cases[i].address, port, PATIENCE_MS), 0);
        struct tls_peer peer = tls_peer_new(peer_accept(listener), TLS_PEER_SERVER);
        EXPECT_EQ(tls_peer_shake(&peer) == TLS_PEER_DONE, cases[i].code == 0, "handshake with %s", cases[i].address);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        EXPECT_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -cases[i].code, "%s as %s", cases[i].address, cases[i].name ? cases[i].name : "itself");
        if (cases[i].code) {
            char text[300];
            CHECK_OK(socket_get_error_detail(p->socket, text, sizeof text));
            CHECK(strstr(text, "is not for") != NULL);
        }
        tls_peer_close(&peer);
        if (cases[i].code == 0) WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        probe_release(p);
        peer_close(listener);
    }
}
