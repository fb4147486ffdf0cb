// Anything inside any callback: each action in each callback of each kind of socket. Nothing may
// crash or hang, each period has one close event (the probe looks at the order), and what was
// accepted completes once. THREAD-1, THREAD-3, LIFE-4, LIFE-5, DONE-1, DONE-2.
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"

enum action {
    CLOSE, CLOSE_TWICE, ABORT, CLOSE_AND_ABORT, RELEASE, SEND, SEND_LARGE, SEND_AND_CLOSE, END, PAUSE, LISTENERS, CONSTRUCT,
    CONNECT, BIND, GET, SET, POST, ACTIONS
};

struct script {
    enum action action;
    int event, operation; // where: one of them is 0
    int done, released, port;
    int accepted[OPERATIONS]; // calls that have promised a completion
};

static void nothing(void *unused) { (void)unused; }
static void deaf(const socket_event *e, void *unused) { (void)e, (void)unused; }

static int count_in(struct probe *p, int operation, int result)
{
    struct script *s = p->context;
    if (result >= 0) __atomic_add_fetch(&s->accepted[operation], 1, __ATOMIC_RELAXED);
    return result;
}

static int try_close(struct probe *p) { return count_in(p, SOCKET_OPERATION_CLOSE, probe_close(p)); }
static int try_end(struct probe *p) { return count_in(p, SOCKET_OPERATION_END, probe_end(p)); }
static int try_send(struct probe *p, size_t size) { return count_in(p, SOCKET_OPERATION_SEND, probe_send_pattern(p, 0, size)); }

static int try_connect(struct probe *p, int port) { return count_in(p, SOCKET_OPERATION_CONNECT, probe_connect(p, port)); }

static void construct_others(void)
{
    socket_address a = address_of("127.0.0.1", 0, 0);
    socket_handle udp = CHECK_OK(socket_construct(test_loop, SOCKET_KIND_UDP)), tcp = CHECK_OK(socket_construct_tcp());
    CHECK_EQ(socket_bind(udp, &a), 0);
    CHECK_EQ(socket_bind(tcp, &a), 0);
    CHECK_EQ(socket_release(udp), 0);
    CHECK_EQ(socket_release(tcp), 0);
}

// Must succeed; of a record that was fetched late the connection may have released itself.
static void must(int64_t result)
{
    if (result < 0 && !(result == -2301009 && test_loop_kind == LOOP_POLL)) FAIL("a call returned %lld", (long long)result);
}

static void get_everything(socket_handle s)
{
    char text[100];
    int port, family;
    socket_state_info state = SOCKET_STATE_INFO_INIT;
    must(socket_get_state(s, &state));
    socket_get_local_address(s, text, sizeof text, &port, &family);
    socket_get_remote_address(s, text, sizeof text, &port, &family);
    must(socket_get_error_detail(s, text, sizeof text));
    must(socket_get_send_queue_length(s));
    socket_get_fd(s);
    socket_get_client_id(s);
    must(socket_get_kind(s));
    stats_now();
}

static void act(struct probe *p)
{
    struct script *s = p->context;
    if (s->done) return;
    socket_handle h = p->socket;
    socket_address a = address_of("127.0.0.1", 0, 0);
    switch (s->action) {
    case CLOSE: try_close(p); break;
    case CLOSE_TWICE: try_close(p); try_close(p); break;
    case ABORT: socket_abort(h); break;
    case CLOSE_AND_ABORT: try_close(p); socket_abort(h); break;
    case RELEASE: must(socket_release(h)); break;
    case SEND: for (int i = 0; i < 20; i++) try_send(p, 10); break;
    case SEND_LARGE: socket_set_option(h, SOCKET_OPTION_SEND_QUEUE_LIMIT, 100 << 20); try_send(p, 300000); break;
    case SEND_AND_CLOSE: try_send(p, 100); try_close(p); break;
    case END: try_end(p); socket_flush(h); break;
    case PAUSE: must(socket_pause(h)); must(socket_resume(h)); break;
    case LISTENERS:
        if (test_loop_kind == LOOP_POLL) {
            must(socket_subscribe(h, 0, p));
            must(socket_subscribe(h, ALL_EVENTS, p));
        } else {
            for (int type = SOCKET_EVENT_CONNECT; type <= SOCKET_EVENT_LISTENING; type++) must(socket_on(h, type, deaf, p));
            for (int type = SOCKET_EVENT_CONNECT; type <= SOCKET_EVENT_LISTENING; type++) must(socket_off(h, type, deaf, p));
        }
        break;
    case CONSTRUCT: construct_others(); break;
    case CONNECT: try_connect(p, s->port); break;
    case BIND:
        if (socket_bind(h, &a) == 0) probe_opened(p);
        break;
    case GET: get_everything(h); break;
    case SET: must(socket_set_option(h, SOCKET_OPTION_IDLE_TIMEOUT, 100000)); break;
    default: post(nothing, NULL); break;
    }
    state_lock();
    s->released = s->action == RELEASE;
    s->done = 1;
    state_changed();
    state_unlock();
}

