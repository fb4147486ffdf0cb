/* What the two test programs share: secure options of the command line, one line for each thing
 * that happens, streams of bytes with their hashes, and what is left at the end. */
#ifndef OHSOCKET_TESTS_TLS_PROGRAM_H
#define OHSOCKET_TESTS_TLS_PROGRAM_H

#include <ohsocket.h>
#include <stdint.h>
#include <stdio.h>

#include "sha256.h"

enum { MOST = 16 };

struct settings {
    socket_tls_options tls;
    const char *ca[MOST];
    const char *alpn[MOST];
    socket_tls_identity more[MOST];
};

/* Takes the option at argv[*i], with its value, and moves *i behind it; 0: it is none of the secure
 * options. */
int settings_take(struct settings *settings, char **argv, int *i);

/* The text of a file, for ever. The program ends if there is none. */
char *read_file(const char *path);

/* The number that follows an option; the program ends if it is none. */
int64_t number(const char *text);

/* Prints one line at once, whichever thread says it. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints `WHAT code=N text=...` with the text of the socket's last failure. */
void say_failure(const char *what, socket_handle socket, int error);

/* Prints `WHAT protocol=... suite=...`: what the handshake has come to. */
void say_agreed(const char *what, socket_handle socket);

/* Bytes that anybody can make again from the seed, and their hash. */
struct stream {
    uint64_t state;
    int64_t left, size;
    struct sha256 hash;
};

void stream_begin(struct stream *stream, uint64_t seed, int64_t size);
/* Makes the next bytes, at most size of them. */
size_t stream_make(struct stream *stream, void *to, size_t size);
void stream_say(const char *what, struct stream *stream);

/* What is to be sent in portions, so that not all of it has to be in memory. It ends when the
 * connection does. */
struct pump {
    struct stream out;
    socket_handle socket;
    size_t portion;
    int window; /* portions under way at once */
    int under_way;
    unsigned char *buffer;
    /* when all has been taken by the kernel, or the connection has failed */
    void (*done)(struct pump *pump, int error);
    void *owner;
};

void pump_start(struct pump *pump);

/* What the process has before the library is used, and at its end. */
void remember_start(void);
void say_end(void);

#endif
