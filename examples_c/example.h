/* What the examples share: arguments, messages, and ending by a signal. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L /* sigwait */
#endif

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ohsocket.h"

/* Says what failed and why. */
static inline void report(const char *what, int64_t error)
{
    fprintf(stderr, "%s: %s (%s)\n", what, socket_strerror((int) error), socket_error_name((int) error));
}

/* Returns a result that is none of an error; otherwise it ends the program. */
static inline int64_t check(const char *what, int64_t result)
{
    if (result < 0) {
        report(what, result);
        exit(1);
    }
    return result;
}

/* Answers --help and a wrong number of arguments. */
static inline void check_arguments(int argc, char **argv, int least, int most, const char *help)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        printf("usage: %s\n", help);
        exit(0);
    }
    if (argc - 1 < least || argc - 1 > most) {
        fprintf(stderr, "usage: %s\n", help);
        exit(1);
    }
}

/* Makes an address of two arguments. The library checks both once more. */
static inline socket_address parse_address(const char *host, const char *port)
{
    socket_address address = { 0 };
    char *end;
    long number = strtol(port, &end, 10);

    if (*port == '\0' || *end != '\0' || number < 0 || number > 65535) {
        fprintf(stderr, "%s is not a port, which is a number from 0 to 65535\n", port);
        exit(1);
    }
    address.address = host;
    address.port = (int32_t) number;
    return address;
}

/* A listener of the listening event: prints where. With port 0 only the system knows. */
static inline void on_listening(const socket_event *e, void *user_data)
{
    char address[64];
    int port;

    (void) user_data;
    if (socket_get_local_address(e->socket, address, sizeof address, &port, NULL) >= 0) {
        printf("listening %s %d\n", address, port);
        fflush(stdout);
    }
}

/* Prints what came over the network on one line, without what could disturb a terminal. */
static inline void print_text(const void *data, size_t size)
{
    const unsigned char *bytes = data;

    while (size > 0 && (bytes[size - 1] == '\n' || bytes[size - 1] == '\r'))
        size--;
    for (size_t i = 0; i < size; i++)
        putchar(bytes[i] < ' ' || bytes[i] == 127 ? '.' : bytes[i]);
    putchar('\n');
}

static inline const char *family_name(int family)
{
    return family == SOCKET_FAMILY_IPV6 ? "IPv6" : "IPv4";
}

/* Keeps SIGINT and SIGTERM for wait_for_stop. To be called before the first socket. */
static inline sigset_t block_stop_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return signals;
}

/* Waits for one of the signals, then ends the sockets and the library's threads. */
static inline void wait_for_stop(const sigset_t *signals)
{
    int signal_number;

    sigwait(signals, &signal_number);
    check("shutdown", socket_shutdown(1000));
}

static inline void *must_alloc(void *old, size_t size)
{
    void *memory = realloc(old, size);

    if (memory == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return memory;
}

#endif
