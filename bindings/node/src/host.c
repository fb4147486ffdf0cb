/* The loop of an environment, driven by Node's own: libuv watches its descriptor, and when that is
 * readable a batch of records is fetched and given to the states that they belong to. */
#include "addon.h"

#include <pthread.h>
#include <stdlib.h>

struct host {
    struct host *next;
    uv_loop_t *uv; /* which environment it is */
    uv_poll_t *poll;
    socket_loop loop;
    napi_async_cleanup_hook_handle cleanup;
    struct state *states;
    uint32_t last_id;
    unsigned references;
    socket_event events[BATCH];
};

/* Of all environments. The addon may be loaded again in one: the loop is shared, or each time would
 * cost its descriptors for good. */
static struct host *hosts;
static pthread_mutex_t hosts_lock = PTHREAD_MUTEX_INITIALIZER;

static struct host *find_host(const uv_loop_t *uv)
{
    struct host *host;

    pthread_mutex_lock(&hosts_lock);
    for (host = hosts; host != NULL && host->uv != uv; host = host->next)
        ;
    pthread_mutex_unlock(&hosts_lock);
    return host;
}

static void add_host(struct host *host)
{
    pthread_mutex_lock(&hosts_lock);
    host->next = hosts;
    hosts = host;
    pthread_mutex_unlock(&hosts_lock);
}

static void remove_host(const struct host *host)
{
    pthread_mutex_lock(&hosts_lock);
    for (struct host **at = &hosts; *at != NULL; at = &(*at)->next) {
        if (*at == host) {
            *at = host->next;
            break;
        }
    }
    pthread_mutex_unlock(&hosts_lock);
}

static uint32_t id_of(const socket_event *event)
{
    return (uint32_t) ((uintptr_t) event->user_data >> 32);
}

/* NULL: it has gone, and with it everything that wanted to know. */
static struct state *find_state(const struct host *host, uint32_t id)
{
    struct state *state = host->states;

    while (state != NULL && state->id != id)
        state = state->next;
    return state;
}

static int poll_once(struct host *host)
{
    int count = socket_loop_poll(host->loop, host->events, BATCH, 0);
    int first = 0;

    while (first < count) {
        uint32_t id = id_of(&host->events[first]);
        struct state *state = find_state(host, id);
        int end = first + 1;

        while (end < count && id_of(&host->events[end]) == id)
            end++;
        if (state != NULL)
            deliver_batch(state, &host->events[first], end - first);
        first = end;
    }
    return count;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct host *host = poll->data;

    (void) status;
    (void) events;
    /* What the listeners have sent leaves with the second poll, and most of it is complete at once:
     * those completions need no turn of libuv's loop. */
    if (poll_once(host) > 0)
        poll_once(host);
    /* Sends from elsewhere are not gathered. */
    socket_loop_flush(host->loop);
}

static void on_closed(uv_handle_t *poll)
{
    struct host *host = poll->data;
    napi_async_cleanup_hook_handle cleanup = host->cleanup;

    free(poll);
    free(host);
    napi_remove_async_cleanup_hook(cleanup);
}

/* The last state has gone, or the environment ends and no JavaScript runs any more. */
static void close_host(struct host *host)
{
    if (uv_is_closing((uv_handle_t *) host->poll))
        return;
    remove_host(host);
    for (struct state *state = host->states; state != NULL; state = state->next)
        state->host = NULL;
    host->states = NULL;
    uv_poll_stop(host->poll);
    socket_loop_close(host->loop); /* aborts and releases the sockets */
    socket_loop_close(host->loop); /* drops their records */
    uv_close((uv_handle_t *) host->poll, on_closed);
}

static void on_cleanup(napi_async_cleanup_hook_handle handle, void *data)
{
    (void) handle;
    close_host(data);
}

static void free_host(struct host *host)
{
    if (host->loop > 0) {
        socket_loop_close(host->loop);
        socket_loop_close(host->loop);
    }
    free(host->poll);
    free(host);
}

/* Negative: an error. */
static int64_t make_host(napi_env env, uv_loop_t *uv, struct host **made)
{
    struct host *host = calloc(1, sizeof *host);

    if (host == NULL)
        return -SOCKET_ERROR_INTERNAL;
    host->uv = uv;
    host->loop = socket_loop_create(SOCKET_LOOP_RECORDS);
    if (host->loop < 0) {
        int64_t error = host->loop;

        free(host);
        return error;
    }
    host->poll = malloc(uv_handle_size(UV_POLL));
    if (host->poll == NULL || uv_poll_init(uv, host->poll, socket_loop_fd(host->loop)) != 0) {
        free_host(host);
        return -SOCKET_ERROR_INTERNAL;
    }
    host->poll->data = host;
    uv_poll_start(host->poll, UV_READABLE, on_readable);
    uv_unref((uv_handle_t *) host->poll);
    napi_add_async_cleanup_hook(env, on_cleanup, host, &host->cleanup);
    add_host(host);
    *made = host;
    return 0;
}

static void join(struct state *state, struct host *host)
{
    state->host = host;
    state->id = ++host->last_id;
    state->next = host->states;
    host->states = state;
}

/* The loop, made with the first socket: loading the package costs no descriptors. Negative: an
 * error. */
int64_t need_loop(struct state *state)
{
    struct host *host;
    uv_loop_t *uv = NULL;

    if (state->host != NULL)
        return state->host->loop;
    if (napi_get_uv_event_loop(state->env, &uv) != napi_ok)
        return -SOCKET_ERROR_INTERNAL;
    host = find_host(uv);
    if (host == NULL) {
        int64_t result = make_host(state->env, uv, &host);

        if (result < 0)
            return result;
    }
    join(state, host);
    return host->loop;
}

/* Whether the loop keeps the process alive for this state. */
void set_referenced(struct state *state, bool referenced)
{
    struct host *host = state->host;

    if (host == NULL || state->referenced == referenced)
        return;
    state->referenced = referenced;
    if (referenced && host->references++ == 0)
        uv_ref((uv_handle_t *) host->poll);
    if (!referenced && --host->references == 0)
        uv_unref((uv_handle_t *) host->poll);
}

/* Releases the sockets of a state that has gone, and the loop with the last one. */
void leave_host(struct state *state)
{
    struct host *host = state->host;

    if (host == NULL)
        return;
    for (size_t slot = 0; slot < state->slots; slot++)
        if (state->handles[slot] > 0)
            socket_release(state->handles[slot]);
    set_referenced(state, false);
    for (struct state **at = &host->states; *at != NULL; at = &(*at)->next) {
        if (*at == state) {
            *at = state->next;
            break;
        }
    }
    state->host = NULL;
    if (host->states == NULL)
        close_host(host);
}
