// What every test program is made of: the registry, the checks and waiting without sleeping.
//
//   PROGRAM          runs every test, each in a process of its own with a deadline
//   PROGRAM NAME     runs one test in this process
//   PROGRAM --list   lists the tests
//
// A test ends by returning. A failed CHECK ends the process at once, from any thread; a failed
// EXPECT is counted and the test goes on.
#ifndef OHSOCKET_TESTS_HARNESS_H
#define OHSOCKET_TESTS_HARNESS_H

#include <ohsocket.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
#define HARNESS_SLOWNESS 3
#else
#define HARNESS_SLOWNESS 1
#endif

enum {
    TEST_DEADLINE_MS = 20000 * HARNESS_SLOWNESS, // of a whole test
    PATIENCE_MS = 10000 * HARNESS_SLOWNESS,      // of one wait
};

// Which loop the sockets of a test live on: the body of a LOOPS_TEST runs once on each.
enum loop_kind { LOOP_DEFAULT, LOOP_RUN, LOOP_POLL };

enum test_flags {
    TEST_BARE = 1,  // no warm-up, no look at what is left: for what concerns the whole process
    TEST_CHILD = 2, // started by other tests only
};

struct test {
    const char *name;
    void (*body)(void);
    enum loop_kind loop;
    int flags;
};

void harness_register(const char *name, void (*body)(void), enum loop_kind loop, int flags);

#define HARNESS_TEST(name, registrations)                               \
    static void test_##name(void);                                      \
    static void __attribute__((constructor)) harness_register_##name(void) \
    {                                                                   \
        static void (*const body)(void) = test_##name;                  \
        static const char *const title = #name;                         \
        registrations                                                   \
    }                                                                   \
    static void test_##name(void)

#define TEST(name) HARNESS_TEST(name, harness_register(title, body, LOOP_DEFAULT, 0);)
#define BARE_TEST(name) HARNESS_TEST(name, harness_register(title, body, LOOP_DEFAULT, TEST_BARE);)
#define CHILD(name) HARNESS_TEST(name, harness_register(title, body, LOOP_DEFAULT, TEST_BARE | TEST_CHILD);)
// On the default loop and on host-driven loops in both modes.
#define LOOPS_TEST(name)                                       \
    HARNESS_TEST(name, harness_register(title, body, LOOP_DEFAULT, 0); \
                 harness_register(title, body, LOOP_RUN, 0);           \
                 harness_register(title, body, LOOP_POLL, 0);)
// Where listeners are called: not with records.
#define CALLBACKS_TEST(name)                                   \
    HARNESS_TEST(name, harness_register(title, body, LOOP_DEFAULT, 0); \
                 harness_register(title, body, LOOP_RUN, 0);)

_Noreturn void check_failed(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
int64_t check_equal(const char *file, int line, const char *text, int64_t actual, int64_t expected);
int64_t check_ok(const char *file, int line, const char *text, int64_t actual);
void check_string(const char *file, int line, const char *text, const char *actual, const char *expected);
void expect_equal(const char *file, int line, int64_t actual, int64_t expected, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) check_failed(__FILE__, __LINE__, "false: %s", #condition); \
    } while (0)
#define FAIL(...) check_failed(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK_EQ(actual, expected) check_equal(__FILE__, __LINE__, #actual, (int64_t)(actual), (int64_t)(expected))
// The call returns minus this code.
#define CHECK_CODE(call, code) check_equal(__FILE__, __LINE__, #call, (int64_t)(call), -(int64_t)(code))
#define CHECK_OK(call) check_ok(__FILE__, __LINE__, #call, (int64_t)(call))
#define CHECK_STR(actual, expected) check_string(__FILE__, __LINE__, #actual, actual, expected)
#define EXPECT_EQ(actual, expected, ...) \
    expect_equal(__FILE__, __LINE__, (int64_t)(actual), (int64_t)(expected), __VA_ARGS__)

// The state that callbacks write and waiting threads look at is under one lock.
void state_lock(void);
void state_unlock(void);
void state_changed(void); // with the lock held

// WAIT holds the lock while it looks at the condition, POLL does not: what POLL looks at is kept by
// others (the kernel, the library). Both run the test's loop meanwhile if it is a host-driven one.
#define WAIT(condition) WAIT_MS(condition, PATIENCE_MS)
#define WAIT_MS(condition, ms)                                                                            \
    do {                                                                                                  \
        int64_t wait_until_ = now_ms() + (ms);                                                            \
        state_lock();                                                                                     \
        while (!(condition)) wait_state(wait_until_, __FILE__, __LINE__, #condition);                     \
        state_unlock();                                                                                   \
    } while (0)
#define POLL(condition)                                                                                   \
    do {                                                                                                  \
        int64_t wait_until_ = now_ms() + PATIENCE_MS;                                                     \
        while (!(condition)) wait_briefly(wait_until_, __FILE__, __LINE__, #condition);                   \
    } while (0)
void wait_state(int64_t until, const char *file, int line, const char *text);
void wait_briefly(int64_t until, const char *file, int line, const char *text);

int64_t now_ms(void);
// A moment for the kernel; the rhythm of peers that are slow on purpose. Not a way to wait for
// something.
void pause_ms(int ms);

// What is in use now.
socket_stats stats_now(void);
int count_fds(void);
int count_threads(void);

// Starts another test of this program in a process of its own and returns its pid; extra is a
// second argument for it (test_argument) or NULL. wait_child returns the exit code, 128 + the
// signal, or fails at its deadline.
int start_child(const char *test, const char *extra);
int wait_child(int pid);
extern const char *test_argument;

void start_thread(pthread_t *thread, void *(*body)(void *), void *argument);
void join_thread(pthread_t thread);
int most_threads(void); // that start_thread has made and that were there at one time

#endif
