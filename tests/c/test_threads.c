// Many threads: THREAD-1 to THREAD-3, DONE-2, DONE-5, ORDER-1, DATA-5.
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"

enum { THREADS = 64, EACH = 200, SIZE = 64 };

// What one thread sends: numbered pieces of one size, so that the peer can tell them apart.
struct piece {
    uint32_t thread, number;
    char rest[SIZE - 8];
};

struct sender {
    pthread_t thread;
    uint32_t number;
    struct probe *probe;
    int taken, refused;
    int next; // the completion that is due
};

struct sent {
    struct sender *sender;
    int number;
};

static int completed;

static void piece_done(socket_handle s, int error, void *user_data)
{
    struct sent *sent = user_data;
    (void)s, (void)error;
    CHECK_EQ(sent->number, sent->sender->next++); // in each thread's order
    free(sent);
    __atomic_add_fetch(&completed, 1, __ATOMIC_RELAXED);
}

static void *send_pieces(void *argument)
{
    struct sender *s = argument;
    struct piece p = {.thread = s->number};
    for (int i = 0; i < EACH; i++) {
        struct sent *sent = malloc(sizeof *sent);
        *sent = (struct sent){s, s->taken};
        p.number = (uint32_t)s->taken;
        int result = socket_send(s->probe->socket, &p, sizeof p, piece_done, sent);
        if (result == 0) {
            s->taken++;
        } else {
            CHECK(result == -2301108 || result == -2301009 || result == -2300999);
            s->refused++;
            free(sent);
        }
    }
    return NULL;
}

// Reads pieces up to the end and checks that each thread's come whole and in order; returns their
// number.
static int read_pieces(int peer, int expected)
{
    uint32_t next[THREADS] = {0};
    struct piece p;
    int n = 0;
    for (; n < expected; n++) {
        peer_read(peer, &p, sizeof p);
        CHECK(p.thread < THREADS);
        CHECK_EQ(p.number, next[p.thread]++);
    }
    return n;
}

static void send_from_threads(struct sender *senders, struct probe *p)
{
    for (uint32_t i = 0; i < THREADS; i++) {
        senders[i] = (struct sender){.number = i, .probe = p};
        start_thread(&senders[i].thread, send_pieces, &senders[i]);
    }
}

// ORDER-1, DONE-5, DATA-5: on one socket; each thread's pieces stay whole and in order.
TEST(threads_send_on_one_socket)
{
    static struct sender senders[THREADS];
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    send_from_threads(senders, pair.probe);
    CHECK_EQ(read_pieces(pair.peer, THREADS * EACH), THREADS * EACH);
    for (int i = 0; i < THREADS; i++) join_thread(senders[i].thread);
    POLL(__atomic_load_n(&completed, __ATOMIC_RELAXED) == THREADS * EACH);
    CHECK_EQ(peer_readable(pair.peer), 0);
    pair_close(&pair);
}

// DATA-1, DONE-1, DONE-2: closed meanwhile; what was accepted before arrives, what came later was
// refused.
TEST(threads_send_while_the_socket_closes)
{
    for (int round = 0; round < 10; round++) {
        static struct sender senders[THREADS];
        struct pair pair = pair_new(SOCKET_KIND_TCP);
        struct probe *p = pair.probe;
        completed = 0;
        send_from_threads(senders, p);
        struct piece first;
        peer_read(pair.peer, &first, sizeof first);
        CHECK_EQ(first.number, 0);
        CHECK_EQ(round % 2 ? probe_close(p) : probe_end(p), 0);
        int taken = 0;
        for (int i = 0; i < THREADS; i++) {
            join_thread(senders[i].thread);
            taken += senders[i].taken;
        }
        uint32_t next[THREADS] = {0};
        next[first.thread] = 1;
        for (int i = 1; i < taken; i++) {
            struct piece got;
            peer_read(pair.peer, &got, sizeof got);
            CHECK_EQ(got.number, next[got.thread]++);
        }
        peer_read_end(pair.peer);
        POLL(__atomic_load_n(&completed, __ATOMIC_RELAXED) == taken);
        pair_close(&pair);
    }
}

