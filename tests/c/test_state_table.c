// Every function in every state of every kind, as the tables of the contracts have it; each cell on
// a socket of its own. Also DONE-1 and DONE-2 (what was refused never completes, what was accepted
// completes once), LIFE-7, ORDER-7, and THREAD-2: the loop's thread stands still meanwhile, so a
// function that waited for it would not return.
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls_pair.h"

enum state { NEW, CLOSED, BOUND, CONNECTING, CONNECTING_BOUND, SHAKING, CONNECTED, ENDED, CLOSING, LISTENING, STATES };
enum { OK = 0, KIND = 2301095, MODE = 1, NONE = 2, HELD = 3 };

static const char *const state_names[] = {"new", "closed", "bound", "connecting", "connecting, bound", "in the handshake", "connected",
                                          "after end", "closing", "listening"};

struct cell {
    struct probe *probe;
    struct probe *operation; // notes the completions of the call
    int listener, port;      // of peers that accept
    int peer, udp;
    struct full_listener full;
    struct pair pair;          // plain
    struct tls_pair secure;    // TLS
    int adopted, other;
};

static int is_tls(int kind)
{
    return kind == SOCKET_KIND_TLS || kind == SOCKET_KIND_TLS_SERVER || kind == SOCKET_KIND_TLS_CONNECTION;
}

static int is_server(int kind) { return kind == SOCKET_KIND_TCP_SERVER || kind == SOCKET_KIND_TLS_SERVER; }

static int is_datagram(int kind) { return kind == SOCKET_KIND_UDP || kind == SOCKET_KIND_MULTICAST; }

static int64_t call_bind(struct cell *c)
{
    socket_address a = address_of("127.0.0.1", 0, 0);
    return socket_bind(c->probe->socket, &a);
}

static int64_t call_listen(struct cell *c)
{
    socket_listen_options o = listen_options("127.0.0.1", 0, 0);
    return socket_listen(c->probe->socket, &o);
}

static int64_t call_connect(struct cell *c)
{
    socket_connect_options o = connect_options("127.0.0.1", c->port, 0);
    return socket_connect(c->probe->socket, &o, probe_completion(SOCKET_OPERATION_CONNECT), c->operation);
}

static int64_t call_adopt(struct cell *c)
{
    int port;
    if (is_datagram(c->probe->kind)) {
        c->adopted = peer_udp(&port);
    } else if (is_server(c->probe->kind)) {
        c->adopted = peer_listen(&port);
    } else {
        c->adopted = peer_connect(c->port);
        c->other = peer_accept(c->listener);
    }
    int result = socket_adopt(c->probe->socket, c->adopted);
    if (result == 0) c->adopted = -1;
    return result;
}

static int64_t call_send(struct cell *c)
{
    return socket_send(c->probe->socket, "x", 1, probe_completion(SOCKET_OPERATION_SEND), c->operation);
}

static int64_t call_sendv(struct cell *c)
{
    socket_buffer b[2] = {{"x", 1}, {"y", 1}};
    return socket_sendv(c->probe->socket, b, 2, probe_completion(SOCKET_OPERATION_SEND), c->operation);
}

static int64_t call_send_to(struct cell *c)
{
    socket_address a = address_of("127.0.0.1", c->udp, 0);
    return socket_send_to(c->probe->socket, &a, "x", 1, probe_completion(SOCKET_OPERATION_SEND), c->operation);
}

static socket_multicast_group a_group(void)
{
    socket_multicast_group g = SOCKET_MULTICAST_GROUP_INIT;
    g.address = address_of("239.255.77.7", 0, 0);
    g.interface = "lo";
    return g;
}

static int64_t call_join_group(struct cell *c)
{
    socket_multicast_group g = a_group();
    return socket_join_group(c->probe->socket, &g);
}

static int64_t call_leave_group(struct cell *c)
{
    socket_multicast_group g = a_group();
    return socket_leave_group(c->probe->socket, &g);
}

