// A connection that exists already becomes TLS: socket_construct_tls_over in every state, and
// socket_adopt. TLS-10, ORDER-7, LIFE-3, LIFE-5.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls_pair.h"

// A TLS socket over a connected TCP socket, with its probe.
static struct probe *over(struct probe *tcp)
{
    socket_tls_options o = tls_client_options();
    o.server_name = "localhost";
    struct probe *p = probe_attach(CHECK_OK(socket_construct_tls_over(tcp->socket)), SOCKET_KIND_TLS, ALL_EVENTS);
    CHECK_EQ(socket_tls_set_secure_options(p->socket, &o), 0);
    return p;
}

static void echo_over_tls(struct probe *p, struct tls_peer *peer)
{
    p->pattern = 1;
    CHECK_EQ(probe_send_pattern(p, 0, 200000), 0);
    tls_peer_read_pattern(peer, 0, 200000);
    WAIT(p->done[SOCKET_OPERATION_SEND] == 1);
    tls_peer_write_pattern(peer, 0, 200000);
    WAIT(p->size == 200000);
}

// TLS-10: what comes of it, and the TCP socket, which has no event and is free at once.
LOOPS_TEST(tls_over_a_connected_socket)
{
    for (int reopened = 0; reopened < 2; reopened++) {
        struct pair pair = pair_new(SOCKET_KIND_TCP);
        struct probe *tcp = pair.probe;
        int port, listener = peer_listen(&port), local = probe_port(tcp);
        struct probe *p = over(tcp);
        CHECK_EQ(state_of(tcp->socket), 4);
        CHECK_EQ(state_of(p->socket), 1);
        CHECK_EQ(probe_port(p), local);
        CHECK_CODE(probe_send(tcp, "x", 1), 2301009);
        CHECK_CODE(probe_send(p, "x", 1), 2303501);
        CHECK_CODE(socket_construct_tls_over(tcp->socket), 2303601);
        socket_address any = address_of("127.0.0.1", 0, 0);
        CHECK_EQ(socket_bind(p->socket, &any), 0); // as the API has it
        if (reopened) {
            probe_listen(tcp, 0);
            probe_listen(tcp, ALL_EVENTS);
            tcp->rank = 0; // nobody has told it that its period is over
            CHECK_EQ(probe_connect(tcp, port), 0);
        }
        CHECK_EQ(probe_connect(p, 9), 0); // the port is not looked at
        CHECK_CODE(socket_bind(p->socket, &any), 2303122);
        struct tls_peer peer = tls_peer_new(pair.peer, TLS_PEER_SERVER);
        CHECK_EQ(tls_peer_shake(&peer), TLS_PEER_DONE);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
        if (reopened) {
            int other = peer_accept(listener);
            peer_write(other, "plain", 5);
            WAIT(tcp->size == 5);
            peer_close(other);
            WAIT(tcp->count[SOCKET_EVENT_CLOSE] == 1);
        } else {
            CHECK_EQ(tcp->count[SOCKET_EVENT_CLOSE], 0);
        }
        probe_release(tcp);
        echo_over_tls(p, &peer);
        tls_peer_close(&peer);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_STR(p->order, "CcsMEZ");
        CHECK_EQ(state_of(p->socket), 4);
        // And again, from the beginning.
        CHECK_EQ(probe_connect(p, port), 0);
        peer = tls_peer_accept(listener);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 2);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
        tls_peer_close(&peer);
        probe_release(p);
        peer_close(listener);
    }
}

// The listener that has read the server's "go ahead" does it; the hello of a hasty peer is behind
// it in the kernel.
static struct probe *made;

static void start_tls(struct probe *tcp, const socket_event *e)
{
    if (e->type != SOCKET_EVENT_MESSAGE || tcp->size < 3 || made) return;
    struct probe *p = over(tcp);
    state_lock();
    made = p;
    state_changed();
    state_unlock();
    CHECK_EQ(probe_connect_to(made, "localhost", 25, PATIENCE_MS), 0);
    CHECK_EQ(probe_send_pattern(made, 0, 1000), 0); // queued before it is connected
    probe_release(tcp);
}

