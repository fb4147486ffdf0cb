// Posted functions and timers, on every kind of loop: LOOP-7.
#include <stdlib.h>
#include <string.h>

#include "probe.h"

static char calls[4096];

static void note(void *letter)
{
    state_lock();
    size_t n = strlen(calls);
    CHECK(n + 1 < sizeof calls);
    calls[n] = *(char *)letter;
    state_changed();
    state_unlock();
}

static int64_t set_timer(int64_t delay, int64_t interval, const char *letter)
{
    return CHECK_OK(socket_loop_set_timer(test_loop, delay, interval, note, (void *)(uintptr_t)letter));
}

// LOOP-7: posted functions run once each, in the order of posting.
LOOPS_TEST(posted_functions_run_in_order)
{
    static char letters[1000];
    for (int i = 0; i < 1000; i++) letters[i] = (char)('0' + i % 75);
    for (int i = 0; i < 1000; i++) post(note, &letters[i]);
    WAIT(strlen(calls) == 1000);
    settle();
    CHECK_EQ(memcmp(calls, letters, 1000), 0);
    CHECK_EQ(strlen(calls), 1000);
}

enum { POSTERS = 8, POSTS = 2000 };

struct poster {
    int seen;
};

struct posted_by {
    struct poster *poster;
    int number;
};

static int seen;

static void count_post(void *argument)
{
    struct posted_by *p = argument;
    CHECK_EQ(p->number, p->poster->seen++);
    free(p);
    state_lock();
    seen++;
    state_changed();
    state_unlock();
}

static void *post_many(void *argument)
{
    for (int i = 0; i < POSTS; i++) {
        struct posted_by *p = malloc(sizeof *p);
        *p = (struct posted_by){argument, i};
        post(count_post, p);
    }
    return NULL;
}

// LOOP-7, THREAD-1: from many threads, each thread's in its order.
LOOPS_TEST(many_threads_post)
{
    struct poster posters[POSTERS] = {0};
    pthread_t threads[POSTERS];
    for (int i = 0; i < POSTERS; i++) start_thread(&threads[i], post_many, &posters[i]);
    WAIT(seen == POSTERS * POSTS);
    for (int i = 0; i < POSTERS; i++) join_thread(threads[i]);
    settle();
    CHECK_EQ(seen, POSTERS * POSTS);
}

static void post_again(void *left)
{
    int *n = left;
    if (--*n > 0) post(post_again, left);
    state_lock();
    state_changed();
    state_unlock();
}

// THREAD-3
LOOPS_TEST(post_inside_a_posted_function)
{
    int left = 100;
    post(post_again, &left);
    WAIT(left == 0);
}

// LOOP-7: in the order of expiry, whatever the order of setting; equal ones in the order of
// setting.
CALLBACKS_TEST(timers_run_in_the_order_of_expiry)
{
    static const int delays[] = {60, 20, 40, 0, 20, 10};
    freeze();
    int64_t start = now_ms();
    for (int i = 0; i < 6; i++) set_timer(delays[i], 0, &"abcdef"[i]);
    thaw();
    WAIT(strlen(calls) == 6);
    CHECK(now_ms() - start >= 59);
    CHECK_STR(calls, "dfbeca");
    settle();
    CHECK_STR(calls, "dfbeca");
}

// LOOP-7: a timer is never early.
CALLBACKS_TEST(timers_are_not_early)
{
    for (int ms = 1; ms <= 30; ms += 7) {
        struct timespec a, b;
        size_t n = strlen(calls);
        clock_gettime(CLOCK_MONOTONIC, &a);
        set_timer(ms, 0, "x");
        WAIT(strlen(calls) > n);
        clock_gettime(CLOCK_MONOTONIC, &b);
        int64_t ns = (b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec;
        if (ns < ms * 1000000LL) FAIL("a timer of %d ms after %lld ns", ms, (long long)ns);
    }
}

CALLBACKS_TEST(an_interval_goes_on_until_cleared)
{
    int64_t start = now_ms();
    int64_t timer = set_timer(20, 10, "i");
    WAIT(strlen(calls) >= 6);
    CHECK(now_ms() - start >= 69);
    CHECK_EQ(socket_loop_clear_timer(test_loop, timer), 0);
    settle(); // one call may have been running
    size_t n = strlen(calls);
    set_timer(40, 0, "o");
    WAIT(calls[strlen(calls) - 1] == 'o');
    CHECK_EQ(strlen(calls), n + 1);
    CHECK_CODE(socket_loop_clear_timer(test_loop, timer), 401);
}

// Intervals missed by a busy loop are left out.
CALLBACKS_TEST(missed_intervals_are_left_out)
{
    int64_t timer = set_timer(5, 5, "i");
    WAIT(strlen(calls) >= 1);
    freeze();
    pause_ms(100);
    size_t n = strlen(calls);
    thaw();
    on_loop(NULL, NULL);
    CHECK(strlen(calls) - n <= 8); // not the 20 that were missed
    CHECK_EQ(socket_loop_clear_timer(test_loop, timer), 0);
}

struct self_clearing {
    int64_t timer;
    int runs;
};

static void clear_self(void *argument)
{
    struct self_clearing *s = argument;
    state_lock();
    s->runs++;
    int64_t timer = s->timer;
    state_changed();
    state_unlock();
    if (s->runs == 3) CHECK_EQ(socket_loop_clear_timer(test_loop, timer), 0);
    if (s->runs == 3) CHECK_CODE(socket_loop_clear_timer(test_loop, timer), 401);
}

// Cleared inside its own function an interval does not come again; a one-shot timer is gone when it
// runs.
CALLBACKS_TEST(a_timer_cleared_inside_itself)
{
    struct self_clearing s = {0};
    state_lock();
    s.timer = CHECK_OK(socket_loop_set_timer(test_loop, 1, 1, clear_self, &s));
    state_unlock();
    WAIT(s.runs == 3);
    set_timer(20, 0, "o");
    WAIT(strlen(calls) == 1);
    CHECK_EQ(s.runs, 3);
}

CALLBACKS_TEST(a_cleared_timer_does_not_run)
{
    int64_t timers[50];
    freeze();
    for (int i = 0; i < 50; i++) timers[i] = set_timer(5, 0, "x");
    for (int i = 0; i < 50; i++) CHECK_EQ(socket_loop_clear_timer(test_loop, timers[i]), 0);
    thaw();
    set_timer(20, 0, "o");
    WAIT(strlen(calls) == 1);
    CHECK_STR(calls, "o");
}

// Timers do not keep socket_run, and a closed loop's do not run.
TEST(timers_keep_nothing_alive)
{
    int64_t timer = set_timer(3600000, 0, "x");
    CHECK_EQ(socket_run(), 0);
    CHECK_EQ(socket_loop_clear_timer(0, timer), 0);
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    CHECK_OK(socket_loop_set_timer(loop, 0, 1, note, "x"));
    CHECK_OK(socket_loop_set_timer(loop, 3600000, 0, note, "x"));
    CHECK_EQ(socket_loop_close(loop), 0);
    CHECK_STR(calls, "");
}
