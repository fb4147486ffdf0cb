// What a test stands on: the loop it runs on, the look at what it leaves behind, pairs of connected
// sockets.
#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"

enum { RECORDS = 64, SPARE_THREADS = 8 };

socket_loop test_loop;
enum loop_kind test_loop_kind;

void probe_record(const socket_event *e); // in probe.c

struct posted {
    void (*function)(void *);
    void *argument;
};

static void run_posted(void *posted)
{
    struct posted p = *(struct posted *)posted;
    free(posted);
    p.function(p.argument);
}

void pump(int timeout_ms)
{
    if (test_loop_kind == LOOP_RUN) {
        CHECK_OK(socket_loop_run(test_loop, timeout_ms));
        return;
    }
    socket_event records[RECORDS];
    int n = (int)CHECK_OK(socket_loop_poll(test_loop, records, RECORDS, timeout_ms));
    for (int i = 0; i < n; i++) {
        if (records[i].type == SOCKET_EVENT_POST)
            run_posted(records[i].user_data);
        else
            probe_record(&records[i]);
    }
    CHECK_EQ(socket_loop_flush(test_loop), 0);
}

void post(void (*function)(void *), void *argument)
{
    struct posted *p = malloc(sizeof *p);
    CHECK(p != NULL);
    *p = (struct posted){function, argument};
    CHECK_EQ(socket_loop_post(test_loop, test_loop_kind == LOOP_POLL ? NULL : run_posted, p), 0);
}

struct call {
    void (*function)(void *);
    void *argument;
    int done;
};

static void run_call(void *argument)
{
    struct call *c = argument;
    if (c->function) c->function(c->argument);
    state_lock();
    c->done = 1;
    state_changed();
    state_unlock();
}

void on_loop(void (*function)(void *), void *argument)
{
    struct call c = {function, argument, 0};
    post(run_call, &c);
    WAIT(c.done);
}

void settle(void)
{
    for (int i = 0; i < 3; i++) on_loop(NULL, NULL);
}

// Says how often the loop looks for events in a while in which nothing is to be done.
static unsigned long looks_in_a_window(int window_ms, unsigned *rounds)
{
    uint64_t before = stats_now().loop_iterations;
    int64_t until = now_ms() + window_ms;
    *rounds = 0;
    for (int64_t left = window_ms; left > 0; left = until - now_ms()) {
        if (!test_loop) {
            pause_ms((int)left);
            continue;
        }
        struct pollfd p = {.fd = socket_loop_fd(test_loop), .events = POLLIN};
        if (poll(&p, 1, (int)left) > 0) pump(0);
        ++*rounds;
    }
    return (unsigned long)(stats_now().loop_iterations - before);
}

enum { WINDOW_MS = 100, FEW = 60 };

void check_quiet(void)
{
    unsigned rounds;
    unsigned long looked = looks_in_a_window(WINDOW_MS, &rounds);
    if (rounds > FEW || looked > FEW) {
        probes_print(stderr);
        FAIL("the loop spins: readable %u times, %lu looks for events in %d ms", rounds, looked, WINDOW_MS);
    }
}

int is_quiet(void)
{
    unsigned rounds;
    return looks_in_a_window(WINDOW_MS, &rounds) <= FEW && rounds <= FEW;
}

static int frozen, thawing;

static void stand_still(void *unused)
{
    (void)unused;
    state_lock();
    frozen = 1;
    state_changed();
    state_unlock();
    int64_t until = now_ms() + TEST_DEADLINE_MS;
    state_lock();
    while (!thawing) wait_state(until, __FILE__, __LINE__, "the end of a freeze");
    frozen = thawing = 0;
    state_changed();
    state_unlock();
}

void freeze(void)
{
    if (test_loop_kind != LOOP_DEFAULT) return; // runs only when the test lets it
    post(stand_still, NULL);
    WAIT(frozen);
}

void thaw(void)
{
    if (test_loop_kind != LOOP_DEFAULT) return;
    state_lock();
    thawing = 1;
    state_changed();
    state_unlock();
    WAIT(!frozen);
}

void pattern_fill(void *to, uint64_t offset, size_t size)
{
    unsigned char *p = to;
    for (size_t i = 0; i < size; i++, offset++) p[i] = (unsigned char)(offset * 31 ^ offset >> 8 ^ offset >> 16 ^ offset >> 24);
}

int pattern_matches(const void *data, uint64_t offset, size_t size)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < size; i++, offset++)
        if (p[i] != (unsigned char)(offset * 31 ^ offset >> 8 ^ offset >> 16 ^ offset >> 24)) return 0;
    return 1;
}

