/* A TCP server that sends every byte back, until SIGINT or SIGTERM.
 *
 *   tcp_echo_server 127.0.0.1 5678
 *
 * A client that sends without reading fills the send queue. Then socket_send refuses and takes
 * nothing; the server keeps the refused bytes and reads no more until the queue has drained.
 * So memory is bounded, TCP holds the client back, and no byte is lost. All clients together may
 * have TOTAL bytes queued; each goes on with its next message when its own queue is empty. */
#include "example.h"

static const char help[] =
    "tcp_echo_server HOST PORT\n"
    "Sends every byte back to where it came from. PORT 0 takes a free one.";

enum { TOTAL = 64 << 20 };

/* The bytes of a refused send. It exists while reading is paused. */
struct held {
    int peer_has_ended;
    size_t size;
    char bytes[];
};

static void on_drain(const socket_event *e, void *user_data);

static void on_end(const socket_event *e, void *user_data)
{
    struct held *held = user_data;

    (void) e;
    held->peer_has_ended = 1;
}

static void on_close(const socket_event *e, void *user_data)
{
    socket_off(e->socket, SOCKET_EVENT_DRAIN, on_drain, user_data);
    socket_off(e->socket, SOCKET_EVENT_END, on_end, user_data);
    socket_off(e->socket, SOCKET_EVENT_CLOSE, on_close, user_data);
    free(user_data);
}

static void on_drain(const socket_event *e, void *user_data)
{
    struct held *held = user_data;
    int result = socket_send(e->socket, held->bytes, held->size, NULL, NULL);

    if (result < 0 && socket_error_category(result) == SOCKET_CATEGORY_AGAIN)
        return; /* other clients have taken the room; another drain will come */
    if (held->peer_has_ended) {
        socket_close(e->socket, NULL, NULL);
    } else {
        socket_set_option(e->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 0);
        socket_resume(e->socket);
    }
    on_close(e, held);
}

static void hold(const socket_event *e)
{
    struct held *held = must_alloc(NULL, sizeof *held + e->size);

    held->peer_has_ended = 0;
    held->size = e->size;
    memcpy(held->bytes, e->data, e->size);
    socket_pause(e->socket);
    /* Should the client end now, the library must not close before these bytes are sent. */
    socket_set_option(e->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1);
    socket_on(e->socket, SOCKET_EVENT_DRAIN, on_drain, held);
    socket_on(e->socket, SOCKET_EVENT_END, on_end, held);
    socket_on(e->socket, SOCKET_EVENT_CLOSE, on_close, held);
}

static void on_message(const socket_event *e, void *user_data)
{
    int result = socket_send(e->socket, e->data, e->size, NULL, NULL);

    (void) user_data;
    if (result < 0 && socket_error_category(result) == SOCKET_CATEGORY_AGAIN)
        hold(e);
}

static void on_client(const socket_event *e, void *user_data)
{
    (void) user_data;
    socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_message, NULL);
}

int main(int argc, char **argv)
{
    socket_listen_options where = SOCKET_LISTEN_OPTIONS_INIT;
    socket_extra_options extra = SOCKET_EXTRA_OPTIONS_INIT;
    socket_handle server;
    sigset_t signals;

    check_arguments(argc, argv, 2, 2, help);
    where.address = parse_address(argv[1], argv[2]);
    extra.fields = SOCKET_EXTRA_TCP_NO_DELAY;
    extra.tcp_no_delay = 1;

    signals = block_stop_signals();
    check("limit", socket_set_total_queue_limit(TOTAL));
    server = check("construct", socket_construct_tcp_server());
    check("on", socket_on(server, SOCKET_EVENT_LISTENING, on_listening, NULL));
    check("listen", socket_listen(server, &where));
    check("options", socket_set_extra_options(server, &extra)); /* for all its clients */
    check("on", socket_on(server, SOCKET_EVENT_CONNECT, on_client, NULL));
    wait_for_stop(&signals);
    return 0;
}
