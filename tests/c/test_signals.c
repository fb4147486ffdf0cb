// Signals, limits and identities of the host with the library loaded and at work: PROC-3.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"

static void traffic(void)
{
    struct pair a = pair_new(SOCKET_KIND_TCP), b = pair_new(SOCKET_KIND_TCP_CONNECTION);
    struct pair *pairs[2] = {&a, &b};
    for (int k = 0; k < 2; k++) {
        struct probe *p = pairs[k]->probe;
        p->pattern = 1;
        CHECK_EQ(probe_send_pattern(p, 0, 3 << 20), 0);
        peer_read_pattern(pairs[k]->peer, 0, 3 << 20);
        peer_write_pattern(pairs[k]->peer, 0, 3 << 20);
        WAIT(p->size == 3 << 20);
    }
    struct probe *named = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(probe_connect_to(named, "no-such-host.invalid", 9, PATIENCE_MS), 0);
    WAIT(named->done[SOCKET_OPERATION_CONNECT] == 1);
    probe_release(named);
    pair_close(&a);
    pair_close(&b);
}

// What the runtime of the library needs; see the header, Signals.
static int may_be_open(int signal)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF, SIGURG, SIGPIPE, SIGKILL, SIGSTOP};
    for (unsigned i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i] == signal) return 1;
    return signal == 32 || signal == 33; // the C library's own
}

static unsigned long long blocked_by(const char *task)
{
    char path[300], line[200];
    unsigned long long mask = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
    FILE *f = fopen(path, "re");
    if (f == NULL) return ~0ULL; // it has ended
    while (fgets(line, sizeof line, f)) sscanf(line, "SigBlk: %llx", &mask);
    fclose(f);
    return mask;
}

// Every thread but ours blocks what it does not need. ASan has no threads of its own here.
static void check_masks(void)
{
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.' || atoi(e->d_name) == gettid()) continue;
        unsigned long long mask = blocked_by(e->d_name);
        for (int signal = 1; signal <= 64; signal++)
            if (!may_be_open(signal) && !(mask >> (signal - 1) & 1)) FAIL("thread %s of the library takes signal %d", e->d_name, signal);
    }
    closedir(d);
}

// PROC-3
BARE_TEST(threads_of_the_library_block_the_hosts_signals)
{
    CHECK_EQ(socket_set_dispatch_threads(4), 0);
    traffic();
    check_masks();
    CHECK_EQ(socket_shutdown(PATIENCE_MS), 0);
    traffic();
    check_masks();
}

static volatile sig_atomic_t handled, elsewhere;
static pid_t own_thread;

static void handle(int signal)
{
    (void)signal;
    handled++;
    if (gettid() != own_thread) elsewhere++;
}

static void *raise_many(void *unused)
{
    (void)unused;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (int i = 0; i < 500; i++) {
        kill(getpid(), i % 2 ? SIGUSR1 : SIGTERM);
        pause_ms(1);
    }
    return NULL;
}

// PROC-3: handled on the host's threads only, while the library works and is interrupted by them.
TEST(signals_come_to_the_hosts_threads)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    own_thread = gettid();
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    pthread_t thread;
    start_thread(&thread, raise_many, NULL);
    for (int i = 0; i < 10; i++) traffic();
    join_thread(thread);
    CHECK(handled > 0);
    CHECK_EQ(elsewhere, 0);
}

// PROC-3: what the host blocks stays pending: nobody else takes it; and it can be waited for.
TEST(blocked_signals_stay_pending)
{
    static const int signals[] = {SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGWINCH, SIGIO, 34, 40, 64};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    sigset_t set, pending;
    sigemptyset(&set);
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        CHECK_EQ(sigaction(signals[i], &action, NULL), 0);
        sigaddset(&set, signals[i]);
    }
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) kill(getpid(), signals[i]);
    traffic();
    CHECK_EQ(socket_shutdown(PATIENCE_MS), 0);
    traffic();
    CHECK_EQ(sigpending(&pending), 0);
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct timespec now = {0};
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, signals[i]);
        EXPECT_EQ(sigismember(&pending, signals[i]), 1, "signal %d", signals[i]);
        EXPECT_EQ(sigtimedwait(&one, NULL, &now), signals[i], "signal %d", signals[i]);
    }
    CHECK_EQ(handled, 0);
}

