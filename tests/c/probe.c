#define _GNU_SOURCE
#include "probe.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct probe *probes;

static void letter(struct probe *p, char c)
{
    size_t n = strlen(p->order);
    if (n == PROBE_LETTERS || (n > 0 && p->order[n - 1] == c && strchr("MDs", c))) return;
    p->order[n] = c;
}

static int is_server(int kind) { return kind == SOCKET_KIND_TCP_SERVER || kind == SOCKET_KIND_TLS_SERVER; }
static int is_connection(int kind) { return kind == SOCKET_KIND_TCP_CONNECTION || kind == SOCKET_KIND_TLS_CONNECTION; }

// Events come in the order of their ranks; see the contracts, ORDER-3.
static void check_order(struct probe *p, int type)
{
    static const int rank[] = {[SOCKET_EVENT_LISTENING] = 1, [SOCKET_EVENT_CONNECT] = 2, [SOCKET_EVENT_MESSAGE] = 3,
                               [SOCKET_EVENT_DRAIN] = 3,     [SOCKET_EVENT_END] = 4,     [SOCKET_EVENT_ERROR] = 5,
                               [SOCKET_EVENT_CLOSE] = 6};
    if (type < SOCKET_EVENT_CONNECT || type > SOCKET_EVENT_LISTENING) FAIL("an event of type %d", type);
    int now = rank[type];
    int stream = p->kind != SOCKET_KIND_UDP && p->kind != SOCKET_KIND_MULTICAST && !is_server(p->kind);
    if (type == SOCKET_EVENT_DRAIN) {
        if (p->rank == 6) FAIL("drain after close: %s", p->order);
        return;
    }
    if (p->rank == 6 && (now <= 3 || p->reopened)) p->rank = 0; // a new open period
    int repeats = type == SOCKET_EVENT_MESSAGE || (!stream && (now == 2 || now == 3 || now == 5));
    if (!stream && now >= 2 && now <= 5 && p->rank >= 1 && p->rank <= 5) p->rank = now;
    if (now < p->rank || (now == p->rank && !repeats)) FAIL("event %d after %s", type, p->order);
    if (is_connection(p->kind) && type == SOCKET_EVENT_CONNECT) FAIL("connect on a connection");
    p->rank = now;
}

static void enter(struct probe *p)
{
    if (__atomic_exchange_n(&p->running, 1, __ATOMIC_ACQ_REL) != 0) FAIL("a callback inside or beside another of the same socket");
}

static void leave(struct probe *p) { __atomic_store_n(&p->running, 0, __ATOMIC_RELEASE); }

static void take_message(struct probe *p, const socket_event *e)
{
    CHECK(e->data != NULL);
    CHECK(e->remote.address != NULL && e->remote.address[0] != 0);
    if (p->pattern && !pattern_matches(e->data, p->size, e->size))
        FAIL("wrong bytes in the %zu received after %llu", e->size, (unsigned long long)p->size);
    if (p->size < PROBE_BYTES) {
        size_t room = PROBE_BYTES - p->size;
        memcpy(p->data + p->size, e->data, e->size < room ? e->size : room);
    }
    p->size += e->size;
    p->remote_port = e->remote.port;
}

static void take_client(struct probe *server, socket_handle connection)
{
    struct probe *client = probe_attach(connection, socket_get_kind(connection), server->client_mask);
    state_lock();
    CHECK(server->clients < PROBE_CLIENTS);
    server->client[server->clients++] = client;
    state_changed();
    state_unlock();
}

