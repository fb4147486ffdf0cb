/* A TLS client of the library inside Node, which has an OpenSSL of its own: exchange(host, port,
 * ca, text) connects, says text and returns what has come back with the version and the suite. It
 * holds up Node meanwhile. The declarations are those of node_api.h, which is stable and not
 * installed everywhere. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env env, napi_callback_info info);
extern int napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
extern int napi_get_value_string_utf8(napi_env, napi_value, char *, size_t, size_t *);
extern int napi_get_value_int32(napi_env, napi_value, int32_t *);
extern int napi_create_string_utf8(napi_env, const char *, size_t, napi_value *);
extern int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
extern int napi_set_named_property(napi_env, napi_value, const char *, napi_value);

struct exchange {
    char answer[2048];
    const char *text;
    int done;
};

static void on_message(const socket_event *e, void *user_data)
{
    struct exchange *x = user_data;
    char protocol[16], suite[64];

    socket_tls_get_protocol(e->socket, protocol, sizeof protocol);
    socket_tls_get_cipher_suite(e->socket, suite, sizeof suite);
    snprintf(x->answer, sizeof x->answer, "%s %s %.*s", protocol, suite, (int)e->size, (const char *)e->data);
    socket_close(e->socket, NULL, NULL);
}

static void on_close(const socket_event *e, void *user_data)
{
    (void)e;
    ((struct exchange *)user_data)->done = 1;
}

static void on_connected(socket_handle socket, int error, void *user_data)
{
    struct exchange *x = user_data;

    if (error == 0) {
        socket_send(socket, x->text, strlen(x->text), NULL, NULL);
        return;
    }
    socket_get_error_detail(socket, x->answer, sizeof x->answer);
    x->done = 1;
}

static napi_value exchange(napi_env env, napi_callback_info info)
{
    socket_tls_options tls = SOCKET_TLS_OPTIONS_INIT;
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    struct exchange x = { "", NULL, 0 };
    napi_value values[4], result;
    size_t count = 4;
    char host[256], path[1024], text[256];
    const char *ca[1];
    socket_loop loop = socket_loop_create(SOCKET_LOOP_CALLBACKS);
    socket_handle socket = socket_construct(loop, SOCKET_KIND_TLS);

    napi_get_cb_info(env, info, &count, values, NULL, NULL);
    napi_get_value_string_utf8(env, values[0], host, sizeof host, NULL);
    napi_get_value_int32(env, values[1], &to.address.port);
    napi_get_value_string_utf8(env, values[2], path, sizeof path, NULL);
    napi_get_value_string_utf8(env, values[3], text, sizeof text, NULL);
    x.text = text;
    ca[0] = read_file(path);
    tls.ca = ca;
    tls.ca_count = 1;
    to.tls = &tls;
    to.address.address = host;
    socket_on(socket, SOCKET_EVENT_MESSAGE, on_message, &x);
    socket_on(socket, SOCKET_EVENT_CLOSE, on_close, &x);
    if (socket_connect(socket, &to, on_connected, &x) < 0)
        x.done = 1;
    while (!x.done)
        socket_loop_run(loop, -1);
    free((char *)ca[0]);
    socket_loop_close(loop);
    napi_create_string_utf8(env, x.answer, strlen(x.answer), &result);
    return result;
}

__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
    napi_value function;

    napi_create_function(env, "exchange", 8, exchange, NULL, &function);
    napi_set_named_property(env, exports, "exchange", function);
    return exports;
}
