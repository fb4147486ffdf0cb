// Limits, time limits, gathering and threads of TLS sockets: BOUND-1 to BOUND-6, BOUND-8,
// BOUND-9, DONE-5, DONE-6, GATHER-1 to GATHER-3, TLS-11, THREAD-1, DATA-4.
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "tls_pair.h"

enum { ONE_MB = 1 << 20, LIMIT = 1 << 20 };

// BOUND-1, BOUND-2: a full queue refuses, takes nothing, and says when it goes on.
LOOPS_TEST(queue_limit_and_drain)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        uint64_t offset = 0;
        int refused = 0;
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, LIMIT), 0);
        while (offset < 64 * ONE_MB && !refused) {
            int result = probe_send_pattern(p, offset, 100000);
            if (result == 0) offset += 100000;
            else CHECK_EQ(result, -2303111);
            refused = result != 0;
            settle();
        }
        CHECK(refused);
        CHECK(socket_get_send_queue_length(p->socket) <= LIMIT);
        CHECK(socket_get_send_queue_length(p->socket) > LIMIT - 100000 - 200 * 64);
        CHECK_EQ(p->count[SOCKET_EVENT_DRAIN], 0);
        tls_peer_read_pattern(&pair.peer, 0, offset);
        WAIT(p->count[SOCKET_EVENT_DRAIN] == 1);
        CHECK_EQ(probe_send_pattern(p, offset, 100000), 0);
        tls_peer_read_pattern(&pair.peer, offset, 100000);
        WAIT(socket_get_send_queue_length(p->socket) == 0);
        CHECK_EQ(p->count[SOCKET_EVENT_DRAIN], 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
        tls_pair_close(&pair);
    }
}

// BOUND-1: an empty queue takes a send of any size, one that is queued before the connect too.
LOOPS_TEST(one_large_send)
{
    int port, listener = peer_listen(&port);
    struct probe *p = tls_client_new();
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 1000), 0);
    CHECK_EQ(probe_connect(p, port), 0);
    CHECK_EQ(probe_send_pattern(p, 0, 8 * ONE_MB), 0);
    CHECK_CODE(probe_send(p, "x", 1), 2303111);
    struct tls_peer peer = tls_peer_accept(listener);
    tls_peer_read_pattern(&peer, 0, 8 * ONE_MB);
    WAIT(p->count[SOCKET_EVENT_DRAIN] == 1 && p->done[SOCKET_OPERATION_SEND] == 1);
    tls_peer_close(&peer);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    probe_release(p);
    peer_close(listener);
}

// sendv is one send, whatever its pieces.
LOOPS_TEST(sendv_in_pieces)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        static char data[300000];
        socket_buffer buffers[64];
        size_t offset = 0;
        pattern_fill(data, 0, sizeof data);
        for (int i = 0; i < 64; i++) {
            size_t size = i % 5 == 0 ? 0 : i == 63 ? sizeof data - offset : (size_t)(i * 97);
            buffers[i] = (socket_buffer){size ? data + offset : NULL, size};
            offset += size;
        }
        CHECK_EQ(socket_sendv(p->socket, buffers, 64, probe_completion(SOCKET_OPERATION_SEND), p), 0);
        memset(data, 0, sizeof data); // it was copied
        tls_peer_read_pattern(&pair.peer, 0, offset);
        WAIT(p->done[SOCKET_OPERATION_SEND] == 1);
        tls_pair_close(&pair);
    }
}

