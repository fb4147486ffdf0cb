/* The start of an environment: its state, and the functions that lib/ calls. */
#include "addon.h"

#include <stdlib.h>

static void free_state(napi_env env, void *data, void *hint)
{
    struct state *state = data;

    (void) hint;
    if (state->turn != NULL)
        napi_async_destroy(env, state->turn);
    free(state);
}

NAPI_MODULE_INIT()
{
    struct state *state = calloc(1, sizeof *state);

    if (state == NULL || napi_set_instance_data(env, state, free_state, NULL) != napi_ok) {
        free(state);
        napi_throw_error(env, NULL, "ohsocket: no memory");
        return NULL;
    }
    state->env = env;
    export_loop(env, exports);
    export_sockets(env, exports);
    export_options(env, exports);
    export_send(env, exports);
    export_tls(env, exports);
    return exports;
}
