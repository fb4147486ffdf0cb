// The limit of all send queues together: BOUND-8, BOUND-9.
#include <string.h>

#include "peer.h"
#include "probe.h"

enum { BLOCK = 100000, LIMIT = 2000000, FREE = 64 << 10, HOGS = 3 };

static const int streams[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_CONNECTION};

// A connection that sends the pattern to a peer that does not read by itself.
struct sender {
    struct pair pair;
    uint64_t sent, read;
};

static int send_piece(struct sender *s, size_t size)
{
    char block[BLOCK];
    pattern_fill(block, s->sent, size);
    int result = socket_send(s->pair.probe->socket, block, size, NULL, NULL);
    if (result == 0) s->sent += size;
    return result;
}

// Sends pieces until one is refused, and returns the refusal.
static int fill(struct sender *s, size_t piece)
{
    int result;
    do result = send_piece(s, piece);
    while (result == 0 && s->sent < 400 << 20);
    return result;
}

static void read_all(struct sender *s)
{
    peer_read_pattern(s->pair.peer, s->read, s->sent - s->read);
    s->read = s->sent;
}

static int names_the_limit(struct probe *p)
{
    char detail[200];
    CHECK_OK(socket_get_error_detail(p->socket, detail, sizeof detail));
    return strstr(detail, "socket_set_total_queue_limit") != NULL;
}

static int64_t queued(struct sender *s) { return socket_get_send_queue_length(s->pair.probe->socket); }

// Connections whose queues hold all that the limit admits.
static void use_limit_up(struct sender *hogs)
{
    CHECK_EQ(socket_set_total_queue_limit(LIMIT), 0);
    for (int i = 0; i < HOGS; i++) {
        int kind = streams[i % 2];
        hogs[i] = (struct sender){.pair = pair_new(kind)};
        CHECK_CODE(fill(&hogs[i], i == 0 ? 50000 : BLOCK), code_for(kind, SOCKET_ERROR_AGAIN));
        CHECK(names_the_limit(hogs[i].pair.probe));
    }
    CHECK(stats_now().total_queue_bytes > LIMIT - BLOCK);
    fill(&hogs[0], 1000);
    fill(&hogs[0], 1);
    socket_stats stats = stats_now();
    CHECK_EQ(stats.total_queue_limit, LIMIT);
    CHECK_EQ(stats.total_queue_bytes, LIMIT); // to the last byte
    CHECK(stats.total_queue_refusals >= HOGS);
    CHECK(stats.queued_bytes <= LIMIT + HOGS * FREE);
}

static void close_all(struct sender *senders, int count)
{
    for (int i = 0; i < count; i++) pair_close(&senders[i].pair);
    CHECK_EQ(stats_now().total_queue_bytes, 0);
    CHECK_EQ(socket_set_total_queue_limit(0), 0);
}

static int drains(struct sender *s) { return s->pair.probe->count[SOCKET_EVENT_DRAIN]; }

// BOUND-8: whatever the queues of single sockets may hold, all together hold no more.
LOOPS_TEST(all_queues_together_are_bounded)
{
    struct sender hogs[HOGS];
    uint64_t before = stats_now().total_queue_refusals;
    use_limit_up(hogs);
    CHECK(stats_now().total_queue_refusals - before >= HOGS);
    settle();
    for (int i = 0; i < HOGS; i++) CHECK_EQ(drains(&hogs[i]), 0);
    close_all(hogs, HOGS);
}

// BOUND-8, BOUND-9: 64 KiB of each queue are free, so that nobody starves; also those of a queue
// that is not empty.
LOOPS_TEST(each_queue_has_a_free_share)
{
    struct sender hogs[HOGS], late = {.pair = pair_new(SOCKET_KIND_TCP_CONNECTION)};
    use_limit_up(hogs);
    CHECK_EQ(socket_set_total_queue_limit(LIMIT / 2), 0); // they hold even more than that
    CHECK_EQ(fill(&late, 1000), -SOCKET_ERROR_SERVER_AGAIN);
    CHECK(names_the_limit(late.pair.probe));
    CHECK(queued(&late) > FREE - 1000);
    CHECK(queued(&late) <= FREE);
    read_all(&late);
    // Its own queue is empty: it goes on, although the others hold what they held.
    WAIT(drains(&late) == 1);
    CHECK_EQ(queued(&late), 0);
    CHECK_EQ(send_piece(&late, FREE), 0);
    read_all(&late);
    // Even if the kernel would take it.
    CHECK_CODE(send_piece(&late, FREE + 1), SOCKET_ERROR_SERVER_AGAIN);
    settle();
    CHECK_EQ(drains(&late), 1);
    for (int i = 0; i < HOGS; i++) CHECK_EQ(drains(&hogs[i]), 0);
    pair_close(&late.pair);
    close_all(hogs, HOGS);
}