// BOUND-8, BOUND-9: the queues of TLS sockets count in the limit of all, and their sends are told
// of room.
LOOPS_TEST(total_limit_and_drain)
{
    enum { PIECE = 100000, TOTAL = 2 * ONE_MB };
    struct tls_pair pair[2];
    uint64_t offset[2] = {0, 0};
    CHECK_EQ(socket_set_total_queue_limit(TOTAL), 0);
    for (int k = 0; k < 2; k++) {
        pair[k] = tls_pair_new(tls_streams[k]);
        struct probe *p = pair[k].probe;
        int result;
        while ((result = probe_send_pattern(p, offset[k], PIECE)) == 0) offset[k] += PIECE, settle();
        CHECK_CODE(result, SOCKET_ERROR_SERVER_AGAIN);
        CHECK(stats_now().total_queue_bytes <= TOTAL);
    }
    CHECK(stats_now().total_queue_bytes > TOTAL / 2);
    CHECK_EQ(pair[0].probe->count[SOCKET_EVENT_DRAIN], 0);
    for (int k = 0; k < 2; k++) tls_peer_read_pattern(&pair[k].peer, 0, offset[k]);
    for (int k = 0; k < 2; k++) {
        WAIT(pair[k].probe->count[SOCKET_EVENT_DRAIN] >= 1);
        CHECK_EQ(probe_send_pattern(pair[k].probe, offset[k], PIECE), 0);
        tls_peer_read_pattern(&pair[k].peer, offset[k], PIECE);
        tls_pair_close(&pair[k]);
    }
    CHECK_EQ(stats_now().total_queue_bytes, 0);
    CHECK_EQ(socket_set_total_queue_limit(0), 0);
}

// BOUND-4: a connection without a byte in either direction, a paused one too; one with bytes does
// not.
LOOPS_TEST(idle_timeout)
{
    for (int k = 0; k < 2; k++) {
        for (int paused = 0; paused < 2; paused++) {
            struct tls_pair pair = tls_pair_new(tls_streams[k]);
            struct probe *p = pair.probe;
            if (paused) CHECK_EQ(socket_pause(p->socket), 0);
            CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_IDLE_TIMEOUT, 400), 0);
            for (int i = 0; i < 4; i++) {
                pause_ms(150);
                if (i % 2 && !paused) tls_peer_write(&pair.peer, "x", 1);
                else CHECK_EQ(probe_send(p, "x", 1), 0);
                settle();
            }
            CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 0);
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -2303210);
            tls_pair_close(&pair);
        }
    }
}

// BOUND-5: queued bytes of which none could be sent, ciphertext or not.
LOOPS_TEST(socket_timeout)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
        o.fields = SOCKET_EXTRA_SOCKET_TIMEOUT;
        o.socket_timeout_ms = 200;
        CHECK_EQ(socket_set_extra_options(p->socket, &o), 0);
        CHECK_EQ(probe_send(p, "fine", 4), 0);
        char text[4];
        tls_peer_read(&pair.peer, text, 4);
        pause_ms(250);
        settle();
        CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 0); // nothing is queued
        CHECK_EQ(probe_send_pattern(p, 0, 16 * ONE_MB), 0);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2303210);
        CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -2303210);
        enum tls_peer_outcome outcome;
        tls_peer_read_rest(&pair.peer, 0, &outcome);
        CHECK_EQ(outcome, TLS_PEER_RESET);
        tls_pair_close(&pair);
    }
}

// DATA-4: linger {on, 0} makes close a reset.
LOOPS_TEST(linger)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
        o.fields = SOCKET_EXTRA_LINGER;
        o.linger_on = 1;
        CHECK_EQ(socket_set_extra_options(p->socket, &o), 0);
        CHECK_EQ(probe_close(p), 0);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
        enum tls_peer_outcome outcome;
        tls_peer_read_rest(&pair.peer, 0, &outcome);
        CHECK_EQ(outcome, TLS_PEER_RESET);
        tls_pair_close(&pair);
    }
}

static void burst(struct probe *p, const socket_event *e)
{
    if (e->type != SOCKET_EVENT_MESSAGE || p->context == NULL) return;
    int *flushes = p->context;
    for (int i = 0; i < 100; i++) CHECK_EQ(probe_send_pattern(p, (uint64_t)i * 10, 10), 0);
    CHECK(socket_get_send_queue_length(p->socket) == 1000); // gathered
    if (*flushes) CHECK_EQ(socket_flush(p->socket), 0);
    p->context = NULL;
}

// GATHER-1, GATHER-3, TLS-11: sends of one callback are one record.
LOOPS_TEST(sends_of_a_callback_are_gathered)
{
    for (int k = 0; k < 2; k++) {
        for (int flushes = 0; flushes < 2; flushes++) {
            struct tls_pair pair = tls_pair_new(tls_streams[k]);
            struct probe *p = pair.probe;
            p->context = &flushes;
            p->on_event = burst;
            tls_peer_write(&pair.peer, "go", 2);
            WAIT(p->done[SOCKET_OPERATION_SEND] == 100);
            int readable = peer_readable(pair.peer.fd);
            CHECK(readable > 1000 && readable < 1000 + 100);
            tls_peer_read_pattern(&pair.peer, 0, 1000);
            tls_pair_close(&pair);
        }
    }
}

