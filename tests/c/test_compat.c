// Compatibility mode: what docs/reference/compat.md lists, and that nothing else and no other
// socket changes.
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "probe.h"

static struct probe *compat_probe(int kind)
{
    CHECK_EQ(socket_set_compat(1), 0);
    struct probe *p = probe_new(kind);
    CHECK_EQ(socket_set_compat(0), 1);
    return p;
}

static int bind_to(struct probe *p, const char *text, int port, int family)
{
    socket_address a = address_of(text, port, family);
    return socket_bind(p->socket, &a);
}

static int listen_to(struct probe *p, const char *text, int port, int family)
{
    socket_listen_options o = listen_options(text, port, 0);
    o.address.family = family;
    return socket_listen(p->socket, &o);
}

LOOPS_TEST(every_failed_connect_is_one_code)
{
    struct full_listener full = peer_listen_full();
    struct probe *p = compat_probe(SOCKET_KIND_TCP), *plain = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(probe_connect(p, peer_unused_port()), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301115);
    CHECK_EQ(probe_connect_to(p, "127.0.0.1", full.port, 100), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 2);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301115);
    CHECK_EQ(probe_connect_to(p, "no-such-host.invalid", 9, 5000), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 3);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301115);
    // Cancelled is cancelled, and a success is one.
    CHECK_EQ(probe_connect(p, full.port), 0);
    settle();
    CHECK_EQ(probe_close(p), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 4);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301125);
    CHECK_EQ(probe_connect(plain, peer_unused_port()), 0);
    WAIT(plain->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(plain->done_error[SOCKET_OPERATION_CONNECT], -2301111);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    probe_release(p);
    probe_release(plain);
    peer_close_full(&full);
}

LOOPS_TEST(a_busy_port_gives_another)
{
    int port, udp_port;
    int listener = peer_listen(&port), peer = peer_udp(&udp_port);
    struct probe *tcp = compat_probe(SOCKET_KIND_TCP), *udp = compat_probe(SOCKET_KIND_UDP);
    struct probe *server = compat_probe(SOCKET_KIND_TCP_SERVER), *second = compat_probe(SOCKET_KIND_TCP_SERVER);
    CHECK_EQ(bind_to(tcp, "127.0.0.1", port, 0), 0);
    CHECK_EQ(bind_to(udp, "127.0.0.1", udp_port, 0), 0);
    CHECK_EQ(listen_to(server, "127.0.0.1", port, 0), 0);
    CHECK(probe_port(tcp) > 0 && probe_port(tcp) != port);
    CHECK(probe_port(udp) > 0 && probe_port(udp) != udp_port);
    CHECK(probe_port(server) > 0 && probe_port(server) != port);
    CHECK_EQ(listen_to(second, "127.0.0.1", probe_port(server), 0), 0);
    CHECK(probe_port(second) != probe_port(server));
    // Other errors stay errors.
    struct probe *other = compat_probe(SOCKET_KIND_TCP);
    CHECK_CODE(bind_to(other, "192.0.2.1", 0, 0), 2301099);
    struct probe *plain = probe_new(SOCKET_KIND_TCP);
    CHECK_CODE(bind_to(plain, "127.0.0.1", port, 0), 2301098);
    probe_release(plain);
    probe_release(other);
    probe_closed(tcp);
    probe_closed(udp);
    probe_closed(server);
    probe_closed(second);
    peer_close(listener);
    peer_close(peer);
}

LOOPS_TEST(ports_families_and_zones_are_forgiven)
{
    struct probe *p = compat_probe(SOCKET_KIND_TCP);
    static const struct {
        const char *text;
        int port, family, code;
    } cases[] = {
        {"127.0.0.1", 65536, 0, 0}, {"127.0.0.1", 0, 9, 0}, {"127.0.0.1", 0, -7, 0}, {"::1", 0, 9, 401},
        {"::1%lo", 65536, SOCKET_FAMILY_IPV6, 0}, {"fe80::1%lo", 0, SOCKET_FAMILY_IPV6, 2301022},
        {"::1%no-such-if", 0, 0, 0}, {"nonsense", 0, 0, 401}, {NULL, 0, 0, 401},
    };
    int n = 0;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        EXPECT_EQ(bind_to(p, cases[i].text, cases[i].port, cases[i].family), -cases[i].code, "bind to %s port %d family %d",
                  cases[i].text ? cases[i].text : "NULL", cases[i].port, cases[i].family);
        if (cases[i].code != 0) continue;
        probe_opened(p);
        CHECK(probe_port(p) > 0);
        CHECK_EQ(socket_close(p->socket, NULL, NULL), 0);
        n++;
        WAIT(p->count[SOCKET_EVENT_CLOSE] == n);
    }
    int port;
    int listener = peer_listen(&port);
    CHECK_EQ(probe_connect_to(p, "127.0.0.1", port + 65536, 0), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
    peer_close(peer_accept(listener));
    WAIT(p->count[SOCKET_EVENT_CLOSE] == n + 1);
    probe_release(p);
    peer_close(listener);
}

