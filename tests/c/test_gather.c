// When bytes are written: GATHER-1 to GATHER-3. With TCP_NODELAY each write is a segment, and the
// kernel counts both segments and bytes.
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>

#include "peer.h"
#include "probe.h"

struct written {
    uint64_t segments, bytes;
};

static struct written written_by(struct probe *p)
{
    struct tcp_info i = peer_tcp_info((int)CHECK_OK(socket_get_fd(p->socket)));
    return (struct written){i.tcpi_data_segs_out, i.tcpi_bytes_sent - i.tcpi_bytes_retrans + i.tcpi_notsent_bytes};
}

static struct pair prompt_pair(int kind)
{
    struct pair pair = pair_new(kind);
    socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
    o.fields = SOCKET_EXTRA_TCP_NO_DELAY;
    o.tcp_no_delay = 1;
    CHECK_EQ(socket_set_extra_options(pair.probe->socket, &o), 0);
    return pair;
}

// GATHER-1: from outside, at once, while the loop stands still.
LOOPS_TEST(sends_from_outside_are_written_at_once)
{
    struct pair pair = prompt_pair(SOCKET_KIND_TCP);
    freeze();
    for (uint64_t i = 1; i <= 5; i++) {
        CHECK_EQ(socket_send(pair.probe->socket, "abc", 3, NULL, NULL), 0);
        CHECK_EQ(written_by(pair.probe).bytes, 3 * i);
        CHECK_EQ(written_by(pair.probe).segments, i);
        CHECK_EQ(socket_get_send_queue_length(pair.probe->socket), 0);
    }
    char data[15];
    peer_read(pair.peer, data, 15);
    thaw();
    pair_close(&pair);
}

struct burst {
    int count;
    size_t each;
    struct probe *to;     // NULL: the socket of the event
    struct written before, inside, flushed; // the state after the sends, and after a flush
    int flush, done;
};

static void send_burst(struct probe *p, const socket_event *e)
{
    struct burst *b = p->context;
    if (e->type != SOCKET_EVENT_MESSAGE || b == NULL) return;
    p->context = NULL;
    struct probe *to = b->to ? b->to : p;
    uint64_t offset = 0;
    b->before = written_by(to);
    for (int i = 0; i < b->count; i++, offset += b->each) CHECK_EQ(probe_send_pattern(to, offset, b->each), 0);
    b->inside = written_by(to);
    if (b->flush) CHECK_EQ(socket_flush(to->socket), 0);
    b->flushed = written_by(to);
    state_lock();
    b->done = 1;
    state_changed();
    state_unlock();
}

static void run_burst(struct pair *pair, struct burst *b)
{
    pair->probe->context = b;
    pair->probe->on_event = send_burst;
    peer_write(pair->peer, "go", 2);
    WAIT(b->done);
}

// GATHER-1: inside a callback, with the others of it, in one write when it returns.
LOOPS_TEST(sends_inside_a_callback_are_gathered)
{
    static const int kinds[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_CONNECTION};
    for (int k = 0; k < 2; k++) {
        struct pair pair = prompt_pair(kinds[k]);
        for (int round = 0; round < 10; round++) {
            struct burst b = {.count = 16, .each = 100};
            run_burst(&pair, &b);
            CHECK_EQ(b.inside.bytes, b.before.bytes);
            CHECK_EQ(b.inside.segments, b.before.segments);
            peer_read_pattern(pair.peer, 0, 1600);
            CHECK_EQ(written_by(pair.probe).segments, b.before.segments + 1);
        }
        struct probe *p = pair.probe;
        WAIT(p->done[SOCKET_OPERATION_SEND] == 160);
        pair_close(&pair);
    }
}

// GATHER-1: so are those to another socket of the loop.
LOOPS_TEST(sends_to_a_neighbour_are_gathered)
{
    struct pair pair = prompt_pair(SOCKET_KIND_TCP), other = prompt_pair(SOCKET_KIND_TCP);
    struct burst b = {.count = 16, .each = 100, .to = other.probe};
    run_burst(&pair, &b);
    CHECK_EQ(b.inside.bytes, b.before.bytes);
    peer_read_pattern(other.peer, 0, 1600);
    CHECK_EQ(written_by(other.probe).segments, b.before.segments + 1);
    pair_close(&pair);
    pair_close(&other);
}