static void on_event(const socket_event *e, void *user_data)
{
    struct probe *p = user_data;
    enter(p);
    CHECK_EQ(e->socket, p->socket);
    state_lock();
    check_order(p, e->type);
    p->thread = (int)syscall(SYS_gettid);
    p->count[e->type]++;
    p->error[e->type] = e->error;
    p->at[e->type] = now_ms();
    letter(p, "?CMEDXZL"[e->type]);
    if (e->type == SOCKET_EVENT_MESSAGE) take_message(p, e);
    if (e->type == SOCKET_EVENT_ERROR) CHECK(e->error < 0);
    state_changed();
    state_unlock();
    if (is_server(p->kind) && e->type == SOCKET_EVENT_CONNECT) {
        CHECK(e->connection > 0);
        CHECK(e->remote.address != NULL && e->remote.port > 0);
        if (p->keeps_clients) take_client(p, e->connection);
    }
    if (p->on_event) p->on_event(p, e);
    leave(p);
}

static void on_done(struct probe *p, int operation, int error)
{
    enter(p);
    CHECK(error <= 0);
    state_lock();
    p->thread = (int)syscall(SYS_gettid);
    p->done[operation]++;
    p->done_error[operation] = error;
    letter(p, "?csez"[operation]);
    state_changed();
    state_unlock();
    if (p->on_done) p->on_done(p, operation, error);
    leave(p);
}

static void connect_done(socket_handle s, int error, void *p) { (void)s; on_done(p, SOCKET_OPERATION_CONNECT, error); }
static void send_done(socket_handle s, int error, void *p) { (void)s; on_done(p, SOCKET_OPERATION_SEND, error); }
static void end_done(socket_handle s, int error, void *p) { (void)s; on_done(p, SOCKET_OPERATION_END, error); }
static void close_done(socket_handle s, int error, void *p) { (void)s; on_done(p, SOCKET_OPERATION_CLOSE, error); }

socket_completion probe_completion(int operation)
{
    static const socket_completion functions[] = {NULL, connect_done, send_done, end_done, close_done};
    return functions[operation];
}

void probe_record(const socket_event *e)
{
    if (e->type == SOCKET_EVENT_COMPLETION)
        on_done(e->user_data, e->operation, e->error);
    else
        on_event(e, e->user_data);
}

static struct probe *older; // of the warm-up, without interest

void probes_start(void) { older = probes; }

void probes_print(FILE *to)
{
    for (struct probe *p = probes; p != older; p = p->next)
        fprintf(to, "  socket %lld kind %d: %s; %llu bytes; error %d, close %d; done c %d (%d) s %d (%d) e %d (%d) z %d (%d)\n",
                (long long)p->socket, p->kind, p->order, (unsigned long long)p->size, p->error[SOCKET_EVENT_ERROR],
                p->error[SOCKET_EVENT_CLOSE], p->done[1], p->done_error[1], p->done[2], p->done_error[2], p->done[3],
                p->done_error[3], p->done[4], p->done_error[4]);
}

void probe_listen(struct probe *p, unsigned mask)
{
    unsigned before = p->mask;
    p->mask |= mask;
    if (test_loop_kind == LOOP_POLL) {
        CHECK_EQ(socket_subscribe(p->socket, mask, p), 0);
    } else {
        for (int type = SOCKET_EVENT_CONNECT; type <= SOCKET_EVENT_LISTENING; type++) {
            unsigned bit = SOCKET_EVENT_MASK(type);
            if (mask & bit & ~before) CHECK_EQ(socket_on(p->socket, type, on_event, p), 0);
            if (before & bit & ~mask) CHECK_EQ(socket_off(p->socket, type, on_event, p), 0);
        }
    }
    p->mask = mask;
}

struct probe *probe_attach(socket_handle socket, int kind, unsigned mask)
{
    struct probe *p = calloc(1, sizeof *p);
    CHECK(p != NULL && socket > 0);
    p->socket = socket;
    p->kind = kind;
    state_lock();
    p->next = probes;
    probes = p;
    state_unlock();
    probe_listen(p, mask);
    return p;
}

struct probe *probe_new_masked(int kind, unsigned mask)
{
    return probe_attach(CHECK_OK(socket_construct(test_loop, kind)), kind, mask);
}

