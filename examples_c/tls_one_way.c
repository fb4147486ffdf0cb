/* A TLS client that verifies the server (one-way authentication): it connects, shows what was
 * agreed on and the server's certificate, sends a text, prints the answer and closes.
 *
 *   tls_one_way localhost 8789 root.pem other-root.pem
 *
 * The name or address that is given is what the certificate has to be for. A cipher suite of TLS
 * 1.2 alone, as here, makes the connection TLS 1.2. */
#include "tls_example.h"

static const char help[] =
    "tls_one_way HOST PORT CA_FILE CA_FILE [TEXT]\n"
    "Sends TEXT (\"Hello, server!\") to a TLS server that one of the CA vouches for, and prints the answer.";

static int failed;

static void on_message(const socket_event *e, void *user_data)
{
    (void) user_data;
    printf("answer: ");
    print_text(e->data, e->size);
    socket_close(e->socket, NULL, NULL); /* sends close_notify, too */
}

static void on_error(const socket_event *e, void *user_data)
{
    (void) user_data;
    report_detail("connection", e->socket, e->error);
    failed = 1;
}

static void on_connected(socket_handle tls, int error, void *user_data)
{
    const char *text = user_data;

    if (error < 0) {
        report_detail("connect", tls, error); /* 2303504: the certificate was not accepted */
        failed = 1;
        return;
    }
    print_agreed(tls);
    print_remote_certificate(tls);
    error = socket_send(tls, text, strlen(text), NULL, NULL);
    if (error < 0) {
        report_detail("send", tls, error);
        failed = 1;
        socket_close(tls, NULL, NULL);
    }
}

int main(int argc, char **argv)
{
    static char greeting[] = "Hello, server!";
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    socket_tls_options secure = SOCKET_TLS_OPTIONS_INIT;
    const char *ca[2];
    socket_handle tls;

    check_arguments(argc, argv, 4, 5, help);
    to.address = parse_address(argv[1], argv[2]);
    to.timeout_ms = 6000; /* name look-up, connection and handshake together */
    ca[0] = read_text(argv[3]);
    ca[1] = read_text(argv[4]);
    secure.ca = ca; /* instead of the system's */
    secure.ca_count = 2;
    secure.cipher_suite = "AES256-SHA256";
    to.tls = &secure;

    tls = check("construct", socket_construct_tls());
    check("on", socket_on(tls, SOCKET_EVENT_MESSAGE, on_message, NULL));
    check("on", socket_on(tls, SOCKET_EVENT_ERROR, on_error, NULL));
    check_detail("connect", tls, socket_connect(tls, &to, on_connected, argc > 5 ? argv[5] : greeting));
    free((char *) ca[0]);
    free((char *) ca[1]);
    check("run", socket_run());
    socket_release(tls);
    return failed;
}
