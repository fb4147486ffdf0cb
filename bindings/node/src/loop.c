/* The loop of an environment, driven by Node's own: libuv watches its descriptor, and when that is readable
 * a batch of records is fetched and handed to JavaScript. */
#include "addon.h"

#include <stdlib.h>
#include <string.h>

/* Calls a function in a callback scope of its own: what it has put off with process.nextTick, and the
 * reactions of promises, run before the next record. False when JavaScript cannot run any more. */
static bool call(struct state *state, napi_value receiver, napi_value function, size_t argc,
    const napi_value *argv)
{
    napi_env env = state->env;
    napi_value error;

    if (napi_make_callback(env, NULL, receiver, function, argc, argv, NULL) == napi_ok)
        return true;
    /* An exception of a listener is nobody's to catch: process.on('uncaughtException'), or the end. A
     * worker that is being ended fails here too, and then for good. */
    return napi_get_and_clear_last_exception(env, &error) == napi_ok &&
        napi_fatal_exception(env, error) == napi_ok;
}

static uint32_t hash(const char *text)
{
    uint32_t value = 2166136261u;

    while (*text != '\0')
        value = (value ^ (unsigned char) *text++) * 16777619u;
    return value & (ADDRESSES - 1);
}

/* JavaScript keeps the texts of the addresses seen last in a table. Returns the text if it is not the one
 * that is there, to be put there. */
static napi_value peer_address(struct state *state, const char *address)
{
    uint32_t index = hash(address);
    char *known = state->addresses[index];

    state->shared->address = (int32_t) index;
    if (strncmp(known, address, ADDRESS_LENGTH) == 0)
        return NULL;
    strncpy(known, address, ADDRESS_LENGTH - 1);
    return from_text(state->env, address);
}

static bool is_promise(const socket_event *event)
{
    return event->type == SOCKET_EVENT_COMPLETION && ((uintptr_t) event->user_data & 1) == 0;
}

/* What a batch needs of Node-API. */
struct batch {
    struct state *state;
    napi_value receiver, dispatch, complete;
};

/* Promises are settled a run at a time: their reactions are put off to the end of the scope anyway. Requests
 * with a callback have odd numbers and are handed over like events. */
static int settle(const struct batch *batch, const socket_event *events, int count, bool *alive)
{
    struct shared *shared = batch->state->shared;
    int n = 0;

    for (; n < count && is_promise(&events[n]); n++) {
        shared->completions[2 * n] = (int32_t) (uintptr_t) events[n].user_data;
        shared->completions[2 * n + 1] = events[n].error;
    }
    shared->count = n;
    *alive = call(batch->state, batch->receiver, batch->complete, 0, NULL);
    return n;
}

static bool hand_over(const struct batch *batch, const socket_event *event)
{
    struct state *state = batch->state;
    struct shared *shared = state->shared;
    napi_value address = NULL;
    bool alive;

    shared->type = event->type;
    shared->slot = (int32_t) (uintptr_t) event->user_data;
    shared->error = event->error;
    shared->size = (int32_t) event->size;
    shared->socket = (double) event->socket;
    shared->connection = (double) event->connection;
    if (event->remote.address != NULL) {
        shared->port = event->remote.port;
        shared->family = event->remote.family;
        address = peer_address(state, event->remote.address);
    }
    state->current = event->type == SOCKET_EVENT_MESSAGE ? event : NULL;
    alive = call(state, batch->receiver, batch->dispatch, address != NULL, &address);
    state->current = NULL;
    return alive;
}

static void deliver(struct state *state, int count)
{
    struct batch batch = { .state = state };
    napi_handle_scope scope;
    bool alive = true;

    if (napi_open_handle_scope(state->env, &scope) != napi_ok)
        return;
    napi_get_reference_value(state->env, state->receiver, &batch.receiver);
    napi_get_reference_value(state->env, state->dispatch, &batch.dispatch);
    napi_get_reference_value(state->env, state->complete, &batch.complete);
    for (int i = 0; i < count && alive;) {
        if (is_promise(&state->events[i]))
            i += settle(&batch, state->events + i, count - i, &alive);
        else
            alive = hand_over(&batch, &state->events[i++]);
    }
    napi_close_handle_scope(state->env, scope);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct state *state = poll->data;
    int count = socket_loop_poll(state->loop, state->events, BATCH, 0);

    (void) status;
    (void) events;
    if (count > 0)
        deliver(state, count);
    /* What the listeners have sent leaves now; sends from elsewhere are not gathered. */
    socket_loop_flush(state->loop);
}