static int64_t call_end(struct cell *c) { return socket_end(c->probe->socket, probe_completion(SOCKET_OPERATION_END), c->operation); }
static int64_t call_close(struct cell *c) { return socket_close(c->probe->socket, probe_completion(SOCKET_OPERATION_CLOSE), c->operation); }
static int64_t call_abort(struct cell *c) { return socket_abort(c->probe->socket); }
static int64_t call_flush(struct cell *c) { return socket_flush(c->probe->socket); }
static int64_t call_pause(struct cell *c) { return socket_pause(c->probe->socket); }
static int64_t call_resume(struct cell *c) { return socket_resume(c->probe->socket); }
static int64_t call_release(struct cell *c) { return socket_release(c->probe->socket); }
static int64_t call_kind(struct cell *c) { return socket_get_kind(c->probe->socket); }
static int64_t call_client_id(struct cell *c) { return socket_get_client_id(c->probe->socket); }
static int64_t call_queue_length(struct cell *c) { return socket_get_send_queue_length(c->probe->socket); }
static int64_t call_fd(struct cell *c) { return socket_get_fd(c->probe->socket); }

static int64_t call_extra_options(struct cell *c)
{
    socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
    o.fields = SOCKET_EXTRA_RECEIVE_BUFFER_SIZE;
    o.receive_buffer_size = 20000;
    return socket_set_extra_options(c->probe->socket, &o);
}

static int64_t call_set_option(struct cell *c) { return socket_set_option(c->probe->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 1000000); }
static int64_t call_get_option(struct cell *c) { return socket_get_option(c->probe->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT); }

static int64_t call_state(struct cell *c)
{
    socket_state_info s = SOCKET_STATE_INFO_INIT;
    return socket_get_state(c->probe->socket, &s);
}

static int64_t call_local(struct cell *c)
{
    char text[64];
    int port, family;
    return socket_get_local_address(c->probe->socket, text, sizeof text, &port, &family);
}

static int64_t call_remote(struct cell *c)
{
    char text[64];
    int port, family;
    return socket_get_remote_address(c->probe->socket, text, sizeof text, &port, &family);
}

static int64_t call_detail(struct cell *c)
{
    char text[64];
    return socket_get_error_detail(c->probe->socket, text, sizeof text);
}

static void deaf(const socket_event *e, void *user_data) { (void)e, (void)user_data; }
static int64_t call_on(struct cell *c) { return socket_on(c->probe->socket, SOCKET_EVENT_ERROR, deaf, NULL); }
static int64_t call_off(struct cell *c) { return socket_off(c->probe->socket, SOCKET_EVENT_ERROR, deaf, NULL); }
static int64_t call_subscribe(struct cell *c) { return socket_subscribe(c->probe->socket, ALL_EVENTS, c->probe); }

#define TEXT_GETTER(name)                                                                      \
    static int64_t call_##name(struct cell *c)                                                 \
    {                                                                                          \
        char text[400];                                                                        \
        return socket_tls_get_##name(c->probe->socket, text, sizeof text);                     \
    }
TEXT_GETTER(protocol)
TEXT_GETTER(cipher_suite)
TEXT_GETTER(signature_algorithms)
TEXT_GETTER(alpn)
TEXT_GETTER(server_name)
TEXT_GETTER(group)
TEXT_GETTER(certificate)
TEXT_GETTER(remote_certificate)
static int64_t call_remote_chain(struct cell *c) { return socket_tls_get_remote_chain(c->probe->socket, 0, NULL, 0); }
static int64_t call_resumed(struct cell *c) { return socket_tls_is_resumed(c->probe->socket); }

static int64_t call_secure_options(struct cell *c)
{
    socket_tls_options o = c->probe->kind == SOCKET_KIND_TLS ? tls_client_options() : tls_server_options();
    return socket_tls_set_secure_options(c->probe->socket, &o);
}

static int64_t call_over(struct cell *c) { return socket_construct_tls_over(c->probe->socket); }

struct row {
    const char *name;
    int64_t (*call)(struct cell *);
    int codes[9];
};

