/* Sending: one crossing for each send. */
#include "addon.h"

#include <stdlib.h>

static socket_completion completion_of(uint32_t request)
{
    return request != 0 ? SOCKET_RECORD : NULL;
}

/* send(handle, data, request) */
static napi_value send_bytes(napi_env env, napi_callback_info info)
{
    struct state *state = state_of(env, info);
    napi_value argv[3];
    struct bytes bytes;
    uint32_t request;
    int result;

    get_arguments(env, info, argv, 3);
    if (!to_bytes(state, argv[1], &bytes))
        return from_integer(env, -SOCKET_ERROR_PARAMETER);
    request = (uint32_t) to_integer(env, argv[2]);
    result = socket_send(to_integer(env, argv[0]), bytes.data, bytes.size, completion_of(request),
        tagged(state, request));
    free(bytes.owned);
    return from_integer(env, result);
}

/* sendv(handle, views, request): an array of ArrayBuffers and views as one send. */
static napi_value send_views(napi_env env, napi_callback_info info)
{
    struct state *state = state_of(env, info);
    socket_buffer buffers[MAX_BUFFERS];
    napi_value views[MAX_BUFFERS], argv[3];
    uint32_t count = 0;
    uint32_t request;

    get_arguments(env, info, argv, 3);
    if (napi_get_array_length(env, argv[1], &count) != napi_ok || count > MAX_BUFFERS)
        return from_integer(env, -SOCKET_ERROR_PARAMETER);
    /* An element may have a getter, which may transfer or resize the buffer of another one. So no
     * address is taken before all have run. */
    for (uint32_t i = 0; i < count; i++)
        if (napi_get_element(env, argv[1], i, &views[i]) != napi_ok)
            return NULL; /* it has thrown */
    for (uint32_t i = 0; i < count; i++) {
        struct bytes bytes;

        if (!view_to_bytes(env, views[i], &bytes))
            return from_integer(env, -SOCKET_ERROR_PARAMETER);
        buffers[i].data = bytes.data;
        buffers[i].size = bytes.size;
    }
    request = (uint32_t) to_integer(env, argv[2]);
    return from_integer(env, socket_sendv(to_integer(env, argv[0]), buffers, (int) count,
        completion_of(request), tagged(state, request)));
}

/* sendTo(handle, data, address, port, family, request) */
static napi_value send_to(napi_env env, napi_callback_info info)
{
    struct state *state = state_of(env, info);
    napi_value argv[6];
    char text[ADDRESS_LENGTH];
    socket_address address = { text, 0, 0 };
    struct bytes bytes;
    uint32_t request;
    int result;

    get_arguments(env, info, argv, 6);
    if (!to_text(env, argv[2], text, sizeof text) || !to_bytes(state, argv[1], &bytes))
        return from_integer(env, -SOCKET_ERROR_PARAMETER);
    address.port = (int32_t) to_integer(env, argv[3]);
    address.family = (int32_t) to_integer(env, argv[4]);
    request = (uint32_t) to_integer(env, argv[5]);
    result = socket_send_to(to_integer(env, argv[0]), &address, bytes.data, bytes.size,
        completion_of(request), tagged(state, request));
    free(bytes.owned);
    return from_integer(env, result);
}


void export_send(struct state *state, napi_value exports)
{
    static const struct export list[] = {
        { "send", send_bytes }, { "sendv", send_views }, { "sendTo", send_to },
    };

    add_exports(state, exports, list, sizeof list / sizeof *list);
}
