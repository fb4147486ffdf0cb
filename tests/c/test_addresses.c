// Addresses and names: both families, zones, localhost, what is wrong with them, connecting to
// oneself. BOUND-6, and what the header says at bind, listen, connect and the getters. IPv6 has to
// be there: a machine without ::1 fails.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"
#include "probe.h"

static void check_address(socket_handle s, int (*get)(socket_handle, char *, size_t, int *, int *), const char *text, int family, int port)
{
    char got[64];
    int got_port, got_family;
    CHECK_EQ(get(s, got, sizeof got, &got_port, &got_family), strlen(text));
    CHECK_STR(got, text);
    CHECK_EQ(got_family, family);
    if (port >= 0) CHECK_EQ(got_port, port);
}

static int bind_to(struct probe *p, const char *text, int port, int family)
{
    socket_address a = address_of(text, port, family);
    int result = socket_bind(p->socket, &a);
    if (result == 0) probe_opened(p);
    return result;
}

static void close_it(struct probe *p)
{
    int n = p->count[SOCKET_EVENT_CLOSE];
    CHECK_EQ(socket_close(p->socket, NULL, NULL), 0);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == n + 1);
}

LOOPS_TEST(local_addresses)
{
    static const struct {
        const char *text;
        int family;
        const char *shown;
        int shown_family;
    } cases[] = {
        {"127.0.0.1", 0, "127.0.0.1", SOCKET_FAMILY_IPV4}, {"127.0.0.1", SOCKET_FAMILY_IPV4, "127.0.0.1", SOCKET_FAMILY_IPV4},
        {"127.0.0.1", SOCKET_FAMILY_DOMAIN, "127.0.0.1", SOCKET_FAMILY_IPV4}, {"127.9.8.7", 0, "127.9.8.7", SOCKET_FAMILY_IPV4},
        {"0.0.0.0", 0, "0.0.0.0", SOCKET_FAMILY_IPV4}, {"::1", 0, "::1", SOCKET_FAMILY_IPV6},
        {"::1", SOCKET_FAMILY_IPV6, "::1", SOCKET_FAMILY_IPV6}, {"0:0:0:0:0:0:0:1", 0, "::1", SOCKET_FAMILY_IPV6},
        {"::", 0, "::", SOCKET_FAMILY_IPV6}, {"localhost", 0, "127.0.0.1", SOCKET_FAMILY_IPV4},
        {"localhost", SOCKET_FAMILY_IPV4, "127.0.0.1", SOCKET_FAMILY_IPV4},
        {"localhost", SOCKET_FAMILY_IPV6, "::1", SOCKET_FAMILY_IPV6},
        {"::ffff:127.0.0.1", 0, "::ffff:127.0.0.1", SOCKET_FAMILY_IPV6},
    };
    static const int kinds[] = {SOCKET_KIND_TCP, SOCKET_KIND_UDP};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int k = 0; k < 2; k++) {
            struct probe *p = probe_new(kinds[k]);
            CHECK_EQ(bind_to(p, cases[i].text, 0, cases[i].family), 0);
            check_address(p->socket, socket_get_local_address, cases[i].shown, cases[i].shown_family, -1);
            CHECK(probe_port(p) > 0);
            close_it(p);
            probe_release(p);
        }
    }
}

LOOPS_TEST(what_is_wrong_with_a_local_address)
{
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    CHECK_CODE(bind_to(p, "192.0.2.1", 0, 0), 2301099);
    CHECK_CODE(bind_to(p, "2001:db8::1", 0, 0), 2301099);
    CHECK_CODE(bind_to(p, "fe80::1", 0, 0), 2301022);            // link-local without a zone
    CHECK_CODE(bind_to(p, "fe80::1%lo", 0, 0), 2301099);         // with one: not an address of lo
    CHECK_CODE(bind_to(p, "fe80::1%no-such-if", 0, 0), 2301019); // ENODEV
    int port;
    int taken = peer_listen(&port);
    CHECK_CODE(bind_to(p, "127.0.0.1", port, 0), 2301098);
    CHECK_EQ(state_of(p->socket), 0);
    CHECK_EQ(bind_to(p, "127.0.0.1", 0, 0), 0);
    CHECK_CODE(bind_to(p, "127.0.0.1", 0, 0), 2301022);
    probe_closed(p);
    peer_close(taken);
}

