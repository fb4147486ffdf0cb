#include "fuzz_calls.h"

#include <string.h>

atomic_ullong promised, kept, reentry;
atomic_int loose;
atomic_uint connection_turn;

static void keep_connection(socket_handle connection)
{
    unsigned i = atomic_fetch_add(&connection_turn, 1) % CONNECTIONS;
    socket_handle old = atomic_exchange(&connections[i], connection);
    socket_abort(old);
}

void on_completion(socket_handle socket, int error, void *user_data);
void on_event(const socket_event *e, void *user_data);

// What callbacks do depends on how many there have been.
static void call_something(socket_handle socket)
{
    uint64_t n = atomic_fetch_add(&reentry, 1), chance = mix(n);
    if (loose) return;
    switch (chance % 24) {
    case 0: socket_close(socket, NULL, NULL); break;
    case 1: socket_release(socket); break;
    case 2: socket_abort(socket); break;
    case 3:
    case 4:
    case 5:
        if (socket_send(socket, bytes, chance >> 8 & 0x7fff, on_completion, NULL) >= 0) atomic_fetch_add(&promised, 1);
        break;
    case 6: socket_off(socket, (int)(chance >> 8) % 9, NULL, NULL); break;
    case 7: socket_on(socket, (int)(chance >> 8) % 9, on_event, (void *)(chance >> 16 & 1)); break;
    case 8: socket_pause(socket); break;
    case 9: socket_resume(socket); break;
    case 10:
        if (socket_end(socket, on_completion, NULL) >= 0) atomic_fetch_add(&promised, 1);
        break;
    case 11: socket_subscribe(socket, (uint32_t)(chance >> 8) & 0xfe, NULL); break;
    case 12: socket_flush(socket); break;
    case 13: CHECK(socket_loop_run(loops[1], 0) <= 0 || 1); break;
    case 14: socket_loop_close(0); break;
    case 15: socket_set_option(socket, 1 + (int)((chance >> 8) % 12), (int64_t)(chance >> 16) % 300); break;
    }
}

void on_completion(socket_handle socket, int error, void *user_data)
{
    (void)user_data;
    if (error > 0 || error == -SOCKET_ERROR_INTERNAL) FAIL("completed with %d", error);
    atomic_fetch_add(&kept, 1);
    call_something(socket);
}

static void look_at(const socket_event *e)
{
    static atomic_uint sum;
    if (e->type == SOCKET_EVENT_MESSAGE) {
        CHECK(e->data != NULL);
        unsigned s = 0;
        for (size_t i = 0; i < e->size; i += 97) s += ((const unsigned char *)e->data)[i];
        if (e->size) s += ((const unsigned char *)e->data)[e->size - 1];
        atomic_fetch_add(&sum, s);
    }
    if (e->remote.address) CHECK(strlen(e->remote.address) < 64);
    if (e->type == SOCKET_EVENT_CONNECT && e->connection) keep_connection(e->connection);
}

void on_event(const socket_event *e, void *user_data)
{
    (void)user_data;
    look_at(e);
    if (e->connection) {
        socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_event, NULL);
        socket_set_option(e->connection, SOCKET_OPTION_CLOSE_TIMEOUT, 20);
        socket_set_option(e->connection, SOCKET_OPTION_IDLE_TIMEOUT, 100);
    }
    call_something(e->socket);
}

void on_function(void *user_data) { (void)user_data; }

void take_records(const socket_event *records, int n)
{
    for (int i = 0; i < n; i++) {
        const socket_event *e = &records[i];
        if (e->type == SOCKET_EVENT_COMPLETION) {
            if (e->error > 0 || e->error == -SOCKET_ERROR_INTERNAL) FAIL("completion record with %d", e->error);
            atomic_fetch_add(&kept, 1);
        } else {
            look_at(e);
        }
        if (e->connection) socket_subscribe(e->connection, 0xfe, NULL);
    }
}
