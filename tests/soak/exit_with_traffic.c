// exit_with_traffic [RUNS]: processes that end in different ways while sockets of several loops and
// threads are busy. Each must end at once with the exit code it was given.
//
// exit_with_traffic --child WAY CODE: one of them.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "soak.h"

enum { WAYS = 8, PAIRS = 3, LIMIT_MS = PATIENCE_MS / 2, TURNS = 300, BYTES = 8192 };

static const char *const way_names[WAYS] = {
    "return from main", "exit", "_exit", "exit inside a callback", "_exit inside a callback", "exit on another thread",
    "exit, socket_shutdown in atexit", "exit inside a callback, socket_shutdown in atexit",
};

static int way, code;
static atomic_int turns, loops_busy, ending;
static char bytes[BYTES];

static void on_bytes(const socket_event *e, void *unused)
{
    (void)unused;
    socket_send(e->socket, e->data, e->size, NULL, NULL);
    int n = atomic_fetch_add(&turns, 1) + 1;
    if (n == TURNS) happened();
    if (n >= TURNS && loops_busy == 3) {
        if (way == 3 || way == 7) exit(code);
        if (way == 4) _exit(code);
    }
}

static void on_client(const socket_event *e, void *unused)
{
    (void)unused;
    socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_bytes, NULL);
}

static void on_connected(socket_handle socket, int error, void *unused)
{
    (void)unused;
    if (error && ending) return; // socket_shutdown was faster, here or at the server's loop
    if (error) FAIL("connect: %s", socket_strerror(error));
    socket_send(socket, bytes, sizeof bytes, NULL, NULL);
}

static void start_pairs(socket_loop loop)
{
    socket_handle server = CHECK_OK(socket_construct(loop, SOCKET_KIND_TCP_SERVER));
    CHECK_OK(socket_on(server, SOCKET_EVENT_CONNECT, on_client, NULL));
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    to.address.port = server_listen(server, "127.0.0.1", 0);
    to.address.address = "127.0.0.1";
    for (int i = 0; i < PAIRS; i++) {
        socket_handle client = CHECK_OK(socket_construct(loop, SOCKET_KIND_TCP));
        CHECK_OK(socket_on(client, SOCKET_EVENT_MESSAGE, on_bytes, NULL));
        CHECK_OK(socket_connect(client, &to, on_connected, NULL));
    }
}

static void *run_callbacks(void *unused)
{
    (void)unused;
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    start_pairs(loop);
    for (int n = 0;; n++) {
        if (n == 10) {
            atomic_fetch_or(&loops_busy, 1);
            happened();
        }
        if (socket_loop_run(loop, 100) < 0) return NULL;
    }
}

static void *run_records(void *unused)
{
    (void)unused;
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS));
    const uint32_t messages = SOCKET_EVENT_MASK(SOCKET_EVENT_MESSAGE);
    socket_handle server = CHECK_OK(socket_construct(loop, SOCKET_KIND_TCP_SERVER));
    CHECK_OK(socket_subscribe(server, SOCKET_EVENT_MASK(SOCKET_EVENT_CONNECT), NULL));
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    to.address.port = server_listen(server, "127.0.0.1", 0);
    to.address.address = "127.0.0.1";
    socket_handle client = CHECK_OK(socket_construct(loop, SOCKET_KIND_TCP));
    CHECK_OK(socket_subscribe(client, messages, NULL));
    CHECK_OK(socket_connect(client, &to, NULL, NULL));
    CHECK_OK(socket_send(client, bytes, sizeof bytes, NULL, NULL));
    socket_event records[64];
    for (int n = 0;; n++) {
        if (n == 10) {
            atomic_fetch_or(&loops_busy, 2);
            happened();
        }
        int count = socket_loop_poll(loop, records, 64, 100);
        if (count < 0) return NULL;
        for (int i = 0; i < count; i++) {
            if (records[i].type == SOCKET_EVENT_CONNECT) socket_subscribe(records[i].connection, messages, NULL);
            if (records[i].type == SOCKET_EVENT_MESSAGE) socket_send(records[i].socket, records[i].data, records[i].size, NULL, NULL);
        }
    }
}

static void *leave_by_exit(void *unused)
{
    (void)unused;
    WAIT(turns >= TURNS && loops_busy == 3);
    exit(code);
}

static void shut_down(void)
{
    ending = 1;
    socket_shutdown(2000);
}

static int child(void)
{
    pthread_t t;
    CHECK_OK(socket_set_dispatch_threads(2));
    if (way >= 6) atexit(shut_down);
    for (int i = 0; i < 2; i++) start_pairs(0);
    CHECK(pthread_create(&t, NULL, run_callbacks, NULL) == 0);
    CHECK(pthread_create(&t, NULL, run_records, NULL) == 0);
    if (way == 5) {
        CHECK(pthread_create(&t, NULL, leave_by_exit, NULL) == 0);
        for (;;) pause();
    }
    if (way == 3 || way == 4 || way == 7)
        for (;;) pause();
    WAIT(turns >= TURNS && loops_busy == 3);
    if (way == 1 || way == 6) exit(code);
    if (way == 2) _exit(code);
    return code;
}

// The status of a child, which must end in time.
static int status_of(pid_t pid, int way)
{
    int status, fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    CHECK(fd >= 0);
    int in_time = poll(&ended, 1, LIMIT_MS);
    close(fd);
    if (in_time == 0) kill(pid, SIGABRT); // the Go runtime prints what its threads do
    CHECK(waitpid(pid, &status, 0) == pid);
    if (in_time == 0) FAIL("%s: it did not end", way_names[way]);
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--child") == 0) {
        way = atoi(argv[2]);
        code = atoi(argv[3]);
        return child();
    }
    int runs = (int)argument(argc, argv, 1, 40);
    int64_t slowest = 0;
    for (int i = 0; i < runs; i++) {
        char text[2][16];
        int wanted = 1 + (i * 37) % 120;
        snprintf(text[0], sizeof text[0], "%d", i % WAYS);
        snprintf(text[1], sizeof text[1], "%d", wanted);
        char *arguments[] = {argv[0], "--child", text[0], text[1], NULL};
        pid_t pid;
        int64_t start = now_ms();
        CHECK(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, environ) == 0);
        int status = status_of(pid, i % WAYS);
        if (WIFSIGNALED(status)) FAIL("%s: ended by signal %d", way_names[i % WAYS], WTERMSIG(status));
        if (WEXITSTATUS(status) != wanted) FAIL("%s: exit code %d, wanted %d", way_names[i % WAYS], WEXITSTATUS(status), wanted);
        if (now_ms() - start > slowest) slowest = now_ms() - start;
    }
    printf("%d processes, %d ways to end: exit codes as given; the slowest took %lld ms\n", runs, WAYS, (long long)slowest);
    return 0;
}