static char calls[20];

static void note(const socket_event *e, void *letter)
{
    (void)e;
    state_lock();
    calls[strlen(calls)] = *(char *)letter;
    state_changed();
    state_unlock();
}

// The last listener of an event is the only one; of other events it is not the business.
CALLBACKS_TEST(one_listener_for_each_event)
{
    int ignored;
    int peer = peer_udp(&ignored);
    CHECK_EQ(socket_set_compat(1), 0);
    struct probe *p = probe_new_masked(SOCKET_KIND_UDP, SOCKET_EVENT_MASK(SOCKET_EVENT_CLOSE));
    CHECK_EQ(socket_set_compat(0), 1);
    CHECK_EQ(socket_on(p->socket, SOCKET_EVENT_MESSAGE, note, "a"), 0);
    CHECK_EQ(socket_on(p->socket, SOCKET_EVENT_MESSAGE, note, "b"), 0);
    int port = probe_bind(p);
    peer_send_to(peer, port, "x", 1);
    WAIT(calls[0]);
    settle();
    CHECK_STR(calls, "b");
    CHECK_EQ(socket_off(p->socket, SOCKET_EVENT_MESSAGE, NULL, NULL), 0);
    peer_send_to(peer, port, "x", 1);
    settle();
    CHECK_STR(calls, "b");
    CHECK_EQ(socket_close(p->socket, NULL, NULL), 0);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    probe_release(p);
    peer_close(peer);
}

// A server's connections have its mode, and the mode is that of the time of construction.
CALLBACKS_TEST(connections_have_the_mode_of_their_server)
{
    CHECK_EQ(socket_set_compat(1), 0);
    struct probe *server = probe_new(SOCKET_KIND_TCP_SERVER);
    CHECK_EQ(socket_set_compat(0), 1);
    CHECK_EQ(socket_set_compat(0), 0);
    server->keeps_clients = 1;
    server->client_mask = SOCKET_EVENT_MASK(SOCKET_EVENT_CLOSE);
    CHECK_EQ(listen_to(server, "127.0.0.1", 0, 0), 0);
    int peer = peer_connect(probe_port(server));
    WAIT(server->clients == 1);
    struct probe *client = server->client[0];
    CHECK_EQ(socket_on(client->socket, SOCKET_EVENT_MESSAGE, note, "a"), 0);
    CHECK_EQ(socket_off(client->socket, SOCKET_EVENT_MESSAGE, NULL, NULL), 0);
    CHECK_EQ(socket_pause(client->socket), 0);
    CHECK_EQ(socket_on(client->socket, SOCKET_EVENT_MESSAGE, note, "b"), 0);
    CHECK_EQ(socket_on(client->socket, SOCKET_EVENT_MESSAGE, note, "c"), 0);
    CHECK_EQ(socket_resume(client->socket), 0);
    peer_write(peer, "x", 1);
    WAIT(calls[0]);
    settle();
    CHECK_STR(calls, "c");
    peer_close(peer);
    WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
    probe_closed(server);
}

CHILD(child_starts_in_compat) { CHECK_EQ(socket_set_compat(1), atoi(test_argument)); }

// OHSOCKET_COMPAT=1 does so from the start; any other value does not.
BARE_TEST(the_environment_variable)
{
    static const struct {
        const char *value, *mode;
    } cases[] = {{"1", "1"}, {"0", "0"}, {"", "0"}, {"yes", "0"}, {NULL, "0"}};
    for (int i = 0; i < 5; i++) {
        if (cases[i].value)
            setenv("OHSOCKET_COMPAT", cases[i].value, 1);
        else
            unsetenv("OHSOCKET_COMPAT");
        CHECK_EQ(wait_child(start_child("child_starts_in_compat", cases[i].mode)), 0);
    }
}
