/* The library inside a program that has its own loop, here poll(2): no thread of the library
 * runs a callback. What is read from standard input goes to a server, what comes back is printed.
 *
 *   event_loop_embed 127.0.0.1 5678
 *
 * The same works with epoll, GLib, Qt or libuv: watch socket_loop_fd for reading and call
 * socket_loop_run(loop, 0) when it is readable. */
#include "example.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

static const char help[] =
    "event_loop_embed HOST PORT\n"
    "Sends standard input to a TCP server and prints what comes back, with poll(2).";

enum { MANY = 1 << 20 }; /* bytes waiting to be sent: read no more for now */

static int finished, failed;

static void on_message(const socket_event *e, void *user_data)
{
    (void) user_data;
    fwrite(e->data, 1, e->size, stdout);
    fflush(stdout);
}

static void on_close(const socket_event *e, void *user_data)
{
    (void) user_data;
    if (e->error < 0) {
        report("connection", e->error);
        failed = 1;
    }
    finished = 1;
}

static void on_connected(socket_handle tcp, int error, void *user_data)
{
    (void) tcp, (void) user_data;
    if (error < 0) {
        report("connect", error);
        finished = failed = 1;
    }
}

/* Sends what can be read now. Returns 0 at the end of standard input. */
static int send_input(socket_handle tcp)
{
    char line[4096];
    ssize_t size = read(STDIN_FILENO, line, sizeof line);

    if (size > 0)
        return socket_send(tcp, line, (size_t) size, NULL, NULL) >= 0;
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return 1;
    socket_end(tcp, NULL, NULL); /* the answers still come, then the server ends too */
    return 0;
}

int main(int argc, char **argv)
{
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    struct pollfd fds[2] = { { 0 } };
    socket_loop loop;
    socket_handle tcp;
    int input = 1;

    check_arguments(argc, argv, 2, 2, help);
    to.address = parse_address(argv[1], argv[2]);

    loop = check("loop", socket_loop_create(SOCKET_LOOP_CALLBACKS));
    tcp = check("construct", socket_construct(loop, SOCKET_KIND_TCP));
    check("on", socket_on(tcp, SOCKET_EVENT_MESSAGE, on_message, NULL));
    check("on", socket_on(tcp, SOCKET_EVENT_CLOSE, on_close, NULL));
    check("connect", socket_connect(tcp, &to, on_connected, NULL));

    fds[0].events = fds[1].events = POLLIN;
    fds[1].fd = (int) check("fd", socket_loop_fd(loop));
    while (!finished) {
        fds[0].fd = input && socket_get_send_queue_length(tcp) < MANY ? STDIN_FILENO : -1;
        if (poll(fds, 2, -1) < 0)
            continue; /* a signal */
        if (fds[1].revents)
            check("loop", socket_loop_run(loop, 0));
        if (fds[0].revents && !finished)
            input = send_input(tcp);
    }
    check("loop", socket_loop_close(loop)); /* releases its sockets */
    return failed;
}
