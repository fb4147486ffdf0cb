// Datagrams: DATA-10, DATA-11, ORDER-6 and the getters of UDP sockets.
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"
#include "probe.h"

enum { MOST = 65507 };

static const size_t sizes[] = {0, 1, 2, 1400, 1472, 1473, 2048, 9000, 16384, 65506, MOST};
enum { SIZES = sizeof sizes / sizeof *sizes };

// DATA-10: whole, one message each, empty ones included.
LOOPS_TEST(datagrams_of_all_sizes_arrive)
{
    int port;
    int peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    int own = probe_bind(p);
    char *data = malloc(MOST);
    uint64_t total = 0;
    for (int i = 0; i < SIZES; i++) {
        pattern_fill(data, 0, sizes[i]);
        peer_send_to(peer, own, data, sizes[i]);
        total += sizes[i];
        WAIT(p->count[SOCKET_EVENT_MESSAGE] == i + 1);
        CHECK_EQ(p->size, total);
        CHECK_EQ(p->remote_port, port);
    }
    free(data);
    probe_closed(p);
    peer_close(peer);
}

// DATA-10: one send is one datagram.
LOOPS_TEST(sends_of_all_sizes_are_one_datagram_each)
{
    int port, from;
    int peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    int own = probe_bind(p);
    char *data = malloc(MOST), *got = malloc(MOST + 1);
    for (int i = 0; i < SIZES; i++) {
        pattern_fill(data, sizes[i], sizes[i]);
        CHECK_EQ(probe_send_to(p, port, sizes[i] ? data : NULL, sizes[i]), 0);
        CHECK_EQ(peer_receive(peer, got, MOST + 1, &from), sizes[i]);
        CHECK(pattern_matches(got, sizes[i], sizes[i]));
        CHECK_EQ(from, own);
    }
    WAIT(p->done[SOCKET_OPERATION_SEND] == SIZES);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
    free(data);
    free(got);
    probe_closed(p);
    peer_close(peer);
}

// DATA-10: over IPv6 the maximum is larger, both ways.
LOOPS_TEST(the_largest_datagrams_over_ipv6)
{
    enum { MOST6 = 65527 };
    struct probe *a = probe_new(SOCKET_KIND_UDP), *b = probe_new(SOCKET_KIND_UDP);
    socket_address here = address_of("::1", 0, 0);
    CHECK_EQ(socket_bind(a->socket, &here), 0);
    CHECK_EQ(socket_bind(b->socket, &here), 0);
    here.port = probe_port(b);
    b->pattern = 1;
    char *data = malloc(MOST6 + 1);
    pattern_fill(data, 0, MOST6 + 1);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(socket_send_to(a->socket, &here, data, (size_t)MOST6 + 1 - (size_t)i, probe_completion(SOCKET_OPERATION_SEND), a), 0);
        WAIT(a->done[SOCKET_OPERATION_SEND] == i + 1);
        CHECK_EQ(a->done_error[SOCKET_OPERATION_SEND], i == 0 ? -2301090 : 0);
    }
    WAIT(b->count[SOCKET_EVENT_MESSAGE] == 1);
    CHECK_EQ(b->size, MOST6);
    free(data);
    probe_closed(a);
    probe_closed(b);
}

// Completions by the number of the send.
struct outcome {
    int done, error;
};

static void outcome_done(socket_handle s, int error, void *user_data)
{
    struct outcome *o = user_data;
    (void)s;
    state_lock();
    o->done++;
    o->error = error;
    state_changed();
    state_unlock();
}

