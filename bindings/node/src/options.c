/* Options, getters and what concerns the library as a whole. */
#include "addon.h"

#include <stdlib.h>

/* setExtraOptions(handle, Int32Array): the members of socket_extra_options from fields on. */
static napi_value set_extra_options(napi_env env, napi_callback_info info)
{
    socket_extra_options options = SOCKET_EXTRA_OPTIONS_INIT;
    napi_typedarray_type type;
    napi_value argv[2];
    size_t length = 0;
    void *data = NULL;
    const int32_t *members;

    get_arguments(env, info, argv, 2);
    napi_get_typedarray_info(env, argv[1], &type, &length, &data, NULL, NULL);
    if (length != 11 || type != napi_int32_array)
        return from_integer(env, -SOCKET_ERROR_PARAMETER);
    members = data;
    options.fields = (uint32_t) members[0];
    options.keep_alive = members[1];
    options.oob_inline = members[2];
    options.tcp_no_delay = members[3];
    options.linger_on = members[4];
    options.linger_ms = members[5];
    options.receive_buffer_size = members[6];
    options.send_buffer_size = members[7];
    options.reuse_address = members[8];
    options.socket_timeout_ms = members[9];
    options.broadcast = members[10];
    return from_integer(env, socket_set_extra_options(to_integer(env, argv[0]), &options));
}

/* setOption(handle, option, value) */
static napi_value set_option(napi_env env, napi_callback_info info)
{
    napi_value argv[3];

    get_arguments(env, info, argv, 3);
    return from_integer(env, socket_set_option(to_integer(env, argv[0]), (int) to_integer(env, argv[1]),
        to_integer(env, argv[2])));
}

/* getOption(handle, option) */
static napi_value get_option(napi_env env, napi_callback_info info)
{
    napi_value argv[2];

    get_arguments(env, info, argv, 2);
    return from_integer(env, socket_get_option(to_integer(env, argv[0]), (int) to_integer(env, argv[1])));
}

/* getState(handle): bits 1 bound, 2 connected, 4 closed. */
static napi_value get_state(napi_env env, napi_callback_info info)
{
    socket_state_info state = SOCKET_STATE_INFO_INIT;
    napi_value argv[1];
    int result;

    get_arguments(env, info, argv, 1);
    result = socket_get_state(to_integer(env, argv[0]), &state);
    if (result >= 0)
        result = state.is_bound | state.is_connected << 1 | state.is_close << 2;
    return from_integer(env, result);
}

/* getAddress(handle, remote): the text, with port and family in the shared memory; or an error. */
static napi_value get_address(napi_env env, napi_callback_info info)
{
    struct shared *shared = state_of(env, info)->shared;
    char text[ADDRESS_LENGTH];
    napi_value argv[2];
    int result;

    get_arguments(env, info, argv, 2);
    if (to_integer(env, argv[1]) != 0)
        result = socket_get_remote_address(to_integer(env, argv[0]), text, sizeof text, &shared->port,
            &shared->family);
    else
        result = socket_get_local_address(to_integer(env, argv[0]), text, sizeof text, &shared->port,
            &shared->family);
    return result < 0 ? from_integer(env, result) : from_text(env, text);
}

static napi_value get_fd(napi_env env, napi_callback_info info)
{
    napi_value argv[1];

    get_arguments(env, info, argv, 1);
    return from_integer(env, socket_get_fd(to_integer(env, argv[0])));
}

static napi_value get_client_id(napi_env env, napi_callback_info info)
{
    napi_value argv[1];

    get_arguments(env, info, argv, 1);
    return from_integer(env, socket_get_client_id(to_integer(env, argv[0])));
}

static napi_value get_send_queue_length(napi_env env, napi_callback_info info)
{
    napi_value argv[1];

    get_arguments(env, info, argv, 1);
    return from_integer(env, socket_get_send_queue_length(to_integer(env, argv[0])));
}

/* getErrorDetail(handle): "" when there is none. */
static napi_value get_error_detail(napi_env env, napi_callback_info info)
{
    char text[1024] = "";
    napi_value argv[1];

    get_arguments(env, info, argv, 1);
    socket_get_error_detail(to_integer(env, argv[0]), text, sizeof text);
    return from_text(env, text);
}

/* strerror(code) */
static napi_value error_text(napi_env env, napi_callback_info info)
{
    napi_value argv[1];

    get_arguments(env, info, argv, 1);
    return from_text(env, socket_strerror((int) to_integer(env, argv[0])));
}

/* category(code) */
static napi_value error_category(napi_env env, napi_callback_info info)
{
    napi_value argv[1];

    get_arguments(env, info, argv, 1);
    return from_integer(env, socket_error_category((int) to_integer(env, argv[0])));
}

static napi_value version(napi_env env, napi_callback_info info)
{
    (void) info;
    return from_text(env, socket_version());
}

/* setCompat(on) */
static napi_value set_compat(napi_env env, napi_callback_info info)
{
    napi_value argv[1];

    get_arguments(env, info, argv, 1);
    return from_integer(env, socket_set_compat((int) to_integer(env, argv[0])));
}

/* setTotalQueueLimit(bytes) */
static napi_value set_total_queue_limit(napi_env env, napi_callback_info info)
{
    napi_value argv[1];

    get_arguments(env, info, argv, 1);
    return from_integer(env, socket_set_total_queue_limit(to_integer(env, argv[0])));
}

/* stats(): counters of the whole process. */
static napi_value stats(napi_env env, napi_callback_info info)
{
    socket_stats stats = SOCKET_STATS_INIT;
    const struct {
        const char *name;
        const uint64_t *value;
    } members[] = {
        { "sockets", &stats.sockets }, { "loops", &stats.loops },
        { "queuedBytes", &stats.queued_bytes }, { "bufferBytes", &stats.buffer_bytes },
        { "goHeapBytes", &stats.go_heap_bytes }, { "goroutines", &stats.goroutines },
        { "bytesReceived", &stats.bytes_received }, { "bytesSent", &stats.bytes_sent },
        { "messagesReceived", &stats.messages_received }, { "messagesSent", &stats.messages_sent },
        { "connectionsAccepted", &stats.connections_accepted },
        { "loopIterations", &stats.loop_iterations }, { "internalErrors", &stats.internal_errors },
        { "tlsHandshakes", &stats.tls_handshakes }, { "tlsSessions", &stats.tls_sessions },
        { "tlsContexts", &stats.tls_contexts }, { "totalQueueLimit", &stats.total_queue_limit },
        { "totalQueueBytes", &stats.total_queue_bytes }, { "totalQueueRefusals", &stats.total_queue_refusals },
    };
    napi_value result;

    (void) info;
    socket_get_stats(&stats);
    napi_create_object(env, &result);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        napi_set_named_property(env, result, members[i].name, from_integer(env, (int64_t) *members[i].value));
    return result;
}

void export_options(struct state *state, napi_value exports)
{
    static const struct export list[] = {
        { "setExtraOptions", set_extra_options }, { "setOption", set_option }, { "getOption", get_option },
        { "getState", get_state }, { "getAddress", get_address }, { "getFd", get_fd },
        { "getClientId", get_client_id }, { "getSendQueueLength", get_send_queue_length },
        { "getErrorDetail", get_error_detail }, { "strerror", error_text }, { "category", error_category },
        { "version", version }, { "setCompat", set_compat },
        { "setTotalQueueLimit", set_total_queue_limit }, { "stats", stats },
    };

    add_exports(state, exports, list, sizeof list / sizeof *list);
}