CHILD(child_keeps_dispositions)
{
    struct sigaction action;
    traffic();
    for (int signal = 1; signal <= 64; signal++) {
        if (may_be_open(signal) || sigaction(signal, NULL, &action) != 0) continue;
        int ignored = signal == SIGINT || signal == SIGHUP || signal == SIGUSR2;
        if (action.sa_handler != (ignored ? SIG_IGN : SIG_DFL)) FAIL("signal %d: the disposition has changed", signal);
    }
    sigset_t mask;
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    for (int signal = 1; signal <= 64; signal++)
        if (signal != 32 && signal != 33) EXPECT_EQ(sigismember(&mask, signal), signal == SIGALRM, "signal %d in the mask", signal);
}

// PROC-3: neither dispositions nor the mask that a program starts with change by loading the
// library and using it.
BARE_TEST(dispositions_and_mask_are_kept)
{
    sigset_t set;
    for (int i = 1; i <= 64; i++) signal(i, SIG_DFL);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &set, NULL), 0);
    CHECK_EQ(wait_child(start_child("child_keeps_dispositions", NULL)), 0);
}

CHILD(child_keeps_its_limit)
{
    struct rlimit limit;
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
        CHECK_EQ(limit.rlim_cur, 777);
        traffic();
    }
    if (strcmp(test_argument, "first") == 0) CHECK_EQ(wait_child(start_child("child_keeps_its_limit", "second")), 0);
}

// PROC-3: the soft limit of descriptors is the host's, for its children too.
BARE_TEST(the_limit_of_descriptors_is_kept)
{
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK(limit.rlim_max > 777);
    limit.rlim_cur = 777;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQ(wait_child(start_child("child_keeps_its_limit", "first")), 0);
}

CHILD(child_watches_its_limit)
{
    // The runtime starts on a thread of its own while this one runs already.
    for (int64_t until = now_ms() + 100; now_ms() < until;) {
        struct rlimit limit;
        CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
        CHECK_EQ(limit.rlim_cur, 777);
    }
}

// PROC-3: not for a moment is it another, or a child started in that moment would keep that.
BARE_TEST(the_limit_of_descriptors_is_kept_while_loading)
{
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 777;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < 10; i++) CHECK_EQ(wait_child(start_child("child_watches_its_limit", NULL)), 0);
}

CHILD(child_changes_its_identity)
{
    if (geteuid() == 0) {
        traffic(); // the library's threads are there, and take part
        CHECK_EQ(setgid(65534), 0);
        CHECK_EQ(setuid(65534), 0);
    }
    CHECK(geteuid() != 0);
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    socket_address a = address_of("127.0.0.1", 81, 0);
    socket_listen_options o = listen_options("127.0.0.1", 81, 0);
    CHECK_CODE(socket_bind(p->socket, &a), 2301013);
    struct probe *server = probe_new(SOCKET_KIND_TCP_SERVER), *udp = probe_new(SOCKET_KIND_UDP);
    CHECK_CODE(socket_listen(server->socket, &o), 2303113);
    CHECK_CODE(socket_bind(udp->socket, &a), 2301013);
    traffic();
}

// A host that gives up its rights while the library runs does not hang, and then has no right to
// low ports.
BARE_TEST(a_change_of_identity)
{
    CHECK_EQ(wait_child(start_child("child_changes_its_identity", NULL)), 0);
}

static void *call_with_signal_stack(void *own)
{
    stack_t before = {.ss_sp = own, .ss_size = 65536}, after;
    if (own != NULL) CHECK_EQ(sigaltstack(&before, NULL), 0);
    CHECK_EQ(socket_release(CHECK_OK(socket_construct_udp())), 0);
    CHECK_EQ(sigaltstack(NULL, &after), 0);
    CHECK(!(after.ss_flags & SS_DISABLE));
    if (own != NULL) {
        CHECK(after.ss_sp == own && after.ss_size == 65536);
        before.ss_flags = SS_DISABLE;
        CHECK_EQ(sigaltstack(&before, NULL), 0);
    } else {
        CHECK(after.ss_size >= 32768);
    }
    return NULL;
}

// A thread that has a signal stack keeps it, others get one.
TEST(signal_stacks_are_the_hosts)
{
    for (int i = 0; i < 2; i++) {
        void *stack = i == 0 ? malloc(65536) : NULL;
        pthread_t thread;
        start_thread(&thread, call_with_signal_stack, stack);
        join_thread(thread);
        free(stack);
    }
}