// DATA-10, DATA-11: what is too long fails alone, the others before and after it are sent.
CALLBACKS_TEST(a_datagram_too_long_fails_alone)
{
    enum { COUNT = 9 };
    int port;
    int peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    probe_bind(p);
    char *data = calloc(1, 1 << 20);
    static const size_t too_long[] = {MOST + 1, 65536, 100000, 1 << 20};
    socket_address to = address_of("127.0.0.1", port, 0);
    for (int k = 0; k < 4; k++) {
        struct outcome outcomes[COUNT] = {0};
        freeze();
        for (int i = 0; i < COUNT; i++)
            CHECK_EQ(socket_send_to(p->socket, &to, data, i % 3 == 1 ? too_long[k] : 10, outcome_done, &outcomes[i]), 0);
        thaw();
        for (int i = 0; i < COUNT; i++) WAIT(outcomes[i].done == 1);
        for (int i = 0; i < COUNT; i++) CHECK_EQ(outcomes[i].error, i % 3 == 1 ? -2301090 : 0);
        for (int i = 0; i < COUNT * 2 / 3; i++) CHECK_EQ(peer_receive(peer, data, 20, NULL), 10);
    }
    settle();
    CHECK_STR(p->order, "L");
    free(data);
    probe_closed(p);
    peer_close(peer);
}

// DATA-10
LOOPS_TEST(many_datagrams_keep_their_boundaries)
{
    enum { COUNT = 2000, BATCH = 50 };
    int port;
    int peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    int own = probe_bind(p);
    p->pattern = 1;
    char data[300], got[300];
    uint64_t offset = 0;
    for (int i = 0; i < COUNT; i++) { // both ways, never more under way than the buffers hold
        size_t size = (size_t)i % 299;
        pattern_fill(data, offset, size);
        CHECK_EQ(probe_send_to(p, port, data, size), 0);
        CHECK_EQ(peer_receive(peer, got, 300, NULL), size);
        peer_send_to(peer, own, data, size);
        offset += size;
        if (i % BATCH == 0) WAIT(p->count[SOCKET_EVENT_MESSAGE] == i + 1);
    }
    WAIT(p->count[SOCKET_EVENT_MESSAGE] == COUNT && p->done[SOCKET_OPERATION_SEND] == COUNT);
    CHECK_EQ(p->size, offset);
    probe_closed(p);
    peer_close(peer);
}

static void answer(struct probe *p, const socket_event *e)
{
    if (e->type != SOCKET_EVENT_MESSAGE) return;
    for (int i = 0; i < 5; i++) CHECK_EQ(probe_send_to(p, e->remote.port, "pong", 4), 0);
}

// Sends inside callbacks, several at a time, each a datagram of its own.
LOOPS_TEST(answers_inside_callbacks)
{
    int port;
    int peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    int own = probe_bind(p);
    p->on_event = answer;
    char got[100];
    for (int i = 0; i < 20; i++) {
        peer_send_to(peer, own, "ping", 4);
        for (int k = 0; k < 5; k++) CHECK_EQ(peer_receive(peer, got, sizeof got, NULL), 4);
    }
    probe_closed(p);
    peer_close(peer);
}

// A connected UDP socket talks to its peer only.
LOOPS_TEST(a_connected_udp_socket)
{
    int port, other_port;
    int peer = peer_udp(&port), stranger = peer_udp(&other_port);
    for (int bound = 0; bound < 2; bound++) {
        struct probe *p = probe_new(SOCKET_KIND_UDP);
        int own = bound ? probe_bind(p) : 0;
        CHECK_EQ(probe_connect(p, port), 0);
        CHECK_EQ(probe_send(p, "hello", 5), 0); // queued if it is not connected yet
        char got[10], text[64];
        int from, remote, family;
        CHECK_EQ(peer_receive(peer, got, sizeof got, &from), 5);
        WAIT(p->done[SOCKET_OPERATION_SEND] == 1 && p->done[SOCKET_OPERATION_CONNECT] == 1);
        if (bound) CHECK_EQ(from, own);
        CHECK_EQ(probe_port(p), from);
        CHECK_EQ(socket_get_remote_address(p->socket, text, sizeof text, &remote, &family), 9);
        CHECK_EQ(remote, port);
        CHECK_EQ(state_of(p->socket), 3);
        peer_send_to(stranger, from, "no", 2);
        peer_send_to(peer, from, "yes", 3);
        WAIT(p->count[SOCKET_EVENT_MESSAGE] == 1);
        CHECK_EQ(p->size, 3);
        CHECK_EQ(p->order[0], bound ? 'L' : p->order[0]);
        probe_closed(p);
    }
    peer_close(peer);
    peer_close(stranger);
}