static void at_event(struct probe *p, const socket_event *e)
{
    if (e->type == ((struct script *)p->context)->event) act(p);
}

static void at_done(struct probe *p, int operation, int error)
{
    (void)error;
    if (operation == ((struct script *)p->context)->operation) act(p);
}

// Reads what there is at the peer; returns 0 when the connection is over.
static int drain(int peer)
{
    static char chunk[1 << 16];
    ssize_t n = recv(peer, chunk, sizeof chunk, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) {
        struct pollfd readable = {.fd = peer, .events = POLLIN};
        if (test_loop) pump(0);
        else poll(&readable, 1, 5);
        return 1;
    }
    return n > 0;
}

static int over(struct probe *p, struct script *s)
{
    state_lock();
    int is = s->released || p->count[SOCKET_EVENT_CLOSE] > 0;
    state_unlock();
    return is;
}

// What was accepted has completed, once, and the action was made.
static void check_script(struct probe *p, struct script *s)
{
    for (int i = SOCKET_OPERATION_CONNECT; i <= SOCKET_OPERATION_CLOSE; i++) WAIT(p->done[i] >= s->accepted[i]);
    settle();
    for (int i = SOCKET_OPERATION_CONNECT; i <= SOCKET_OPERATION_CLOSE; i++)
        EXPECT_EQ(p->done[i], s->accepted[i], "completions of operation %d, action %d at %d/%d", i, s->action, s->event, s->operation);
    EXPECT_EQ(s->done, 1, "action %d at %d/%d was made", s->action, s->event, s->operation);
}

// Everything that can happen to a stream happens, unless the action ends it before.
static void play_stream(int kind, struct script *s)
{
    struct pair pair = {0};
    int listener = peer_listen(&s->port);
    struct probe *p;
    if (kind == SOCKET_KIND_TCP) {
        p = pair.probe = probe_new(kind);
        p->context = s;
        p->on_event = at_event;
        p->on_done = at_done;
        CHECK_EQ(try_connect(p, s->port), 0);
        pair.peer = peer_accept(listener);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    } else {
        pair = pair_new(kind);
        p = pair.probe;
        p->context = s;
        p->on_event = at_event;
        p->on_done = at_done;
    }
    // A smaller buffer in the kernel, so that a queue needs fewer bytes; of a few segments, or the
    // peer delays its ACKs.
    socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
    o.fields = SOCKET_EXTRA_SEND_BUFFER_SIZE;
    o.send_buffer_size = 131072;
    socket_set_extra_options(p->socket, &o);
    socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 500);
    try_send(p, 1);
    socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 100000);
    try_send(p, 2 << 20);
    int refused = try_send(p, 99999) == -code_for(kind, 2301011);
    send(pair.peer, "hello", 5, MSG_NOSIGNAL);
    int64_t until = now_ms() + PATIENCE_MS;
    while (!over(p, s) && (p->count[SOCKET_EVENT_DRAIN] < refused || p->count[SOCKET_EVENT_MESSAGE] == 0) && drain(pair.peer))
        if (now_ms() > until) FAIL("no drain or message: %s; action %d at %d/%d", p->order, s->action, s->event, s->operation);
    if (s->operation == SOCKET_OPERATION_END) try_end(p);
    if (s->operation == SOCKET_OPERATION_CLOSE || s->event == SOCKET_EVENT_CLOSE) try_close(p);
    if (s->event == SOCKET_EVENT_ERROR) {
        peer_reset(pair.peer);
        pair.peer = -1;
    } else {
        shutdown(pair.peer, SHUT_WR);
        while (drain(pair.peer)) continue;
        peer_close(pair.peer);
        pair.peer = -1;
    }
    WAIT(s->released || p->count[SOCKET_EVENT_CLOSE] > 0);
    settle();
    if (is_valid(p->socket)) {
        socket_abort(p->socket);
        socket_release(p->socket);
    }
    peer_close(listener);
    check_script(p, s);
    if (pair.server) probe_closed(pair.server);
}