// BOUND-9: who was refused is told, once, when the others' queues have become shorter. It need not
// send for it.
LOOPS_TEST(drain_comes_when_others_make_room)
{
    struct sender hogs[HOGS], late = {.pair = pair_new(SOCKET_KIND_TCP)};
    use_limit_up(hogs);
    CHECK_CODE(send_piece(&late, BLOCK), SOCKET_ERROR_AGAIN);
    CHECK_CODE(send_piece(&late, BLOCK), SOCKET_ERROR_AGAIN);
    settle();
    CHECK_EQ(drains(&late), 0);
    for (int i = 0; i < HOGS; i++) read_all(&hogs[i]);
    WAIT(drains(&late) == 1);
    for (int i = 0; i < HOGS; i++) WAIT(drains(&hogs[i]) == 1);
    CHECK_EQ(send_piece(&late, BLOCK), 0);
    read_all(&late);
    settle();
    CHECK_EQ(drains(&late), 1);
    for (int i = 0; i < HOGS; i++) CHECK_EQ(drains(&hogs[i]), 1);
    CHECK_EQ(stats_now().total_queue_bytes, 0);
    pair_close(&late.pair);
    close_all(hogs, HOGS);
}

// BOUND-8, BOUND-9: queues that are dropped make room: of connections that are aborted, or whose
// peer resets.
LOOPS_TEST(drain_comes_when_others_go)
{
    for (int reset = 0; reset < 2; reset++) {
        struct sender hogs[HOGS], late = {.pair = pair_new(SOCKET_KIND_TCP)};
        use_limit_up(hogs);
        CHECK_CODE(send_piece(&late, BLOCK), SOCKET_ERROR_AGAIN);
        for (int i = 0; i < HOGS; i++) {
            if (reset) peer_reset(hogs[i].pair.peer), hogs[i].pair.peer = -1;
            else CHECK_EQ(socket_abort(hogs[i].pair.probe->socket), 0);
        }
        WAIT(drains(&late) == 1);
        CHECK_EQ(send_piece(&late, BLOCK), 0);
        read_all(&late);
        for (int i = 0; i < HOGS; i++) WAIT(hogs[i].pair.probe->count[SOCKET_EVENT_CLOSE] == 1);
        pair_close(&late.pair);
        close_all(hogs, HOGS);
    }
}

// BOUND-9: a higher limit, or none, makes room.
LOOPS_TEST(drain_comes_with_a_higher_total_limit)
{
    static const int64_t limits[] = {0, 100 << 20};
    for (int k = 0; k < 2; k++) {
        struct sender hogs[HOGS], late = {.pair = pair_new(SOCKET_KIND_TCP)};
        use_limit_up(hogs);
        CHECK_CODE(send_piece(&late, BLOCK), SOCKET_ERROR_AGAIN);
        CHECK_EQ(socket_set_total_queue_limit(LIMIT + BLOCK), 0);
        settle();
        CHECK_EQ(drains(&late), 0); // half of it is still exceeded
        CHECK_EQ(socket_set_total_queue_limit(limits[k]), 0);
        WAIT(drains(&late) == 1);
        for (int i = 0; i < HOGS; i++) {
            WAIT(drains(&hogs[i]) == 1);
            CHECK_EQ(send_piece(&hogs[i], BLOCK), 0);
        }
        pair_close(&late.pair);
        close_all(hogs, HOGS);
    }
}

// BOUND-8, BOUND-9: what is larger than the limit is taken while nobody else needs it, and told
// when it would be.
LOOPS_TEST(a_send_larger_than_the_limit)
{
    enum { HUGE = 20 << 20 };
    struct sender one = {.pair = pair_new(SOCKET_KIND_TCP)}, other = {.pair = pair_new(SOCKET_KIND_TCP)};
    CHECK_EQ(socket_set_total_queue_limit(1 << 20), 0);
    CHECK_EQ(probe_send_pattern(one.pair.probe, 0, HUGE), 0);
    one.sent = HUGE;
    CHECK(stats_now().total_queue_bytes > 1 << 20);
    CHECK_CODE(probe_send_pattern(other.pair.probe, 0, HUGE), SOCKET_ERROR_AGAIN);
    settle();
    check_quiet(); // it is not told again and again
    CHECK_EQ(drains(&other), 0);
    read_all(&one);
    WAIT(drains(&other) == 1);
    CHECK_EQ(probe_send_pattern(other.pair.probe, 0, HUGE), 0);
    other.sent = HUGE;
    read_all(&other);
    WAIT(other.pair.probe->done[SOCKET_OPERATION_SEND] == 1);
    CHECK_EQ(drains(&one), 0);
    pair_close(&other.pair);
    close_all(&one, 1);
}