// GATHER-2: socket_flush writes at once.
LOOPS_TEST(flush_writes_at_once)
{
    struct pair pair = prompt_pair(SOCKET_KIND_TCP);
    struct burst b = {.count = 16, .each = 100, .flush = 1};
    run_burst(&pair, &b);
    CHECK_EQ(b.inside.bytes, b.before.bytes);
    CHECK_EQ(b.flushed.bytes, b.before.bytes + 1600);
    CHECK_EQ(b.flushed.segments, b.before.segments + 1);
    peer_read_pattern(pair.peer, 0, 1600);
    pair_close(&pair);
}

// GATHER-2: a single send of 16 KiB is written at once, one byte less is not.
LOOPS_TEST(a_large_send_is_written_at_once)
{
    for (size_t size = 16383; size <= 16384; size++) {
        struct pair pair = prompt_pair(SOCKET_KIND_TCP);
        struct burst b = {.count = 1, .each = size};
        run_burst(&pair, &b);
        CHECK_EQ(b.inside.bytes - b.before.bytes, size < 16384 ? 0 : size);
        peer_read_pattern(pair.peer, 0, size);
        pair_close(&pair);
    }
}

// GATHER-2: what has been gathered is written when it reaches 64 KiB.
LOOPS_TEST(many_small_sends_are_written_at_64_kib)
{
    for (int count = 63; count <= 64; count++) {
        struct pair pair = prompt_pair(SOCKET_KIND_TCP);
        struct burst b = {.count = count, .each = 1024};
        run_burst(&pair, &b);
        CHECK_EQ(b.inside.bytes - b.before.bytes, count < 64 ? 0 : 65536);
        peer_read_pattern(pair.peer, 0, (size_t)count * 1024);
        pair_close(&pair);
    }
}

static void *send_from_another_thread(void *argument)
{
    struct probe *p = argument;
    char block[1000];
    pattern_fill(block, 200 * 1000, sizeof block);
    CHECK_EQ(socket_send(p->socket, block, sizeof block, NULL, NULL), 0);
    return NULL;
}

static void many_sends(struct probe *p, const socket_event *e)
{
    char block[1000];
    pthread_t other;
    if (e->type != SOCKET_EVENT_MESSAGE) return;
    p->on_event = NULL;
    for (int i = 0; i < 200; i++) {
        pattern_fill(block, (uint64_t)i * 1000, sizeof block);
        CHECK_EQ(socket_send(p->socket, block, sizeof block, NULL, NULL), 0);
    }
    CHECK_EQ(pthread_create(&other, NULL, send_from_another_thread, p), 0);
    CHECK_EQ(pthread_join(other, NULL), 0);
}

// GATHER-2, BOUND-1: what is gathered is written before a send is refused: the kernel has room.
LOOPS_TEST(what_is_gathered_does_not_fill_the_queue)
{
    static const int kinds[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_CONNECTION}, limits[] = {1000, 1500, 16384, 65536};
    for (int k = 0; k < 2; k++) {
        for (int l = 0; l < 4; l++) {
            struct pair pair = prompt_pair(kinds[k]);
            struct probe *p = pair.probe;
            CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, limits[l]), 0);
            p->on_event = many_sends;
            peer_write(pair.peer, "go", 2);
            peer_read_pattern(pair.peer, 0, 201 * 1000);
            settle();
            CHECK_EQ(p->count[SOCKET_EVENT_DRAIN], 0);
            pair_close(&pair);
        }
    }
}

static void send_many_datagrams(void *argument)
{
    struct probe *p = argument;
    char block[100] = {0};
    for (int i = 0; i < 50; i++) CHECK_EQ(socket_send_to(p->socket, p->context, block, sizeof block, NULL, NULL), 0);
}

// GATHER-2, BOUND-1: the same of datagrams.
LOOPS_TEST(gathered_datagrams_do_not_fill_the_queue)
{
    int port, peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    socket_address to = {"127.0.0.1", port, 0};
    char got[200];
    probe_bind(p);
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 1000), 0);
    p->context = &to;
    on_loop(send_many_datagrams, p);
    for (int i = 0; i < 50; i++) CHECK_EQ(peer_receive(peer, got, sizeof got, NULL), 100);
    p->context = NULL;
    probe_closed(p);
    peer_close(peer);
}

