// Waiting for the end of the default loops, and ending them: PROC-4, PROC-5, THREAD-1.
#include "peer.h"
#include "probe.h"

static void function(void *unused) { (void)unused; }

static int run_result, run_returned;

static void *run(void *unused)
{
    (void)unused;
    run_result = socket_run();
    __atomic_store_n(&run_returned, 1, __ATOMIC_RELEASE);
    return NULL;
}

// Gives a run that does not wait for this callback the time to return.
static void delay_close(struct probe *p, const socket_event *e)
{
    (void)p;
    if (e->type != SOCKET_EVENT_CLOSE) return;
    pause_ms(50);
    CHECK(!__atomic_load_n(&run_returned, __ATOMIC_ACQUIRE));
}

// PROC-4: not while something is open, then at once, after the last delivery.
TEST(run_returns_when_nothing_is_open)
{
    CHECK_EQ(socket_run(), 0);
    struct probe *unopened = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(socket_run(), 0);
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    pthread_t thread;
    start_thread(&thread, run, NULL);
    peer_write(pair.peer, "abc", 3);
    WAIT(p->size == 3);
    settle();
    CHECK(!__atomic_load_n(&run_returned, __ATOMIC_ACQUIRE));
    p->on_event = delay_close;
    CHECK_EQ(probe_close(p), 0);
    peer_close(pair.peer);
    join_thread(thread);
    CHECK_EQ(run_result, 0);
    CHECK_EQ(p->done[SOCKET_OPERATION_CLOSE], 1);
    probe_release(p);
    probe_release(unopened);
}

// PROC-4: a bound client is open, also after a connect that failed.
TEST(run_waits_for_a_bound_client)
{
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    probe_bind(p);
    pthread_t thread;
    start_thread(&thread, run, NULL);
    CHECK_EQ(probe_connect(p, peer_unused_port()), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    settle();
    CHECK(!__atomic_load_n(&run_returned, __ATOMIC_ACQUIRE));
    CHECK_EQ(probe_close(p), 0);
    join_thread(thread);
    CHECK_EQ(run_result, 0);
    CHECK_EQ(p->done[SOCKET_OPERATION_CLOSE], 1);
    probe_release(p);
}

static void delay_done(struct probe *p, int operation, int error)
{
    (void)p, (void)error;
    if (operation == SOCKET_OPERATION_CONNECT) pause_ms(2);
}

// PROC-4: it waits for what a failed connect has to say, too.
TEST(run_waits_for_completions)
{
    int unused = peer_unused_port();
    for (int i = 0; i < 50; i++) {
        struct probe *p = probe_new(SOCKET_KIND_TCP);
        p->on_done = delay_done;
        freeze(); // or it has failed before the send
        CHECK_EQ(probe_connect(p, unused), 0);
        CHECK_EQ(probe_send(p, "x", 1), 0);
        thaw();
        CHECK_EQ(socket_run(), 0);
        CHECK_EQ(p->done[SOCKET_OPERATION_CONNECT], 1);
        CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 1);
        probe_release(p);
    }
}

static void call_run_and_shutdown(void *results)
{
    ((int *)results)[0] = socket_run();
    ((int *)results)[1] = socket_shutdown(1000);
}

// THREAD-1: inside a callback of a default loop they would wait for themselves; of a host-driven
// one they may.
TEST(run_and_shutdown_inside_a_callback)
{
    int results[2] = {0};
    on_loop(call_run_and_shutdown, results);
    CHECK_EQ(results[0], -2301035);
    CHECK_EQ(results[1], -2301035);
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    CHECK_EQ(socket_loop_post(loop, call_run_and_shutdown, results), 0);
    CHECK_EQ(socket_loop_run(loop, PATIENCE_MS), 1);
    CHECK_EQ(results[0], 0);
    CHECK_EQ(results[1], 0);
    CHECK_EQ(socket_loop_close(loop), 0);
}

