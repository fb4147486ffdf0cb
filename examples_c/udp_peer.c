/* A UDP socket that waits for datagrams or sends one.
 *
 *   udp_peer 127.0.0.1 5678 waits, answers each, until SIGINT or SIGTERM udp_peer 127.0.0.1 0
 *   127.0.0.1 5678 "Hello, peer!" sends, prints the reply and ends */
#include "example.h"

static const char help[] =
    "udp_peer HOST PORT [PEER_HOST PEER_PORT TEXT]\n"
    "Prints and answers datagrams, or sends TEXT to a peer and prints the reply.";

static const char answer[] = "Well received.";
static int failed;

static void print_datagram(const socket_event *e)
{
    printf("%s port %d (%s), %zu bytes: ", e->remote.address, (int) e->remote.port,
           family_name(e->remote.family), e->size);
    print_text(e->data, e->size);
    fflush(stdout);
}

static void on_datagram(const socket_event *e, void *user_data)
{
    int result;

    (void) user_data;
    print_datagram(e);
    result = socket_send_to(e->socket, &e->remote, answer, strlen(answer), NULL, NULL);
    if (result < 0)
        report("answer", result);
}

static void on_reply(const socket_event *e, void *user_data)
{
    (void) user_data;
    print_datagram(e);
    socket_close(e->socket, NULL, NULL);
}

/* An earlier datagram has met a closed port: the socket goes on, this program does not. */
static void on_error(const socket_event *e, void *user_data)
{
    (void) user_data;
    report("peer", e->error);
    failed = 1;
    socket_close(e->socket, NULL, NULL);
}

/* Datagrams get lost. user_data is the handle: an integer travels well in a pointer. */
static void on_timeout(void *user_data)
{
    if (socket_close((socket_handle) (intptr_t) user_data, NULL, NULL) == 0) {
        fprintf(stderr, "no reply\n");
        failed = 1;
    }
}

static void on_connected(socket_handle udp, int error, void *user_data)
{
    const char *text = user_data;

    if (error == 0)
        error = socket_send(udp, text, strlen(text), NULL, NULL);
    if (error < 0) {
        report("send", error);
        failed = 1;
        socket_close(udp, NULL, NULL);
    }
}

int main(int argc, char **argv)
{
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    socket_address local;
    socket_handle udp;
    sigset_t signals;
    int sends = argc > 3;

    check_arguments(argc, argv, sends ? 5 : 2, sends ? 5 : 2, help);
    local = parse_address(argv[1], argv[2]);
    if (!sends)
        signals = block_stop_signals();

    udp = check("construct", socket_construct_udp());
    check("on", socket_on(udp, SOCKET_EVENT_MESSAGE, sends ? on_reply : on_datagram, NULL));
    if (!sends) {
        check("on", socket_on(udp, SOCKET_EVENT_LISTENING, on_listening, NULL));
        check("bind", socket_bind(udp, &local));
        wait_for_stop(&signals);
        return 0;
    }
    to.address = parse_address(argv[3], argv[4]);
    check("on", socket_on(udp, SOCKET_EVENT_ERROR, on_error, NULL));
    check("bind", socket_bind(udp, &local));
    check("connect", socket_connect(udp, &to, on_connected, argv[5]));
    check("timer", socket_loop_set_timer(0, 5000, 0, on_timeout, (void *) (intptr_t) udp));
    check("run", socket_run());
    socket_release(udp);
    return failed;
}
