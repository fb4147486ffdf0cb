#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct connection {
    char *held; // what a refused send has left
    size_t size;
};

atomic_int connections;

static int event_mask(void)
{
    return SOCKET_EVENT_MASK(SOCKET_EVENT_MESSAGE) | SOCKET_EVENT_MASK(SOCKET_EVENT_DRAIN) | SOCKET_EVENT_MASK(SOCKET_EVENT_CLOSE);
}

static void on_message(const socket_event *e, struct connection *c)
{
    if (c->size == 0) {
        int result = socket_send(e->socket, e->data, e->size, NULL, NULL);
        // sent, or the peer has gone
        if (socket_error_category(result) != SOCKET_CATEGORY_AGAIN) return;
        socket_pause(e->socket);
    }
    CHECK((c->held = realloc(c->held, c->size + e->size)) != NULL);
    memcpy(c->held + c->size, e->data, e->size);
    c->size += e->size;
}

static void on_drain(const socket_event *e, struct connection *c)
{
    socket_send(e->socket, c->held, c->size, NULL, NULL); // there is room, or the peer has gone
    free(c->held);
    *c = (struct connection){0};
    socket_resume(e->socket);
}

static void on_event(const socket_event *e, void *connection)
{
    struct connection *c = connection;
    switch (e->type) {
    case SOCKET_EVENT_MESSAGE: on_message(e, c); break;
    case SOCKET_EVENT_DRAIN: on_drain(e, c); break;
    case SOCKET_EVENT_CLOSE:
        free(c->held);
        free(c);
        atomic_fetch_sub(&connections, 1);
    }
}

static struct connection *new_connection(void)
{
    struct connection *c = calloc(1, sizeof *c);
    CHECK(c != NULL);
    atomic_fetch_add(&connections, 1);
    return c;
}

void on_client(const socket_event *e, void *unused)
{
    (void)unused;
    struct connection *c = new_connection();
    CHECK_OK(socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_event, c));
    CHECK_OK(socket_on(e->connection, SOCKET_EVENT_DRAIN, on_event, c));
    CHECK_OK(socket_on(e->connection, SOCKET_EVENT_CLOSE, on_event, c));
}

static void on_record(const socket_event *e)
{
    if (e->type == SOCKET_EVENT_CONNECT) CHECK_OK(socket_subscribe(e->connection, (uint32_t)event_mask(), new_connection()));
    else on_event(e, e->user_data);
}

// Until a function is posted, which closes the loop.
void *fetch_records(void *argument)
{
    static socket_event records[256];
    socket_loop loop = *(socket_loop *)argument;
    for (int64_t n; (n = socket_loop_poll(loop, records, 256, -1)) >= 0;) {
        int is_over = 0;
        for (int64_t i = 0; i < n; i++)
            if (records[i].type == SOCKET_EVENT_POST) is_over = 1;
            else on_record(&records[i]);
        if (is_over) CHECK_OK(socket_loop_close(loop));
    }
    return NULL;
}

static const char *text_of(const char *file)
{
    char path[400];
    snprintf(path, sizeof path, TLS_CERTIFICATES "/%s", file);
    FILE *f = fopen(path, "re");
    if (!f) FAIL("%s is missing", path);
    char *text = calloc(1, 1 << 16);
    CHECK(text != NULL && fread(text, 1, (1 << 16) - 1, f) > 0);
    fclose(f);
    return text;
}

static socket_tls_options secure(void)
{
    static const char *ca, *cert, *key;
    if (!ca) ca = text_of("ca.pem"), cert = text_of("server.pem"), key = text_of("server.key");
    socket_tls_options o = SOCKET_TLS_OPTIONS_INIT;
    o.ca = &ca;
    o.ca_count = 1;
    o.identity = (socket_tls_identity){cert, key, NULL};
    return o;
}

// As SECURITY.md says.
int listen_to_strangers(socket_handle server, int with_tls)
{
    socket_listen_options o = SOCKET_LISTEN_OPTIONS_INIT;
    socket_tls_options tls = secure();
    int port;
    o.address.address = "127.0.0.1";
    if (with_tls) o.tls = &tls;
    if (with_tls) CHECK_OK(socket_set_option(server, SOCKET_OPTION_HANDSHAKE_TIMEOUT, 5000));
    CHECK_OK(socket_set_option(server, SOCKET_OPTION_IDLE_TIMEOUT, 60000));
    CHECK_OK(socket_set_option(server, SOCKET_OPTION_SEND_QUEUE_LIMIT, QUEUE_LIMIT));
    CHECK_OK(socket_listen(server, &o));
    CHECK_OK(socket_get_local_address(server, NULL, 0, &port, NULL));
    return port;
}

