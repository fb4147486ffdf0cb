// Descriptors that others hold too: LIFE-8, ORDER-6.
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"

enum way { CLOSE, ABORT, RELEASE, LOOP, WAYS };

static int is_listening(int fd)
{
    int on = 0;
    socklen_t size = sizeof on;
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size), 0);
    return on;
}

static void end_by(struct probe *p, enum way way, socket_loop loop)
{
    if (way == CLOSE) CHECK_EQ(probe_close(p), 0);
    if (way == ABORT) CHECK_EQ(socket_abort(p->socket), 0);
    if (way == RELEASE) CHECK_EQ(socket_release(p->socket), 0);
    if (way != LOOP) return;
    if (loop != 0)
        CHECK_EQ(socket_loop_close(loop), 0);
    else
        CHECK_EQ(socket_shutdown(PATIENCE_MS), 0);
}

static int has_ended(struct probe *p, enum way way)
{
    return way == RELEASE ? stats_now().sockets == 0 : p->count[SOCKET_EVENT_CLOSE] == 1;
}

// Adopts what another holder listens at, and ends. The other holder then serves.
static void check_the_other_holder(int kind, enum way way, int own_loop)
{
    int port;
    int listener = peer_listen(&port);
    socket_loop loop = own_loop ? CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS)) : 0;
    if (kind == SOCKET_KIND_TLS_SERVER) socket_set_compat(1); // may listen without a certificate
    struct probe *p = probe_attach(CHECK_OK(socket_construct(loop, kind)), kind, ALL_EVENTS);
    socket_set_compat(0);
    CHECK_EQ(socket_adopt(p->socket, dup(listener)), 0);
    while (p->count[SOCKET_EVENT_LISTENING] == 0)
        if (own_loop)
            CHECK_OK(socket_loop_run(loop, 100));
        else
            WAIT(p->count[SOCKET_EVENT_LISTENING] == 1);
    end_by(p, way, loop);
    if (own_loop && way != LOOP) {
        while (!has_ended(p, way)) CHECK_OK(socket_loop_run(loop, 100));
        CHECK_EQ(socket_loop_close(loop), 0);
    } else {
        POLL(has_ended(p, way));
    }
    CHECK_EQ(is_listening(listener), 1);
    for (int i = 0; i < 3; i++) {
        int client = peer_connect(port), accepted = peer_accept(listener);
        peer_write(client, "x", 1);
        peer_read(accepted, &(char){0}, 1);
        peer_close(client);
        peer_close(accepted);
    }
    peer_close(listener);
    if (!own_loop && way != LOOP && way != RELEASE) probe_release(p);
}

static void all_ways(int kind)
{
    for (enum way way = CLOSE; way < WAYS; way++)
        for (int own_loop = 0; own_loop < 2; own_loop++) check_the_other_holder(kind, way, own_loop);
    settle(); // a new loop, which the baseline has
}

// LIFE-8
TEST(a_tcp_server_ends_and_the_listener_stays) { all_ways(SOCKET_KIND_TCP_SERVER); }

TEST(a_tls_server_ends_and_the_listener_stays) { all_ways(SOCKET_KIND_TLS_SERVER); }

static void greet(struct probe *server, const socket_event *e)
{
    if (e->type != SOCKET_EVENT_CONNECT) return;
    CHECK_EQ(socket_send(e->connection, server->context, 1, NULL, NULL), 0);
    CHECK_EQ(socket_close(e->connection, NULL, NULL), 0);
}

static struct probe *greeter(int fd, char *greeting)
{
    struct probe *server = probe_new(SOCKET_KIND_TCP_SERVER);
    server->on_event = greet;
    server->context = greeting;
    CHECK_EQ(socket_adopt(server->socket, fd), 0);
    WAIT(server->count[SOCKET_EVENT_LISTENING] == 1);
    return server;
}