// BOUND-8: what waits for a connect counts, and completions that have not run.
LOOPS_TEST(sends_behind_a_connect_count)
{
    struct full_listener full = peer_listen_full();
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    char data[1000] = {0};
    int taken = 0;
    CHECK_EQ(socket_set_total_queue_limit(LIMIT), 0);
    CHECK_EQ(probe_connect(p, full.port), 0);
    while (probe_send(p, data, sizeof data) == 0) taken++;
    CHECK_EQ(taken, (LIMIT + FREE) / (1000 + 64));
    CHECK_EQ(stats_now().total_queue_bytes, taken * 1064 - FREE);
    CHECK(names_the_limit(p));
    CHECK_EQ(socket_abort(p->socket), 0);
    WAIT(p->done[SOCKET_OPERATION_SEND] == taken);
    CHECK_EQ(stats_now().total_queue_bytes, 0);
    probe_release(p);
    peer_close_full(&full);
    CHECK_EQ(socket_set_total_queue_limit(0), 0);
}

// BOUND-8: datagrams count with their price, empty ones too.
LOOPS_TEST(datagrams_count)
{
    for (size_t size = 0; size <= 1000; size += 1000) {
        int port, taken = 0;
        int peer = peer_udp(&port);
        struct probe *p = probe_new(SOCKET_KIND_UDP);
        char data[1000] = {0};
        CHECK_EQ(socket_set_total_queue_limit(LIMIT / 10), 0);
        freeze();
        CHECK_EQ(probe_connect(p, port), 0); // they wait behind it
        while (socket_send(p->socket, data, size, NULL, NULL) == 0) taken++;
        CHECK(names_the_limit(p));
        CHECK_EQ(taken, (int)((LIMIT / 10 + FREE) / (size + 64)));
        thaw();
        WAIT(p->count[SOCKET_EVENT_DRAIN] == 1);
        CHECK_EQ(socket_send(p->socket, data, size, NULL, NULL), 0);
        probe_closed(p);
        CHECK_EQ(stats_now().total_queue_bytes, 0);
        peer_close(peer);
    }
    CHECK_EQ(socket_set_total_queue_limit(0), 0);
}

// BOUND-9: a socket that is closed and opened again while it waits is not told for its earlier
// period.
LOOPS_TEST(a_wait_ends_with_its_period)
{
    struct sender hogs[HOGS], late = {.pair = pair_new(SOCKET_KIND_TCP)};
    use_limit_up(hogs);
    struct probe *p = late.pair.probe;
    CHECK_CODE(send_piece(&late, BLOCK), SOCKET_ERROR_AGAIN);
    CHECK_EQ(socket_abort(p->socket), 0);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    peer_close(late.pair.peer);
    int port, listener = peer_listen(&port);
    CHECK_EQ(probe_connect(p, port), 0);
    late.pair.peer = peer_accept(listener);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 2);
    for (int i = 0; i < HOGS; i++) read_all(&hogs[i]);
    for (int i = 0; i < HOGS; i++) WAIT(drains(&hogs[i]) == 1);
    settle();
    CHECK_EQ(drains(&late), 0);
    peer_close(listener);
    pair_close(&late.pair);
    close_all(hogs, HOGS);
}

TEST(bad_total_limits_are_refused)
{
    static const int64_t bad[] = {-1, INT64_MIN, ((int64_t)1 << 48) + 1, INT64_MAX};
    CHECK_EQ(socket_set_total_queue_limit(5), 0);
    for (int i = 0; i < 4; i++) CHECK_CODE(socket_set_total_queue_limit(bad[i]), SOCKET_ERROR_PARAMETER);
    CHECK_EQ(stats_now().total_queue_limit, 5);
    CHECK_EQ(socket_set_total_queue_limit((int64_t)1 << 48), 0);
    CHECK_EQ(socket_set_total_queue_limit(0), 0);
}
