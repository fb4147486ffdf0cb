/* The addon exports instantiate() alone: what it returns has the functions that lib/ calls, with a
 * state of their own. */
#include "addon.h"

#include <stdlib.h>

/* Nothing in JavaScript refers to the functions any more, or the environment ends. */
static void free_state(napi_env env, void *data, void *hint)
{
    struct state *state = data;

    (void) hint;
    leave_host(state);
    if (state->turn != NULL)
        napi_async_destroy(env, state->turn);
    if (state->deliver != NULL)
        napi_delete_reference(env, state->deliver);
    if (state->memory != NULL)
        napi_delete_reference(env, state->memory);
    free(state->handles);
    free(state);
}

static napi_value instantiate(napi_env env, napi_callback_info info)
{
    struct state *state = calloc(1, sizeof *state);
    napi_value functions;

    (void) info;
    if (state == NULL || napi_create_object(env, &functions) != napi_ok ||
        napi_wrap(env, functions, state, free_state, NULL, NULL) != napi_ok) {
        free(state);
        napi_throw_error(env, NULL, "ohsocket: no memory");
        return NULL;
    }
    state->env = env;
    export_loop(state, functions);
    export_sockets(state, functions);
    export_options(state, functions);
    export_send(state, functions);
    export_tls(state, functions);
    return functions;
}

NAPI_MODULE_INIT()
{
    napi_value function = NULL;

    napi_create_function(env, "instantiate", NAPI_AUTO_LENGTH, instantiate, NULL, &function);
    napi_set_named_property(env, exports, "instantiate", function);
    return exports;
}