// DONE-2: aborted or released meanwhile; everything accepted completes.
TEST(threads_send_while_the_socket_is_aborted)
{
    for (int round = 0; round < 20; round++) {
        static struct sender senders[THREADS];
        struct pair pair = pair_new(SOCKET_KIND_TCP);
        completed = 0;
        send_from_threads(senders, pair.probe);
        struct piece first;
        peer_read(pair.peer, &first, sizeof first);
        if (round % 2) {
            CHECK_EQ(socket_abort(pair.probe->socket), 0);
        } else {
            probe_release(pair.probe);
            peer_reset(pair.peer);
            pair.peer = -1;
        }
        int taken = 0;
        for (int i = 0; i < THREADS; i++) {
            join_thread(senders[i].thread);
            taken += senders[i].taken;
        }
        POLL(__atomic_load_n(&completed, __ATOMIC_RELAXED) == taken);
        if (round % 2) {
            struct probe *p = pair.probe;
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            pair_close(&pair);
        }
    }
}

static int port;

// One thread's own life: connect, exchange, close, several times, on a socket of its own.
static void *live(void *argument)
{
    (void)argument;
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    p->pattern = 1;
    for (int i = 1; i <= 10; i++) {
        CHECK_EQ(probe_connect(p, port), 0);
        CHECK_EQ(probe_send_pattern(p, p->size, 1000), 0);
        uint64_t goal = (uint64_t)i * 1000;
        WAIT(p->size == goal || p->done_error[SOCKET_OPERATION_CONNECT] != 0);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
        CHECK_EQ(probe_close(p), 0);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == i);
    }
    probe_release(p);
    return NULL;
}

static void echo(struct probe *client, const socket_event *e)
{
    if (e->type == SOCKET_EVENT_MESSAGE) CHECK_EQ(socket_send(client->socket, e->data, e->size, NULL, NULL), 0);
}

static void attach_echo(const socket_event *e, void *user_data);

static void count_message(const socket_event *e, void *user_data)
{
    (void)user_data;
    CHECK_EQ(socket_send(e->socket, e->data, e->size, NULL, NULL), 0);
}

static void attach_echo(const socket_event *e, void *user_data)
{
    (void)user_data;
    CHECK_EQ(socket_on(e->connection, SOCKET_EVENT_MESSAGE, count_message, NULL), 0);
}

// THREAD-1: each thread with a socket of its own, against our own server.
TEST(threads_with_sockets_of_their_own)
{
    pthread_t threads[THREADS];
    struct probe *server = probe_new_masked(SOCKET_KIND_TCP_SERVER, 0);
    CHECK_EQ(socket_on(server->socket, SOCKET_EVENT_CONNECT, attach_echo, NULL), 0);
    socket_listen_options o = listen_options("127.0.0.1", 0, 0);
    CHECK_EQ(socket_listen(server->socket, &o), 0);
    port = probe_port(server);
    for (int i = 0; i < THREADS; i++) start_thread(&threads[i], live, NULL);
    for (int i = 0; i < THREADS; i++) join_thread(threads[i]);
    probe_closed(server);
}

static socket_handle target;
static int stop;

// Calls anything on a socket that others close, open and configure at the same time.
static void *meddle(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;
    socket_address any = address_of("127.0.0.1", 0, 0);
    socket_connect_options o = connect_options("127.0.0.1", port, 0);
    socket_extra_options x = SOCKET_EXTRA_OPTIONS_INIT;
    socket_state_info state = SOCKET_STATE_INFO_INIT;
    char text[200];
    int p;
    x.fields = SOCKET_EXTRA_TCP_NO_DELAY;
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        switch (rand_r(&seed) % 16) {
        case 0: socket_bind(target, &any); break;
        case 1: case 2: socket_connect(target, &o, NULL, NULL); break;
        case 3: case 4: case 5: socket_send(target, text, 100, NULL, NULL); break;
        case 6: socket_close(target, NULL, NULL); break;
        case 7: socket_abort(target); break;
        case 8: socket_end(target, NULL, NULL); break;
        case 9: socket_pause(target); socket_resume(target); break;
        case 10: socket_set_extra_options(target, &x); break;
        case 11: socket_get_local_address(target, text, sizeof text, &p, NULL); break;
        case 12: socket_get_remote_address(target, text, sizeof text, &p, NULL); break;
        case 13: socket_get_error_detail(target, text, sizeof text); socket_get_fd(target); break;
        case 14: socket_get_state(target, &state); socket_get_send_queue_length(target); break;
        default: socket_flush(target); socket_set_option(target, SOCKET_OPTION_IDLE_TIMEOUT, rand_r(&seed) % 3 * 1000); break;
        }
    }
    return NULL;
}