static void send_200_pieces(void *argument)
{
    struct probe *p = argument;
    char block[1000];
    for (int i = 0; i < 200; i++) {
        pattern_fill(block, (uint64_t)i * 1000, sizeof block);
        CHECK_EQ(socket_send(p->socket, block, sizeof block, NULL, NULL), 0);
    }
}

// GATHER-2, BOUND-1: what is gathered is encrypted and written before a send is refused: the kernel
// has room.
LOOPS_TEST(what_is_gathered_does_not_fill_the_queue)
{
    static const int limits[] = {1000, 16384, 65536};
    for (int l = 0; l < 3; l++) {
        struct tls_pair pair = tls_pair_new(SOCKET_KIND_TLS);
        struct probe *p = pair.probe;
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, limits[l]), 0);
        on_loop(send_200_pieces, p);
        tls_peer_read_pattern(&pair.peer, 0, 200 * 1000);
        settle();
        CHECK_EQ(p->count[SOCKET_EVENT_DRAIN], 0);
        tls_pair_close(&pair);
    }
}

// TLS-11: what a host has gathered between polls is encrypted by its loop, which flush tells that
// there is work.
TEST(flush_wakes_the_loop)
{
    test_loop_kind = LOOP_POLL;
    test_loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS));
    struct tls_pair pair = tls_pair_new(SOCKET_KIND_TLS);
    struct pollfd loop = {.fd = CHECK_OK(socket_loop_fd(test_loop)), .events = POLLIN};
    socket_event records[8];
    settle();
    CHECK_EQ(socket_loop_poll(test_loop, records, 8, 0), 0);
    CHECK_EQ(poll(&loop, 1, 0), 0);
    CHECK_EQ(socket_send(pair.probe->socket, "abc", 3, NULL, NULL), 0);
    CHECK_EQ(poll(&loop, 1, 0), 0);
    CHECK_EQ(socket_flush(pair.probe->socket), 0);
    CHECK_EQ(poll(&loop, 1, 0), 1);
    CHECK_EQ(socket_loop_poll(test_loop, records, 8, 0), 0);
    char data[3];
    tls_peer_read(&pair.peer, data, 3);
    CHECK_EQ(memcmp(data, "abc", 3), 0);
    tls_pair_close(&pair);
    CHECK_EQ(socket_loop_close(test_loop), 0);
    while (socket_loop_poll(test_loop, records, 8, 0) >= 0) continue;
    test_loop = 0;
    test_loop_kind = LOOP_DEFAULT;
}

enum { SENDERS = 8, MESSAGES = 300, SOCKETS = 6 };

struct sender {
    pthread_t thread;
    struct probe **at;
    int sockets, number;
};

struct packet {
    uint32_t number, sequence, size, check;
};

static uint32_t check_of(struct packet p) { return p.number * 2654435761u ^ p.sequence * 40503u ^ p.size; }

static void *send_packets(void *argument)
{
    struct sender *s = argument;
    char data[4096 + sizeof(struct packet)];
    for (uint32_t i = 0; i < MESSAGES; i++) {
        struct packet p = {(uint32_t)s->number, i, (i * 37 + (uint32_t)s->number * 11) % 4096, 0};
        p.check = check_of(p);
        memcpy(data, &p, sizeof p);
        memset(data + sizeof p, (int)(p.check & 0xff), p.size);
        struct probe *to = s->at[s->sockets == 1 ? 0 : (i % (uint32_t)s->sockets)];
        int result;
        while ((result = socket_send(to->socket, data, sizeof p + p.size, probe_completion(SOCKET_OPERATION_SEND), to)) == -2303111)
            pause_ms(1);
        CHECK_EQ(result, 0);
    }
    return NULL;
}

