// What is bounded: queues and times. BOUND-1, BOUND-2, BOUND-4 to BOUND-6.
#include <string.h>
#include <sys/socket.h>

#include "peer.h"
#include "probe.h"

static const int streams[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_CONNECTION};
enum { BLOCK = 100000, LIMIT = 10 * BLOCK };

// Fills the kernel's buffers with one large send that an empty queue takes whatever the limit is.
static void plug(struct probe *p)
{
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 1), 0);
    CHECK_EQ(socket_get_send_queue_length(p->socket), 0);
    CHECK_EQ(probe_send_pattern(p, 0, 12 << 20), 0);
    CHECK(socket_get_send_queue_length(p->socket) > 0);
}

// BOUND-1, DONE-1: an empty queue takes any size; then a single byte more is refused, and taken
// nowhere.
LOOPS_TEST(an_empty_queue_takes_a_send_of_any_size)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        plug(p);
        int64_t length = socket_get_send_queue_length(p->socket);
        CHECK_CODE(probe_send(p, "x", 1), code_for(streams[i], 2301011));
        CHECK_EQ(socket_get_send_queue_length(p->socket), length);
        CHECK(stats_now().queued_bytes >= (uint64_t)length);
        peer_read_pattern(pair.peer, 0, 12 << 20);
        WAIT(p->done[SOCKET_OPERATION_SEND] == 1);
        CHECK_EQ(socket_get_send_queue_length(p->socket), 0);
        CHECK_EQ(stats_now().queued_bytes, 0);
        CHECK_EQ(peer_readable(pair.peer), 0);
        settle();
        CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 1); // what was refused has no completion
        pair_close(&pair);
    }
}

static void check_drained(struct probe *p, const socket_event *e)
{
    if (e->type != SOCKET_EVENT_DRAIN) return;
    CHECK(socket_get_send_queue_length(p->socket) < LIMIT / 2);
    CHECK_EQ(e->error, 0);
}

// BOUND-1, BOUND-2: up to the limit, never over it; after refusals one drain.
LOOPS_TEST(drain_comes_once_after_refusals)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    p->on_event = check_drained;
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, LIMIT), 0);
    uint64_t sent = 0;
    for (int round = 1; round <= 3; round++) {
        char block[BLOCK];
        int result, refusals = 0;
        while (refusals < 3) {
            pattern_fill(block, sent, BLOCK);
            result = socket_send(p->socket, block, BLOCK, NULL, NULL);
            CHECK(socket_get_send_queue_length(p->socket) <= LIMIT);
            if (result < 0)
                refusals++;
            else
                sent += BLOCK;
            if (result < 0) CHECK_CODE(result, 2301011);
        }
        settle();
        CHECK_EQ(p->count[SOCKET_EVENT_DRAIN], round - 1);
        static uint64_t seen;
        peer_read_pattern(pair.peer, seen, sent - seen);
        seen = sent;
        WAIT(p->count[SOCKET_EVENT_DRAIN] == round);
        settle();
        CHECK_EQ(p->count[SOCKET_EVENT_DRAIN], round);
    }
    pair_close(&pair);
}

// BOUND-2: drain comes with the smallest limits too, of which half is nothing.
LOOPS_TEST(drain_comes_with_the_smallest_limits)
{
    for (int limit = 1; limit <= 2; limit++) {
        struct pair pair = pair_new(SOCKET_KIND_TCP);
        struct probe *p = pair.probe;
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, limit), 0);
        CHECK_EQ(probe_send_pattern(p, 0, 12 << 20), 0);
        CHECK_CODE(socket_send(p->socket, "xy", 2, NULL, NULL), 2301011);
        peer_read_pattern(pair.peer, 0, 12 << 20);
        WAIT(p->count[SOCKET_EVENT_DRAIN] == 1);
        pair_close(&pair);
    }
}

// BOUND-2: a higher limit is a drain too.
LOOPS_TEST(drain_comes_with_a_higher_limit)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, LIMIT), 0);
    CHECK_EQ(probe_send_pattern(p, 0, 14 << 20), 0);
    CHECK_CODE(socket_send(p->socket, "xy", 2, NULL, NULL), 2301011);
    settle();
    CHECK_EQ(p->count[SOCKET_EVENT_DRAIN], 0);
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 64 << 20), 0);
    WAIT(p->count[SOCKET_EVENT_DRAIN] == 1);
    pair_close(&pair);
}

// BOUND-2: without a refusal there is no drain.
LOOPS_TEST(no_drain_without_a_refusal)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    CHECK_EQ(probe_send_pattern(p, 0, 12 << 20), 0);
    peer_read_pattern(pair.peer, 0, 12 << 20);
    WAIT(p->done[SOCKET_OPERATION_SEND] == 1);
    settle();
    CHECK_STR(p->order, "Ccs");
    pair_close(&pair);
}

static void send_more(struct probe *p, const socket_event *e)
{
    uint64_t *sent = p->context;
    if (e->type != SOCKET_EVENT_DRAIN && e->type != SOCKET_EVENT_CONNECT) return;
    char block[BLOCK];
    do {
        pattern_fill(block, *sent, BLOCK);
        int result = socket_send(p->socket, block, BLOCK, NULL, NULL);
        if (result < 0) {
            CHECK_CODE(result, 2301011);
            return;
        }
        *sent += BLOCK;
    } while (*sent < 40 << 20);
    CHECK_EQ(probe_close(p), 0);
}

// BOUND-2: a producer that goes on at each drain gets everything through with a small queue.
LOOPS_TEST(a_producer_paced_by_drain)
{
    int port;
    int listener = peer_listen(&port);
    uint64_t sent = 0;
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    p->context = &sent;
    p->on_event = send_more;
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, LIMIT), 0);
    CHECK_EQ(probe_connect(p, port), 0);
    int peer = peer_accept(listener);
    uint64_t got = peer_read_pattern_to_end(peer, 0);
    peer_close(peer);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(got, sent);
    CHECK(got >= 40 << 20);
    probe_release(p);
    peer_close(listener);
}

