/* A TLS server: it greets each client and prints what it sends, until SIGINT or SIGTERM.
 *
 *   tls_server 127.0.0.1 8789 server.pem server.key
 *   tls_server 127.0.0.1 1234 server.pem server.key root.pem      asks clients for a certificate
 *
 * SIGHUP reads the files again: clients that come later get the new certificate, nobody is cut
 * off. */
#include "tls_example.h"

static const char help[] =
    "tls_server HOST PORT CERT_FILE KEY_FILE [CA_FILE]\n"
    "Greets TLS clients and prints what they send. PORT 0 takes a free one. With CA_FILE clients need a certificate.";

static const char greeting[] = "Hello, client!";

static void on_message(const socket_event *e, void *user_data)
{
    (void) user_data;
    printf("client %d says: ", (int) socket_get_client_id(e->socket));
    print_text(e->data, e->size);
    fflush(stdout);
}

static void on_close(const socket_event *e, void *user_data)
{
    (void) user_data;
    printf("client %d has ended%s%s\n", (int) socket_get_client_id(e->socket),
           e->error < 0 ? ": " : "", e->error < 0 ? socket_strerror(e->error) : "");
    fflush(stdout);
}

/* Its handshake is done; with a CA, its certificate has been verified. */
static void on_client(const socket_event *e, void *user_data)
{
    (void) user_data;
    printf("client %d is connected from %s port %d\n", (int) socket_get_client_id(e->connection),
           e->remote.address, (int) e->remote.port);
    print_agreed(e->connection);
    socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_message, NULL);
    socket_on(e->connection, SOCKET_EVENT_CLOSE, on_close, NULL);
    socket_send(e->connection, greeting, strlen(greeting), NULL, NULL);
}

/* A client's handshake has failed; the server goes on. */
static void on_error(const socket_event *e, void *user_data)
{
    (void) user_data;
    report_detail("handshake", e->socket, e->error);
}

int main(int argc, char **argv)
{
    socket_listen_options where = SOCKET_LISTEN_OPTIONS_INIT;
    socket_handle server;
    sigset_t signals;
    int signal_number, listening = 0;

    check_arguments(argc, argv, 4, 5, help);
    where.address = parse_address(argv[1], argv[2]);

    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    server = check("construct", socket_construct_tls_server());
    check("on", socket_on(server, SOCKET_EVENT_LISTENING, on_listening, NULL));
    check("on", socket_on(server, SOCKET_EVENT_CONNECT, on_client, NULL));
    check("on", socket_on(server, SOCKET_EVENT_ERROR, on_error, NULL));
    do {
        socket_tls_options secure = SOCKET_TLS_OPTIONS_INIT;
        char *cert = read_text(argv[3]), *key = read_text(argv[4]), *ca = argc > 5 ? read_text(argv[5]) : NULL;
        int result;

        secure.identity.cert = cert;
        secure.identity.key = key;
        if (ca != NULL) {
            secure.ca = (const char *const *) &ca;
            secure.ca_count = 1;
            secure.is_bidirectional_authentication = 1;
        }
        /* on an error those before stay in force */
        result = socket_tls_set_secure_options(server, &secure);
        free(cert);
        free(key);
        free(ca);
        if (result < 0)
            report_detail("secure options", server, result);
        if (!listening)
            check_detail("listen", server, socket_listen(server, &where));
        listening = 1;
        sigwait(&signals, &signal_number);
    } while (signal_number == SIGHUP);
    check("shutdown", socket_shutdown(1000));
    return 0;
}
