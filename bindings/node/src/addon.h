/* The Node addon: a thin layer over ohsocket.h. It knows no sockets, only a loop in record mode,
 * whose records it hands to JavaScript a batch at a time; what they mean is decided in lib/.
 *
 * Each Node environment (the main thread, each worker) has one loop, its host; each evaluation of
 * lib/ in it has a state of its own. */
#ifndef OHSOCKET_NODE_ADDON_H
#define OHSOCKET_NODE_ADDON_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <ohsocket.h>
#include <stdbool.h>
#include <uv.h>

enum {
    BATCH = 256,          /* records fetched at a time */
    ADDRESSES = 256,      /* addresses whose text JavaScript has; a power of 2 */
    ADDRESS_LENGTH = 64,  /* of a numeric address with its zone */
    SCRATCH = 64 * 1024,  /* for the text of a send */
    MAX_BUFFERS = 1024    /* of one send, as socket_sendv takes them */
};

/* A record as JavaScript reads it. */
struct record {
    int32_t type;    /* SOCKET_EVENT_* */
    int32_t slot;    /* user_data: which socket of JavaScript's table, or which request */
    int32_t error;
    int32_t size;    /* of the message */
    int32_t port;    /* of the peer */
    int32_t family;
    /* index of the peer's address in JavaScript's table; -1 - index: it is a new one there */
    int32_t address;
    int32_t unused;
    double socket;   /* handles */
    double connection;
};

/* Memory that JavaScript sees as well (lib/loop.js has the same layout), so that handing over
 * records takes no values of Node-API. */
struct shared {
    struct record records[BATCH];
    int32_t count;  /* of records */
    int32_t next;   /* the one to be handed over next, written by JavaScript */
    int32_t port;   /* of an address that was asked for */
    int32_t family;
};

struct host;

/* What one evaluation of lib/ has: instantiate() makes it, and it goes when nothing in JavaScript
 * refers to it any more. There may be several in an environment: a test runner or a hot reload
 * evaluates lib/ again, over the same addon or over one that was loaded again. */
struct state {
    napi_env env;
    /* function(): hands over the records from next on; strong while hold() has been called */
    napi_ref deliver;
    napi_ref memory;     /* keeps shared alive */
    napi_async_context turn; /* of the scopes in which what listeners have put off runs */
    struct shared *shared;
    const socket_event *batch; /* what shared->records were made from */
    struct host *host;   /* NULL until the first socket, and when the environment ends */
    struct state *next;  /* of the host */
    uint32_t id;         /* in the upper half of user_data: whose record it is */
    bool referenced;
    socket_handle *handles; /* by slot */
    size_t slots;
    char scratch[SCRATCH];
    char addresses[ADDRESSES][ADDRESS_LENGTH];
};

/* values.c */
struct state *state_of(napi_env env, napi_callback_info info);
size_t get_arguments(napi_env env, napi_callback_info info, napi_value *argv, size_t count);
int64_t to_integer(napi_env env, napi_value value);
bool to_text(napi_env env, napi_value value, char *text, size_t capacity);
napi_value from_integer(napi_env env, int64_t value);
napi_value from_text(napi_env env, const char *text);
struct bytes {
    const void *data;
    size_t size;
    void *owned; /* to be freed, or NULL */
};
bool view_to_bytes(napi_env env, napi_value value, struct bytes *bytes);
bool to_bytes(struct state *state, napi_value value, struct bytes *bytes);

struct export {
    const char *name;
    napi_callback function;
};
void add_exports(struct state *state, napi_value exports, const struct export *list, size_t count);

/* host.c */
int64_t need_loop(struct state *state);
void leave_host(struct state *state);
void set_referenced(struct state *state, bool referenced);

/* loop.c, sockets.c, options.c, send.c, tls.c */
void *tagged(const struct state *state, uint32_t number);
void deliver_batch(struct state *state, const socket_event *events, int count);
void export_loop(struct state *state, napi_value exports);
void export_sockets(struct state *state, napi_value exports);
void export_options(struct state *state, napi_value exports);
void export_send(struct state *state, napi_value exports);
void export_tls(struct state *state, napi_value exports);

#endif
