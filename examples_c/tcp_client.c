/* A TCP client: it connects, sends a text, prints the answer and closes.
 *
 *   tcp_client 127.0.0.1 5678 "Hello, server!"
 *
 * The listeners run on a thread of the library while main waits in socket_run. */
#include "example.h"

static const char help[] =
    "tcp_client HOST PORT [TEXT [LOCAL_ADDRESS]]\n"
    "Sends TEXT (\"Hello, server!\") to a TCP server and prints the answer.";

static int failed;

static void on_message(const socket_event *e, void *user_data)
{
    (void) user_data;
    fwrite(e->data, 1, e->size, stdout);
    putchar('\n');
    socket_close(e->socket, NULL, NULL); /* what is queued is still sent */
}

static void on_error(const socket_event *e, void *user_data)
{
    (void) user_data;
    report("connection", e->error);
    failed = 1;
}

static void on_connected(socket_handle tcp, int error, void *user_data)
{
    const char *text = user_data;

    if (error == 0)
        error = socket_send(tcp, text, strlen(text), NULL, NULL);
    if (error < 0) {
        report("connect", error);
        failed = 1;
        socket_close(tcp, NULL, NULL); /* if it was bound, it is still open */
    }
}

int main(int argc, char **argv)
{
    static char greeting[] = "Hello, server!";
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    socket_handle tcp;

    check_arguments(argc, argv, 2, 4, help);
    to.address = parse_address(argv[1], argv[2]);
    to.timeout_ms = 6000; /* name look-up and connection together */

    tcp = check("construct", socket_construct_tcp());
    check("on", socket_on(tcp, SOCKET_EVENT_MESSAGE, on_message, NULL));
    check("on", socket_on(tcp, SOCKET_EVENT_ERROR, on_error, NULL));
    if (argc > 4) { /* optional: otherwise the system takes the address that fits */
        socket_address local = parse_address(argv[4], "0");
        check("bind", socket_bind(tcp, &local));
    }
    check("connect", socket_connect(tcp, &to, on_connected, argc > 3 ? argv[3] : greeting));
    check("run", socket_run()); /* returns when no socket is open any more */
    socket_release(tcp);
    return failed;
}