// The zone of a link-local address of this machine, if it has one, is kept and told.
TEST(zones)
{
    struct ifaddrs *all;
    CHECK_EQ(getifaddrs(&all), 0);
    for (struct ifaddrs *i = all; i; i = i->ifa_next) {
        struct sockaddr_in6 *a = (struct sockaddr_in6 *)i->ifa_addr;
        if (a == NULL || a->sin6_family != AF_INET6 || !IN6_IS_ADDR_LINKLOCAL(&a->sin6_addr) || !(i->ifa_flags & IFF_UP)) continue;
        char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1], number[INET6_ADDRSTRLEN + 12], plain[INET6_ADDRSTRLEN];
        CHECK(inet_ntop(AF_INET6, &a->sin6_addr, plain, sizeof plain) != NULL);
        snprintf(text, sizeof text, "%s%%%s", plain, i->ifa_name);
        snprintf(number, sizeof number, "%s%%%u", plain, a->sin6_scope_id);
        const char *const forms[] = {text, number};
        for (int k = 0; k < 2; k++) {
            struct probe *p = probe_new(SOCKET_KIND_UDP);
            CHECK_EQ(bind_to(p, forms[k], 0, SOCKET_FAMILY_IPV6), 0);
            check_address(p->socket, socket_get_local_address, text, SOCKET_FAMILY_IPV6, -1);
            close_it(p);
            probe_release(p);
        }
    }
    freeifaddrs(all);
}

static const struct {
    const char *listen, *connect;
    int family;
    const char *remote;
} routes[] = {
    {"127.0.0.1", "127.0.0.1", 0, "127.0.0.1"}, {"127.0.0.1", "localhost", 0, "127.0.0.1"},
    {"127.0.0.1", "localhost", SOCKET_FAMILY_DOMAIN, "127.0.0.1"}, {"127.0.0.1", "localhost", SOCKET_FAMILY_IPV4, "127.0.0.1"},
    {"::1", "::1", 0, "::1"}, {"::1", "localhost", 0, "::1"}, {"::1", "localhost", SOCKET_FAMILY_IPV6, "::1"},
    {"::1", "LOCALHOST.", 0, "::1"}, {"::", "127.0.0.1", 0, "127.0.0.1"}, {"::", "localhost", 0, "127.0.0.1"}, {"::", "::1", 0, "::1"}, {"0.0.0.0", "127.0.0.5", 0, "127.0.0.5"},
};
enum { ROUTES = sizeof routes / sizeof *routes };

// ADDR-1: "localhost" is 127.0.0.1 first, then ::1: the one that is dead is passed over.
LOOPS_TEST(connecting_by_address_and_name)
{
    for (int i = 0; i < ROUTES; i++) {
        int port;
        int listener = peer_listen_at(routes[i].listen, &port, 10);
        struct probe *p = probe_new(SOCKET_KIND_TCP);
        socket_connect_options o = connect_options(routes[i].connect, port, PATIENCE_MS);
        o.address.family = routes[i].family;
        CHECK_EQ(socket_connect(p->socket, &o, probe_completion(SOCKET_OPERATION_CONNECT), p), 0);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
        int peer = peer_accept(listener);
        check_address(p->socket, socket_get_remote_address, routes[i].remote,
                      strchr(routes[i].remote, ':') ? SOCKET_FAMILY_IPV6 : SOCKET_FAMILY_IPV4, port);
        peer_write(peer, "abc", 3);
        WAIT(p->size == 3);
        peer_close(peer);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        probe_release(p);
        peer_close(listener);
    }
}

// A bound socket has one family, of which the address is taken.
LOOPS_TEST(a_bound_socket_connects_by_name_in_its_family)
{
    static const char *const locals[] = {"127.0.0.1", "::1"};
    for (int i = 0; i < 2; i++) {
        int port;
        int listener = peer_listen_at(locals[i], &port, 10);
        struct probe *p = probe_new(SOCKET_KIND_TCP);
        CHECK_EQ(bind_to(p, locals[i], 0, 0), 0);
        int own = probe_port(p);
        CHECK_EQ(probe_connect_to(p, "localhost", port, PATIENCE_MS), 0);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
        int peer = peer_accept(listener);
        check_address(p->socket, socket_get_local_address, locals[i], i == 0 ? SOCKET_FAMILY_IPV4 : SOCKET_FAMILY_IPV6, own);
        peer_close(peer);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        probe_release(p);
        peer_close(listener);
    }
}

