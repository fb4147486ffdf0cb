/* Loads the library and looks at what that has done to the process: signal masks, the limit on open
 * files, a forked child. Holds PROC-1 and PROC-3. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ohsocket.h"

#define CHECK(x) ((x) ? (void)0 : fail(__LINE__, #x))

static void fail(int line, const char *what) {
    fprintf(stderr, "load.c:%d: %s\n", line, what);
    exit(1);
}

static unsigned long long bit(int signal) { return 1ull << (signal - 1); }

/* The mask of blocked signals of a thread, as the kernel tells it. */
static unsigned long long blocked(const char *task) {
    char path[300], line[256];
    unsigned long long mask = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
    f = fopen(path, "r");
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "SigBlk: %llx", &mask) == 1) break;
    fclose(f);
    return mask;
}

static const int open_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF, SIGURG, SIGPIPE};

static void check_threads(const char *main_thread) {
    unsigned long long want = 0;
    struct dirent *entry;
    int threads = 0;
    DIR *dir = opendir("/proc/self/task");

    CHECK(dir != NULL);
    for (int s = 1; s <= 64; s++)
        if (s != SIGKILL && s != SIGSTOP && s != 32 && s != 33) want |= bit(s);
    for (size_t i = 0; i < sizeof open_signals / sizeof open_signals[0]; i++) want &= ~bit(open_signals[i]);
    while ((entry = readdir(dir)) != NULL) {
        unsigned long long mask;
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, main_thread) == 0) continue;
        mask = blocked(entry->d_name);
        if ((mask & want) != want) {
            fprintf(stderr, "thread %s blocks %016llx, not %016llx\n", entry->d_name, mask, want);
            exit(1);
        }
        CHECK((mask & (bit(SIGSEGV) | bit(SIGURG) | bit(SIGPROF))) == 0);
        threads++;
    }
    closedir(dir);
    CHECK(threads > 0);
}

static volatile sig_atomic_t wrong_thread, arrived;
static int told[2]; /* readable when a signal has arrived */

static void on_signal(int signal) {
    (void)signal;
    arrived++;
    if (syscall(SYS_gettid) != getpid()) wrong_thread = 1;
    if (write(told[1], "", 1) != 1) wrong_thread = 1;
}

/* Whether a signal arrives, on any thread, before a millisecond is over. */
static int arrives(void) {
    struct pollfd p;
    char c;

    p.fd = told[0];
    p.events = POLLIN;
    return poll(&p, 1, 1) == 1 && read(told[0], &c, 1) == 1;
}

static void check_delivery(void) {
    struct sigaction action;
    sigset_t one, pending;

    CHECK(pipe(told) == 0);
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_ONSTACK;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    for (int i = 0; i < 50; i++) {
        CHECK(sigprocmask(SIG_BLOCK, &one, NULL) == 0);
        CHECK(kill(getpid(), SIGUSR1) == 0);
        CHECK(!arrives());
        CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
        CHECK(sigprocmask(SIG_UNBLOCK, &one, NULL) == 0);
        CHECK(arrives());
    }
    CHECK(arrived == 50 && !wrong_thread);
}

int main(int argc, char **argv) {
    unsigned long long before, after;
    struct rlimit limit_before, limit_after;
    socket_handle (*construct)(void);
    const char *(*text)(int);
    const char *(*name)(int);
    int (*category)(int);
    int (*get_stats)(socket_stats *);
    int (*release)(socket_handle);
    socket_stats stats = SOCKET_STATS_INIT;
    socket_handle handle;
    char main_thread[32];
    sigset_t host;
    void *library;
    int status;
    pid_t child;

    CHECK(argc == 2);
    snprintf(main_thread, sizeof main_thread, "%ld", (long)getpid());
    sigemptyset(&host);
    sigaddset(&host, SIGUSR2);
    sigaddset(&host, SIGCHLD);
    sigaddset(&host, SIGRTMIN);
    CHECK(sigprocmask(SIG_SETMASK, &host, NULL) == 0);
    before = blocked(main_thread);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit_before) == 0);
    CHECK(limit_before.rlim_cur < limit_before.rlim_max);

    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) fprintf(stderr, "%s\n", dlerror());
    CHECK(library != NULL);
    after = blocked(main_thread);
    if (after != before) fprintf(stderr, "main thread: %016llx, before %016llx\n", after, before);
    CHECK(after == before);

    *(void **)&construct = dlsym(library, "socket_construct_tcp");
    *(void **)&text = dlsym(library, "socket_strerror");
    *(void **)&name = dlsym(library, "socket_error_name");
    *(void **)&category = dlsym(library, "socket_error_category");
    *(void **)&get_stats = dlsym(library, "socket_get_stats");
    *(void **)&release = dlsym(library, "socket_release");
    CHECK(construct && text && name && category && get_stats && release);

    /* Until this returns the runtime may still be starting. */
    handle = construct();
    CHECK(handle > 0);
    CHECK(get_stats(&stats) == 0 && stats.sockets == 1);
    CHECK(get_stats(NULL) == -SOCKET_ERROR_PARAMETER);
    CHECK(blocked(main_thread) == before);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit_after) == 0);
    CHECK(limit_after.rlim_cur == limit_before.rlim_cur && limit_after.rlim_max == limit_before.rlim_max);
    check_threads(main_thread);
    check_delivery();

    CHECK(strcmp(text(SOCKET_ERROR_CONNREFUSED), "Connection refused") == 0);
    CHECK(strcmp(text(-SOCKET_ERROR_CONNREFUSED), "Connection refused") == 0);
    CHECK(strcmp(name(-SOCKET_ERROR_SERVER_ADDRINUSE), "SOCKET_ERROR_SERVER_ADDRINUSE") == 0);
    CHECK(strcmp(name(0), "SOCKET_OK") == 0 && category(0) == SOCKET_CATEGORY_NONE);
    CHECK(strcmp(name(7), "SOCKET_ERROR_UNKNOWN") == 0 && category(7) == SOCKET_CATEGORY_INTERNAL);
    CHECK(strcmp(name(INT32_MIN), "SOCKET_ERROR_UNKNOWN") == 0 && text(INT32_MAX) != NULL);
    CHECK(category(-SOCKET_ERROR_TIMEDOUT) == SOCKET_CATEGORY_TIMEOUT);

    child = fork();
    if (child == 0) {
        int ok = construct() == -SOCKET_ERROR_FORKED && release(handle) == -SOCKET_ERROR_FORKED &&
                 strcmp(name(SOCKET_ERROR_FORKED), "SOCKET_ERROR_FORKED") == 0;
        _exit(ok ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(release(handle) == 0);
    CHECK(release(handle) == -SOCKET_ERROR_BADF);
    return 0;
}