// LIFE-8: a server takes over from another that shares its listener; no client is refused, nor one
// in the backlog lost.
LOOPS_TEST(a_restart_refuses_nobody)
{
    enum { CLIENTS = 60 };
    static char names[2] = {'o', 'n'};
    int port, client[CLIENTS], served[2] = {0};
    int listener = peer_listen(&port);
    struct probe *old = greeter(dup(listener), &names[0]), *new = NULL;
    for (int i = 0; i < CLIENTS; i++) {
        if (i == CLIENTS / 3) new = greeter(listener, &names[1]);
        if (i == CLIENTS / 2) CHECK_EQ(probe_close(old), 0);
        client[i] = peer_connect(port);
    }
    for (int i = 0; i < CLIENTS; i++) {
        char greeting;
        peer_read(client[i], &greeting, 1);
        served[greeting == 'n']++;
        peer_close(client[i]);
    }
    CHECK_EQ(served[0] + served[1], CLIENTS);
    CHECK(served[1] >= CLIENTS / 2 - 1);
    WAIT(old->done[SOCKET_OPERATION_CLOSE] == 1);
    probe_release(old);
    probe_closed(new);
}

// LIFE-8: a connection ends for all who hold it: the peer does not wait for a child that has
// forgotten it.
LOOPS_TEST(a_connection_ends_for_every_holder)
{
    for (enum way way = CLOSE; way < LOOP; way++) {
        struct pair pair = pair_new(SOCKET_KIND_TCP);
        int held = dup((int)CHECK_OK(socket_get_fd(pair.probe->socket)));
        end_by(pair.probe, way, 0);
        if (way == ABORT)
            peer_read_reset(pair.peer);
        else
            peer_read_end(pair.peer);
        peer_close(pair.peer);
        if (way == RELEASE)
            POLL(stats_now().sockets == 0);
        else
            WAIT(pair.probe->count[SOCKET_EVENT_CLOSE] == 1);
        close(held);
        if (way != RELEASE) probe_release(pair.probe);
    }
}

// ORDER-6: shut down both ways by another holder, whether anybody reads or is connected.
LOOPS_TEST(a_udp_socket_that_was_shut_down_both_ways)
{
    enum { CONNECTED = 1, PAUSED = 2, VARIANTS = 4 };
    for (int variant = 0; variant < VARIANTS; variant++) {
        struct probe *peer = probe_new(SOCKET_KIND_UDP), *p = probe_new(SOCKET_KIND_UDP);
        int port = probe_bind(peer);
        probe_bind(p);
        if (variant & CONNECTED) {
            CHECK_EQ(probe_connect(p, port), 0);
            WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        }
        if (variant & PAUSED) CHECK_EQ(socket_pause(p->socket), 0);
        settle();
        int held = dup((int)CHECK_OK(socket_get_fd(p->socket)));
        shutdown(held, SHUT_RDWR); // one that is not connected is shut down, too, with ENOTCONN
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 1);
        CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -SOCKET_ERROR_IO);
        char detail[200];
        CHECK_OK(socket_get_error_detail(p->socket, detail, sizeof detail));
        CHECK(strstr(detail, "shut it down") != NULL);
        close(held);
        probe_release(p);
        probe_closed(peer);
    }
}

// ORDER-6: one way; the other goes on.
LOOPS_TEST(a_udp_socket_that_was_shut_down_one_way)
{
    for (int way = SHUT_RD; way <= SHUT_WR; way++) {
        struct probe *peer = probe_new(SOCKET_KIND_UDP), *p = probe_new(SOCKET_KIND_UDP);
        int port = probe_bind(peer), own = probe_bind(p);
        CHECK_EQ(probe_connect(p, port), 0);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        int held = dup((int)CHECK_OK(socket_get_fd(p->socket)));
        CHECK_EQ(shutdown(held, way), 0);
        CHECK_EQ(probe_send(p, "x", 1), 0);
        WAIT(p->done[SOCKET_OPERATION_SEND] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], way == SHUT_WR ? -SOCKET_ERROR_PIPE : 0);
        if (way == SHUT_RD) WAIT(peer->count[SOCKET_EVENT_MESSAGE] == 1);
        if (way == SHUT_WR) {
            CHECK_EQ(probe_send_to(peer, own, "y", 1), 0);
            WAIT(p->count[SOCKET_EVENT_MESSAGE] == 1);
        }
        check_quiet();
        CHECK_EQ(p->count[SOCKET_EVENT_ERROR] + p->count[SOCKET_EVENT_CLOSE], 0);
        close(held);
        probe_closed(p);
        probe_closed(peer);
    }
}