LOOPS_TEST(what_is_wrong_with_a_remote_address)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {{"127.0.0.1", 2301111}, {"::1", 2301111}, {"localhost", 2301111}, {"no-such-host.invalid", 2300004}, {"no-such-host.invalid.", 2300004}};
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(probe_connect_to(p, cases[i].text, peer_unused_port(), PATIENCE_MS), 0);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == i + 1);
        if (p->done_error[SOCKET_OPERATION_CONNECT] != -cases[i].code)
            FAIL("connect to %s: %d", cases[i].text, p->done_error[SOCKET_OPERATION_CONNECT]);
    }
    // Bound to loopback there is no way out; bound to IPv4 there is none to IPv6.
    CHECK_EQ(bind_to(p, "127.0.0.1", 0, 0), 0);
    CHECK_EQ(probe_connect_to(p, "192.0.2.1", 9, 1000), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 6);
    int error = p->done_error[SOCKET_OPERATION_CONNECT];
    if (error != -2301022 && error != -2301101 && error != -2301113) FAIL("connect from loopback to elsewhere: %d", error);
    CHECK_EQ(probe_connect_to(p, "::1", 9, 1000), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 7);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301097);
    CHECK_EQ(state_of(p->socket), 1);
    probe_closed(p);
}

// A socket bound to a port and connecting to it meets itself.
LOOPS_TEST(connecting_to_oneself)
{
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    p->pattern = 1;
    int own = probe_bind(p);
    CHECK_EQ(probe_connect(p, own), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
    check_address(p->socket, socket_get_remote_address, "127.0.0.1", SOCKET_FAMILY_IPV4, own);
    CHECK_EQ(probe_send_pattern(p, 0, 100000), 0);
    WAIT(p->size == 100000);
    CHECK_EQ(probe_close(p), 0);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], 0);
    probe_release(p);
}

LOOPS_TEST(datagrams_over_ipv6)
{
    int port;
    int peer = peer_udp_at("::1", &port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    CHECK_EQ(bind_to(p, "::1", 0, 0), 0);
    socket_address to = address_of("::1", port, 0);
    CHECK_EQ(socket_send_to(p->socket, &to, "hello", 5, NULL, NULL), 0);
    char got[10];
    struct sockaddr_in6 from = {0};
    socklen_t size = sizeof from;
    POLL(peer_readable(peer) > 0);
    CHECK_EQ(recvfrom(peer, got, sizeof got, 0, (struct sockaddr *)&from, &size), 5);
    CHECK_EQ(ntohs(from.sin6_port), probe_port(p));
    CHECK_EQ(sendto(peer, "back", 4, 0, (struct sockaddr *)&from, size), 4);
    WAIT(p->size == 4);
    CHECK_EQ(p->remote_port, port);
    // The other family cannot be reached from here: that datagram's own error.
    socket_address other = address_of("127.0.0.1", port, 0);
    int result = socket_send_to(p->socket, &other, "x", 1, probe_completion(SOCKET_OPERATION_SEND), p);
    if (result == 0) {
        WAIT(p->done[SOCKET_OPERATION_SEND] == 1);
        CHECK(p->done_error[SOCKET_OPERATION_SEND] < 0);
    }
    CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 0);
    probe_closed(p);
    peer_close(peer);
}

static void check_mapped(struct probe *server, const socket_event *e)
{
    if (e->type == SOCKET_EVENT_CONNECT) CHECK_EQ(strcmp(e->remote.address, server->context), 0);
}

// SOCKET_OPTION_IPV6_ONLY: without it a server at :: takes IPv4 clients too, which it sees as
// mapped addresses.
LOOPS_TEST(dual_stack_and_ipv6_only)
{
    for (int only = 0; only < 2; only++) {
        struct probe *server = probe_new(SOCKET_KIND_TCP_SERVER);
        server->on_event = check_mapped;
        server->keeps_clients = 1;
        server->client_mask = ALL_EVENTS;
        CHECK_EQ(socket_set_option(server->socket, SOCKET_OPTION_IPV6_ONLY, only), 0);
        socket_listen_options o = listen_options("::", 0, 0);
        CHECK_EQ(socket_listen(server->socket, &o), 0);
        int port = probe_port(server);
        server->context = "::1";
        int six = peer_connect_from("::1", port);
        WAIT(server->clients == 1);
        settle(); // the callback has returned
        struct probe *client = probe_new(SOCKET_KIND_TCP);
        server->context = "::ffff:127.0.0.1";
        CHECK_EQ(probe_connect(client, port), 0);
        WAIT(client->done[SOCKET_OPERATION_CONNECT] == 1);
        CHECK_EQ(client->done_error[SOCKET_OPERATION_CONNECT], only ? -2301111 : 0);
        if (!only) WAIT(server->clients == 2);
        if (!only) probe_closed(client); else probe_release(client);
        peer_close(six);
        probe_closed(server);
    }
}

// A zone in a remote address without one of its interfaces.
TEST(remote_zones)
{
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    socket_connect_options o = connect_options("fe80::1%no-such-if", 9, 1000);
    CHECK_CODE(socket_connect(p->socket, &o, NULL, NULL), 2301019);
    CHECK_EQ(probe_connect_to(p, "fe80::1", 9, 1000), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301022);
    probe_release(p);
}