// MODE: depends on the loop's mode. HELD: while there is a descriptor (ORDER-9). NONE: the
// contracts say nothing.
#define EVERYWHERE(name, call, code) {name, call, {code, code, code, code, code, code, code, code, code}}
#define IN_ALL_STATES                                                                                          \
    EVERYWHERE("on", call_on, MODE), EVERYWHERE("off", call_off, OK),                                          \
        EVERYWHERE("subscribe", call_subscribe, MODE), EVERYWHERE("set_option", call_set_option, OK),          \
        EVERYWHERE("get_option", call_get_option, OK), EVERYWHERE("get_state", call_state, OK),                \
        EVERYWHERE("pause", call_pause, OK), EVERYWHERE("resume", call_resume, OK),                            \
        EVERYWHERE("release", call_release, OK), EVERYWHERE("get_kind", call_kind, OK),                        \
        EVERYWHERE("get_send_queue_length", call_queue_length, OK), EVERYWHERE("get_error_detail", call_detail, OK)

#define TLS_GETTERS(...)                                                                                    \
    {"tls_get_protocol", call_protocol, __VA_ARGS__}, {"tls_get_cipher_suite", call_cipher_suite, __VA_ARGS__}, \
        {"tls_get_signature_algorithms", call_signature_algorithms, __VA_ARGS__},                           \
        {"tls_get_alpn", call_alpn, __VA_ARGS__}, {"tls_get_server_name", call_server_name, __VA_ARGS__},   \
        {"tls_get_certificate", call_certificate, __VA_ARGS__},                                             \
        {"tls_get_remote_certificate", call_remote_certificate, __VA_ARGS__},                               \
        {"tls_get_remote_chain", call_remote_chain, __VA_ARGS__}, {"tls_get_group", call_group, __VA_ARGS__}, \
        {"tls_is_resumed", call_resumed, __VA_ARGS__}

// What sockets without TLS say of it.
#define NO_TLS                                                                                     \
    TLS_GETTERS({KIND, KIND, KIND, KIND, KIND, KIND, KIND, KIND, KIND}),                           \
        EVERYWHERE("tls_set_secure_options", call_secure_options, KIND)

#define NO_GROUPS EVERYWHERE("join_group", call_join_group, KIND), EVERYWHERE("leave_group", call_leave_group, KIND)

static const enum state tcp_states[] = {NEW, CLOSED, BOUND, CONNECTING, CONNECTING_BOUND, CONNECTED, ENDED, CLOSING};
static const struct row tcp_rows[] = {
    {"bind", call_bind, {OK, OK, 2301022, 2301022, 2301022, 2301022, 2301022, 2301114}},
    {"adopt", call_adopt, {OK, OK, 2301022, 2301022, 2301022, 2301022, 2301022, 2301114}},
    {"connect", call_connect, {OK, OK, OK, 2301114, 2301114, 2301106, 2301106, 2301114}},
    {"send", call_send, {2301009, 2301009, 2301107, OK, OK, OK, 2301108, 2301108}},
    {"sendv", call_sendv, {2301009, 2301009, 2301107, OK, OK, OK, 2301108, 2301108}},
    {"end", call_end, {2301009, 2301009, 2301107, OK, OK, OK, 2301108, 2301108}},
    {"close", call_close, {2300999, 2300999, OK, OK, OK, OK, OK, OK}},
    {"abort", call_abort, {2300999, 2300999, OK, OK, OK, OK, OK, OK}},
    {"flush", call_flush, {2301009, 2301009, 2301107, OK, OK, OK, OK, OK}},
    {"set_extra_options", call_extra_options, {2301009, 2301009, OK, OK, OK, OK, OK, 2301009}},
    {"get_local_address", call_local, {2301009, 2301009, OK, 2301009, OK, OK, OK, OK}},
    {"get_fd", call_fd, {2301009, 2301009, OK, 2301009, OK, OK, OK, OK}},
    {"get_remote_address", call_remote, {2301009, 2301009, 2301107, 2301107, 2301107, OK, OK, OK}},
    EVERYWHERE("listen", call_listen, KIND),
    EVERYWHERE("send_to", call_send_to, KIND),
    EVERYWHERE("get_client_id", call_client_id, KIND),
    NO_TLS,
    NO_GROUPS,
    IN_ALL_STATES,
};