// DONE-7: a socket that is bound already says where.
LOOPS_TEST(bound_twice)
{
    char detail[200], where[64];
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    snprintf(where, sizeof where, "bind: already bound to 127.0.0.1:%d", probe_bind(p));
    socket_address again = address_of("127.0.0.1", 0, 0);
    CHECK_CODE(socket_bind(p->socket, &again), 2301022);
    CHECK(socket_get_error_detail(p->socket, detail, sizeof detail) > 0);
    CHECK_STR(detail, where);
    probe_closed(p);
}

// ORDER-6: that an earlier datagram was refused is a notice; the socket goes on.
LOOPS_TEST(a_refused_datagram_is_a_notice)
{
    int port;
    int peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    CHECK_EQ(probe_connect(p, port), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    peer_close(peer);
    CHECK_EQ(probe_send(p, "x", 1), 0);
    WAIT(p->count[SOCKET_EVENT_ERROR] == 1);
    CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -2301111);
    WAIT(p->done[SOCKET_OPERATION_SEND] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
    settle();
    CHECK_EQ(p->count[SOCKET_EVENT_CLOSE], 0);
    CHECK_EQ(state_of(p->socket), 3);
    check_quiet();
    probe_closed(p);
}

// DATA-11
LOOPS_TEST(broadcast_needs_the_option)
{
    int port;
    int peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    probe_bind(p);
    socket_address broadcast = address_of("127.255.255.255", port, 0);
    CHECK_EQ(socket_send_to(p->socket, &broadcast, "x", 1, probe_completion(SOCKET_OPERATION_SEND), p), 0);
    WAIT(p->done[SOCKET_OPERATION_SEND] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2301013);
    CHECK_EQ(probe_send_to(p, port, "y", 1), 0);
    char got[4];
    CHECK_EQ(peer_receive(peer, got, 4, NULL), 1);
    WAIT(p->done[SOCKET_OPERATION_SEND] == 2);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
    socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
    o.fields = SOCKET_EXTRA_BROADCAST;
    o.broadcast = 1;
    CHECK_EQ(socket_set_extra_options(p->socket, &o), 0);
    CHECK_EQ(socket_send_to(p->socket, &broadcast, "x", 1, probe_completion(SOCKET_OPERATION_SEND), p), 0);
    WAIT(p->done[SOCKET_OPERATION_SEND] == 3);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
    CHECK_STR(p->order, "Ls");
    probe_closed(p);
    peer_close(peer);
}

// DATA-10: a vector is one datagram too.
LOOPS_TEST(a_vector_is_one_datagram)
{
    int port;
    int peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    CHECK_EQ(probe_connect(p, port), 0);
    socket_buffer b[4] = {{"abc", 3}, {NULL, 0}, {"de", 2}, {"f", 1}};
    CHECK_EQ(socket_sendv(p->socket, b, 4, NULL, NULL), 0);
    CHECK_EQ(socket_sendv(p->socket, NULL, 0, NULL, NULL), 0);
    char got[10] = {0};
    CHECK_EQ(peer_receive(peer, got, sizeof got, NULL), 6);
    CHECK_STR(got, "abcdef");
    CHECK_EQ(peer_receive(peer, got, sizeof got, NULL), 0);
    // Those were queued behind the connect; this one is written at once.
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(socket_sendv(p->socket, b + 1, 3, NULL, NULL), 0);
    CHECK_EQ(peer_receive(peer, got, sizeof got, NULL), 3);
    CHECK_EQ(memcmp(got, "def", 3), 0);
    probe_closed(p);
    peer_close(peer);
}

// How many of ten datagrams a queue takes that stands still.
static int taken_of_ten(struct probe *p, int port, size_t size)
{
    char block[300] = {0};
    int taken = 0;
    for (int i = 0; i < 10; i++) {
        int result = probe_send_to(p, port, block, size);
        if (result != 0) CHECK_CODE(result, 2301011);
        taken += result == 0;
    }
    return taken;
}

// BOUND-1, BOUND-2, DONE-1, DONE-6: so it is with datagrams: up to the limit, then refused, and a
// drain when they have gone.
LOOPS_TEST(queued_datagrams_are_bounded)
{
    int port;
    int peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    char got[400];
    // Each counts 64 besides its bytes, and its completion 64 more.
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 2 * (300 + 64 + 64) + 300 + 64), 0);
    freeze();
    CHECK_EQ(probe_connect(p, port), 0); // they wait behind it
    CHECK_EQ(taken_of_ten(p, port, 300), 3);
    thaw();
    for (int i = 0; i < 3; i++) CHECK_EQ(peer_receive(peer, got, sizeof got, NULL), 300);
    WAIT(p->count[SOCKET_EVENT_DRAIN] == 1);
    settle();
    CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 3);
    CHECK_EQ(p->count[SOCKET_EVENT_DRAIN], 1);
    CHECK_EQ(peer_readable(peer), 0);
    probe_closed(p);
    peer_close(peer);
}