// THREAD-1, LIFE-4: any function from any thread at any time; the probe checks order and exactly
// one close.
TEST(threads_call_anything_on_one_socket)
{
    pthread_t threads[16];
    struct probe *server = probe_new_masked(SOCKET_KIND_TCP_SERVER, 0);
    CHECK_EQ(socket_on(server->socket, SOCKET_EVENT_CONNECT, attach_echo, NULL), 0);
    socket_listen_options o = listen_options("127.0.0.1", 0, 0);
    CHECK_EQ(socket_listen(server->socket, &o), 0);
    port = probe_port(server);
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    // at any time: a close alone, of a period that was only bound, may follow a close
    p->reopened = 1;
    target = p->socket;
    for (uintptr_t i = 0; i < 16; i++) start_thread(&threads[i], meddle, (void *)(i + 1));
    pause_ms(1500);
    WAIT(p->count[SOCKET_EVENT_CONNECT] > 0);
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 16; i++) join_thread(threads[i]);
    socket_abort(target);
    POLL(state_of(target) != 1 && state_of(target) != 3);
    settle();
    CHECK(p->count[SOCKET_EVENT_CLOSE] >= p->count[SOCKET_EVENT_CONNECT]);
    probe_release(p);
    probe_closed(server);
}

static void *wait_for_release(void *argument)
{
    socket_handle s = *(socket_handle *)argument;
    int n = 0;
    while (socket_release(s) != 0 && is_valid(s)) n++;
    return NULL;
}

// LIFE-5: of many releases at once one succeeds.
TEST(one_release_wins)
{
    for (int round = 0; round < 200; round++) {
        pthread_t threads[8];
        socket_handle s = CHECK_OK(socket_construct_udp());
        for (int i = 0; i < 8; i++) start_thread(&threads[i], wait_for_release, &s);
        for (int i = 0; i < 8; i++) join_thread(threads[i]);
        CHECK(!is_valid(s));
        CHECK_CODE(socket_release(s), 2301009);
    }
}

static int creator_thread, checked;

static void check_thread(struct probe *p, const socket_event *e)
{
    (void)p, (void)e;
    CHECK(gettid() != creator_thread);
    checked++;
}

static void check_thread_of_done(struct probe *p, int operation, int error)
{
    (void)operation, (void)error;
    check_thread(p, NULL);
}

// THREAD-3: the callbacks of one loop run on one thread, which is none of ours.
TEST(callbacks_run_on_the_loops_thread)
{
    creator_thread = gettid();
    struct pair a = pair_new(SOCKET_KIND_TCP), b = pair_new(SOCKET_KIND_TCP_CONNECTION);
    a.probe->on_event = b.probe->on_event = check_thread;
    a.probe->on_done = check_thread_of_done;
    peer_write(a.peer, "x", 1);
    peer_write(b.peer, "x", 1);
    struct probe *pa = a.probe, *pb = b.probe;
    WAIT(pa->size == 1 && pb->size == 1);
    CHECK_EQ(pa->thread, pb->thread);
    CHECK_EQ(probe_send(pa, "x", 1), 0);
    WAIT(pa->done[SOCKET_OPERATION_SEND] == 1);
    pair_close(&a);
    pair_close(&b);
    CHECK(checked > 0);
}

// THREAD-1: the caller may hold a lock of its own that callbacks take.
static pthread_mutex_t hosts = PTHREAD_MUTEX_INITIALIZER;

static void lock_and_echo(struct probe *p, const socket_event *e)
{
    pthread_mutex_lock(&hosts);
    echo(p, e);
    pthread_mutex_unlock(&hosts);
}

TEST(calls_under_a_lock_that_callbacks_take)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    p->on_event = lock_and_echo;
    char text[10];
    set_int_option((int)CHECK_OK(socket_get_fd(p->socket)), IPPROTO_TCP, TCP_NODELAY, 1);
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&hosts);
        peer_write(pair.peer, "0123456789", 10);
        CHECK_EQ(socket_send(p->socket, "abcdefghij", 10, NULL, NULL), 0);
        CHECK_EQ(socket_pause(p->socket), 0);
        CHECK_EQ(socket_resume(p->socket), 0);
        socket_handle other = CHECK_OK(socket_construct_udp());
        CHECK_EQ(socket_release(other), 0);
        pthread_mutex_unlock(&hosts);
        peer_read(pair.peer, text, 10);
        peer_read(pair.peer, text, 10);
    }
    pair_close(&pair);
}
