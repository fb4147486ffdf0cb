// What the getters say in the course of a socket's life: the three flags of socket_get_state, and
// the counters of socket_get_stats.
#include "peer.h"
#include "probe.h"

enum { BOUND = 1, CONNECTED = 2, CLOSED = 4 };

LOOPS_TEST(flags_of_a_client)
{
    int port;
    int listener = peer_listen(&port);
    struct full_listener full = peer_listen_full();
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(state_of(p->socket), 0);
    probe_bind(p);
    CHECK_EQ(state_of(p->socket), BOUND);
    CHECK_EQ(probe_connect_to(p, "127.0.0.1", full.port, 100), 0);
    CHECK_EQ(state_of(p->socket), BOUND);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(state_of(p->socket), BOUND);
    CHECK_EQ(probe_connect(p, port), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 2);
    CHECK_EQ(state_of(p->socket), BOUND | CONNECTED);
    int peer = peer_accept(listener);
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
    peer_end(peer);
    WAIT(p->count[SOCKET_EVENT_END] == 1);
    CHECK_EQ(state_of(p->socket), BOUND | CONNECTED);
    CHECK_EQ(probe_close(p), 0);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(state_of(p->socket), CLOSED);
    // opened again: not closed any more
    CHECK_EQ(probe_connect_to(p, "127.0.0.1", full.port, PATIENCE_MS), 0);
    CHECK_EQ(state_of(p->socket), 0);
    CHECK_EQ(socket_abort(p->socket), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 3);
    peer_close(peer);
    peer_close(listener);
    peer_close_full(&full);
    probe_release(p);
}

LOOPS_TEST(flags_of_a_server_and_its_connection)
{
    int port;
    struct probe *server = server_new(&port);
    CHECK_EQ(state_of(server->socket), BOUND);
    int peer = peer_connect(port);
    WAIT(server->clients == 1);
    struct probe *client = server->client[0];
    CHECK_EQ(state_of(server->socket), BOUND | CONNECTED);
    CHECK_EQ(state_of(client->socket), BOUND | CONNECTED);
    peer_close(peer);
    WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
    POLL(state_of(server->socket) == BOUND);
    CHECK_EQ(probe_close(server), 0);
    WAIT(server->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(state_of(server->socket), CLOSED);
    probe_release(server);
}

LOOPS_TEST(flags_of_a_udp_socket)
{
    int port;
    int peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    CHECK_EQ(state_of(p->socket), 0);
    probe_bind(p);
    CHECK_EQ(state_of(p->socket), BOUND);
    CHECK_EQ(probe_connect(p, port), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(state_of(p->socket), BOUND | CONNECTED);
    CHECK_EQ(probe_close(p), 0);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(state_of(p->socket), CLOSED);
    probe_release(p);
    peer_close(peer);
}

static void count_at_message(struct probe *p, const socket_event *event)
{
    if (event->type != SOCKET_EVENT_MESSAGE) return;
    state_lock();
    *(uint64_t *)p->context = stats_now().bytes_received;
    state_changed();
    state_unlock();
}

// What a listener is told of is counted already.
LOOPS_TEST(counted_before_the_listener)
{
    uint64_t before = stats_now().bytes_received, counted = 0;
    struct pair pair = pair_new(SOCKET_KIND_TCP_CONNECTION);
    pair.probe->context = &counted;
    pair.probe->on_event = count_at_message;
    peer_write_pattern(pair.peer, 0, 1000);
    WAIT(counted == before + 1000);
    pair_close(&pair);
}

// A send queue counts in the queue's length and in the statistics, and both are 0 afterwards.
LOOPS_TEST(counters)
{
    enum { SIZE = 8 << 20 };
    socket_stats before = stats_now();
    struct pair pair = pair_new(SOCKET_KIND_TCP_CONNECTION);
    struct probe *p = pair.probe;
    CHECK_EQ(stats_now().sockets, before.sockets + 2);
    CHECK_EQ(stats_now().connections_accepted, before.connections_accepted + 1);
    CHECK_EQ(probe_send_pattern(p, 0, SIZE), 0);
    int64_t queued = socket_get_send_queue_length(p->socket);
    CHECK(queued > 0 && queued < SIZE);
    CHECK_EQ(stats_now().queued_bytes, queued);
    CHECK(stats_now().buffer_bytes >= (uint64_t)queued);
    CHECK_EQ(stats_now().bytes_sent, before.bytes_sent + SIZE - (uint64_t)queued);
    peer_read_pattern(pair.peer, 0, SIZE);
    peer_write_pattern(pair.peer, 0, 1000);
    WAIT(p->size == 1000 && p->done[SOCKET_OPERATION_SEND] == 1);
    socket_stats after = stats_now();
    CHECK_EQ(after.bytes_sent, before.bytes_sent + SIZE);
    CHECK_EQ(after.bytes_received, before.bytes_received + 1000);
    CHECK_EQ(after.messages_sent, before.messages_sent + 1);
    CHECK_EQ(after.messages_received, before.messages_received + (uint64_t)p->count[SOCKET_EVENT_MESSAGE]);
    CHECK(after.loop_iterations > before.loop_iterations);
    CHECK(after.goroutines > 0 && after.go_heap_bytes > 0 && after.loops > 0);
    CHECK_EQ(after.queued_bytes, 0);
    pair_close(&pair);
}

// ORDER-5, and: one whose connection has failed is closed as any other, and so is one whose close
// came behind a connect that failed.
LOOPS_TEST(a_socket_that_has_failed_is_closed)
{
    for (int connected = 0; connected < 2; connected++) {
        struct probe *p = probe_new(SOCKET_KIND_TCP);
        int port, listener = peer_listen(&port);
        if (!connected) {
            peer_close(listener);
            freeze();
            CHECK_EQ(probe_connect(p, port), 0);
            CHECK_EQ(probe_send(p, "lost", 4), 0);
            CHECK_EQ(probe_close(p), 0);
            thaw();
            WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301111);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2301111);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], -2301111);
        } else {
            CHECK_EQ(probe_connect(p, port), 0);
            int peer = peer_accept(listener);
            WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
            peer_reset(peer);
            peer_close(listener);
        }
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 1);
        CHECK_EQ(state_of(p->socket), CLOSED);
        CHECK_CODE(socket_send(p->socket, "x", 1, NULL, NULL), 2301009);
        CHECK_CODE(socket_end(p->socket, NULL, NULL), 2301009);
        CHECK_CODE(socket_close(p->socket, NULL, NULL), 2300999);
        probe_release(p);
    }
}