// Reads what the senders have sent, in any mixture; the order of each is kept.
static void read_packets(struct tls_peer *peer, int count, int stride)
{
    int64_t next[SENDERS];
    char data[4096];
    for (int i = 0; i < SENDERS; i++) next[i] = -1;
    for (int i = 0; i < count; i++) {
        struct packet p;
        tls_peer_read(peer, &p, sizeof p);
        CHECK(p.number < SENDERS && p.size < 4096);
        CHECK_EQ(p.check, check_of(p));
        tls_peer_read(peer, data, p.size);
        for (uint32_t j = 0; j < p.size; j++) CHECK((unsigned char)data[j] == (p.check & 0xff));
        if (next[p.number] >= 0) CHECK_EQ(p.sequence, next[p.number]);
        next[p.number] = p.sequence + stride;
    }
}

// DONE-5, THREAD-1, TLS-11: eight threads on one TLS socket; the order of each is kept and nothing
// is lost.
LOOPS_TEST(many_threads_on_one_socket)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        struct sender senders[SENDERS];
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 200000), 0);
        for (int i = 0; i < SENDERS; i++) {
            senders[i] = (struct sender){.at = &pair.probe, .sockets = 1, .number = i};
            start_thread(&senders[i].thread, send_packets, &senders[i]);
        }
        read_packets(&pair.peer, SENDERS * MESSAGES, 1);
        for (int i = 0; i < SENDERS; i++) join_thread(senders[i].thread);
        WAIT(p->done[SOCKET_OPERATION_SEND] == SENDERS * MESSAGES);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
        tls_pair_close(&pair);
    }
}

// The same on many sockets.
LOOPS_TEST(many_threads_on_many_sockets)
{
    struct tls_pair pairs[SOCKETS];
    struct probe *probes[SOCKETS];
    struct sender senders[SENDERS];
    for (int i = 0; i < SOCKETS; i++) {
        pairs[i] = tls_pair_new(tls_streams[i % 2]);
        probes[i] = pairs[i].probe;
    }
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.at = probes, .sockets = SOCKETS, .number = i};
        start_thread(&senders[i].thread, send_packets, &senders[i]);
    }
    for (int i = 0; i < SOCKETS; i++) read_packets(&pairs[i].peer, SENDERS * MESSAGES / SOCKETS, SOCKETS);
    for (int i = 0; i < SENDERS; i++) join_thread(senders[i].thread);
    for (int i = 0; i < SOCKETS; i++) {
        struct probe *p = probes[i];
        WAIT(p->done[SOCKET_OPERATION_SEND] == SENDERS * MESSAGES / SOCKETS);
        tls_pair_close(&pairs[i]);
    }
}

static void *send_and_go(void *argument)
{
    struct probe *p = argument;
    for (int i = 0; i < 200; i++) {
        int result = socket_send(p->socket, "0123456789", 10, probe_completion(SOCKET_OPERATION_SEND), p);
        CHECK(result == 0 || result == -2303208 || result == -2303600 || result == -2301009 || result == -2303111 ||
              result == -2303204 || result == -2303132);
        if (result == 0) __atomic_add_fetch((int *)p->context, 1, __ATOMIC_RELAXED);
        socket_flush(p->socket);
        char text[100];
        socket_tls_get_protocol(p->socket, text, sizeof text);
        socket_get_send_queue_length(p->socket);
    }
    return NULL;
}

// THREAD-1, DONE-2: a socket closes, aborts or is released while other threads use it.
LOOPS_TEST(closed_while_others_send)
{
    for (int how = 0; how < 6; how++) {
        struct tls_both b = tls_both_new(ALL_EVENTS, ALL_EVENTS);
        struct probe *p = how % 2 ? b.client : b.connection;
        pthread_t threads[4];
        int accepted = 0;
        p->context = &accepted;
        for (int i = 0; i < 4; i++) start_thread(&threads[i], send_and_go, p);
        settle();
        if (how / 2 == 0) CHECK_EQ(socket_close(p->socket, NULL, NULL), 0);
        if (how / 2 == 1) CHECK_EQ(socket_abort(p->socket), 0);
        if (how / 2 == 2) CHECK_EQ(socket_release(p->socket), 0);
        for (int i = 0; i < 4; i++) join_thread(threads[i]);
        WAIT(p->done[SOCKET_OPERATION_SEND] == accepted);
        tls_both_close(&b);
    }
}
