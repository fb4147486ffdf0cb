/* A TLS client that verifies the server and shows it a certificate of its own (two-way
 * authentication), with every secure option that there is: it connects, shows what was agreed on
 * and the server's certificate, sends a text, prints the answer and closes.
 *
 *   TLS_PASSWORD=secret tls_two_way localhost 1234 client.key client.pem root.pem
 *
 * The pass phrase of the key is in the environment: arguments can be read by every user of the
 * machine. */
#include "tls_example.h"

static const char help[] =
    "tls_two_way HOST PORT KEY_FILE CERT_FILE CA_FILE [TEXT]\n"
    "Sends TEXT (\"Hello, server!\") to a TLS server that asks for a certificate, and prints the answer.\n"
    "TLS_PASSWORD in the environment is the pass phrase of the key.";

static int failed;

static void on_message(const socket_event *e, void *user_data)
{
    (void) user_data;
    printf("answer: ");
    print_text(e->data, e->size);
    socket_close(e->socket, NULL, NULL);
}

/* In TLS 1.3 a server that does not accept our certificate says so only after we are connected:
 * here. */
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
        report_detail("connect", tls, error);
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
    static const char *const protocols[] = { "spdy/1", "http/1.1" };
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    socket_tls_options secure = SOCKET_TLS_OPTIONS_INIT;
    char *key, *cert, *ca;
    socket_handle tls;

    check_arguments(argc, argv, 5, 6, help);
    to.address = parse_address(argv[1], argv[2]);
    to.timeout_ms = 6000;
    secure.identity.key = key = read_text(argv[3]);
    secure.identity.cert = cert = read_text(argv[4]);
    secure.identity.password = getenv("TLS_PASSWORD");
    ca = read_text(argv[5]);
    secure.ca = (const char *const *) &ca;
    secure.ca_count = 1;
    secure.protocols = SOCKET_PROTOCOL_TLS12;
    secure.use_remote_cipher_prefer = 1; /* has a meaning for servers only */
    secure.signature_algorithms = "rsa_pss_rsae_sha256:ECDSA+SHA256";
    secure.cipher_suite = "AES256-SHA256";
    secure.alpn_protocols = protocols;
    secure.alpn_protocol_count = 2;
    to.tls = &secure;

    tls = check("construct", socket_construct_tls());
    check("on", socket_on(tls, SOCKET_EVENT_MESSAGE, on_message, NULL));
    check("on", socket_on(tls, SOCKET_EVENT_ERROR, on_error, NULL));
    /* A wrong pass phrase, or a key that does not belong to the certificate, is an error of the
     * call itself. */
    check_detail("connect", tls, socket_connect(tls, &to, on_connected, argc > 6 ? argv[6] : greeting));
    free(key);
    free(cert);
    free(ca);
    check("run", socket_run());
    socket_release(tls);
    return failed;
}
