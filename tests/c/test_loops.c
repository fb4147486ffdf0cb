// Host-driven loops in callback mode, posted functions and timers: LOOP-1, LOOP-4, LOOP-5, LOOP-7,
// LOOP-8, THREAD-1.
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"

static int readable(socket_loop loop, int ms)
{
    struct pollfd p = {.fd = (int)CHECK_OK(socket_loop_fd(loop)), .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

// It may be readable for work that makes no callback, but not for ever.
static void come_to_rest(socket_loop loop)
{
    for (int i = 0; readable(loop, 0); i++) {
        CHECK(i < 20);
        CHECK_EQ(socket_loop_run(loop, 0), 0);
    }
}

static int count;

static void add_one(void *unused)
{
    (void)unused;
    state_lock();
    count++;
    state_changed();
    state_unlock();
}

static struct probe *probe_on(socket_loop loop, int kind)
{
    return probe_attach(CHECK_OK(socket_construct(loop, kind)), kind, ALL_EVENTS);
}

// LOOP-1: readable exactly while run would do something: posted work, timers, events, completions.
TEST(the_descriptor_is_readable_when_there_is_work)
{
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    CHECK(!readable(loop, 0));
    CHECK_EQ(socket_loop_run(loop, 0), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(socket_loop_post(loop, add_one, NULL), 0);
        CHECK(readable(loop, 0));
        CHECK(readable(loop, 0)); // and stays so
        CHECK_EQ(socket_loop_run(loop, 0), 1);
        come_to_rest(loop);
    }
    CHECK_OK(socket_loop_set_timer(loop, 30, 0, add_one, NULL));
    come_to_rest(loop);
    CHECK_EQ(count, 3);
    CHECK(readable(loop, PATIENCE_MS));
    CHECK_EQ(socket_loop_run(loop, 0), 1);
    come_to_rest(loop);

    int port;
    int peer = peer_udp(&port);
    struct probe *p = probe_on(loop, SOCKET_KIND_UDP);
    int own = probe_bind(p);
    CHECK(readable(loop, PATIENCE_MS)); // the listening event
    while (p->count[SOCKET_EVENT_LISTENING] == 0) CHECK_OK(socket_loop_run(loop, 0));
    come_to_rest(loop);
    peer_send_to(peer, own, "x", 1);
    CHECK(readable(loop, PATIENCE_MS));
    while (p->count[SOCKET_EVENT_MESSAGE] == 0) CHECK_OK(socket_loop_run(loop, 0));
    come_to_rest(loop);
    CHECK_EQ(probe_send_to(p, port, "y", 1), 0);
    CHECK(readable(loop, PATIENCE_MS)); // the completion
    while (p->done[SOCKET_OPERATION_SEND] == 0) CHECK_OK(socket_loop_run(loop, 0));
    come_to_rest(loop);
    CHECK_EQ(probe_send_to(p, port, "y", 1), 0);
    while (p->done[SOCKET_OPERATION_SEND] == 1) CHECK_OK(socket_loop_run(loop, 0));
    CHECK_EQ(socket_loop_close(loop), 0);
    peer_close(peer);
    CHECK_EQ(count, 4);
}

static void post_one_more(void *loop)
{
    add_one(NULL);
    if (count < 10) CHECK_EQ(socket_loop_post(*(socket_loop *)loop, post_one_more, loop), 0);
}

// LOOP-1: what a callback posts is work for the next run.
TEST(the_descriptor_stays_readable_for_what_callbacks_leave)
{
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    CHECK_EQ(socket_loop_post(loop, post_one_more, &loop), 0);
    while (count < 10) {
        CHECK(readable(loop, 0));
        CHECK_OK(socket_loop_run(loop, 0));
    }
    come_to_rest(loop);
    CHECK_EQ(count, 10);
    CHECK_EQ(socket_loop_close(loop), 0);
}

// A budget ends a batch: what is left over, datagrams or clients, keeps the descriptor readable.
TEST(the_descriptor_stays_readable_for_what_is_left)
{
    enum { MANY = 200 };
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    int ignored, peers[MANY];
    int peer = peer_udp(&ignored);
    struct probe *udp = probe_on(loop, SOCKET_KIND_UDP), *server = probe_on(loop, SOCKET_KIND_TCP_SERVER);
    int own = probe_bind(udp);
    socket_listen_options o = listen_options("127.0.0.1", 0, 0);
    CHECK_EQ(socket_listen(server->socket, &o), 0);
    for (int i = 0; i < MANY; i++) {
        peer_send_to(peer, own, "x", 1);
        peers[i] = peer_connect(probe_port(server));
    }
    while (udp->count[SOCKET_EVENT_MESSAGE] < MANY || server->count[SOCKET_EVENT_CONNECT] < MANY) {
        if (!readable(loop, 0))
            FAIL("not readable after %d datagrams and %d clients", udp->count[SOCKET_EVENT_MESSAGE], server->count[SOCKET_EVENT_CONNECT]);
        CHECK_OK(socket_loop_run(loop, 0));
    }
    come_to_rest(loop);
    for (int i = 0; i < MANY; i++) peer_close(peers[i]);
    CHECK_EQ(socket_loop_close(loop), 0);
    peer_close(peer);
}

static socket_loop shared;

static void *post_later(void *unused)
{
    (void)unused;
    pause_ms(30);
    CHECK_EQ(socket_loop_post(shared, add_one, NULL), 0);
    return NULL;
}

// run waits as long as it is told, returns the number of callbacks, and wakes up for other threads.
TEST(run_waits_and_counts)
{
    shared = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    int64_t start = now_ms();
    CHECK_EQ(socket_loop_run(shared, 50), 0);
    CHECK(now_ms() - start >= 49);
    for (int i = 0; i < 5; i++) CHECK_EQ(socket_loop_post(shared, add_one, NULL), 0);
    CHECK_EQ(socket_loop_run(shared, -1), 5);
    pthread_t thread;
    start_thread(&thread, post_later, NULL);
    CHECK_EQ(socket_loop_run(shared, -1), 1);
    join_thread(thread);
    CHECK_EQ(count, 6);
    CHECK_EQ(socket_loop_close(shared), 0);
}

static void nothing(int signal) { (void)signal; }

static void *interrupt(void *target)
{
    pause_ms(50);
    pthread_kill(*(pthread_t *)target, SIGUSR1);
    return NULL;
}

// LOOP-4
TEST(a_signal_makes_run_and_poll_return_early)
{
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    pthread_t self = pthread_self(), thread;
    for (int mode = SOCKET_LOOP_CALLBACKS; mode <= SOCKET_LOOP_RECORDS; mode++) {
        socket_loop loop = CHECK_OK(socket_loop_create(mode));
        socket_event e[2];
        int64_t start = now_ms();
        start_thread(&thread, interrupt, &self);
        CHECK_EQ(mode == SOCKET_LOOP_CALLBACKS ? socket_loop_run(loop, 2 * PATIENCE_MS) : socket_loop_poll(loop, e, 2, 2 * PATIENCE_MS), 0);
        CHECK(now_ms() - start < PATIENCE_MS);
        join_thread(thread);
        CHECK_EQ(socket_loop_close(loop), 0);
        while (mode == SOCKET_LOOP_RECORDS && socket_loop_poll(loop, e, 2, 0) >= 0) continue;
    }
}

static void use_own_loop(void *unused)
{
    (void)unused;
    socket_event e[2];
    CHECK_CODE(socket_loop_run(shared, 0), 2301114);
    CHECK_CODE(socket_loop_close(shared), 2301114);
    CHECK(socket_loop_poll(shared, e, 2, 0) < 0);
    CHECK_OK(socket_loop_fd(shared));
    CHECK_EQ(socket_loop_post(shared, add_one, NULL), 0);
    add_one(NULL);
}

static int inside, leave_now;

static void stay_inside(void *unused)
{
    (void)unused;
    __atomic_store_n(&inside, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&leave_now, __ATOMIC_ACQUIRE)) pause_ms(1);
}

static void *run_once(void *unused)
{
    (void)unused;
    CHECK_EQ(socket_loop_run(shared, PATIENCE_MS), 1);
    return NULL;
}

// THREAD-1
TEST(a_loop_in_use_says_so)
{
    shared = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    CHECK_EQ(socket_loop_post(shared, use_own_loop, NULL), 0);
    while (count < 2) CHECK_OK(socket_loop_run(shared, 100));
    CHECK_EQ(socket_loop_post(shared, stay_inside, NULL), 0);
    pthread_t thread;
    start_thread(&thread, run_once, NULL);
    POLL(__atomic_load_n(&inside, __ATOMIC_ACQUIRE));
    CHECK_CODE(socket_loop_run(shared, 0), 2301114);
    CHECK_CODE(socket_loop_close(shared), 2301114);
    CHECK_EQ(socket_loop_post(shared, add_one, NULL), 0);
    __atomic_store_n(&leave_now, 1, __ATOMIC_RELEASE);
    join_thread(thread);
    while (count < 3) CHECK_OK(socket_loop_run(shared, 100));
    CHECK_EQ(socket_loop_close(shared), 0);
}

// LOOP-8: a loop moves from thread to thread, its sockets with it.
static void *serve_a_while(void *argument)
{
    struct probe *p = argument;
    uint64_t goal = p->size + 10;
    while (p->size < goal) CHECK_OK(socket_loop_run(shared, PATIENCE_MS));
    CHECK_EQ(p->thread, gettid());
    return NULL;
}

static void echo(struct probe *p, const socket_event *e)
{
    if (e->type == SOCKET_EVENT_MESSAGE) CHECK_EQ(socket_send(p->socket, e->data, e->size, NULL, NULL), 0);
}

// LOOP-8
TEST(a_loop_moves_between_threads)
{
    int port;
    int listener = peer_listen(&port);
    shared = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    struct probe *p = probe_on(shared, SOCKET_KIND_TCP);
    p->pattern = 1;
    p->on_event = echo;
    CHECK_EQ(probe_connect(p, port), 0);
    while (p->done[SOCKET_OPERATION_CONNECT] == 0) CHECK_OK(socket_loop_run(shared, 100));
    int peer = peer_accept(listener);
    for (uint64_t i = 0; i < 20; i++) {
        pthread_t thread;
        peer_write_pattern(peer, i * 10, 10);
        start_thread(&thread, serve_a_while, p);
        peer_read_pattern(peer, i * 10, 10);
        join_thread(thread);
    }
    CHECK_EQ(socket_loop_close(shared), 0);
    peer_close(peer);
    peer_close(listener);
}

// LOOP-5, LIFE-6: everything pending completes and every open socket has its close event before
// close returns.
TEST(closing_a_loop_closes_its_sockets)
{
    int port;
    int listener = peer_listen(&port);
    struct full_listener full = peer_listen_full();
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    struct probe *tcp = probe_on(loop, SOCKET_KIND_TCP), *udp = probe_on(loop, SOCKET_KIND_UDP);
    struct probe *server = probe_on(loop, SOCKET_KIND_TCP_SERVER), *pending = probe_on(loop, SOCKET_KIND_TCP);
    struct probe *unopened = probe_on(loop, SOCKET_KIND_TCP);
    CHECK_EQ(probe_connect(tcp, port), 0);
    CHECK_EQ(probe_connect(pending, full.port), 0);
    probe_bind(udp);
    socket_listen_options o = listen_options("127.0.0.1", 0, 0);
    CHECK_EQ(socket_listen(server->socket, &o), 0);
    while (tcp->done[SOCKET_OPERATION_CONNECT] == 0) CHECK_OK(socket_loop_run(loop, 100));
    int peer = peer_accept(listener);
    CHECK_EQ(probe_send_pattern(tcp, 0, 12 << 20), 0);
    CHECK_EQ(probe_close(tcp), 0);
    CHECK_EQ(socket_loop_close(loop), 0);
    CHECK_STR(tcp->order, "CcsZz");
    CHECK_EQ(tcp->done_error[SOCKET_OPERATION_SEND], -2301125);
    CHECK_EQ(pending->done[SOCKET_OPERATION_CONNECT], 1);
    CHECK_EQ(pending->done_error[SOCKET_OPERATION_CONNECT], -2301125);
    CHECK_EQ(udp->count[SOCKET_EVENT_CLOSE], 1);
    CHECK_EQ(server->count[SOCKET_EVENT_CLOSE], 1);
    CHECK(!is_valid(tcp->socket) && !is_valid(udp->socket) && !is_valid(server->socket) && !is_valid(pending->socket));
    CHECK(!is_valid(unopened->socket));
    CHECK_CODE(socket_loop_fd(loop), 2301009);
    peer_read_reset(peer);
    peer_close(peer);
    peer_close(listener);
    peer_close_full(&full);
}

// Two loops in one thread talk to each other.
TEST(two_loops_in_one_thread)
{
    socket_loop a = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS)), b = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    struct probe *pa = probe_on(a, SOCKET_KIND_UDP), *pb = probe_on(b, SOCKET_KIND_UDP);
    int port = probe_bind(pa);
    probe_bind(pb);
    for (int i = 1; i <= 50; i++) {
        CHECK_EQ(probe_send_to(pb, port, "ping", 4), 0);
        while (pa->count[SOCKET_EVENT_MESSAGE] < i) CHECK_OK(socket_loop_run(a, 100));
        CHECK_EQ(probe_send_to(pa, pa->remote_port, "pong", 4), 0);
        while (pb->count[SOCKET_EVENT_MESSAGE] < i) CHECK_OK(socket_loop_run(b, 100));
    }
    CHECK_EQ(socket_loop_close(a), 0);
    CHECK_EQ(probe_send_to(pb, port, "ping", 4), 0);
    while (pb->done[SOCKET_OPERATION_SEND] < 51) CHECK_OK(socket_loop_run(b, 100));
    CHECK_EQ(socket_loop_close(b), 0);
}

