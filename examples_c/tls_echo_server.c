/* A TLS server that sends every byte back, until SIGINT or SIGTERM.
 *
 *   tls_echo_server 127.0.0.1 8789 server.pem server.key
 *
 * A client that sends without reading makes the send queue grow. Over ENOUGH bytes the server reads
 * no more from it until the queue is shorter again: memory is bounded, TCP holds the client back,
 * and no send is ever refused. (The other way, waiting for a refusal and for drain, is in
 * tcp_echo_server.c.) */
#include "tls_example.h"

enum { ENOUGH = 1 << 20 };

static const char help[] =
    "tls_echo_server HOST PORT CERT_FILE KEY_FILE\n"
    "Sends every byte back to where it came from. PORT 0 takes a free one.";

/* Runs when the kernel has taken the bytes, encrypted. */
static void on_sent(socket_handle connection, int error, void *user_data)
{
    (void) user_data;
    if (error == 0 && socket_get_send_queue_length(connection) < ENOUGH / 2)
        socket_resume(connection);
}

static void on_message(const socket_event *e, void *user_data)
{
    (void) user_data;
    socket_send(e->socket, e->data, e->size, on_sent, NULL);
    if (socket_get_send_queue_length(e->socket) >= ENOUGH)
        socket_pause(e->socket);
}

static void on_client(const socket_event *e, void *user_data)
{
    (void) user_data;
    socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_message, NULL);
}

static void on_error(const socket_event *e, void *user_data)
{
    (void) user_data;
    report_detail("handshake", e->socket, e->error);
}

int main(int argc, char **argv)
{
    socket_listen_options where = SOCKET_LISTEN_OPTIONS_INIT;
    socket_extra_options extra = SOCKET_EXTRA_OPTIONS_INIT;
    socket_tls_options secure = SOCKET_TLS_OPTIONS_INIT;
    socket_handle server;
    sigset_t signals;
    char *cert, *key;

    check_arguments(argc, argv, 4, 4, help);
    where.address = parse_address(argv[1], argv[2]);
    secure.identity.cert = cert = read_text(argv[3]);
    secure.identity.key = key = read_text(argv[4]);
    where.tls = &secure;
    extra.fields = SOCKET_EXTRA_TCP_NO_DELAY;
    extra.tcp_no_delay = 1;

    signals = block_stop_signals();
    server = check("construct", socket_construct_tls_server());
    check("on", socket_on(server, SOCKET_EVENT_LISTENING, on_listening, NULL));
    check("on", socket_on(server, SOCKET_EVENT_ERROR, on_error, NULL));
    check_detail("listen", server, socket_listen(server, &where));
    free(cert);
    free(key);
    check("options", socket_set_extra_options(server, &extra)); /* for all its clients */
    check("on", socket_on(server, SOCKET_EVENT_CONNECT, on_client, NULL));
    wait_for_stop(&signals);
    return 0;
}
