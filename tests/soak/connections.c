// connections [N]: N connections open at once in one process (2 N sockets), each of which has echoed, then closed;
// twice. Prints the memory of an idle connection and checks that nothing grows: N, 10000 by default, is cut to
// what RLIMIT_NOFILE allows.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soak.h"

enum {
    WINDOW = 256,    // connects under way at a time
    ADDRESSES = 16,  // of 127/8, so that no pair of addresses runs out of ports
    PAYLOAD = 64,
    FILES_APART = 200,
    FIRST = 1000,
    // What stays: 4 MiB of free blocks of each of two sizes, the tables of handles and descriptors (48 bytes for
    // each of 20,000), and what the Go runtime keeps of a heap that has become small.
    SLACK_KB = 12 << 10,
};

struct client {
    socket_handle socket;
    uint64_t key;
    size_t got;
};

static atomic_int begun, echoed, accepted, closed;
static struct client *clients;

static void on_echo(const socket_event *e, void *unused)
{
    (void)unused;
    int result = socket_send(e->socket, e->data, e->size, NULL, NULL);
    if (result < 0) FAIL("echo: %s", socket_strerror(result));
}

static void on_client(const socket_event *e, void *unused)
{
    (void)unused;
    CHECK_OK(socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_echo, NULL));
    atomic_fetch_add(&accepted, 1);
}

static void on_answer(const socket_event *e, void *user_data)
{
    struct client *c = user_data;
    CHECK(c->got + e->size <= PAYLOAD && pattern_matches(e->data, c->key, c->got, e->size));
    c->got += e->size;
    if (c->got == PAYLOAD) atomic_fetch_add(&echoed, 1);
}

static void on_close(const socket_event *e, void *user_data)
{
    if (e->error) FAIL("closed: %s", socket_strerror(e->error));
    (void)user_data;
    atomic_fetch_add(&closed, 1);
}

static void on_connected(socket_handle socket, int error, void *user_data)
{
    struct client *c = user_data;
    char payload[PAYLOAD];
    if (error) {
        char detail[200];
        socket_get_error_detail(socket, detail, sizeof detail);
        FAIL("connect: %s", detail);
    }
    pattern_fill(payload, c->key, 0, PAYLOAD);
    CHECK_OK(socket_send(socket, payload, PAYLOAD, NULL, NULL));
}

static void open_client(int i, int port)
{
    struct client *c = &clients[i];
    char address[32];
    snprintf(address, sizeof address, "127.0.0.%d", 1 + i % ADDRESSES);
    *c = (struct client){.socket = CHECK_OK(socket_construct_tcp()), .key = (uint64_t)i + 1};
    CHECK_OK(socket_on(c->socket, SOCKET_EVENT_MESSAGE, on_answer, c));
    CHECK_OK(socket_on(c->socket, SOCKET_EVENT_CLOSE, on_close, c));
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    to.address.address = address;
    to.address.port = port;
    to.timeout_ms = PATIENCE_MS;
    CHECK_OK(socket_connect(c->socket, &to, on_connected, c));
    begun++;
}

static void open_clients(int from, int to, int port)
{
    for (int i = from; i < to; i++) {
        WAIT(begun - echoed < WINDOW);
        open_client(i, port);
    }
    WAIT(echoed == to && accepted == to);
}

struct result {
    long first_kb, full_kb;
    double seconds;
};

static struct result round_of(int n)
{
    begun = echoed = accepted = closed = 0;
    struct result r;
    int64_t start = now_ns();
    socket_handle server = CHECK_OK(socket_construct_tcp_server());
    CHECK_OK(socket_on(server, SOCKET_EVENT_CONNECT, on_client, NULL));
    int port = server_listen(server, "0.0.0.0", 0);
    open_clients(0, n < FIRST ? n / 2 : FIRST, port);
    struct baseline b = baseline_now();
    baseline_print("some open", &b);
    r.first_kb = b.kb;
    open_clients(n < FIRST ? n / 2 : FIRST, n, port);
    b = baseline_now();
    baseline_print("all open", &b);
    r.full_kb = b.kb;
    CHECK(b.stats.sockets == 2 * (uint64_t)n + 1);
    CHECK(b.fds >= 2 * n);
    for (int i = 0; i < n; i++) {
        CHECK_OK(socket_close(clients[i].socket, NULL, NULL));
        // Every third handle is given back while it closes.
        if (i % 3 == 0) {
            CHECK_OK(socket_release(clients[i].socket));
            atomic_fetch_add(&closed, 1 << 16);
        }
    }
    int released = closed >> 16;
    // A close event may have come before the release.
    WAIT((closed & 0xffff) >= n - released);
    for (int i = 0; i < n; i++)
        if (i % 3) CHECK_OK(socket_release(clients[i].socket));
    CHECK_OK(socket_release(server));
    r.seconds = (double)(now_ns() - start) / 1e9;
    return r;
}

int main(int argc, char **argv)
{
    int n = (int)argument(argc, argv, 1, 10000), files = raise_files();
    if (n > (files - FILES_APART) / 2) {
        n = (files - FILES_APART) / 2;
        printf("RLIMIT_NOFILE %d: %d connections\n", files, n);
    }
    clients = calloc((size_t)n, sizeof *clients);
    CHECK(clients != NULL);
    memset(clients, 1, (size_t)n * sizeof *clients); // its memory is not the library's
    CHECK_OK(socket_set_dispatch_threads(2));
    warm_up();
    struct baseline before = baseline_now();
    baseline_print("before", &before);
    long left = before.kb + before.kb / 20 + SLACK_KB;
    struct result round[2];
    for (int i = 0; i < 2; i++) {
        round[i] = round_of(n);
        baseline_wait(&before);
        struct baseline closed_all = baseline_now();
        baseline_print("all closed", &closed_all);
        if (SOAK_ASAN) continue; // keeps freed memory on purpose
        int64_t start = now_ms();
        long kb = memory_settle(left);
        printf("%ld KiB %.1f s later\n", kb, (double)(now_ms() - start) / 1e3);
        if (kb > left) FAIL("%ld KiB are left, %ld are expected to be kept", kb, left);
    }
    baseline_wait(&before);

    int more = n < FIRST ? n - n / 2 : n - FIRST;
    printf("%d connections, %.1f s and %.1f s; an idle connection (both ends) has %.2f KiB, %.2f in the second round\n", n,
           round[0].seconds, round[1].seconds, (double)(round[0].full_kb - round[0].first_kb) / more,
           (double)(round[1].full_kb - round[1].first_kb) / more);
    // A MiB more or less is garbage that has not been collected yet.
    long most = round[0].full_kb + round[0].full_kb / 20 + 1024;
    if (!SOAK_ASAN && round[1].full_kb > most && round[1].full_kb > left)
        FAIL("%ld KiB at the peak of the second round, %ld at that of the first", round[1].full_kb, round[0].full_kb);
    return 0;
}
