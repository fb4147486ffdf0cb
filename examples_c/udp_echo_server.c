/* A UDP server that sends every datagram back, until SIGINT or SIGTERM.
 *
 *   udp_echo_server 127.0.0.1 5678
 *
 * When the send queue is full, the refused datagram is kept and nothing is read until the queue
 * has drained: what arrives meanwhile waits in the kernel's buffer. */
#include "example.h"

static const char help[] =
    "udp_echo_server HOST PORT\n"
    "Sends every datagram back to where it came from. PORT 0 takes a free one.";

/* The datagram of a refused send; while there is one, reading is paused. */
struct held {
    socket_address to;
    char address[64];
    size_t size;
    char bytes[];
};

static struct held *held;

static void on_drain(const socket_event *e, void *user_data)
{
    (void) user_data;
    if (held == NULL)
        return;
    socket_send_to(e->socket, &held->to, held->bytes, held->size, NULL, NULL);
    free(held);
    held = NULL;
    socket_resume(e->socket);
}

static void hold(const socket_event *e)
{
    held = must_alloc(NULL, sizeof *held + e->size);
    held->to = e->remote; /* the text it points to is valid in this callback only */
    snprintf(held->address, sizeof held->address, "%s", e->remote.address);
    held->to.address = held->address;
    held->size = e->size;
    memcpy(held->bytes, e->data, e->size);
    socket_pause(e->socket);
}

static void on_message(const socket_event *e, void *user_data)
{
    int result = socket_send_to(e->socket, &e->remote, e->data, e->size, NULL, NULL);

    (void) user_data;
    if (result < 0 && socket_error_category(result) == SOCKET_CATEGORY_AGAIN)
        hold(e);
}

int main(int argc, char **argv)
{
    socket_address where;
    socket_handle udp;
    sigset_t signals;

    check_arguments(argc, argv, 2, 2, help);
    where = parse_address(argv[1], argv[2]);

    signals = block_stop_signals();
    udp = check("construct", socket_construct_udp());
    check("on", socket_on(udp, SOCKET_EVENT_LISTENING, on_listening, NULL));
    check("on", socket_on(udp, SOCKET_EVENT_MESSAGE, on_message, NULL));
    check("on", socket_on(udp, SOCKET_EVENT_DRAIN, on_drain, NULL));
    check("bind", socket_bind(udp, &where));
    wait_for_stop(&signals);
    free(held);
    return 0;
}
