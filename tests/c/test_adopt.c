// socket_adopt: descriptors that somebody else has opened. PROC-2, DONE-1, and the header at
// socket_adopt.
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"

static int is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

// A connected pair of descriptors without anything set on them.
static void raw_pair(int *ours, int *theirs)
{
    int port;
    int listener = peer_listen(&port);
    *ours = peer_connect(port);
    *theirs = peer_accept(listener);
    CHECK_EQ(fcntl(*ours, F_SETFD, 0), 0);
    peer_close(listener);
}

static void check_ours(int fd)
{
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

LOOPS_TEST(adopt_a_connected_socket)
{
    int ours, theirs;
    raw_pair(&ours, &theirs);
    peer_write(theirs, "early", 5);
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(socket_adopt(p->socket, ours), 0);
    check_ours(ours);
    CHECK_EQ(socket_get_fd(p->socket), ours);
    CHECK_EQ(state_of(p->socket), 3);
    CHECK_EQ(probe_send_pattern(p, 0, 3 << 20), 0); // at once
    WAIT(p->size == 5);
    CHECK_EQ(p->order[0], 'C');
    int port;
    CHECK_OK(socket_get_remote_address(p->socket, NULL, 0, &port, NULL));
    CHECK_EQ(port, peer_port(theirs));
    CHECK_EQ(probe_close(p), 0);
    CHECK_EQ(peer_read_pattern_to_end(theirs, 0), 3 << 20);
    peer_close(theirs);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK(!is_open(ours));
    probe_release(p);
}

LOOPS_TEST(adopt_a_listening_socket)
{
    int port;
    int listener = peer_listen(&port);
    int early = peer_connect(port); // in its backlog already
    struct probe *server = probe_new(SOCKET_KIND_TCP_SERVER);
    server->keeps_clients = 1;
    server->client_mask = ALL_EVENTS;
    CHECK_EQ(socket_adopt(server->socket, listener), 0);
    check_ours(listener);
    int late = peer_connect(port);
    peer_write(late, "abc", 3);
    WAIT(server->clients == 2);
    struct probe *client = server->client[1];
    WAIT(client->size == 3);
    CHECK_STR(server->order, "LCC");
    CHECK_EQ(probe_port(server), port);
    peer_close(early);
    peer_close(late);
    WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
    probe_closed(server);
    CHECK(!is_open(listener));
}

LOOPS_TEST(adopt_a_datagram_socket)
{
    for (int connected = 0; connected < 2; connected++) {
        int port, own;
        int peer = peer_udp(&port), ours = peer_udp(&own);
        if (connected) peer_connect_with(ours, port);
        struct probe *p = probe_new(SOCKET_KIND_UDP);
        CHECK_EQ(socket_adopt(p->socket, ours), 0);
        check_ours(ours);
        peer_send_to(peer, own, "hello", 5);
        WAIT(p->size == 5);
        CHECK_STR(p->order, connected ? "CM" : "LM");
        CHECK_EQ(state_of(p->socket), connected ? 3 : 1);
        CHECK_EQ(connected ? probe_send(p, "back", 4) : probe_send_to(p, port, "back", 4), 0);
        char got[10];
        CHECK_EQ(peer_receive(peer, got, sizeof got, NULL), 4);
        probe_closed(p);
        CHECK(!is_open(ours));
        peer_close(peer);
    }
}

// What cannot be adopted stays the caller's, as it was.
LOOPS_TEST(what_cannot_be_adopted)
{
    int ours, theirs, port, pipes[2];
    raw_pair(&ours, &theirs);
    int listener = peer_listen(&port), udp = peer_udp(&port), fresh = socket(AF_INET, SOCK_STREAM, 0), unbound = socket(AF_INET, SOCK_DGRAM, 0);
    int local[2];
    CHECK_EQ(pipe(pipes), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, local), 0);
    struct probe *tcp = probe_new(SOCKET_KIND_TCP), *server = probe_new(SOCKET_KIND_TCP_SERVER), *dgram = probe_new(SOCKET_KIND_UDP);
    const struct {
        const char *name;
        struct probe *by;
        int fd, code;
    } cases[] = {
        {"a pipe by a client", tcp, pipes[0], 2301088}, {"a pipe by a server", server, pipes[0], 2303188},
        {"a pipe by UDP", dgram, pipes[0], 2301088}, {"a listener by a client", tcp, listener, 2301091},
        {"a datagram socket by a client", tcp, udp, 2301091}, {"an unconnected socket by a client", tcp, fresh, 2301091},
        {"a connection by a server", server, ours, 2303191}, {"a datagram socket by a server", server, udp, 2303191},
        {"an unconnected socket by a server", server, fresh, 2303191}, {"a connection by UDP", dgram, ours, 2301091},
        {"a listener by UDP", dgram, listener, 2301091}, {"an unbound socket by UDP", dgram, unbound, 2301091},
        {"a local socket by a client", tcp, local[0], 2301091},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        int flags = fcntl(cases[i].fd, F_GETFL), fdflags = fcntl(cases[i].fd, F_GETFD);
        EXPECT_EQ(socket_adopt(cases[i].by->socket, cases[i].fd), -cases[i].code, "%s", cases[i].name);
        EXPECT_EQ(fcntl(cases[i].fd, F_GETFL), flags, "flags of %s", cases[i].name);
        EXPECT_EQ(fcntl(cases[i].fd, F_GETFD), fdflags, "descriptor flags of %s", cases[i].name);
        EXPECT_EQ(state_of(cases[i].by->socket), 0, "state after %s", cases[i].name);
    }
    // Not descriptors at all.
    static const int bad[] = {-1, -1000, 1000000, INT32_MAX, INT32_MIN};
    for (int i = 0; i < 5; i++) {
        int result = socket_adopt(tcp->socket, bad[i]);
        if (result != -2301009 && result != -2301088 && result != -401) FAIL("adopt %d: %d", bad[i], result);
    }
    settle();
    CHECK_STR(tcp->order, "");
    CHECK_EQ(socket_adopt(tcp->socket, ours), 0); // the socket is as good as new
    CHECK_CODE(socket_adopt(tcp->socket, fresh), 2301022);
    CHECK(is_open(fresh));
    const int mine[] = {theirs, listener, udp, fresh, unbound, pipes[0], pipes[1], local[0], local[1]};
    for (int i = 0; i < 9; i++) close(mine[i]);
    WAIT(tcp->count[SOCKET_EVENT_CLOSE] == 1);
    probe_release(tcp);
    probe_release(server);
    probe_release(dgram);
}

// A connection of the kernel that has ended or been reset by the time it is adopted.
LOOPS_TEST(adopt_what_the_peer_has_left)
{
    for (int reset = 0; reset < 2; reset++) {
        int ours, theirs;
        raw_pair(&ours, &theirs);
        peer_write(theirs, "last", 4);
        if (reset) peer_reset(theirs); else peer_close(theirs);
        struct probe *p = probe_new(SOCKET_KIND_TCP);
        int result = socket_adopt(p->socket, ours);
        if (result == 0) {
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            CHECK_EQ(p->size, 4);
            CHECK_STR(p->order, reset ? "CMXZ" : "CMEZ");
        } else {
            CHECK(reset); // it is not connected any more
            CHECK_CODE(result, 2301091);
            close(ours);
        }
        probe_release(p);
    }
}
