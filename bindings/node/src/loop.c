/* A batch of records on its way to JavaScript. */
#include "addon.h"

#include <string.h>

/* Lets JavaScript hand over the rest of the batch, or a part. False when JavaScript cannot run any
 * more.
 *
 * It is inside a callback scope: what is native and calls back itself, such as the parser of http,
 * must not find itself the outermost and run what has been put off, in the middle of a listener.
 * JavaScript ends the turn of each record; what the last has put off runs when the scope closes. */
static bool hand_over(struct state *state, napi_value deliver)
{
    napi_env env = state->env;
    napi_callback_scope turn;
    napi_value receiver, error;
    bool goes_on = true;

    if (napi_open_callback_scope(env, NULL, state->turn, &turn) != napi_ok)
        return false;
    napi_get_undefined(env, &receiver);
    /* An exception of a listener is nobody's to catch: process.on('uncaughtException'), or the end.
     * A worker that is being ended fails here too, and then for good. */
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

/* JavaScript keeps the texts of the addresses seen last in a table, and asks for those that are new
 * while it goes through the batch. */
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
    record->slot = (int32_t) (uint32_t) (uintptr_t) event->user_data;
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

/* Gives the records to JavaScript. The state may go with the last of them. */
void deliver_batch(struct state *state, const socket_event *events, int count)
{
    struct shared *shared = state->shared;
    napi_handle_scope scope;
    napi_value function = NULL;

    if (napi_open_handle_scope(state->env, &scope) != napi_ok)
        return;
    napi_get_reference_value(state->env, state->deliver, &function);
    if (function != NULL) {
        state->batch = events;
        for (int i = 0; i < count; i++)
            write_record(state, &shared->records[i], &events[i]);
        shared->count = count;
        shared->next = 0;
        while (shared->next < shared->count && hand_over(state, function))
            ;
        shared->count = 0;
    }
    napi_close_handle_scope(state->env, scope);
}

/* A user_data: a slot, or the number of a request, of this state. */
void *tagged(const struct state *state, uint32_t number)
{
    return (void *) ((uintptr_t) state->id << 32 | number);
}

/* setup(deliver): the memory that is shared. The functions keep deliver, and deliver keeps them: a
 * state that nothing else refers to is garbage. */
static napi_value setup(napi_env env, napi_callback_info info)
{
    struct state *state = state_of(env, info);
    napi_value argv[1], memory, self;
    void *data = NULL;

    get_arguments(env, info, argv, 1);
    napi_get_cb_info(env, info, NULL, NULL, &self, NULL);
    napi_set_named_property(env, self, "deliver", argv[0]);
    napi_create_arraybuffer(env, sizeof(struct shared), &data, &memory);
    state->shared = data;
    napi_create_reference(env, memory, 1, &state->memory);
    napi_create_reference(env, argv[0], 0, &state->deliver);
    napi_async_init(env, NULL, from_text(env, "OHSOCKETLOOP"), &state->turn);
    return memory;
}

/* The event of the batch with a number that JavaScript was given; NULL outside of deliver. */
static const socket_event *event_of(napi_env env, napi_callback_info info)
{
    struct state *state = state_of(env, info);
    napi_value argv[1];
    int64_t number;

    get_arguments(env, info, argv, 1);
    number = to_integer(env, argv[0]);
    return number >= 0 && number < state->shared->count ? &state->batch[number] : NULL;
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
    set_referenced(state_of(env, info), true);
    return NULL;
}

static napi_value unref(napi_env env, napi_callback_info info)
{
    set_referenced(state_of(env, info), false);
    return NULL;
}

/* hold(), letGo(): while something is open or under way, its records are wanted. They count. */
static napi_value hold(napi_env env, napi_callback_info info)
{
    napi_reference_ref(env, state_of(env, info)->deliver, NULL);
    return NULL;
}

static napi_value let_go(napi_env env, napi_callback_info info)
{
    napi_reference_unref(env, state_of(env, info)->deliver, NULL);
    return NULL;
}

void export_loop(struct state *state, napi_value exports)
{
    static const struct export list[] = {
        { "setup", setup }, { "payload", payload }, { "address", address },
        { "ref", ref }, { "unref", unref }, { "hold", hold }, { "letGo", let_go },
    };

    add_exports(state, exports, list, sizeof list / sizeof *list);
}
