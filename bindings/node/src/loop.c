/* The loop of an environment, driven by Node's own: libuv watches its descriptor, and when that is readable
 * a batch of records is fetched and handed to JavaScript. */
#include "addon.h"

#include <stdlib.h>
#include <string.h>

/* Lets JavaScript hand over the rest of the batch, or a part. False when JavaScript cannot run any more.
 *
 * It is inside a callback scope: what is native and calls back itself, such as the parser of http, must not find
 * itself the outermost and run what has been put off, in the middle of a listener. JavaScript ends the turn of each
 * record; what the last has put off runs when the scope closes. */
static bool hand_over(struct state *state, napi_value deliver)
{
    napi_env env = state->env;
    napi_callback_scope turn;
    napi_value receiver, error;
    bool goes_on = true;

    if (napi_open_callback_scope(env, NULL, state->turn, &turn) != napi_ok)
        return false;
    napi_get_undefined(env, &receiver);
    /* An exception of a listener is nobody's to catch: process.on('uncaughtException'), or the end. A
     * worker that is being ended fails here too, and then for good. */
    if (napi_call_function(env, receiver, deliver, 0, NULL, NULL) != napi_ok)
        goes_on = napi_get_and_clear_last_exception(env, &error) == napi_ok &&
                  napi_fatal_exception(env, error) == napi_ok;
    napi_close_callback_scope(env, turn);
    return goes_on;
}

static uint32_t hash(const char *text)
{
    uint32_t value = 2166136261u;

    while (*text != '\0')
        value = (value ^ (unsigned char) *text++) * 16777619u;
    return value & (ADDRESSES - 1);
}

/* JavaScript keeps the texts of the addresses seen last in a table, and asks for those that are new while
 * it goes through the batch. */
static int32_t peer_address(struct state *state, const char *address)
{
    uint32_t index = hash(address);
    char *known = state->addresses[index];

    if (strncmp(known, address, ADDRESS_LENGTH) == 0)
        return (int32_t) index;
    strncpy(known, address, ADDRESS_LENGTH - 1);
    return -1 - (int32_t) index;
}

static void write_record(struct state *state, struct record *record, const socket_event *event)
{
    record->type = event->type;
    record->slot = (int32_t) (uintptr_t) event->user_data;
    record->error = event->error;
    record->size = (int32_t) event->size;
    record->socket = (double) event->socket;
    record->connection = (double) event->connection;
    if (event->remote.address == NULL) {
        record->address = 0;
        return;
    }
    record->port = event->remote.port;
    record->family = event->remote.family;
    record->address = peer_address(state, event->remote.address);
}

static void deliver(struct state *state, int count)
{
    struct shared *shared = state->shared;
    napi_handle_scope scope;
    napi_value function;

    if (napi_open_handle_scope(state->env, &scope) != napi_ok)
        return;
    for (int i = 0; i < count; i++)
        write_record(state, &shared->records[i], &state->events[i]);
    shared->count = count;
    shared->next = 0;
    napi_get_reference_value(state->env, state->deliver, &function);
    while (shared->next < shared->count && hand_over(state, function))
        ;
    shared->count = 0;
    napi_close_handle_scope(state->env, scope);
}

static int poll_once(struct state *state)
{
    int count = socket_loop_poll(state->loop, state->events, BATCH, 0);

    if (count > 0)
        deliver(state, count);
    return count;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct state *state = poll->data;

    (void) status;
    (void) events;
    /* What the listeners have sent leaves with the second poll, and most of it is complete at once: those
     * completions need no turn of libuv's loop. */
    if (poll_once(state) > 0)
        poll_once(state);
    /* Sends from elsewhere are not gathered. */
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

/* setup(deliver): the memory that is shared. */
static napi_value setup(napi_env env, napi_callback_info info)
{
    struct state *state = state_of(env);
    napi_value argv[1], memory;
    void *data = NULL;

    get_arguments(env, info, argv, 1);
    napi_create_arraybuffer(env, sizeof(struct shared), &data, &memory);
    state->shared = data;
    napi_create_reference(env, memory, 1, &state->memory);
    napi_create_reference(env, argv[0], 1, &state->deliver);
    napi_async_init(env, NULL, from_text(env, "OHSOCKETLOOP"), &state->turn);
    return memory;
}

/* The event of the batch with a number that JavaScript was given; NULL outside of deliver. */
static const socket_event *event_of(napi_env env, napi_callback_info info)
{
    struct state *state = state_of(env);
    napi_value argv[1];
    int64_t number;

    get_arguments(env, info, argv, 1);
    number = to_integer(env, argv[0]);
    return number >= 0 && number < state->shared->count ? &state->events[number] : NULL;
}

/* payload(number): a message, as an ArrayBuffer of its size. */
static napi_value payload(napi_env env, napi_callback_info info)
{
    const socket_event *event = event_of(env, info);
    napi_value result = NULL;
    void *data = NULL;

    if (event == NULL || napi_create_arraybuffer(env, event->size, &data, &result) != napi_ok)
        return NULL;
    if (event->size > 0)
        memcpy(data, event->data, event->size);
    return result;
}

/* address(number): the text of the peer's address. */
static napi_value address(napi_env env, napi_callback_info info)
{
    const socket_event *event = event_of(env, info);

    return event != NULL && event->remote.address != NULL ? from_text(env, event->remote.address) : NULL;
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
        { "setup", setup }, { "payload", payload }, { "address", address },
        { "ref", ref }, { "unref", unref },
    };

    add_exports(env, exports, list, sizeof list / sizeof *list);
}