static const enum state connection_states[] = {CONNECTED, ENDED, CLOSING};
static const struct row connection_rows[] = {
    {"bind", call_bind, {KIND, KIND, KIND}},
    {"listen", call_listen, {KIND, KIND, KIND}},
    {"connect", call_connect, {KIND, KIND, KIND}},
    {"adopt", call_adopt, {KIND, KIND, KIND}},
    {"send_to", call_send_to, {KIND, KIND, KIND}},
    {"send", call_send, {OK, 2303208, 2303208}},
    {"sendv", call_sendv, {OK, 2303208, 2303208}},
    {"end", call_end, {OK, 2303208, 2303208}},
    {"close", call_close, {OK, OK, OK}},
    {"abort", call_abort, {OK, OK, OK}},
    {"flush", call_flush, {OK, OK, OK}},
    {"set_extra_options", call_extra_options, {OK, OK, 2301009}},
    {"get_local_address", call_local, {OK, OK, OK}},
    {"get_fd", call_fd, {OK, OK, OK}},
    {"get_remote_address", call_remote, {OK, OK, OK}},
    {"get_client_id", call_client_id, {OK, OK, OK}},
    NO_TLS,
    NO_GROUPS,
    IN_ALL_STATES,
};

static const enum state server_states[] = {NEW, CLOSED, LISTENING, CLOSING};
static const struct row server_rows[] = {
    {"listen", call_listen, {OK, OK, 2303122, 2303214}},
    {"adopt", call_adopt, {OK, OK, 2303122, 2303214}},
    {"close", call_close, {2300999, 2300999, OK, OK}},
    {"abort", call_abort, {2300999, 2300999, OK, OK}},
    {"set_extra_options", call_extra_options, {2303109, 2303109, OK, 2303109}},
    {"get_local_address", call_local, {2301009, 2301009, OK, HELD}},
    {"get_fd", call_fd, {2301009, 2301009, OK, HELD}},
    EVERYWHERE("bind", call_bind, KIND),
    EVERYWHERE("connect", call_connect, KIND),
    EVERYWHERE("send", call_send, KIND),
    EVERYWHERE("sendv", call_sendv, KIND),
    EVERYWHERE("send_to", call_send_to, KIND),
    EVERYWHERE("end", call_end, KIND),
    EVERYWHERE("get_remote_address", call_remote, KIND),
    EVERYWHERE("get_client_id", call_client_id, KIND),
    NO_TLS,
    NO_GROUPS,
    IN_ALL_STATES,
};

static const enum state udp_states[] = {NEW, CLOSED, BOUND, CONNECTING, CONNECTING_BOUND, CONNECTED, CLOSING};
#define DATAGRAM_ROWS                                                                                  \
    {"bind", call_bind, {OK, OK, 2301022, 2301022, 2301022, 2301022, 2301114}}, \
    {"adopt", call_adopt, {OK, OK, 2301022, 2301022, 2301022, 2301022, 2301114}}, \
    {"connect", call_connect, {OK, OK, OK, 2301114, 2301114, 2301106, 2301114}}, \
    {"send", call_send, {2301009, 2301009, 2301089, OK, OK, OK, 2301108}}, \
    {"sendv", call_sendv, {2301009, 2301009, 2301089, OK, OK, OK, 2301108}}, \
    {"send_to", call_send_to, {2301009, 2301009, OK, OK, OK, OK, 2301108}}, \
    {"close", call_close, {2300999, 2300999, OK, OK, OK, OK, OK}}, \
    {"abort", call_abort, {2300999, 2300999, OK, OK, OK, OK, OK}}, \
    {"set_extra_options", call_extra_options, {2301009, 2301009, OK, OK, OK, OK, NONE}}, \
    {"get_local_address", call_local, {2301009, 2301009, OK, 2301009, OK, OK, NONE}}, \
    {"get_fd", call_fd, {2301009, 2301009, OK, 2301009, OK, OK, NONE}}, \
    {"get_remote_address", call_remote, {2301009, 2301009, 2301107, 2301107, 2301107, OK, NONE}}, \
    EVERYWHERE("listen", call_listen, KIND), \
    EVERYWHERE("end", call_end, KIND), \
    EVERYWHERE("get_client_id", call_client_id, KIND), \
    NO_TLS, \
    IN_ALL_STATES
