// As many posts, timers and handles as a program out of control makes: LOOP-7, LOOP-11, LOOP-12,
// LIFE-1, PROC-5, BOUND-7.
#include <stdlib.h>

#include "peer.h"
#include "probe.h"

enum { MANY = 1000000, HANDLES = 100000 };

static int runs;

static void add_one(void *unused)
{
    (void)unused;
    runs++;
}

static socket_loop loop;

static void run_until(int count)
{
    int64_t until = now_ms() + PATIENCE_MS;
    while (runs < count) {
        CHECK(now_ms() < until);
        CHECK_OK(socket_loop_run(loop, 100));
    }
}

static void open_loop(void) { loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS)); }

// A loop that is closed without a run in between runs them, too.
TEST(a_million_posts)
{
    open_loop();
    for (int i = 0; i < MANY; i++) CHECK_EQ(socket_loop_post(loop, add_one, NULL), 0);
    run_until(MANY);
    CHECK_EQ(runs, MANY);
    for (int i = 0; i < MANY; i++) CHECK_EQ(socket_loop_post(loop, add_one, NULL), 0);
    CHECK_EQ(socket_loop_close(loop), 0);
    CHECK_EQ(runs, 2 * MANY);
}

// Each expires once, but for those that are cleared; what is left ends with its loop.
TEST(a_million_timers)
{
    static int64_t ids[MANY];
    open_loop();
    for (int i = 0; i < MANY; i++) ids[i] = CHECK_OK(socket_loop_set_timer(loop, i % 2 ? 0 : INT64_C(1) << 40, 0, add_one, NULL));
    for (int i = 3; i < MANY; i += 4) CHECK_EQ(socket_loop_clear_timer(loop, ids[i]), 0);
    run_until(MANY / 4);
    CHECK_OK(socket_loop_run(loop, 0));
    CHECK_EQ(socket_loop_close(loop), 0);
    CHECK_EQ(runs, MANY / 4);
}

// Sockets that are never opened cost no descriptor, and no handle comes twice.
TEST(a_hundred_thousand_handles)
{
    static socket_handle handles[HANDLES];
    open_loop();
    int fds = count_fds();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < HANDLES; i++) {
            handles[i] = CHECK_OK(socket_construct(loop, i % 2 ? SOCKET_KIND_TCP : SOCKET_KIND_TLS));
            CHECK(i == 0 || handles[i] != handles[i - 1]);
        }
        CHECK_EQ(count_fds(), fds);
        CHECK_EQ(stats_now().sockets, HANDLES);
        if (round == 0)
            for (int i = 0; i < HANDLES; i++) CHECK_EQ(socket_release(handles[i]), 0);
    }
    CHECK_EQ(socket_loop_close(loop), 0);
    for (int i = 0; i < HANDLES; i++) CHECK(!is_valid(handles[i]));
}

enum { CALLERS = 8, CONNECTS = 25000 };

static int connects_done, nobody;

static void count_connect(socket_handle socket, int error, void *unused)
{
    (void)socket, (void)error, (void)unused;
    __atomic_fetch_add(&connects_done, 1, __ATOMIC_RELAXED);
}

static void *connect_to_nobody(void *unused)
{
    (void)unused;
    for (int i = 0; i < CONNECTS; i++) {
        socket_handle socket = CHECK_OK(socket_construct_tcp());
        socket_connect_options o = connect_options("127.0.0.1", nobody, 0);
        CHECK_EQ(socket_connect(socket, &o, count_connect, NULL), 0);
    }
    return NULL;
}

// PROC-5, LOOP-12: whatever the loop still has to do, it sees the shutdown, and all completions
// come.
TEST(shutdown_behind_two_hundred_thousand_connects)
{
    pthread_t callers[CALLERS];
    nobody = peer_unused_port();
    for (int i = 0; i < CALLERS; i++) start_thread(&callers[i], connect_to_nobody, NULL);
    for (int i = 0; i < CALLERS; i++) join_thread(callers[i]);
    CHECK_EQ(socket_shutdown(5000 * HARNESS_SLOWNESS), 0);
    CHECK_EQ(connects_done, CALLERS * CONNECTS);
}