struct pair pair_new_masked(int kind, unsigned mask)
{
    struct pair pair = {0};
    int port;
    if (kind == SOCKET_KIND_TCP) {
        int listener = peer_listen(&port);
        pair.probe = probe_new_masked(kind, mask);
        CHECK_EQ(probe_connect(pair.probe, port), 0);
        pair.peer = peer_accept(listener);
        struct probe *p = pair.probe;
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
        close(listener);
    } else {
        struct probe *server = pair.server = server_new_masked(&port, mask);
        pair.peer = peer_connect(port);
        WAIT(server->clients == 1);
        pair.probe = server->client[0];
    }
    return pair;
}

struct pair pair_new(int kind) { return pair_new_masked(kind, ALL_EVENTS); }

void pair_close(struct pair *pair)
{
    if (pair->peer >= 0) close(pair->peer);
    struct probe *p = pair->probe, *server = pair->server;
    if (server) {
        socket_release(p->socket);
        socket_close(server->socket, NULL, NULL);
        WAIT(server->count[SOCKET_EVENT_CLOSE] == 1);
        probe_release(server);
    } else {
        CHECK(is_valid(p->socket));
        probe_release(p);
    }
    POLL(!is_valid(p->socket));
}

int code_for(int kind, int code)
{
    int server_range = kind != SOCKET_KIND_TCP && kind != SOCKET_KIND_UDP;
    return server_range && code > 2301000 && code < 2302000 ? code - 2301000 + 2303100 : code;
}

int option_of_fd(socket_handle socket, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    CHECK_EQ(getsockopt((int)CHECK_OK(socket_get_fd(socket)), level, name, &value, &size), 0);
    return value;
}

static void warm_up(void)
{
    int port, other;
    char c;
    struct pair p = pair_new(SOCKET_KIND_TCP);
    peer_write(p.peer, "a", 1);
    WAIT(p.probe->size == 1);
    CHECK_EQ(probe_send(p.probe, "b", 1), 0);
    peer_read(p.peer, &c, 1);
    pair_close(&p);
    p = pair_new(SOCKET_KIND_TCP_CONNECTION);
    pair_close(&p);

    struct probe *udp = probe_new(SOCKET_KIND_UDP);
    int peer = peer_udp(&other);
    port = probe_bind(udp);
    CHECK_EQ(probe_send_to(udp, other, "c", 1), 0);
    peer_receive(peer, &c, 1, NULL);
    peer_send_to(peer, port, "d", 1);
    WAIT(udp->size == 1);
    probe_closed(udp);
    close(peer);

    int listener = peer_listen(&port);
    struct probe *tcp = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(probe_connect_to(tcp, "localhost", port, 0), 0);
    WAIT(tcp->done[SOCKET_OPERATION_CONNECT] == 1);
    close(peer_accept(listener));
    close(listener);
    WAIT(tcp->count[SOCKET_EVENT_CLOSE] == 1);
    probe_release(tcp);
}

static uint64_t sockets_now(void) { return stats_now().sockets; }

static void close_test_loop(void)
{
    CHECK_EQ(socket_loop_close(test_loop), 0);
    if (test_loop_kind == LOOP_POLL) {
        socket_event records[RECORDS];
        int n;
        while ((n = socket_loop_poll(test_loop, records, RECORDS, 0)) != -2301009) CHECK_OK(n);
    }
    test_loop = 0;
    test_loop_kind = LOOP_DEFAULT;
}

void run_with_baseline(const struct test *t)
{
    warm_up();
    POLL(sockets_now() == 0 && stats_now().queued_bytes == 0);
    settle();
    socket_stats before = stats_now();
    probes_start();
    int fds = count_fds(), threads = count_threads();
    test_loop_kind = t->loop;
    if (t->loop != LOOP_DEFAULT)
        test_loop = CHECK_OK(socket_loop_create(t->loop == LOOP_RUN ? SOCKET_LOOP_CALLBACKS : SOCKET_LOOP_RECORDS));
    t->body();
    POLL(sockets_now() == 0);
    POLL(stats_now().queued_bytes == 0);
    if (test_loop) close_test_loop();
    POLL(stats_now().loops <= before.loops);
    POLL(stats_now().tls_handshakes == 0 && stats_now().tls_sessions == 0 && stats_now().tls_contexts == 0);
    POLL(count_fds() <= fds);
    // The Go runtime starts threads, and keeps them, when its processors have work at once, and for
    // each thread of ours that is inside a system call.
    threads += SPARE_THREADS + most_threads();
    if (count_threads() > threads) FAIL("%d threads, %d were the most to expect", count_threads(), threads);
}
