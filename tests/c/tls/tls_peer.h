// The other end of a TLS connection: OpenSSL of the system over a socket of the system. As in
// peer.h all waiting has a deadline and runs the test's loop if that is a host-driven one.
#ifndef OHSOCKET_TESTS_TLS_PEER_H
#define OHSOCKET_TESTS_TLS_PEER_H

#include "peer.h"

struct ssl_st;

struct tls_peer {
    int fd;
    struct ssl_st *ssl;
};

enum tls_peer_flags {
    TLS_PEER_SERVER = 1,
    TLS_PEER_TLS12 = 2,     // this version only
    TLS_PEER_STRANGER = 4,  // shows a certificate of an unknown authority
    TLS_PEER_VERIFIES = 8,  // a server that wants a certificate of the client
    TLS_PEER_IDENTITY = 16, // a client that has one
};

// What a handshake or a read has come to instead of success.
enum tls_peer_outcome { TLS_PEER_DONE, TLS_PEER_NOTIFIED, TLS_PEER_CUT, TLS_PEER_RESET, TLS_PEER_FAILED };

struct tls_peer tls_peer_new(int fd, int flags); // before the handshake
enum tls_peer_outcome tls_peer_shake(struct tls_peer *p);
// One flight of it, without waiting for an answer.
void tls_peer_shake_once(struct tls_peer *p);
struct tls_peer tls_peer_accept(int listener); // and makes the handshake
struct tls_peer tls_peer_connect(int port);

void tls_peer_write(struct tls_peer *p, const void *data, size_t size);
void tls_peer_write_pattern(struct tls_peer *p, uint64_t offset, size_t size);
void tls_peer_read(struct tls_peer *p, void *to, size_t size);
void tls_peer_read_pattern(struct tls_peer *p, uint64_t offset, size_t size);
// Reads what is the pattern until something else than bytes comes, which outcome says.
uint64_t tls_peer_read_rest(struct tls_peer *p, uint64_t offset, enum tls_peer_outcome *outcome);
uint64_t tls_peer_read_to_end(struct tls_peer *p, uint64_t offset); // that has to be close_notify
// sends close_notify, without a FIN
void tls_peer_notify(struct tls_peer *p);
void tls_peer_key_update(struct tls_peer *p);                       // and asks for the other side's
// Takes in what has come besides data: with tickets unread, closing would be a reset.
void tls_peer_take_tickets(struct tls_peer *p);
int tls_peer_is_resumed(struct tls_peer *p);
void tls_peer_drop(struct tls_peer *p);  // closes without a word
void tls_peer_reset(struct tls_peer *p); // RST
void tls_peer_close(struct tls_peer *p); // close_notify, then closes

#endif