// TLS-10
LOOPS_TEST(inside_the_message_callback)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *tcp = pair.probe;
    made = NULL;
    tcp->on_event = start_tls;
    peer_write(pair.peer, "go\n", 3);
    WAIT(made != NULL);
    struct tls_peer peer = tls_peer_new(pair.peer, TLS_PEER_SERVER);
    CHECK_EQ(tls_peer_shake(&peer), TLS_PEER_DONE);
    tls_peer_read_pattern(&peer, 0, 1000);
    struct probe *p = made;
    WAIT(p->done[SOCKET_OPERATION_SEND] == 1 && p->count[SOCKET_EVENT_CONNECT] == 1);
    tls_peer_close(&peer);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], 0);
    CHECK_EQ(tcp->count[SOCKET_EVENT_CLOSE], 0);
    CHECK_EQ(tcp->size, 3);
    probe_release(p);
}

// TLS-10: bytes that are unread in the kernel are the TLS socket's: here they are no TLS.
LOOPS_TEST(unread_bytes_go_along)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *tcp = pair.probe;
    char text[200];
    CHECK_EQ(socket_pause(tcp->socket), 0);
    peer_write(pair.peer, "220 plain text\r\n", 16);
    settle();
    struct probe *p = over(tcp);
    freeze();
    CHECK_EQ(probe_connect(p, 9), 0);
    CHECK_EQ(probe_send(p, "abc", 3), 0);
    thaw();
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    // A handshake that fails ends the open period: the completion, then error and close.
    CHECK_STR(p->order, "csXZ");
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2303505);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2303505);
    CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -2303505);
    CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], -2303505);
    CHECK(socket_get_error_detail(p->socket, text, sizeof text) > 0 && strstr(text, "does not speak TLS") != NULL);
    CHECK_EQ(state_of(p->socket), 4);
    CHECK_EQ(tcp->size, 0);
    peer_close(pair.peer);
    probe_release(p);
    probe_release(tcp);
}

// TLS-10, LISTEN-3: the listeners of the TCP socket are gone with its connection.
LOOPS_TEST(the_tcp_sockets_listeners_are_removed)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *tcp = pair.probe, *p = over(tcp);
    int port, listener = peer_listen(&port);
    CHECK_EQ(probe_connect(tcp, port), 0);
    int other = peer_accept(listener);
    WAIT(tcp->done[SOCKET_OPERATION_CONNECT] == 2);
    CHECK_EQ(tcp->count[SOCKET_EVENT_CONNECT], 1);
    peer_close(other);
    peer_close(listener);
    peer_close(pair.peer);
    probe_release(tcp);
    probe_release(p);
}

// TLS-10: a time limit that runs out in that handshake ends the open period too.
LOOPS_TEST(the_handshake_has_its_time_limit)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = over(pair.probe);
    CHECK_EQ(probe_connect_to(p, "127.0.0.1", 9, 150), 0);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_STR(p->order, "cXZ");
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2303210);
    peer_close(pair.peer);
    probe_release(p);
    probe_release(pair.probe);
}

