// TLS sockets of the library for tests: with the options they need, and connected to a peer.
#ifndef OHSOCKET_TESTS_TLS_PAIR_H
#define OHSOCKET_TESTS_TLS_PAIR_H

#include "probe.h"
#include "tls_peer.h"

// The text of one of the files that certificates.sh makes; NUL-terminated, kept for ever.
const char *certificate_text(const char *file);

// A server with the certificate "server"; a client that trusts the tests' authority only.
socket_tls_options tls_server_options(void);
socket_tls_options tls_client_options(void);

// With these options set already, so that probe_connect and tls_listen work without further ones.
struct probe *tls_client_new(void);
struct probe *tls_client_new_masked(unsigned mask);
struct probe *tls_server_new(int *port); // listening, its clients each with a probe
struct probe *tls_server_new_masked(int *port, unsigned client_mask);
int tls_listen(struct probe *server); // on a free port, which it returns
void tls_server_close(struct probe *server); // and releases it

// A connection between us (SOCKET_KIND_TLS or _TLS_CONNECTION) and OpenSSL.
struct tls_pair {
    struct probe *probe;
    struct probe *server; // if we are a server's connection
    struct tls_peer peer;
};
struct tls_pair tls_pair_new(int kind);
struct tls_pair tls_pair_new_masked(int kind, unsigned mask);
struct tls_pair tls_pair_new_flags(int kind, unsigned mask, int peer_flags);
void tls_pair_close(struct tls_pair *p); // whatever state it is in

// A connection between two sockets of the library.
struct tls_both {
    struct probe *client, *server, *connection;
    int port;
};
struct tls_both tls_both_new(unsigned client_mask, unsigned connection_mask);
void tls_both_close(struct tls_both *b); // whatever state they are in

extern const int tls_streams[2];

#endif