static const struct row udp_rows[] = {
    DATAGRAM_ROWS,
    {"join_group", call_join_group, {2301009, 2301009, OK, 2301009, OK, OK, 2301009}},
    {"leave_group", call_leave_group, {2301009, 2301009, 2301099, 2301009, 2301099, 2301099, 2301009}},
};
static const struct row multicast_rows[] = {
    DATAGRAM_ROWS,
    {"join_group", call_join_group, {OK, OK, OK, 2301009, OK, OK, 2301114}},
    {"leave_group", call_leave_group, {2301009, 2301009, 2301099, 2301009, 2301099, 2301099, 2301009}},
};

static const enum state tls_states[] = {NEW, CLOSED, BOUND, CONNECTING, CONNECTING_BOUND, SHAKING, CONNECTED, ENDED, CLOSING};
static const struct row tls_rows[] = {
    {"bind", call_bind, {OK, OK, 2303122, 2303122, 2303122, 2303122, 2303122, 2303122, 2303214}},
    {"adopt", call_adopt, {OK, OK, 2303122, 2303122, 2303122, 2303122, 2303122, 2303122, 2303214}},
    {"connect", call_connect, {OK, OK, OK, 2303214, 2303214, 2303214, 2303206, 2303206, 2303214}},
    {"send", call_send, {2303600, 2303600, 2303501, OK, OK, OK, OK, 2303208, 2303208}},
    {"sendv", call_sendv, {2303600, 2303600, 2303501, OK, OK, OK, OK, 2303208, 2303208}},
    {"end", call_end, {2303600, 2303600, 2303501, OK, OK, OK, OK, 2303208, 2303208}},
    {"close", call_close, {2303600, 2303600, OK, OK, OK, OK, OK, OK, OK}},
    {"abort", call_abort, {2303600, 2303600, OK, OK, OK, OK, OK, OK, OK}},
    {"flush", call_flush, {2303600, 2303600, 2303501, OK, OK, OK, OK, OK, OK}},
    {"set_extra_options", call_extra_options, {2303600, 2303600, OK, OK, OK, OK, OK, OK, 2303600}},
    {"get_local_address", call_local, {2303600, 2303600, OK, 2303600, OK, 2303600, OK, OK, OK}},
    {"get_fd", call_fd, {2303600, 2303600, OK, 2303600, OK, 2303600, OK, OK, OK}},
    {"get_remote_address", call_remote, {2303600, 2303600, 2303207, 2303207, 2303207, 2303207, OK, OK, OK}},
    TLS_GETTERS({2303600, 2303600, 2303501, 2303501, 2303501, 2303501, OK, OK, OK}),
    EVERYWHERE("tls_set_secure_options", call_secure_options, OK),
    EVERYWHERE("listen", call_listen, KIND),
    EVERYWHERE("send_to", call_send_to, KIND),
    EVERYWHERE("get_client_id", call_client_id, KIND),
    EVERYWHERE("construct_tls_over", call_over, 401),
    NO_GROUPS,
    IN_ALL_STATES,
};

static const enum state tls_connection_states[] = {CONNECTED, ENDED, CLOSING};
static const struct row tls_connection_rows[] = {
    {"bind", call_bind, {KIND, KIND, KIND}},
    {"listen", call_listen, {KIND, KIND, KIND}},
    {"connect", call_connect, {KIND, KIND, KIND}},
    {"adopt", call_adopt, {KIND, KIND, KIND}},
    {"send_to", call_send_to, {KIND, KIND, KIND}},
    {"send", call_send, {OK, 2303208, 2303208}},
    {"sendv", call_sendv, {OK, 2303208, 2303208}},
    {"end", call_end, {OK, 2303208, 2303208}},
    {"close", call_close, {OK, OK, OK}},
    {"abort", call_abort, {OK, OK, OK}},
    {"flush", call_flush, {OK, OK, OK}},
    {"set_extra_options", call_extra_options, {OK, OK, 2303600}},
    {"get_local_address", call_local, {OK, OK, OK}},
    {"get_fd", call_fd, {OK, OK, OK}},
    {"get_remote_address", call_remote, {OK, OK, OK}},
    {"get_client_id", call_client_id, {OK, OK, OK}},
    TLS_GETTERS({OK, OK, OK}),
    EVERYWHERE("tls_set_secure_options", call_secure_options, KIND),
    EVERYWHERE("construct_tls_over", call_over, 401),
    NO_GROUPS,
    IN_ALL_STATES,
};