// TLS-10: every state in which it is not to be had; nothing has been done then.
LOOPS_TEST(states_that_do_not_allow_it)
{
    socket_handle made_over = 0;
    struct probe *tcp = probe_new(SOCKET_KIND_TCP), *udp = probe_new(SOCKET_KIND_UDP);
    struct probe *server = probe_new(SOCKET_KIND_TCP_SERVER);
    CHECK_CODE(socket_construct_tls_over(tcp->socket), 2303601); // new
    CHECK_CODE(socket_construct_tls_over(udp->socket), 401);
    CHECK_CODE(socket_construct_tls_over(server->socket), 401);
    CHECK(socket_construct_tls_over(0) < 0);
    probe_bind(tcp);
    CHECK_CODE(socket_construct_tls_over(tcp->socket), 2303602); // bound
    struct full_listener full = peer_listen_full();
    CHECK_EQ(probe_connect(tcp, full.port), 0);
    CHECK_CODE(socket_construct_tls_over(tcp->socket), 2303602); // connecting
    socket_abort(tcp->socket);
    WAIT(tcp->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_CODE(socket_construct_tls_over(tcp->socket), 2303601); // closed
    probe_release(tcp);
    CHECK(socket_construct_tls_over(tcp->socket) < 0); // released
    probe_release(udp);
    probe_release(server);
    peer_close_full(&full);

    struct pair pair = pair_new(SOCKET_KIND_TCP);
    tcp = pair.probe;
    CHECK_EQ(probe_send_pattern(tcp, 0, 16 << 20), 0);
    CHECK_CODE(socket_construct_tls_over(tcp->socket), 2301011); // something is queued
    peer_read_pattern(pair.peer, 0, 16 << 20);
    WAIT(tcp->done[SOCKET_OPERATION_SEND] == 1);
    CHECK_EQ(probe_end(tcp), 0);
    CHECK_CODE(socket_construct_tls_over(tcp->socket), 2303602); // after end
    CHECK_EQ(probe_close(tcp), 0);
    made_over = socket_construct_tls_over(tcp->socket); // closing
    CHECK(made_over == -2303601);
    peer_close(pair.peer);
    WAIT(tcp->count[SOCKET_EVENT_CLOSE] == 1);
    probe_release(tcp);

    pair = pair_new(SOCKET_KIND_TCP);
    tcp = pair.probe;
    CHECK_EQ(socket_set_option(tcp->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
    peer_end(pair.peer);
    WAIT(tcp->count[SOCKET_EVENT_END] == 1);
    CHECK_CODE(socket_construct_tls_over(tcp->socket), 2303602); // the peer has ended
    pair_close(&pair);

    pair = pair_new(SOCKET_KIND_TCP_CONNECTION);
    CHECK_CODE(socket_construct_tls_over(pair.probe->socket), 401);
    pair_close(&pair);
}

// LIFE-5, ORDER-2: closed, aborted or released, before the handshake and in it.
LOOPS_TEST(closed_before_it_is_connected)
{
    for (int how = 0; how < 3; how++) {
        for (int connecting = 0; connecting < 2; connecting++) {
            struct pair pair = pair_new(SOCKET_KIND_TCP);
            struct probe *p = over(pair.probe);
            if (how == 0) probe_release(pair.probe);
            if (connecting) CHECK_EQ(probe_connect(p, 9), 0);
            if (connecting) settle();
            if (how == 0) CHECK_EQ(probe_close(p), 0);
            if (how == 1) CHECK_EQ(socket_abort(p->socket), 0);
            if (how == 2) probe_release(p);
            if (how < 2) WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            if (connecting) WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
            if (connecting) CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2303225);
            char c;
            if (connecting) peer_read(pair.peer, &c, 1);
            if (!connecting) peer_read_end(pair.peer);
            peer_close(pair.peer);
            if (how < 2) probe_release(p);
            if (how > 0) probe_release(pair.probe);
            CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 0);
        }
    }
}

// The peer goes between the two calls.
LOOPS_TEST(the_peer_goes_before_it_is_connected)
{
    for (int resets = 0; resets < 2; resets++) {
        struct pair pair = pair_new(SOCKET_KIND_TCP);
        struct probe *p = over(pair.probe);
        if (resets) peer_reset(pair.peer);
        else peer_close(pair.peer);
        settle();
        check_quiet();
        CHECK_EQ(probe_connect(p, 9), 0);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_STR(p->order, "cXZ");
        CHECK(p->done_error[SOCKET_OPERATION_CONNECT] < 0);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], p->error[SOCKET_EVENT_ERROR]);
        probe_release(p);
        probe_release(pair.probe);
    }
}