// DONE-6: a datagram counts more than its bytes: empty ones are bounded, and those of one byte.
LOOPS_TEST(queued_empty_datagrams_are_bounded)
{
    for (size_t size = 0; size <= 1; size++) {
        int port, taken = 0;
        int peer = peer_udp(&port);
        struct probe *p = probe_new(SOCKET_KIND_UDP);
        char got[10];
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 1000), 0);
        freeze();
        CHECK_EQ(probe_connect(p, port), 0); // they wait behind it
        while (socket_send(p->socket, "x", size, NULL, NULL) == 0 && taken < 1000) taken++;
        CHECK_EQ(taken, 15);
        thaw();
        for (int i = 0; i < taken; i++) CHECK_EQ(peer_receive(peer, got, sizeof got, NULL), (int)size);
        WAIT(p->count[SOCKET_EVENT_DRAIN] == 1);
        CHECK_EQ(socket_send(p->socket, "x", size, NULL, NULL), 0);
        CHECK_EQ(peer_receive(peer, got, sizeof got, NULL), (int)size);
        probe_closed(p);
        peer_close(peer);
    }
}

// DATA-11, DONE-2: queued datagrams are sent by close, and dropped by abort.
LOOPS_TEST(close_sends_queued_datagrams)
{
    int port;
    int peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    char got[10];
    probe_bind(p);
    freeze();
    for (int i = 0; i < 50; i++) CHECK_EQ(probe_send_to(p, port, "abc", 3), 0);
    CHECK_EQ(probe_close(p), 0);
    thaw();
    for (int i = 0; i < 50; i++) CHECK_EQ(peer_receive(peer, got, sizeof got, NULL), 3);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 50);
    CHECK_STR(p->order, "LsZz");
    probe_release(p);
    peer_close(peer);
}

// Datagrams to others wait for a connect as those to the peer do, whether the socket was bound or
// not, and are sent in their order, each to its own receiver.
LOOPS_TEST(sends_to_others_while_connecting)
{
    for (int bound = 0; bound < 2; bound++) {
        int port, other;
        int peer = peer_udp(&port), third = peer_udp(&other);
        struct probe *p = probe_new(SOCKET_KIND_UDP);
        socket_address a = address_of("127.0.0.1", other, 0);
        char text[8];
        if (bound) probe_bind(p);
        freeze();
        CHECK_EQ(probe_connect(p, port), 0);
        CHECK_EQ(socket_send_to(p->socket, &a, "third", 5, NULL, NULL), 0);
        CHECK_EQ(socket_send(p->socket, "peer", 4, NULL, NULL), 0);
        thaw();
        CHECK_EQ(peer_receive(third, text, sizeof text, NULL), 5);
        CHECK_EQ(peer_receive(peer, text, sizeof text, NULL), 4);
        CHECK_EQ(probe_close(p), 0);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
        peer_close(peer);
        peer_close(third);
        probe_release(p);
    }
}
