/* The frame of the bare OpenSSL peers: epoll_server.h with an SSL object for
 * each connection. TLS 1.3 only; HOST PORT CERTIFICATE KEY. */
#ifndef BENCH_TLS_SERVER_H
#define BENCH_TLS_SERVER_H

#include "epoll_server.h"

#include <openssl/ssl.h>

/* As ready_fn, after the handshake and without a remainder. */
typedef enum verdict (*tls_ready_fn)(struct connection* c, SSL* ssl);

int tls_server_main(int argc, char** argv, tls_ready_fn on_ready);

/* What a result of SSL_read_ex or SSL_write_ex other than 1 means: KEEP, wait
 * for the next edge, or CLOSE. */
enum verdict tls_verdict(SSL* ssl, int result);

/* Send now, keep what the kernel refuses: AGAIN if all was sent, KEEP if a
 * remainder waits, in which time on_ready is not called, CLOSE on failure. */
enum verdict tls_send(struct connection* c, const char* data, size_t size);

#endif