// PROC-5
TEST(shutdown_ends_everything_and_a_new_start_follows)
{
    int threads = 0;
    for (int round = 0; round < 5; round++) {
        struct full_listener full = peer_listen_full();
        struct pair a = pair_new(SOCKET_KIND_TCP), b = pair_new(SOCKET_KIND_TCP_CONNECTION);
        struct probe *connecting = probe_new(SOCKET_KIND_TCP), *unopened = probe_new(SOCKET_KIND_UDP);
        CHECK_EQ(probe_connect(connecting, full.port), 0);
        CHECK_EQ(probe_send_pattern(a.probe, 0, 12 << 20), 0);
        CHECK_EQ(probe_close(a.probe), 0);
        CHECK_OK(socket_loop_set_timer(0, 0, 1, function, NULL));
        CHECK_EQ(socket_shutdown(PATIENCE_MS), 0);
        CHECK_EQ(a.probe->done[SOCKET_OPERATION_SEND], 1);
        CHECK_EQ(a.probe->done[SOCKET_OPERATION_CLOSE], 1);
        CHECK_EQ(a.probe->count[SOCKET_EVENT_CLOSE], 1);
        CHECK_EQ(b.probe->count[SOCKET_EVENT_CLOSE], 1);
        CHECK_EQ(b.server->count[SOCKET_EVENT_CLOSE], 1);
        CHECK_EQ(connecting->done_error[SOCKET_OPERATION_CONNECT], -2301125);
        CHECK(!is_valid(a.probe->socket) && !is_valid(b.server->socket) && !is_valid(unopened->socket) && !is_valid(connecting->socket));
        CHECK_EQ(stats_now().sockets, 0);
        CHECK_EQ(stats_now().loops, 0);
        CHECK_EQ(stats_now().queued_bytes, 0);
        peer_read_reset(a.peer);
        peer_close(a.peer);
        peer_close(b.peer);
        peer_close_full(&full);
        if (round == 1) threads = count_threads();
    }
    CHECK(count_threads() <= threads + 4);
    CHECK_EQ(socket_shutdown(0), 0); // nothing there
    settle();                        // a new loop, which the baseline has
}

// PROC-5: host-driven loops are not touched.
TEST(shutdown_leaves_host_driven_loops)
{
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    struct probe *p = probe_attach(CHECK_OK(socket_construct(loop, SOCKET_KIND_UDP)), SOCKET_KIND_UDP, ALL_EVENTS);
    int own = probe_bind(p), port;
    int peer = peer_udp(&port);
    socket_handle other = CHECK_OK(socket_construct_udp()); // there is a default loop to be ended
    CHECK_EQ(socket_shutdown(PATIENCE_MS), 0);
    CHECK(!is_valid(other));
    CHECK(is_valid(p->socket));
    peer_send_to(peer, own, "x", 1);
    while (p->count[SOCKET_EVENT_MESSAGE] == 0) CHECK_OK(socket_loop_run(loop, 100));
    CHECK_EQ(socket_loop_close(loop), 0);
    peer_close(peer);
}

static int standing, free_to_go;

static void stand(void *unused)
{
    (void)unused;
    __atomic_store_n(&standing, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&free_to_go, __ATOMIC_ACQUIRE)) pause_ms(1);
}

// PROC-5, THREAD-2: a callback that does not return is waited for until the time is over; the rest
// is done when it does.
TEST(shutdown_does_not_wait_for_ever)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    post(stand, NULL);
    POLL(__atomic_load_n(&standing, __ATOMIC_ACQUIRE));
    int64_t start = now_ms();
    CHECK_CODE(socket_shutdown(100), 2301110);
    CHECK(now_ms() - start >= 99);
    CHECK_EQ(p->count[SOCKET_EVENT_CLOSE], 0);
    __atomic_store_n(&free_to_go, 1, __ATOMIC_RELEASE);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    peer_read_reset(pair.peer);
    peer_close(pair.peer);
    POLL(stats_now().sockets == 0);
}

static void stand_aside(void *over)
{
    stand(NULL);
    __atomic_store_n((int *)over, 1, __ATOMIC_RELEASE);
}

static void *shut_down(void *over)
{
    CHECK_EQ(socket_shutdown(PATIENCE_MS), 0);
    CHECK(__atomic_load_n((int *)over, __ATOMIC_ACQUIRE));
    return NULL;
}

static void *run_beside(void *over)
{
    CHECK_EQ(socket_run(), 0);
    CHECK(__atomic_load_n((int *)over, __ATOMIC_ACQUIRE));
    return NULL;
}

// PROC-5, PROC-4: while a callback runs no call says that all is over, and no new loop changes
// that.
TEST(shutdown_is_over_for_all_at_once)
{
    static int over;
    pthread_t threads[3];
    standing = free_to_go = over = 0;
    CHECK_EQ(socket_loop_post(0, stand_aside, &over), 0);
    POLL(__atomic_load_n(&standing, __ATOMIC_ACQUIRE));
    CHECK_CODE(socket_shutdown(10), 2301110);
    CHECK_CODE(socket_shutdown(10), 2301110);
    socket_handle next = CHECK_OK(socket_construct_tcp());
    CHECK_CODE(socket_shutdown(10), 2301110);
    POLL(!is_valid(next));
    for (int i = 0; i < 2; i++) CHECK_EQ(pthread_create(&threads[i], NULL, shut_down, &over), 0);
    CHECK_EQ(pthread_create(&threads[2], NULL, run_beside, &over), 0);
    __atomic_store_n(&free_to_go, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    CHECK_EQ(socket_shutdown(0), 0);
    settle();
}
