/* JavaScript values to C and back. Arguments come from lib/, which has checked them: what is not a
 * number reads as 0 here and is refused by the library where it matters. */
#include "addon.h"

#include <stdlib.h>

/* The evaluation of lib/ whose function this is. */
struct state *state_of(napi_env env, napi_callback_info info)
{
    void *state = NULL;

    napi_get_cb_info(env, info, NULL, NULL, NULL, &state);
    return state;
}

size_t get_arguments(napi_env env, napi_callback_info info, napi_value *argv, size_t count)
{
    size_t given = count;

    napi_get_cb_info(env, info, &given, argv, NULL, NULL);
    return given;
}

int64_t to_integer(napi_env env, napi_value value)
{
    int64_t result = 0;

    napi_get_value_int64(env, value, &result);
    return result;
}

/* False when the value is no string, or one that does not fit or that C would read as a shorter
 * one. */
bool to_text(napi_env env, napi_value value, char *text, size_t capacity)
{
    size_t length = 0;

    if (napi_get_value_string_utf8(env, value, text, capacity, &length) != napi_ok)
        return false;
    if (length + 1 >= capacity)
        return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\0')
            return false;
    return true;
}

napi_value from_integer(napi_env env, int64_t value)
{
    napi_value result = NULL;

    if (value == (int32_t) value)
        napi_create_int32(env, (int32_t) value, &result);
    else
        napi_create_int64(env, value, &result);
    return result;
}

napi_value from_text(napi_env env, const char *text)
{
    napi_value result = NULL;

    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result);
    return result;
}

static bool text_to_bytes(struct state *state, napi_value value, struct bytes *bytes)
{
    size_t length = 0;

    /* Most texts fit; only one that fills the scratch may have been cut. */
    if (napi_get_value_string_utf8(state->env, value, state->scratch, SCRATCH, &length) != napi_ok)
        return false;
    bytes->data = state->scratch;
    bytes->size = length;
    if (length + 4 < SCRATCH)
        return true;
    napi_get_value_string_utf8(state->env, value, NULL, 0, &length);
    bytes->owned = malloc(length + 1);
    if (bytes->owned == NULL)
        return false;
    napi_get_value_string_utf8(state->env, value, bytes->owned, length + 1, &bytes->size);
    bytes->data = bytes->owned;
    return true;
}

static size_t element_size(napi_typedarray_type type)
{
    switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
        return 1;
    case napi_int16_array:
    case napi_uint16_array:
        return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
        return 4;
    default:
        return 8;
    }
}

/* The bytes of an ArrayBuffer that was transferred are elsewhere. */
static bool is_detached(napi_env env, napi_value buffer)
{
    bool detached = false;

    napi_is_detached_arraybuffer(env, buffer, &detached);
    return detached;
}

/* The bytes of an ArrayBuffer or a view of one. They stay valid until JavaScript runs again. */
bool view_to_bytes(napi_env env, napi_value value, struct bytes *bytes)
{
    napi_value buffer = value;
    void *data = NULL;
    bool is = false;

    bytes->data = "";
    bytes->size = 0;
    bytes->owned = NULL;
    if (napi_is_arraybuffer(env, value, &is) == napi_ok && is) {
        napi_get_arraybuffer_info(env, value, &data, &bytes->size);
    } else if (napi_is_typedarray(env, value, &is) == napi_ok && is) {
        napi_typedarray_type type;

        napi_get_typedarray_info(env, value, &type, &bytes->size, &data, &buffer, NULL);
        bytes->size *= element_size(type);
    } else if (napi_is_dataview(env, value, &is) == napi_ok && is) {
        napi_get_dataview_info(env, value, &bytes->size, &data, &buffer, NULL);
    } else {
        return false;
    }
    if (bytes->size == 0) /* an empty one has no memory */
        return !is_detached(env, buffer);
    bytes->data = data;
    return true;
}

/* The same of a string too, as UTF-8: valid until the next string. */
bool to_bytes(struct state *state, napi_value value, struct bytes *bytes)
{
    return view_to_bytes(state->env, value, bytes) || text_to_bytes(state, value, bytes);
}

/* Each function keeps exports alive, and with that the state. */
void add_exports(struct state *state, napi_value exports, const struct export *list, size_t count)
{
    napi_env env = state->env;

    for (size_t i = 0; i < count; i++) {
        napi_value function;

        napi_create_function(env, list[i].name, NAPI_AUTO_LENGTH, list[i].function, state, &function);
        napi_set_named_property(env, function, "exports", exports);
        napi_set_named_property(env, exports, list[i].name, function);
    }
}
