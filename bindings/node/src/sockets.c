/* The life of a socket: construct, open, close. Each function takes a handle and returns the
 * library's result, negative when it has failed. */
#include "addon.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

/* Calls a function of the library that takes a handle only. */
static napi_value on_handle(napi_env env, napi_callback_info info, int (*function)(socket_handle))
{
    napi_value argv[1];

    get_arguments(env, info, argv, 1);
    return from_integer(env, function(to_integer(env, argv[0])));
}

/* Calls one that completes: (handle, request). Request 0 asks for no record. */
static napi_value with_request(napi_env env, napi_callback_info info,
    int (*function)(socket_handle, socket_completion, void *))
{
    napi_value argv[2];
    uint32_t request;

    get_arguments(env, info, argv, 2);
    request = (uint32_t) to_integer(env, argv[1]);
    return from_integer(env, function(to_integer(env, argv[0]), request != 0 ? SOCKET_RECORD : NULL,
        tagged(state_of(env, info), request)));
}

/* construct(kind) */
static napi_value construct(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    int64_t loop = need_loop(state_of(env, info));

    get_arguments(env, info, argv, 1);
    if (loop > 0)
        loop = socket_construct(loop, (int) to_integer(env, argv[0]));
    return from_integer(env, loop);
}

/* Remembers whose the slot is, for when JavaScript has no chance to release it. */
static bool keep_handle(struct state *state, uint32_t slot, socket_handle handle)
{
    if (slot >= state->slots) {
        size_t slots = slot < 16 ? 32 : (size_t) slot * 2;
        socket_handle *handles = realloc(state->handles, slots * sizeof *handles);

        if (handles == NULL)
            return false;
        memset(handles + state->slots, 0, (slots - state->slots) * sizeof *handles);
        state->handles = handles;
        state->slots = slots;
    }
    state->handles[slot] = handle;
    return true;
}

/* subscribe(handle, mask, slot) */
static napi_value subscribe(napi_env env, napi_callback_info info)
{
    struct state *state = state_of(env, info);
    napi_value argv[3];
    uint32_t slot;

    get_arguments(env, info, argv, 3);
    slot = (uint32_t) to_integer(env, argv[2]);
    if (!keep_handle(state, slot, to_integer(env, argv[0])))
        return from_integer(env, -SOCKET_ERROR_INTERNAL);
    return from_integer(env, socket_subscribe(to_integer(env, argv[0]), (uint32_t) to_integer(env, argv[1]),
        tagged(state, slot)));
}

/* address, port, family: three arguments. */
static bool to_address(napi_env env, const napi_value *argv, char *text, size_t capacity,
    socket_address *address)
{
    address->address = text;
    address->port = (int32_t) to_integer(env, argv[1]);
    address->family = (int32_t) to_integer(env, argv[2]);
    return to_text(env, argv[0], text, capacity);
}

enum { NAME_LENGTH = 1100 }; /* longer than any host name may be */

/* bind(handle, address, port, family) */
static napi_value bind_socket(napi_env env, napi_callback_info info)
{
    napi_value argv[4];
    char text[NAME_LENGTH];
    socket_address address;

    get_arguments(env, info, argv, 4);
    if (!to_address(env, argv + 1, text, sizeof text, &address))
        return from_integer(env, -SOCKET_ERROR_PARAMETER);
    return from_integer(env, socket_bind(to_integer(env, argv[0]), &address));
}

/* The text of an argument that may be ""; what is none is NULL for the library. */
static bool to_optional_text(napi_env env, napi_value value, char *text, size_t capacity, const char **to)
{
    if (!to_text(env, value, text, capacity))
        return false;
    *to = text[0] != '\0' ? text : NULL;
    return true;
}

/* changeGroup(handle, leave, address, port, family, interface, source) */
static napi_value change_group(napi_env env, napi_callback_info info)
{
    napi_value argv[7];
    char text[NAME_LENGTH], interface[IF_NAMESIZE * 4], source[ADDRESS_LENGTH];
    socket_multicast_group group = SOCKET_MULTICAST_GROUP_INIT;
    socket_handle handle;

    get_arguments(env, info, argv, 7);
    handle = to_integer(env, argv[0]);
    if (!to_address(env, argv + 2, text, sizeof text, &group.address) ||
        !to_optional_text(env, argv[5], interface, sizeof interface, &group.interface) ||
        !to_optional_text(env, argv[6], source, sizeof source, &group.source))
        return from_integer(env, -SOCKET_ERROR_PARAMETER);
    if (to_integer(env, argv[1]) != 0)
        return from_integer(env, socket_leave_group(handle, &group));
    return from_integer(env, socket_join_group(handle, &group));
}

/* interfaceIndex(name): 0 if there is none of that name. */
static napi_value interface_index(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    char name[IF_NAMESIZE];

    get_arguments(env, info, argv, 1);
    if (!to_text(env, argv[0], name, sizeof name))
        return from_integer(env, 0);
    return from_integer(env, if_nametoindex(name));
}

/* listen(handle, address, port, family, backlog) */
static napi_value listen_socket(napi_env env, napi_callback_info info)
{
    napi_value argv[5];
    char text[NAME_LENGTH];
    socket_listen_options options = SOCKET_LISTEN_OPTIONS_INIT;

    get_arguments(env, info, argv, 5);
    if (!to_address(env, argv + 1, text, sizeof text, &options.address))
        return from_integer(env, -SOCKET_ERROR_PARAMETER);
    options.backlog = (int32_t) to_integer(env, argv[4]);
    return from_integer(env, socket_listen(to_integer(env, argv[0]), &options));
}

/* connect(handle, address, port, family, timeout, request) */
static napi_value connect_socket(napi_env env, napi_callback_info info)
{
    napi_value argv[6];
    char text[NAME_LENGTH];
    socket_connect_options options = SOCKET_CONNECT_OPTIONS_INIT;

    get_arguments(env, info, argv, 6);
    if (!to_address(env, argv + 1, text, sizeof text, &options.address))
        return from_integer(env, -SOCKET_ERROR_PARAMETER);
    options.timeout_ms = (int32_t) to_integer(env, argv[4]);
    return from_integer(env, socket_connect(to_integer(env, argv[0]), &options, SOCKET_RECORD,
        tagged(state_of(env, info), (uint32_t) to_integer(env, argv[5]))));
}


static napi_value end_socket(napi_env env, napi_callback_info info)
{
    return with_request(env, info, socket_end);
}

static napi_value close_socket(napi_env env, napi_callback_info info)
{
    return with_request(env, info, socket_close);
}

static napi_value abort_socket(napi_env env, napi_callback_info info)
{
    return on_handle(env, info, socket_abort);
}

static napi_value release_socket(napi_env env, napi_callback_info info)
{
    return on_handle(env, info, socket_release);
}

static napi_value pause_socket(napi_env env, napi_callback_info info)
{
    return on_handle(env, info, socket_pause);
}

static napi_value resume_socket(napi_env env, napi_callback_info info)
{
    return on_handle(env, info, socket_resume);
}

void export_sockets(struct state *state, napi_value exports)
{
    static const struct export list[] = {
        { "construct", construct }, { "subscribe", subscribe }, { "bind", bind_socket },
        { "changeGroup", change_group },
        { "interfaceIndex", interface_index }, { "listen", listen_socket }, { "connect", connect_socket },
        { "end", end_socket }, { "close", close_socket }, { "abort", abort_socket },
        { "release", release_socket }, { "pause", pause_socket }, { "resume", resume_socket },
    };

    add_exports(state, exports, list, sizeof list / sizeof *list);
}
