#include "random_ops.h"

#include <stdlib.h>
#include <string.h>

__thread int sender = -1;

pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
struct object all_objects = {.next = &all_objects, .previous = &all_objects};
atomic_ullong next_key;

struct object *object_new(int kind, int loop)
{
    struct object *o = calloc(1, sizeof *o);
    CHECK(o != NULL);
    o->kind = kind;
    o->loop = loop;
    o->key = atomic_fetch_add(&next_key, 1) + 1;
    o->references = 1;
    o->library = 1;
    // There is no way to wait for the thread of the second default loop (socket_loop_post goes to
    // the first), so a late callback may look at those objects until the loops have been shut down.
    if (loop == 0) o->references++;
    pthread_mutex_lock(&all_lock);
    o->next = &all_objects;
    o->previous = all_objects.previous;
    o->next->previous = o->previous->next = o;
    pthread_mutex_unlock(&all_lock);
    return o;
}

void unref(struct object *o)
{
    if (atomic_fetch_sub(&o->references, 1) != 1) return;
    pthread_mutex_lock(&all_lock);
    o->next->previous = o->previous;
    o->previous->next = o->next;
    pthread_mutex_unlock(&all_lock);
    memset(o, 0xdd, sizeof *o);
    free(o);
}

void ref(struct object *o) { atomic_fetch_add(&o->references, 1); }

void library_done(struct object *o)
{
    if (atomic_exchange(&o->library, 0)) unref(o);
}