// ORDER-7, THREAD-1: the loop's thread has not learned of it yet when the TCP socket is opened
// again.
TEST(reopened_while_the_loop_does_not_look)
{
    for (int i = 0; i < 30; i++) {
        struct pair pair = pair_new(SOCKET_KIND_TCP);
        struct probe *tcp = pair.probe;
        int port, listener = peer_listen(&port);
        freeze();
        struct probe *p = over(tcp);
        probe_listen(tcp, 0);
        probe_listen(tcp, ALL_EVENTS);
        tcp->rank = 0;
        CHECK_EQ(probe_connect(tcp, port), 0);
        if (i % 2) CHECK_EQ(probe_connect(p, 9), 0);
        else CHECK_EQ(socket_abort(p->socket), 0);
        thaw();
        int other = peer_accept(listener);
        WAIT(tcp->done[SOCKET_OPERATION_CONNECT] == 2);
        peer_write(other, "plain", 5);
        WAIT(tcp->size == 5);
        if (i % 2) {
            struct tls_peer peer = tls_peer_new(pair.peer, TLS_PEER_SERVER);
            CHECK_EQ(tls_peer_shake(&peer), TLS_PEER_DONE);
            WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
            tls_peer_close(&peer);
        } else {
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            peer_close(pair.peer);
        }
        probe_release(p);
        peer_close(other);
        WAIT(tcp->count[SOCKET_EVENT_CLOSE] == 1);
        probe_release(tcp);
        peer_close(listener);
    }
}

// A connected descriptor is a client's, which is bound until its connect has made the handshake.
LOOPS_TEST(adopt_a_connected_descriptor)
{
    int port, listener = peer_listen(&port);
    for (int connects = 0; connects < 2; connects++) {
        struct probe *p = tls_client_new();
        int fd = peer_connect(port);
        CHECK_EQ(socket_adopt(p->socket, fd), 0);
        CHECK_EQ(state_of(p->socket), 1);
        CHECK_CODE(probe_send(p, "x", 1), 2303501);
        struct tls_peer peer = tls_peer_new(peer_accept(listener), TLS_PEER_SERVER);
        if (connects) {
            CHECK_EQ(probe_connect_to(p, "localhost", 9, PATIENCE_MS), 0);
            CHECK_EQ(tls_peer_shake(&peer), TLS_PEER_DONE);
            WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
            echo_over_tls(p, &peer);
            tls_peer_close(&peer);
        } else {
            CHECK_EQ(socket_close(p->socket, NULL, NULL), 0);
            peer_read_end(peer.fd);
            tls_peer_drop(&peer);
        }
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        probe_release(p);
    }
    struct probe *p = tls_client_new();
    // of another kind: it stays the caller's
    CHECK_CODE(socket_adopt(p->socket, listener), 2303191);
    CHECK_CODE(socket_adopt(p->socket, -1), 401);
    peer_close(listener);
    probe_release(p);
}

// A listening one is a server's; it must have options then.
LOOPS_TEST(adopt_a_listening_descriptor)
{
    int port, listener = peer_listen(&port);
    struct probe *server = probe_new_masked(SOCKET_KIND_TLS_SERVER, 0);
    CHECK_CODE(socket_adopt(server->socket, listener), 2303505);
    socket_tls_options o = tls_server_options();
    CHECK_EQ(socket_tls_set_secure_options(server->socket, &o), 0);
    server->keeps_clients = 1;
    server->client_mask = ALL_EVENTS;
    probe_listen(server, ALL_EVENTS);
    CHECK_EQ(socket_adopt(server->socket, listener), 0);
    struct tls_peer peer = tls_peer_connect(port);
    WAIT(server->clients == 1);
    tls_peer_write(&peer, "hello", 5);
    WAIT(server->client[0]->size == 5);
    tls_peer_drop(&peer);
    WAIT(server->client[0]->count[SOCKET_EVENT_CLOSE] == 1);
    tls_server_close(server);
}
