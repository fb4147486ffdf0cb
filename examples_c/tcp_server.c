/* A TCP server: it greets each client and prints what arrives, until SIGINT or SIGTERM.
 *
 *   tcp_server 127.0.0.1 5678
 *
 * A client that ends is closed by the library: that is the default. */
#include "example.h"

static const char help[] =
    "tcp_server HOST PORT\n"
    "Greets TCP clients and prints what they send. PORT 0 takes a free one.";

static const char greeting[] = "Hello, client!";

static void on_message(const socket_event *e, void *user_data)
{
    (void) user_data;
    printf("received message: ");
    print_text(e->data, e->size);
    printf("received address: %s\n", e->remote.address);
    printf("received family:  %s\n", family_name(e->remote.family));
    printf("received port:    %d\n", (int) e->remote.port);
    printf("received size:    %zu\n", e->size);
    fflush(stdout);
}

static void on_close(const socket_event *e, void *user_data)
{
    (void) user_data;
    printf("client %d has ended%s%s\n", (int) socket_get_client_id(e->socket),
           e->error < 0 ? ": " : "", e->error < 0 ? socket_strerror(e->error) : "");
    fflush(stdout);
}

/* The client's own events wait until this has returned. */
static void on_client(const socket_event *e, void *user_data)
{
    int result;

    (void) user_data;
    printf("client %d is connected from %s port %d\n", (int) socket_get_client_id(e->connection),
           e->remote.address, (int) e->remote.port);
    fflush(stdout);
    socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_message, NULL);
    socket_on(e->connection, SOCKET_EVENT_CLOSE, on_close, NULL);
    result = socket_send(e->connection, greeting, strlen(greeting), NULL, NULL);
    if (result < 0)
        report("send", result);
}

/* A client could not be accepted; the server goes on. */
static void on_error(const socket_event *e, void *user_data)
{
    (void) user_data;
    report("accept", e->error);
}

int main(int argc, char **argv)
{
    socket_listen_options where = SOCKET_LISTEN_OPTIONS_INIT;
    socket_handle server;
    sigset_t signals;

    check_arguments(argc, argv, 2, 2, help);
    where.address = parse_address(argv[1], argv[2]);

    signals = block_stop_signals();
    server = check("construct", socket_construct_tcp_server());
    check("on", socket_on(server, SOCKET_EVENT_LISTENING, on_listening, NULL));
    check("on", socket_on(server, SOCKET_EVENT_CONNECT, on_client, NULL));
    check("on", socket_on(server, SOCKET_EVENT_ERROR, on_error, NULL));
    check("listen", socket_listen(server, &where));
    wait_for_stop(&signals);
    return 0;
}