static const enum state tls_server_states[] = {NEW, CLOSED, LISTENING, CLOSING};
static const struct row tls_server_rows[] = {
    {"listen", call_listen, {OK, OK, 2303122, 2303214}},
    {"adopt", call_adopt, {OK, OK, 2303122, 2303214}},
    {"close", call_close, {2303600, 2303600, OK, OK}},
    {"abort", call_abort, {2303600, 2303600, OK, OK}},
    {"set_extra_options", call_extra_options, {2303600, 2303600, OK, 2303600}},
    {"get_local_address", call_local, {2303600, 2303600, OK, HELD}},
    {"get_fd", call_fd, {2303600, 2303600, OK, HELD}},
    {"tls_get_certificate", call_certificate, {2303600, 2303600, OK, OK}},
    {"tls_get_protocol", call_protocol, {2303600, 2303600, OK, OK}},
    EVERYWHERE("tls_set_secure_options", call_secure_options, OK),
    EVERYWHERE("construct_tls_over", call_over, 401),
    EVERYWHERE("bind", call_bind, KIND),
    EVERYWHERE("connect", call_connect, KIND),
    EVERYWHERE("send", call_send, KIND),
    EVERYWHERE("sendv", call_sendv, KIND),
    EVERYWHERE("send_to", call_send_to, KIND),
    EVERYWHERE("end", call_end, KIND),
    EVERYWHERE("get_remote_address", call_remote, KIND),
    EVERYWHERE("get_client_id", call_client_id, KIND),
    NO_GROUPS,
    IN_ALL_STATES,
};

static void close_and_wait(struct probe *p)
{
    CHECK_EQ(socket_close(p->socket, NULL, NULL), 0);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
}

static void prepare_stream(struct cell *c, int kind, enum state state)
{
    if (state >= CONNECTED) {
        if (is_tls(kind)) {
            c->secure = tls_pair_new(kind);
            c->probe = c->secure.probe;
        } else {
            c->pair = pair_new(kind);
            c->probe = c->pair.probe;
            c->peer = c->pair.peer;
        }
        CHECK_EQ(socket_set_option(c->probe->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 3600000), 0);
        if (state == ENDED) CHECK_EQ(probe_end(c->probe), 0);
        if (state == CLOSING) CHECK_EQ(probe_close(c->probe), 0);
        settle();
        return;
    }
    c->probe = is_tls(kind) ? tls_client_new() : probe_new(kind);
    if (state == CLOSED || state == BOUND || state == CONNECTING_BOUND) probe_bind(c->probe);
    if (state == CLOSED) close_and_wait(c->probe);
    if (state == CONNECTING || state == CONNECTING_BOUND) {
        c->full = peer_listen_full();
        CHECK_EQ(probe_connect(c->probe, c->full.port), 0);
        settle();
    }
    if (state == SHAKING) {
        char hello;
        CHECK_EQ(probe_connect(c->probe, c->port), 0);
        c->peer = peer_accept(c->listener);
        peer_read(c->peer, &hello, 1);
    }
}

static void prepare_server(struct cell *c, int kind, enum state state)
{
    c->probe = probe_new(kind);
    if (is_tls(kind)) CHECK_EQ(call_secure_options(c), 0);
    if (state != NEW) CHECK_EQ(call_listen(c), 0);
    if (state == CLOSED) close_and_wait(c->probe);
    settle();
    freeze();
    if (state == CLOSING) CHECK_EQ(probe_close(c->probe), 0);
}

static void prepare_datagram(struct cell *c, int kind, enum state state)
{
    c->probe = probe_new(kind);
    if (state != NEW && state != CONNECTING) probe_bind(c->probe);
    if (state == CLOSED) close_and_wait(c->probe);
    if (state == CONNECTED) {
        CHECK_EQ(probe_connect(c->probe, c->udp), 0);
        WAIT(c->probe->count[SOCKET_EVENT_CONNECT] == 1);
    }
    settle();
    freeze();
    if (state == CONNECTING || state == CONNECTING_BOUND) CHECK_EQ(probe_connect_to(c->probe, "no-such-host.invalid", 9, 500), 0);
    if (state == CLOSING) CHECK_EQ(probe_close(c->probe), 0);
}

