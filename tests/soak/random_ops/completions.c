#include "random_ops.h"

#include <stdlib.h>

atomic_llong outstanding, posts_out;
atomic_ullong did_completions;
__thread const void *in_call;
static pthread_mutex_t posts_lock = PTHREAD_MUTEX_INITIALIZER;
struct pending all_posts = {.next = &all_posts, .previous = &all_posts};

struct pending *pending_new(struct object *o, int operation)
{
    struct pending *p = calloc(1, sizeof *p);
    CHECK(p != NULL);
    *p = (struct pending){.magic = ALIVE, .operation = operation, .sender = sender, .object = o};
    if (o) {
        ref(o);
        p->number = ++o->sent_number[sender];
    } else {
        pthread_mutex_lock(&posts_lock);
        p->next = &all_posts;
        p->previous = all_posts.previous;
        p->next->previous = p->previous->next = p;
        pthread_mutex_unlock(&posts_lock);
    }
    atomic_fetch_add(o ? &outstanding : &posts_out, 1);
    return p;
}

void pending_end(struct pending *p)
{
    if (p->magic != ALIVE) FAIL("a completion (operation %d) came twice, or after its call had failed", p->operation);
    p->magic = DONE;
    atomic_fetch_sub(p->object ? &outstanding : &posts_out, 1);
    if (p->object) {
        unref(p->object);
    } else {
        pthread_mutex_lock(&posts_lock);
        p->next->previous = p->previous;
        p->previous->next = p->next;
        pthread_mutex_unlock(&posts_lock);
    }
    free(p);
}

const char *kind_name(int kind)
{
    static const char *const names[] = {"?", "client", "server", "connection", "udp", "TLS client", "TLS server", "TLS connection"};
    // an object may be gone
    return kind > 0 && kind < (int)(sizeof names / sizeof *names) ? names[kind] : names[0];
}

void enter(struct object *o, const char *what)
{
    if (atomic_exchange(&o->running, 1)) FAIL("two callbacks of one %s at a time (%s)", kind_name(o->kind), what);
}

void leave(struct object *o) { atomic_store(&o->running, 0); }

void completed(socket_handle socket, int error, struct pending *p)
{
    if (p->magic != ALIVE) FAIL("a completion came twice, or after its call had failed: magic %x", p->magic);
    if (p == in_call) FAIL("the completion of operation %d came inside its call", p->operation);
    struct object *o = p->object;
    if (o->handle != socket) FAIL("the completion of operation %d has another handle", p->operation);
    if (error > 0 || error == -SOCKET_ERROR_INTERNAL) FAIL("operation %d completed with %d", p->operation, error);
    if (o->distrusts && error == 0 && (p->operation == SOCKET_OPERATION_CONNECT || p->operation == SOCKET_OPERATION_SEND))
        FAIL("operation %d of a client that trusts nobody has succeeded", p->operation);
    if (p->operation == SOCKET_OPERATION_SEND) {
        if (p->number <= o->done_number[p->sender]) FAIL("the completions of sends are not in their order");
        o->done_number[p->sender] = p->number;
    }
    atomic_fetch_add(&did_completions, 1);
    pending_end(p);
}

void on_completed(socket_handle socket, int error, void *user_data)
{
    struct object *o = ((struct pending *)user_data)->object;
    ref(o);
    enter(o, "completion");
    completed(socket, error, user_data);
    leave(o);
    unref(o);
}

// The result of a call: no code may mean a defect of the library.
int result_of(int64_t result)
{
    if (result < 0 && (result == -SOCKET_ERROR_INTERNAL || result == -SOCKET_ERROR_FORKED || socket_error_category((int)result) == SOCKET_CATEGORY_INTERNAL))
        FAIL("a call returned %lld", (long long)result);
    return result < 0 ? -1 : 0;
}

void on_post(void *user_data)
{
    struct pending *p = user_data;
    if (p->magic != ALIVE) FAIL("posted work ran twice");
    void (*function)(void *) = p->function;
    void *argument = p->argument;
    pending_end(p);
    if (function) function(argument);
}

int post(int loop, void (*function)(void *), void *argument)
{
    struct pending *p = pending_new(NULL, 0);
    p->function = function;
    p->argument = argument;
    int result = socket_loop_post(loops[loop], loop == 2 ? NULL : on_post, p);
    if (result < 0) pending_end(p);
    return result_of(result);
}

static void release_posted(void *object)
{
    struct object *o = object;
    library_done(o);
    unref(o);
}

// Gives the handle back; the object when no listener of it can be running any more. A connection
// whose close event is under way has a handle too: its listener may have been the last to need the
// object before this is posted.
void release(struct object *o)
{
    if (result_of(socket_release(o->handle)) < 0) return; // a connection may have done so itself
    if (o->loop == 0) return;
    ref(o);
    if (post(o->loop, release_posted, o) < 0) {
        CHECK(aborting);
        unref(o);
    }
}