// BOUND-1: while a connect is pending the queue is bounded as well.
LOOPS_TEST(the_queue_of_a_connecting_socket_is_bounded)
{
    struct full_listener full = peer_listen_full();
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 1000), 0);
    CHECK_EQ(probe_connect(p, full.port), 0);
    char data[600] = {0};
    CHECK_EQ(socket_send(p->socket, data, 600, NULL, NULL), 0);
    CHECK_CODE(socket_send(p->socket, data, 600, NULL, NULL), 2301011);
    CHECK_EQ(socket_get_send_queue_length(p->socket), 600);
    CHECK_EQ(socket_abort(p->socket), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(socket_get_send_queue_length(p->socket), 0);
    probe_release(p);
    peer_close_full(&full);
}

// BOUND-4
LOOPS_TEST(an_idle_connection_times_out)
{
    enum { TIMEOUT = 200 };
    for (int i = 0; i < 2; i++) {
        for (int paused = 0; paused < 2; paused++) {
            struct pair pair = pair_new(streams[i]);
            struct probe *p = pair.probe;
            if (paused) CHECK_EQ(socket_pause(p->socket), 0);
            int64_t start = now_ms();
            CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_IDLE_TIMEOUT, TIMEOUT), 0);
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            // The connection may have been idle a little before the option was set.
            CHECK(now_ms() - start >= TIMEOUT / 2);
            CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -code_for(streams[i], 2301110));
            CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], -code_for(streams[i], 2301110));
            pair_close(&pair);
        }
    }
}

// BOUND-4: each byte in either direction starts the time anew.
LOOPS_TEST(a_busy_connection_does_not_time_out)
{
    enum { TIMEOUT = 300 };
    for (int sending = 0; sending < 2; sending++) {
        struct pair pair = pair_new(SOCKET_KIND_TCP);
        struct probe *p = pair.probe;
        char c;
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_IDLE_TIMEOUT, TIMEOUT), 0);
        int64_t last = now_ms(), start = last;
        for (uint64_t i = 1; now_ms() - start < 3 * TIMEOUT && p->count[SOCKET_EVENT_ERROR] == 0; i++) {
            if (!sending) {
                peer_write(pair.peer, "a", 1);
                WAIT(p->size == i || p->count[SOCKET_EVENT_ERROR] == 1);
            } else if (probe_send(p, "b", 1) == 0) {
                peer_read(pair.peer, &c, 1);
            }
            if (p->count[SOCKET_EVENT_ERROR] == 0) last = now_ms();
            if (test_loop) pump(0);
            pause_ms(TIMEOUT / 10);
        }
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        if (p->at[SOCKET_EVENT_ERROR] - last < TIMEOUT - TIMEOUT / 10)
            FAIL("timed out %lld ms after the last byte", (long long)(p->at[SOCKET_EVENT_ERROR] - last));
        pair_close(&pair);
    }
}

// BOUND-5
LOOPS_TEST(queued_bytes_that_do_not_move_time_out)
{
    enum { TIMEOUT = 200 };
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
        o.fields = SOCKET_EXTRA_SOCKET_TIMEOUT;
        o.socket_timeout_ms = TIMEOUT;
        CHECK_EQ(socket_set_extra_options(p->socket, &o), 0);
        // Nothing is queued: nothing runs out.
        CHECK_EQ(probe_send(p, "x", 1), 0);
        int64_t start = now_ms();
        while (now_ms() - start < 2 * TIMEOUT) {
            if (test_loop) pump(10);
            pause_ms(10);
        }
        CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 0);
        start = now_ms();
        CHECK_EQ(probe_send_pattern(p, 0, 12 << 20), 0);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK(now_ms() - start >= TIMEOUT - 1);
        CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 2);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -code_for(streams[i], 2301110));
        CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -code_for(streams[i], 2301110));
        pair_close(&pair);
    }
}

// BOUND-6
LOOPS_TEST(a_connect_times_out)
{
    enum { TIMEOUT = 250 };
    struct full_listener full = peer_listen_full();
    for (int bound = 0; bound < 2; bound++) {
        struct probe *p = probe_new(SOCKET_KIND_TCP);
        int own = bound ? probe_bind(p) : 0;
        int64_t start = now_ms();
        CHECK_EQ(probe_connect_to(p, "127.0.0.1", full.port, TIMEOUT), 0);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        int64_t took = now_ms() - start;
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301110);
        CHECK(took >= TIMEOUT - 1);
        CHECK(took < TIMEOUT + 2000 * HARNESS_SLOWNESS);
        CHECK_STR(p->order, "c");
        CHECK_EQ(state_of(p->socket), bound);
        if (bound) CHECK_EQ(probe_port(p), own);
        if (bound) probe_closed(p); else probe_release(p);
    }
    peer_close_full(&full);
}

// BOUND-6: of a name, look-up and both addresses together.
LOOPS_TEST(a_connect_by_name_times_out)
{
    enum { TIMEOUT = 250 };
    struct full_listener full = peer_listen_full();
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    int64_t start = now_ms();
    // no answer at 127.0.0.1, refused at ::1
    CHECK_EQ(probe_connect_to(p, "localhost", full.port, TIMEOUT), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301110);
    CHECK(now_ms() - start >= TIMEOUT - 1);
    CHECK(now_ms() - start < TIMEOUT + 2000 * HARNESS_SLOWNESS);
    CHECK_STR(p->order, "c");
    probe_release(p);
    peer_close_full(&full);
}
