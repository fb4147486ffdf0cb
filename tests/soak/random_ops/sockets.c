#include "random_ops.h"

struct slot slots[WORKERS][SLOTS];
int server_ports[LOOPS], tls_server_ports[LOOPS], dead_port;
atomic_int udp_ports[8];

struct object *slot_get(struct slot *s)
{
    pthread_mutex_lock(&s->lock);
    struct object *o = s->object;
    if (o) ref(o);
    pthread_mutex_unlock(&s->lock);
    return o;
}

struct object *slot_take(struct slot *s)
{
    pthread_mutex_lock(&s->lock);
    struct object *o = s->object;
    s->object = NULL;
    pthread_mutex_unlock(&s->lock);
    return o;
}

void construct(struct slot *s, uint64_t chance)
{
    struct object *old = slot_take(s);
    if (old) {
        release(old);
        unref(old);
    }
    int loop = (int)(chance % LOOPS), kind = chance >> 8 & 3 ? SOCKET_KIND_TCP : SOCKET_KIND_UDP;
    if ((chance >> 8 & 31) == 1) kind = chance >> 40 & 1 ? SOCKET_KIND_TCP_SERVER : SOCKET_KIND_TLS_SERVER;
    if (kind == SOCKET_KIND_TCP && (chance >> 40 & 3) == 0) kind = SOCKET_KIND_TLS;
    struct object *o = object_new(kind, loop);
    o->distrusts = kind == SOCKET_KIND_TLS && (chance >> 42 & 7) == 0;
    o->upgrades = kind == SOCKET_KIND_TCP && (chance >> 42 & 7) == 0 ? 1 + (int)(chance >> 45 & 1) : 0;
    o->slot = s;
    o->handle = CHECK_OK(socket_construct(loops[loop], kind));
    ref(o);
    CHECK(listen_to(o, chance >> 16 & 7 ? 0xfe : (unsigned)(chance >> 24) & 0xfe) == 0);
    if (kind == SOCKET_KIND_TLS) do_secure(o, chance >> 16);
    pthread_mutex_lock(&s->lock);
    s->object = o;
    pthread_mutex_unlock(&s->lock);
}

void do_bind(struct object *o, uint64_t chance)
{
    socket_address a = {chance & 1 ? "127.0.0.1" : chance & 2 ? "localhost" : "0.0.0.0", 0, 0};
    o->opens++;
    if (is_server(o->kind)) {
        socket_listen_options l = SOCKET_LISTEN_OPTIONS_INIT;
        l.address = a;
        if (o->kind == SOCKET_KIND_TLS_SERVER) do_secure(o, chance >> 8);
        if (result_of(socket_listen(o->handle, &l)) < 0) o->opens--;
        return;
    }
    if (result_of(socket_bind(o->handle, &a)) < 0) {
        o->opens--;
        return;
    }
    int port;
    if (o->kind == SOCKET_KIND_UDP && result_of(socket_get_local_address(o->handle, NULL, 0, &port, NULL)) == 0)
        udp_ports[(chance >> 8) % 8] = port;
}

void do_connect(struct object *o, uint64_t chance)
{
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    to.timeout_ms = 1 + (int)(chance >> 40) % 1000;
    to.address.address = (chance & 15) == 0 ? "localhost" : (chance & 15) == 1 ? "::1" : "127.0.0.1";
    switch (chance >> 4 & 7) {
    case 0: to.address.port = dead_port; break;
    case 1:
    case 2:
    case 3: to.address.port = plain_port; break;
    default: to.address.port = server_ports[(chance >> 8) % LOOPS];
    }
    // of which none may get at a TCP server
    if ((is_tls(o->kind) || o->upgrades) && (chance >> 4 & 7) > 1)
        to.address.port = (chance >> 4 & 7) < 4 ? relay_port : tls_server_ports[(chance >> 8) % LOOPS];
    if (is_tls(o->kind) && (chance >> 4 & 7) == 7) to.address.port = hostile_port;
    if (o->kind == SOCKET_KIND_UDP && udp_ports[chance >> 8 & 7]) to.address.port = udp_ports[chance >> 8 & 7];
    o->opens++;
    if (CALL(o, SOCKET_OPERATION_CONNECT, chance >> 12 & 7, socket_connect(o->handle, &to, completion, pending)) < 0) o->opens--;
}

void do_options(struct object *o, uint64_t chance)
{
    static const int64_t most[] = {0, 1 << 18, 1000, 800, 1, 100, 100, 10, 1, 1, 1, 500, 30};
    socket_extra_options e = SOCKET_EXTRA_OPTIONS_INIT;
    int option = 1 + (int)(chance % 12);
    if (chance >> 8 & 1) {
        int64_t value = (int64_t)(chance >> 16) % (most[option] + 1);
        if (option == SOCKET_OPTION_IDLE_TIMEOUT && value < 50) value = 0;
        if (result_of(socket_set_option(o->handle, option, value)) == 0) result_of(socket_get_option(o->handle, option));
        return;
    }
    e.fields = (uint32_t)(chance >> 16) & (o->kind == SOCKET_KIND_UDP ? 0x170 : 0xbf) & ~(uint32_t)SOCKET_EXTRA_OOB_INLINE;
    e.keep_alive = chance >> 30 & 1;
    e.tcp_no_delay = chance >> 31 & 1;
    e.linger_on = (chance >> 32 & 7) == 0;
    e.linger_ms = chance >> 33 & 1 ? 0 : (int)(chance >> 40) % 300;
    e.receive_buffer_size = (int)(chance >> 36) % 300000;
    e.send_buffer_size = (int)(chance >> 37) % 300000;
    e.socket_timeout_ms = 50 + (int)(chance >> 40) % 1000;
    result_of(socket_set_extra_options(o->handle, &e));
}

void do_getters(struct object *o)
{
    char text[64];
    int port, family;
    socket_state_info state = SOCKET_STATE_INFO_INIT;
    result_of(socket_get_local_address(o->handle, text, sizeof text, &port, &family));
    result_of(socket_get_remote_address(o->handle, text, sizeof text, &port, &family));
    result_of(socket_get_state(o->handle, &state));
    result_of(socket_get_error_detail(o->handle, text, sizeof text));
    result_of(socket_get_fd(o->handle));
    int64_t queued = socket_get_send_queue_length(o->handle);
    if (queued < 0) CHECK(queued == -SOCKET_ERROR_BADF);
    CHECK(queued < (int64_t)1 << 31);
    do_tls_getters(o);
}