static void on_closed(uv_handle_t *poll)
{
    struct state *state = poll->data;

    free(poll);
    napi_remove_async_cleanup_hook(state->cleanup);
}

/* The environment ends: no JavaScript runs any more. */
static void on_cleanup(napi_async_cleanup_hook_handle handle, void *data)
{
    struct state *state = data;

    (void) handle;
    uv_poll_stop(state->poll);
    socket_loop_close(state->loop); /* aborts and releases the sockets */
    socket_loop_close(state->loop); /* drops their records */
    uv_close((uv_handle_t *) state->poll, on_closed);
}

static int64_t start(struct state *state)
{
    uv_loop_t *uv = NULL;

    state->loop = socket_loop_create(SOCKET_LOOP_RECORDS);
    if (state->loop < 0)
        return state->loop;
    state->poll = malloc(uv_handle_size(UV_POLL));
    if (state->poll == NULL || napi_get_uv_event_loop(state->env, &uv) != napi_ok ||
        uv_poll_init(uv, state->poll, socket_loop_fd(state->loop)) != 0) {
        free(state->poll);
        state->poll = NULL;
        socket_loop_close(state->loop);
        socket_loop_close(state->loop);
        return -SOCKET_ERROR_INTERNAL;
    }
    state->poll->data = state;
    uv_poll_start(state->poll, UV_READABLE, on_readable);
    uv_unref((uv_handle_t *) state->poll);
    napi_add_async_cleanup_hook(state->env, on_cleanup, state, &state->cleanup);
    return state->loop;
}

/* The loop, made with the first socket: loading the package costs no descriptors. Negative: an error. */
int64_t need_loop(struct state *state)
{
    if (state->loop <= 0) {
        int64_t result = start(state);

        state->loop = result > 0 ? result : 0;
        return result;
    }
    return state->loop;
}

/* setup(receiver, dispatch, complete): the memory that is shared. */
static napi_value setup(napi_env env, napi_callback_info info)
{
    struct state *state = state_of(env);
    napi_value argv[3], memory;
    void *data = NULL;

    get_arguments(env, info, argv, 3);
    napi_create_arraybuffer(env, sizeof(struct shared), &data, &memory);
    state->shared = data;
    napi_create_reference(env, memory, 1, &state->memory);
    napi_create_reference(env, argv[0], 1, &state->receiver);
    napi_create_reference(env, argv[1], 1, &state->dispatch);
    napi_create_reference(env, argv[2], 1, &state->complete);
    return memory;
}

/* payload(): the message that is being handed over, as an ArrayBuffer of its size. */
static napi_value payload(napi_env env, napi_callback_info info)
{
    const socket_event *event = state_of(env)->current;
    napi_value result = NULL;
    void *data = NULL;

    (void) info;
    if (event == NULL || napi_create_arraybuffer(env, event->size, &data, &result) != napi_ok)
        return NULL;
    if (event->size > 0)
        memcpy(data, event->data, event->size);
    return result;
}

/* ref(), unref(): whether the loop keeps the process alive. */
static napi_value ref(napi_env env, napi_callback_info info)
{
    struct state *state = state_of(env);

    (void) info;
    if (state->poll != NULL)
        uv_ref((uv_handle_t *) state->poll);
    return NULL;
}

static napi_value unref(napi_env env, napi_callback_info info)
{
    struct state *state = state_of(env);

    (void) info;
    if (state->poll != NULL)
        uv_unref((uv_handle_t *) state->poll);
    return NULL;
}

void export_loop(napi_env env, napi_value exports)
{
    static const struct export list[] = {
        { "setup", setup }, { "payload", payload }, { "ref", ref }, { "unref", unref },
    };

    add_exports(env, exports, list, sizeof list / sizeof *list);
}