static int has_completion(int64_t (*call)(struct cell *))
{
    return call == call_connect || call == call_send || call == call_sendv || call == call_send_to || call == call_end ||
           call == call_close;
}

static void try_cell(struct cell *c, int kind, enum state state, const struct row *row, int code)
{
    c->peer = c->adopted = c->other = -1;
    c->full.listener = -1;
    c->operation = calloc(1, sizeof *c->operation);
    if (is_server(kind)) {
        prepare_server(c, kind, state);
    } else if (is_datagram(kind)) {
        prepare_datagram(c, kind, state);
    } else {
        prepare_stream(c, kind, state);
        freeze();
    }
    if (state == CLOSED) probe_opened(c->probe);
    int64_t result = row->call(c);
    thaw();
    if (code == HELD) code = test_loop_kind == LOOP_DEFAULT ? OK : is_tls(kind) ? 2303600 : 2301009;
    if (code == MODE) code = (test_loop_kind == LOOP_POLL) == (strcmp(row->name, "on") == 0) ? KIND : OK;
    EXPECT_EQ(result < 0 ? result : 0, -code, "kind %d, %s: %s", kind, state_names[state], row->name);

    if (c->peer >= 0) peer_close(c->peer);
    if (c->secure.peer.ssl) tls_peer_close(&c->secure.peer);
    if (c->adopted >= 0) peer_close(c->adopted);
    if (c->other >= 0) peer_close(c->other);
    if (c->pair.server) close_and_wait(c->pair.server), probe_release(c->pair.server);
    if (c->secure.server) tls_server_close(c->secure.server);
    if (is_valid(c->probe->socket)) {
        socket_abort(c->probe->socket);
        socket_release(c->probe->socket);
    }
    if (c->full.listener >= 0) peer_close_full(&c->full);
    int completes = result >= 0 && has_completion(row->call);
    int *done = c->operation->done;
    if (completes) WAIT(done[1] + done[2] + done[3] + done[4] > 0);
    settle();
    EXPECT_EQ(done[1] + done[2] + done[3] + done[4], completes, "kind %d, %s: completions of %s", kind,
              state_names[state], row->name);
    free(c->operation);
}

#define TRY_TABLE(kind, states, rows)                                                                    \
    do {                                                                                                 \
        struct cell c = {0};                                                                             \
        int ignored = peer_udp(&c.udp);                                                                  \
        for (size_t s = 0; s < sizeof states / sizeof *states; s++) {                                    \
            for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {                                    \
                c.listener = peer_listen(&c.port);                                                       \
                c.pair = (struct pair){0};                                                               \
                c.secure = (struct tls_pair){0};                                                         \
                if (rows[r].codes[s] != NONE) try_cell(&c, kind, states[s], &rows[r], rows[r].codes[s]); \
                peer_close(c.listener);                                                                  \
            }                                                                                            \
        }                                                                                                \
        peer_close(ignored);                                                                             \
    } while (0)

// DONE-1
LOOPS_TEST(tcp_client) { TRY_TABLE(SOCKET_KIND_TCP, tcp_states, tcp_rows); }
LOOPS_TEST(tcp_connection) { TRY_TABLE(SOCKET_KIND_TCP_CONNECTION, connection_states, connection_rows); }
LOOPS_TEST(tcp_server) { TRY_TABLE(SOCKET_KIND_TCP_SERVER, server_states, server_rows); }
// ORDER-7, THREAD-2
LOOPS_TEST(udp) { TRY_TABLE(SOCKET_KIND_UDP, udp_states, udp_rows); }
LOOPS_TEST(multicast) { TRY_TABLE(SOCKET_KIND_MULTICAST, udp_states, multicast_rows); }
LOOPS_TEST(tls_client) { TRY_TABLE(SOCKET_KIND_TLS, tls_states, tls_rows); }
LOOPS_TEST(tls_connection) { TRY_TABLE(SOCKET_KIND_TLS_CONNECTION, tls_connection_states, tls_connection_rows); }
LOOPS_TEST(tls_server) { TRY_TABLE(SOCKET_KIND_TLS_SERVER, tls_server_states, tls_server_rows); }