static void small_then_large(struct probe *p, const socket_event *e)
{
    if (e->type != SOCKET_EVENT_MESSAGE) return;
    p->on_event = NULL;
    CHECK_EQ(probe_send_pattern(p, 0, 10), 0);
    CHECK_EQ(probe_send_pattern(p, 10, 20000), 0);
    CHECK_EQ(probe_send_pattern(p, 20010, 10), 0);
    CHECK_EQ(probe_send_pattern(p, 20020, 200000), 0);
    CHECK_EQ(probe_send_pattern(p, 220020, 10), 0);
}

// ORDER-1: however they are written, the order stays.
LOOPS_TEST(small_and_large_sends_keep_their_order)
{
    struct pair pair = prompt_pair(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    p->on_event = small_then_large;
    peer_write(pair.peer, "go", 2);
    peer_read_pattern(pair.peer, 0, 220030);
    WAIT(p->done[SOCKET_OPERATION_SEND] == 5);
    pair_close(&pair);
}

// GATHER-1: inside a callback of one loop a send to a socket of another is one from outside.
TEST(sends_to_another_loop_are_written_at_once)
{
    struct pair pair = prompt_pair(SOCKET_KIND_TCP);
    int port;
    int listener = peer_listen(&port);
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    struct probe *other = probe_attach(CHECK_OK(socket_construct(loop, SOCKET_KIND_TCP)), SOCKET_KIND_TCP, ALL_EVENTS);
    CHECK_EQ(probe_connect(other, port), 0);
    while (other->done[SOCKET_OPERATION_CONNECT] == 0) CHECK_OK(socket_loop_run(loop, 100));
    int peer = peer_accept(listener);
    struct burst b = {.count = 3, .each = 100, .to = other};
    run_burst(&pair, &b);
    CHECK_EQ(b.inside.bytes - b.before.bytes, 300);
    peer_read_pattern(peer, 0, 300);
    CHECK_EQ(socket_loop_close(loop), 0);
    peer_close(peer);
    peer_close(listener);
    pair_close(&pair);
}

static void *send_from_a_thread(void *argument)
{
    CHECK_EQ(socket_send(((struct probe *)argument)->socket, "abc", 3, NULL, NULL), 0);
    return NULL;
}

// GATHER-3: between a poll and a flush, or the next poll, what the polling thread sends is
// gathered.
TEST(record_mode_gathers_until_flush_or_poll)
{
    test_loop_kind = LOOP_POLL;
    test_loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS));
    struct pair pair = prompt_pair(SOCKET_KIND_TCP), other = prompt_pair(SOCKET_KIND_TCP);
    socket_event records[8];
    char data[6];
    for (int flush = 0; flush < 2; flush++) {
        settle();
        CHECK_EQ(socket_loop_poll(test_loop, records, 8, 0), 0);
        struct written before = written_by(pair.probe);
        for (int i = 0; i < 2; i++) CHECK_EQ(socket_send(pair.probe->socket, "abc", 3, NULL, NULL), 0);
        CHECK_EQ(written_by(pair.probe).bytes, before.bytes);
        // Another thread's are from outside.
        uint64_t others = written_by(other.probe).bytes;
        pthread_t thread;
        start_thread(&thread, send_from_a_thread, other.probe);
        join_thread(thread);
        CHECK_EQ(written_by(other.probe).bytes, others + 3);
        if (flush)
            CHECK_EQ(socket_loop_flush(test_loop), 0);
        else
            CHECK_EQ(socket_loop_poll(test_loop, records, 8, 0), 0);
        CHECK_EQ(written_by(pair.probe).bytes, before.bytes + 6);
        CHECK_EQ(written_by(pair.probe).segments, before.segments + 1);
        peer_read(pair.peer, data, 6);
        CHECK_EQ(socket_loop_flush(test_loop), 0);
        // after the flush: at once
        CHECK_EQ(socket_send(pair.probe->socket, "abc", 3, NULL, NULL), 0);
        CHECK_EQ(written_by(pair.probe).bytes, before.bytes + 9);
        peer_read(pair.peer, data, 3);
    }
    pair_close(&pair);
    pair_close(&other);
    CHECK_EQ(socket_loop_close(test_loop), 0);
    while (socket_loop_poll(test_loop, records, 8, 0) >= 0) continue;
    test_loop = 0;
    test_loop_kind = LOOP_DEFAULT;
}
