#include "random_ops.h"

atomic_ullong did_accepts;

static struct {
    pthread_mutex_t lock;
    struct object *object[RECENT];
} recent = {.lock = PTHREAD_MUTEX_INITIALIZER};

void begin_connection(struct object *server, const socket_event *e)
{
    uint64_t chance = mix(seed ^ mix((uint64_t)socket_get_client_id(e->connection)) ^ (uint64_t)server->loop << 32);
    atomic_fetch_add(&did_accepts, 1);
    if (is_tls(server->kind)) atomic_fetch_add(&did_handshakes, 1);
    CHECK(e->connection > 0);
    if (server->dismisses) {
        CHECK_OK(socket_release(e->connection));
        return;
    }
    if (chance % 32 == 0) { // nobody ever asks for it
        CHECK_OK(socket_abort(e->connection));
        return;
    }
    if (chance % 32 == 1) {
        CHECK_OK(socket_release(e->connection));
        return;
    }
    struct object *o = object_new(is_tls(server->kind) ? SOCKET_KIND_TLS_CONNECTION : SOCKET_KIND_TCP_CONNECTION, server->loop);
    o->handle = e->connection;
    o->opens = 1;
    o->echoes = 1;
    ref(o);
    CHECK(listen_to(o, 0xfe) == 0);
    if (chance % 32 == 2) socket_close(o->handle, NULL, NULL);
    if (chance % 32 == 3) socket_pause(o->handle);
    if (chance % 32 < 8) socket_set_option(o->handle, SOCKET_OPTION_ALLOW_HALF_OPEN, 1);
    if (chance % 32 == 8) socket_end(o->handle, NULL, NULL);
    // Half open ones that nobody closes must not stay for ever.
    socket_set_option(o->handle, SOCKET_OPTION_IDLE_TIMEOUT, 300);
    if (chance % 4 == 0) socket_set_option(o->handle, SOCKET_OPTION_CLOSE_TIMEOUT, 50 + (int64_t)(chance >> 8) % 500);
    pthread_mutex_lock(&recent.lock);
    struct object **place = &recent.object[(chance >> 16) % RECENT], *old = *place;
    *place = o;
    pthread_mutex_unlock(&recent.lock);
    if (old) unref(old);
}

void forget_recent(void)
{
    pthread_mutex_lock(&recent.lock);
    for (int i = 0; i < RECENT; i++) {
        if (recent.object[i]) unref(recent.object[i]);
        recent.object[i] = NULL;
    }
    pthread_mutex_unlock(&recent.lock);
}

struct object *recent_get(unsigned i)
{
    pthread_mutex_lock(&recent.lock);
    struct object *o = recent.object[i % RECENT];
    if (o) ref(o);
    pthread_mutex_unlock(&recent.lock);
    return o;
}