static const struct {
    int event, operation;
} places[] = {
    {SOCKET_EVENT_CONNECT, 0}, {SOCKET_EVENT_MESSAGE, 0}, {SOCKET_EVENT_END, 0}, {SOCKET_EVENT_DRAIN, 0},
    {SOCKET_EVENT_ERROR, 0}, {SOCKET_EVENT_CLOSE, 0}, {0, SOCKET_OPERATION_CONNECT}, {0, SOCKET_OPERATION_SEND},
    {0, SOCKET_OPERATION_END}, {0, SOCKET_OPERATION_CLOSE},
};
enum { PLACES = sizeof places / sizeof *places };

static void play_all(int kind)
{
    static struct script scripts[PLACES * ACTIONS]; // a late callback may still look at its own
    for (int i = 0; i < PLACES; i++) {
        int connects = places[i].event == SOCKET_EVENT_CONNECT || places[i].operation == SOCKET_OPERATION_CONNECT;
        if (kind == SOCKET_KIND_TCP_CONNECTION && connects) continue;
        for (int action = 0; action < ACTIONS; action++) {
            struct script *s = &scripts[i * ACTIONS + action];
            *s = (struct script){.action = action, .event = places[i].event, .operation = places[i].operation};
            play_stream(kind, s);
        }
    }
}

LOOPS_TEST(anything_inside_callbacks_of_a_client) { play_all(SOCKET_KIND_TCP); }
LOOPS_TEST(anything_inside_callbacks_of_a_connection) { play_all(SOCKET_KIND_TCP_CONNECTION); }

// The same of UDP sockets and servers, whose operations are fewer.
LOOPS_TEST(anything_inside_callbacks_of_udp)
{
    static const struct {
        int event, operation;
    } where[] = {{SOCKET_EVENT_LISTENING, 0}, {SOCKET_EVENT_MESSAGE, 0}, {SOCKET_EVENT_CLOSE, 0},
                 {0, SOCKET_OPERATION_SEND}, {0, SOCKET_OPERATION_CLOSE}};
    static struct script scripts[5 * ACTIONS];
    int port;
    int peer = peer_udp(&port);
    for (int i = 0; i < 5 * ACTIONS; i++) {
        struct script *s = &scripts[i];
        *s = (struct script){.action = i % ACTIONS, .port = port};
        s->event = where[i / ACTIONS].event;
        s->operation = where[i / ACTIONS].operation;
        struct probe *p = probe_new(SOCKET_KIND_UDP);
        p->context = s;
        p->on_event = at_event;
        p->on_done = at_done;
        freeze();
        int own = probe_bind(p);
        thaw();
        peer_send_to(peer, own, "hello", 5);
        count_in(p, SOCKET_OPERATION_SEND, probe_send_to(p, port, "x", 1));
        WAIT(s->released || p->count[SOCKET_EVENT_CLOSE] > 0 || p->count[SOCKET_EVENT_MESSAGE] > 0);
        try_close(p);
        WAIT(s->released || p->count[SOCKET_EVENT_CLOSE] > 0);
        settle();
        if (is_valid(p->socket)) {
            socket_abort(p->socket);
            socket_release(p->socket);
        }
        check_script(p, s);
    }
    peer_close(peer);
}

LOOPS_TEST(anything_inside_callbacks_of_a_server)
{
    static const int where[] = {SOCKET_EVENT_LISTENING, SOCKET_EVENT_CONNECT, SOCKET_EVENT_CLOSE};
    static struct script scripts[3 * ACTIONS];
    for (int i = 0; i < 3 * ACTIONS; i++) {
        struct script *s = &scripts[i];
        *s = (struct script){.action = i % ACTIONS, .event = where[i / ACTIONS]};
        freeze();
        struct probe *server = server_new(&s->port);
        server->context = s;
        server->on_event = at_event;
        server->on_done = at_done;
        int peer = peer_connect(s->port);
        thaw();
        WAIT(s->released || server->count[SOCKET_EVENT_CLOSE] > 0 || server->clients > 0);
        settle();
        if (is_valid(server->socket)) try_close(server);
        WAIT(s->released || server->count[SOCKET_EVENT_CLOSE] > 0);
        settle();
        if (is_valid(server->socket)) CHECK_EQ(socket_release(server->socket), 0);
        peer_close(peer);
        WAIT(server->done[SOCKET_OPERATION_CLOSE] >= s->accepted[SOCKET_OPERATION_CLOSE]);
        for (int k = 0; k < server->clients; k++) {
            struct probe *client = server->client[k];
            WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
        }
        EXPECT_EQ(s->done, 1, "action %d at %d was made", s->action, s->event);
    }
}
