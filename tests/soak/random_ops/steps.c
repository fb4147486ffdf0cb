#include "random_ops.h"

atomic_ullong did_ops;

static void do_loop_work(uint64_t chance)
{
    int loop = (int)(chance % LOOPS);
    if (chance >> 8 & 1) {
        post(loop, NULL, NULL);
        return;
    }
    struct pending *p = pending_new(NULL, 0);
    int64_t timer = socket_loop_set_timer(loops[loop], (int64_t)(chance >> 16) % 30, 0, loop == 2 ? NULL : on_post, p);
    CHECK_OK(timer);
    // A timer of an hour is always cleared in time.
    static char never;
    timer = CHECK_OK(socket_loop_set_timer(loops[loop], 3600000, (int64_t)(chance >> 24) % 10, loop == 2 ? NULL : on_post, &never));
    CHECK_OK(socket_loop_clear_timer(loops[loop], timer));
    CHECK(socket_loop_clear_timer(loops[loop], timer) == -SOCKET_ERROR_PARAMETER);
}

static size_t size_by(uint64_t chance)
{
    switch (chance & 7) {
    case 0: return 0;
    case 1: return (chance >> 8) % MAX_PAYLOAD;
    // around the size of a block
    case 2: return 16384 - sizeof(struct frame) + (chance >> 8) % 3 - 1;
    case 3: return (chance >> 8) % 30000;
    default: return (chance >> 8) % 600;
    }
}

// Every step draws the same numbers, whatever the state of things is.
static void step(int worker, const uint64_t r[5])
{
    atomic_fetch_add(&did_ops, 1);
    unsigned what = (unsigned)(r[0] % 100);
    struct slot *own = &slots[worker][r[1] % SLOTS];
    if (what < 12) {
        construct(own, r[2]);
        struct object *o = slot_get(own);
        if (o) {
            int client = o->kind == SOCKET_KIND_TCP || o->kind == SOCKET_KIND_TLS;
            if (!client && r[3] & 3) do_bind(o, r[4]);
            if (client ? r[3] & 3 : (r[3] & 12) == 12) do_connect(o, r[4]);
            unref(o);
        }
        return;
    }
    if (what == 12 && (r[2] & 3) == 0) {
        scenario_loop(r[3]);
        return;
    }
    if (what < 16) {
        do_loop_work(r[2]);
        return;
    }
    struct object *o = NULL;
    switch (r[1] >> 8 & 7) {
    case 0: // somebody else's
        o = slot_get(&slots[(r[1] >> 16) % WORKERS][(r[1] >> 24) % SLOTS]);
        break;
    case 1: // a server's
        o = recent_get((unsigned)(r[1] >> 16));
        break;
    case 2: // a server itself, which is reloaded or told other options
        if (what >= 88 && what < 92 && r[3] & 1) {
            struct object *server = tls_servers[(r[1] >> 16) % LOOPS];
            do_secure(server, r[2]);
            if (r[3] & 2) CHECK_OK(socket_set_option(server->handle, SOCKET_OPTION_HANDSHAKE_LIMIT, (int64_t)(r[3] >> 8) % 8));
            return;
        }
        o = slot_get(own);
        break;
    default:
        o = slot_get(own);
    }
    if (!o) return;
    if (what < 52) {
        if (o->kind == SOCKET_KIND_UDP)
            send_packet(o, r[3] & 1 ? 0 : r[3] & 2 ? dead_port : udp_ports[r[3] >> 8 & 7], r[2] % MAX_PACKET, r[3] >> 16 & 1);
        else
            send_frame(o, size_by(r[2]), (int)(r[3] % 8), r[3] >> 16 & 1, (r[3] >> 17 & 3) == 0);
    } else if (what < 58) {
        do_connect(o, r[2]);
        if (r[3] & 1) do_options(o, r[4]);
    } else if (what < 62) {
        do_bind(o, r[2]);
    } else if (what < 66) {
        CALL(o, SOCKET_OPERATION_CLOSE, r[2] & 1, socket_close(o->handle, completion, pending));
    } else if (what < 68) {
        CALL(o, SOCKET_OPERATION_END, r[2] & 1, socket_end(o->handle, completion, pending));
    } else if (what < 70) {
        result_of(socket_abort(o->handle));
    } else if (what < 72) {
        release(o);
    } else if (what < 75) {
        result_of(socket_pause(o->handle));
    } else if (what < 80) {
        result_of(socket_resume(o->handle));
    } else if (what < 84) {
        listen_to(o, (unsigned)r[2] & 0xfe);
    } else if (what < 88) {
        listen_to(o, 0xfe);
    } else if (what < 92) {
        do_options(o, r[2]);
    } else if (what < 95) {
        do_getters(o);
    } else if (o->upgrades == 2 && what < 97) {
        upgrade(o);
    } else if (what < 97) {
        result_of(socket_flush(o->handle));
    } else if (what == 97) { // a burst
        for (int i = 0; i < 20 && o->kind != SOCKET_KIND_UDP; i++) send_frame(o, (r[2] >> i) % 2000, 0, i & 1, 0);
    } else if (what == 98) {
        if (is_tls(o->kind)) do_secure(o, r[2]);
    } else {
        pass_time((int64_t)(r[2] % 2000) * 1000);
    }
    unref(o);
}

void *work(void *number)
{
    int worker = (int)(intptr_t)number;
    sender = worker;
    uint64_t state = mix(seed ^ mix((uint64_t)epoch * WORKERS + (uint64_t)worker));
    for (int i = 0; i < STEPS; i++) {
        uint64_t r[5];
        for (int j = 0; j < 5; j++) r[j] = state = mix(state);
        step(worker, r);
    }
    return NULL;
}
