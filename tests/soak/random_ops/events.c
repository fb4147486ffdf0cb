#include "random_ops.h"

#include <string.h>

atomic_ullong did_closes, did_events[16];

static void event_happened(const socket_event *e, struct object *o)
{
    static const int ranks[] = {[SOCKET_EVENT_LISTENING] = 1, [SOCKET_EVENT_CONNECT] = 2, [SOCKET_EVENT_MESSAGE] = 3,
                                [SOCKET_EVENT_END] = 4, [SOCKET_EVENT_ERROR] = 5, [SOCKET_EVENT_CLOSE] = 6};
    if (e->type < SOCKET_EVENT_CONNECT || e->type > SOCKET_EVENT_LISTENING) FAIL("event %d", e->type);
    if (e->socket != o->handle)
        FAIL("event %d of %llx went to %s %llx of loop %d", e->type, (unsigned long long)e->socket, kind_name(o->kind),
             (unsigned long long)o->handle, o->loop);
    atomic_fetch_add(&did_events[e->type], 1);
    int many = o->kind == SOCKET_KIND_UDP || is_server(o->kind); // these go on after an error
    if (o->carried) o->rank = 0; // its period has ended without an event
    if (o->rank == 6) {
        // A new period. (The close event of the last one has come: its listener is never taken
        // off.)
        if (o->opens <= o->closes) FAIL("%s: event %d after close", kind_name(o->kind), e->type);
        o->rank = 0;
        o->in = (struct parser){0};
    }
    if (e->type == SOCKET_EVENT_DRAIN) {
        if (o->rank >= 5 && !many) FAIL("drain after an error");
    } else if (!many || e->type != SOCKET_EVENT_ERROR) {
        int rank = ranks[e->type];
        if (many && rank == 2 && o->rank == 3) rank = 3; // UDP may be connected late
        int repeats = e->type == SOCKET_EVENT_MESSAGE || (is_server(o->kind) && e->type == SOCKET_EVENT_CONNECT) || (many && rank == 3);
        if (rank < o->rank || (rank == o->rank && !repeats)) FAIL("%s: event %d after one of rank %d", kind_name(o->kind), e->type, o->rank);
        o->rank = rank;
    }
    switch (e->type) {
    case SOCKET_EVENT_CONNECT:
        if (o->distrusts) FAIL("a client that trusts nobody is connected");
        if (is_server(o->kind)) begin_connection(o, e);
        else if (o->upgrades == 1) upgrade(o);
        break;
    case SOCKET_EVENT_MESSAGE:
        CHECK(e->data != NULL);
        if (o->kind == SOCKET_KIND_UDP)
            parse_packet(e);
        else if (!o->upgrades) // which may get an alert
            parse(o, e->data, e->size);
        break;
    case SOCKET_EVENT_ERROR:
        if (e->error >= 0 || e->error == -SOCKET_ERROR_INTERNAL) FAIL("error event with %d", e->error);
        break;
    case SOCKET_EVENT_CLOSE:
        atomic_fetch_add(&did_closes, 1);
        if (atomic_fetch_add(&o->closes, 1) + 1 > o->opens) FAIL("%s: %d close events for %d openings", kind_name(o->kind), o->closes, o->opens);
        break;
    }
}

void on_event(const socket_event *e, void *user_data)
{
    struct object *o = user_data;
    enter(o, "event");
    socket_event copy = *e;
    event_happened(e, o);
    if (memcmp(&copy, e, sizeof copy) != 0) FAIL("an event was changed while its listener ran");
    leave(o);
    // A connection's last event.
    if (copy.type == SOCKET_EVENT_CLOSE && is_connection(o->kind)) library_done(o);
}

int listen_to(struct object *o, unsigned mask)
{
    mask |= SOCKET_EVENT_MASK(SOCKET_EVENT_CLOSE);
    if (o->loop == 2) return result_of(socket_subscribe(o->handle, mask, o));
    int result = 0;
    for (int type = SOCKET_EVENT_CONNECT; type <= SOCKET_EVENT_LISTENING; type++) {
        if (mask & SOCKET_EVENT_MASK(type))
            result |= result_of(socket_on(o->handle, type, on_event, o));
        else
            result |= result_of(socket_off(o->handle, type, on_event, o));
    }
    return result;
}
