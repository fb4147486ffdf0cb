// What the parts of hostile share; main.c says what it is.
#ifndef OHSOCKET_HOSTILE_H
#define OHSOCKET_HOSTILE_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "../helper.h"
#include "../soak.h"

enum {
    POLITE = 100, // half of them with TLS
    QUEUE_LIMIT = 256 << 10,
};

// ---- ends.c: the plain ends of connections, in processes of their own ----

// What a peer of TLS writes waits in memory, so that many records go in one write.
struct end {
    int fd;
    SSL *ssl; // NULL: plain
    BIO *out;
};

extern int tcp_port, tls_port;
int connect_to(int port);
struct end connect_tls(void);
void flush(struct end *e);
// Sends a part or all, until a time; 0: the connection has failed.
int push(int fd, const char *p, size_t size, int64_t until);
int flush_or_fail(struct end *e, int64_t until);
void reset(int fd);
void leave(struct end *e);

// Orders of both helpers; the argument is a port or milliseconds.
enum { TCP_PORT = 'p', TLS_PORT = 't', JOIN = 'j', SERVE = 's', SLOWEST = 'm', LEAVE = 'l' };
int take_port(char order, int port);

// ---- polite.c: the clients that are measured ----

int serve_polite(char order, int argument);

// ---- attacks.c: the flooder ----

struct attack {
    const char *name;
    // Goes on until a time and returns how often it has done what it does.
    int (*run)(int64_t until);
    char order;
};

enum { ATTACKS = 7 };
extern const struct attack attacks[ATTACKS];
int serve_flood(char order, int argument);

// ---- server.c: the server under test ----

extern atomic_int connections;
void on_client(const socket_event *e, void *unused);
void *fetch_records(void *loop); // until a function is posted, which closes the loop
int listen_to_strangers(socket_handle server, int with_tls);

#endif
