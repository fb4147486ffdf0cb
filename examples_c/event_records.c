/* A TCP echo server on a loop in record mode: the library fills an array of events, and nothing
 * is ever called back. That is how a language binding uses the library.
 *
 *   event_records 127.0.0.1 5678
 *
 * Runs until SIGINT or SIGTERM. */
#include "example.h"

#include <poll.h>
#include <sys/signalfd.h>

static const char help[] =
    "event_records HOST PORT\n"
    "Sends every byte back, by event records. PORT 0 takes a free one.";

enum { CAPACITY = 256 };

/* What a binding keeps for each connection: the user_data of its records. */
struct client {
    char *held; /* bytes of refused sends */
    size_t size;
    int peer_has_ended;
};

static void on_client(const socket_event *e)
{
    struct client *client = must_alloc(NULL, sizeof *client);

    memset(client, 0, sizeof *client);
    check("subscribe", socket_subscribe(e->connection,
        SOCKET_EVENT_MASK(SOCKET_EVENT_MESSAGE) | SOCKET_EVENT_MASK(SOCKET_EVENT_END) |
        SOCKET_EVENT_MASK(SOCKET_EVENT_DRAIN) | SOCKET_EVENT_MASK(SOCKET_EVENT_CLOSE), client));
}

/* After a refusal and socket_pause no new message records are made, but this batch may hold
 * more. */
static void on_message(const socket_event *e, struct client *client)
{
    if (client->size == 0) {
        int result = socket_send(e->socket, e->data, e->size, NULL, NULL);

        if (result >= 0 || socket_error_category(result) != SOCKET_CATEGORY_AGAIN)
            return;
        socket_pause(e->socket);
    }
    client->held = must_alloc(client->held, client->size + e->size);
    memcpy(client->held + client->size, e->data, e->size);
    client->size += e->size;
}

static void on_drain(const socket_event *e, struct client *client)
{
    socket_send(e->socket, client->held, client->size, NULL, NULL); /* there is room now */
    client->size = 0;
    if (client->peer_has_ended)
        socket_close(e->socket, NULL, NULL);
    else
        socket_resume(e->socket);
}

static void handle(const socket_event *e)
{
    struct client *client = e->user_data;

    switch (e->type) {
    case SOCKET_EVENT_LISTENING:
        on_listening(e, NULL);
        break;
    case SOCKET_EVENT_CONNECT:
        on_client(e);
        break;
    case SOCKET_EVENT_MESSAGE:
        on_message(e, client);
        break;
    case SOCKET_EVENT_DRAIN:
        on_drain(e, client);
        break;
    case SOCKET_EVENT_END:
        client->peer_has_ended = 1;
        if (client->size == 0)
            socket_close(e->socket, NULL, NULL);
        break;
    case SOCKET_EVENT_CLOSE:
        free(client->held);
        free(client);
        break;
    }
}

int main(int argc, char **argv)
{
    static socket_event events[CAPACITY];
    socket_listen_options where = SOCKET_LISTEN_OPTIONS_INIT;
    struct pollfd fds[2] = { { 0 } };
    socket_handle server;
    socket_loop loop;
    sigset_t signals;
    int count;

    check_arguments(argc, argv, 2, 2, help);
    where.address = parse_address(argv[1], argv[2]);
    signals = block_stop_signals();

    loop = check("loop", socket_loop_create(SOCKET_LOOP_RECORDS));
    server = check("construct", socket_construct(loop, SOCKET_KIND_TCP_SERVER));
    /* for its clients */
    check("option", socket_set_option(server, SOCKET_OPTION_ALLOW_HALF_OPEN, 1));
    check("subscribe", socket_subscribe(server,
        SOCKET_EVENT_MASK(SOCKET_EVENT_LISTENING) | SOCKET_EVENT_MASK(SOCKET_EVENT_CONNECT), NULL));
    check("listen", socket_listen(server, &where));

    fds[0].events = fds[1].events = POLLIN;
    fds[0].fd = (int) check("fd", socket_loop_fd(loop));
    fds[1].fd = signalfd(-1, &signals, SFD_CLOEXEC);
    while (fds[1].revents == 0) {
        count = (int) check("poll", socket_loop_poll(loop, events, CAPACITY, 0));
        for (int i = 0; i < count; i++)
            handle(&events[i]);
        check("flush", socket_loop_flush(loop)); /* before waiting by other means */
        poll(fds, 2, -1);
    }
    check("close", socket_loop_close(loop)); /* resets what is open */
    while ((count = socket_loop_poll(loop, events, CAPACITY, -1)) >= 0)
        for (int i = 0; i < count; i++)
            if (events[i].type == SOCKET_EVENT_CLOSE)
                handle(&events[i]);
    return 0;
}