static void run_the_other(void *loop)
{
    CHECK_EQ(socket_loop_run(*(socket_loop *)loop, 0), 1);
    add_one(NULL);
}

// THREAD-1: another loop may be run, and closed, inside a callback.
TEST(a_loop_inside_another)
{
    socket_loop outer = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS)), inner = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    CHECK_EQ(socket_loop_post(inner, add_one, NULL), 0);
    CHECK_EQ(socket_loop_post(outer, run_the_other, &inner), 0);
    CHECK_EQ(socket_loop_run(outer, 0), 1);
    CHECK_EQ(count, 2);
    CHECK_EQ(socket_loop_close(inner), 0);
    CHECK_EQ(socket_loop_close(outer), 0);
}

// In a host's own epoll set.
TEST(a_loop_in_an_epoll_set)
{
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    int set = epoll_create1(EPOLL_CLOEXEC), port, other;
    struct epoll_event e = {.events = EPOLLIN};
    CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, (int)CHECK_OK(socket_loop_fd(loop)), &e), 0);
    int peer = peer_udp(&other);
    struct probe *p = probe_on(loop, SOCKET_KIND_UDP);
    port = probe_bind(p);
    for (int i = 1; i <= 20; i++) {
        peer_send_to(peer, port, "x", 1);
        while (p->count[SOCKET_EVENT_MESSAGE] < i) {
            CHECK_EQ(epoll_wait(set, &e, 1, PATIENCE_MS), 1);
            CHECK_OK(socket_loop_run(loop, 0));
        }
    }
    CHECK_EQ(socket_loop_flush(loop), 0);
    CHECK_EQ(socket_loop_close(loop), 0);
    close(set);
    peer_close(peer);
}