struct probe *probe_new(int kind) { return probe_new_masked(kind, ALL_EVENTS); }

void probe_release(struct probe *p) { CHECK_EQ(socket_release(p->socket), 0); }

socket_address address_of(const char *text, int port, int family) { return (socket_address){text, port, family}; }

socket_connect_options connect_options(const char *text, int port, int timeout_ms)
{
    socket_connect_options o = SOCKET_CONNECT_OPTIONS_INIT;
    o.address = address_of(text, port, 0);
    o.timeout_ms = timeout_ms;
    return o;
}

socket_listen_options listen_options(const char *text, int port, int backlog)
{
    socket_listen_options o = SOCKET_LISTEN_OPTIONS_INIT;
    o.address = address_of(text, port, 0);
    o.backlog = backlog;
    return o;
}

void probe_opened(struct probe *p)
{
    state_lock();
    if (p->rank == 6) p->rank = 0;
    state_unlock();
}

int probe_connect_to(struct probe *p, const char *address, int port, int timeout_ms)
{
    socket_connect_options o = connect_options(address, port, timeout_ms);
    int result = socket_connect(p->socket, &o, connect_done, p);
    if (result == 0) probe_opened(p);
    return result;
}

int probe_connect(struct probe *p, int port) { return probe_connect_to(p, "127.0.0.1", port, PATIENCE_MS); }
int probe_send(struct probe *p, const void *data, size_t size) { return socket_send(p->socket, data, size, send_done, p); }
int probe_end(struct probe *p) { return socket_end(p->socket, end_done, p); }
int probe_close(struct probe *p) { return socket_close(p->socket, close_done, p); }

int probe_send_pattern(struct probe *p, uint64_t offset, size_t size)
{
    void *data = malloc(size + 1);
    CHECK(data != NULL);
    pattern_fill(data, offset, size);
    int result = probe_send(p, data, size);
    free(data);
    return result;
}

int probe_send_to(struct probe *p, int port, const void *data, size_t size)
{
    socket_address to = address_of("127.0.0.1", port, 0);
    return socket_send_to(p->socket, &to, data, size, send_done, p);
}

int probe_port(struct probe *p)
{
    int port = 0;
    CHECK_OK(socket_get_local_address(p->socket, NULL, 0, &port, NULL));
    return port;
}

int probe_bind(struct probe *p)
{
    socket_address any = address_of("127.0.0.1", 0, 0);
    CHECK_EQ(socket_bind(p->socket, &any), 0);
    probe_opened(p);
    return probe_port(p);
}

void probe_closed(struct probe *p)
{
    int before = p->done[SOCKET_OPERATION_CLOSE];
    if (probe_close(p) == 0) WAIT(p->done[SOCKET_OPERATION_CLOSE] > before);
    probe_release(p);
}

struct probe *server_new_masked(int *port, unsigned client_mask)
{
    struct probe *server = probe_new_masked(SOCKET_KIND_TCP_SERVER, 0);
    server->keeps_clients = 1;
    server->client_mask = client_mask;
    probe_listen(server, ALL_EVENTS);
    socket_listen_options o = listen_options("127.0.0.1", 0, 0);
    CHECK_EQ(socket_listen(server->socket, &o), 0);
    *port = probe_port(server);
    return server;
}

struct probe *server_new(int *port) { return server_new_masked(port, ALL_EVENTS); }

int is_valid(socket_handle socket)
{
    int kind = socket_get_kind(socket);
    if (kind != -2301009) CHECK(kind >= SOCKET_KIND_TCP && kind <= SOCKET_KIND_MULTICAST);
    return kind > 0;
}

int state_of(socket_handle socket)
{
    socket_state_info s = SOCKET_STATE_INFO_INIT;
    CHECK_EQ(socket_get_state(socket, &s), 0);
    return s.is_bound | s.is_connected << 1 | s.is_close << 2;
}
