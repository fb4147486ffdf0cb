#define _GNU_SOURCE
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

enum { MAX_TESTS = 400 };

extern char **environ;

static struct test tests[MAX_TESTS];
static int test_count;
static int expectations_failed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
const char *test_argument;

void harness_register(const char *name, void (*body)(void), enum loop_kind loop, int flags)
{
    static const char *const suffix[] = {[LOOP_DEFAULT] = "", [LOOP_RUN] = ".run", [LOOP_POLL] = ".poll"};
    char *full;
    if (test_count == MAX_TESTS || asprintf(&full, "%s%s", name, suffix[loop]) < 0) abort();
    tests[test_count++] = (struct test){full, body, loop, flags};
}

int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void pause_ms(int ms) { poll(NULL, 0, ms); }

void state_lock(void) { pthread_mutex_lock(&lock); }
void state_unlock(void) { pthread_mutex_unlock(&lock); }
void state_changed(void) { pthread_cond_broadcast(&changed); }

static void timed_out(const char *file, int line, const char *text)
{
    probes_print(stderr);
    check_failed(file, line, "waited in vain for: %s", text);
}

void wait_state(int64_t until, const char *file, int line, const char *text)
{
    int64_t now = now_ms();
    if (now >= until) {
        state_unlock();
        timed_out(file, line, text);
    }
    if (test_loop) {
        state_unlock();
        pump((int)(until - now));
        state_lock();
        return;
    }
    struct timespec t = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    pthread_cond_timedwait(&changed, &lock, &t);
}

void wait_briefly(int64_t until, const char *file, int line, const char *text)
{
    if (now_ms() >= until) timed_out(file, line, text);
    if (test_loop)
        pump(1);
    else
        pause_ms(1);
}

void check_failed(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    char text[1024];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    fflush(stderr);
    _exit(1);
}

int64_t check_equal(const char *file, int line, const char *text, int64_t actual, int64_t expected)
{
    if (actual != expected)
        check_failed(file, line, "%s is %lld, not %lld", text, (long long)actual, (long long)expected);
    return actual;
}

int64_t check_ok(const char *file, int line, const char *text, int64_t actual)
{
    if (actual < 0) check_failed(file, line, "%s returned %lld", text, (long long)actual);
    return actual;
}

void check_string(const char *file, int line, const char *text, const char *actual, const char *expected)
{
    if (strcmp(actual, expected) != 0) check_failed(file, line, "%s is \"%s\", not \"%s\"", text, actual, expected);
}

void expect_equal(const char *file, int line, int64_t actual, int64_t expected, const char *format, ...)
{
    if (actual == expected) return;
    va_list arguments;
    char text[512];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    __atomic_add_fetch(&expectations_failed, 1, __ATOMIC_RELAXED);
    fprintf(stderr, "%s:%d: %s: %lld, not %lld\n", file, line, text, (long long)actual, (long long)expected);
}

socket_stats stats_now(void)
{
    socket_stats s = SOCKET_STATS_INIT;
    CHECK_EQ(socket_get_stats(&s), 0);
    return s;
}

static int count_entries(const char *path)
{
    DIR *d = opendir(path);
    CHECK(d != NULL);
    int n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

int count_fds(void) { return count_entries("/proc/self/fd") - 1; }
int count_threads(void) { return count_entries("/proc/self/task"); }

static atomic_int threads_now, threads_most;

void start_thread(pthread_t *thread, void *(*body)(void *), void *argument)
{
    int now = atomic_fetch_add(&threads_now, 1) + 1, most = atomic_load(&threads_most);
    while (now > most && !atomic_compare_exchange_weak(&threads_most, &most, now)) continue;
    CHECK_EQ(pthread_create(thread, NULL, body, argument), 0);
}

void join_thread(pthread_t thread)
{
    CHECK_EQ(pthread_join(thread, NULL), 0);
    atomic_fetch_sub(&threads_now, 1);
}

int most_threads(void) { return atomic_load(&threads_most); }

// Starts this program again: a process that has the library loaded must not go on after fork alone.
int start_child(const char *test, const char *extra)
{
    char *argv[] = {"/proc/self/exe", (char *)test, (char *)extra, NULL};
    pid_t pid;
    CHECK_EQ(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ), 0);
    return pid;
}

// Returns whether the process ended in time; its status is then still to be fetched.
static int ended_within(pid_t pid, int ms)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    CHECK(fd >= 0);
    int64_t until = now_ms() + ms;
    int n;
    do {
        int64_t left = until - now_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        n = poll(&p, 1, left > 0 ? (int)left : 0);
    } while (n < 0 && errno == EINTR);
    close(fd);
    return n == 1;
}

static int exit_status(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0) CHECK(errno == EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int wait_child(int pid)
{
    if (ended_within(pid, TEST_DEADLINE_MS * 3 / 4)) return exit_status(pid);
    kill(pid, SIGKILL);
    exit_status(pid);
    FAIL("the child process hangs");
}

static void print_file(const char *directory, const char *thread, const char *name)
{
    char path[400], text[2000];
    snprintf(path, sizeof path, "%s/%s/%s", directory, thread, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return;
    text[n] = 0;
    fprintf(stderr, "  thread %s %s: %s%s", thread, name, text, text[n - 1] == '\n' ? "" : "\n");
}

static void print_threads(pid_t pid)
{
    char directory[64];
    snprintf(directory, sizeof directory, "/proc/%d/task", (int)pid);
    DIR *d = opendir(directory);
    if (d == NULL) return;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.') continue;
        print_file(directory, e->d_name, "comm");
        print_file(directory, e->d_name, "wchan");
        print_file(directory, e->d_name, "syscall");
    }
    closedir(d);
}

static int run_in_child(const struct test *t)
{
    int64_t start = now_ms();
    pid_t pid = start_child(t->name, NULL);
    int hangs = !ended_within(pid, TEST_DEADLINE_MS);
    if (hangs) {
        print_threads(pid);
        kill(pid, SIGKILL);
    }
    int status = exit_status(pid);
    int64_t took = now_ms() - start;
    if (hangs)
        printf("FAIL %s: hangs\n", t->name);
    else if (status != 0)
        printf("FAIL %s: exit status %d\n", t->name, status);
    else
        printf("ok   %s (%lld ms)\n", t->name, (long long)took);
    fflush(stdout);
    return status == 0 && !hangs;
}

static int run_here(const struct test *t)
{
    if (t->flags & TEST_BARE)
        t->body();
    else
        run_with_baseline(t);
    if (expectations_failed != 0) fprintf(stderr, "%d expectations failed\n", expectations_failed);
    return expectations_failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attributes);
    test_argument = argc > 2 ? argv[2] : NULL;
    int passed = 0, failed = 0;
    for (int i = 0; i < test_count; i++) {
        if (argc > 1 && strcmp(argv[1], tests[i].name) == 0) return run_here(&tests[i]);
        if (tests[i].flags & TEST_CHILD) continue;
        if (argc > 1 && strcmp(argv[1], "--list") == 0)
            puts(tests[i].name);
        else if (argc == 1)
            *(run_in_child(&tests[i]) ? &passed : &failed) += 1;
    }
    if (argc > 1) return strcmp(argv[1], "--list") == 0 ? 0 : 2;
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
