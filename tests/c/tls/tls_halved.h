// A peer that sends a message of the handshake in two parts: TLS 1.3 takes neither bytes nor the
// end between them. A ticket that comes in two records is such a message.
#ifndef OHSOCKET_TESTS_TLS_HALVED_H
#define OHSOCKET_TESTS_TLS_HALVED_H

#include "tls_pair.h"

#include <openssl/ssl.h>

enum { HELD_MOST = 16384, FRAGMENT = 512, HEADER = 5 };

struct halved {
    struct tls_pair pair;
    unsigned char held[HELD_MOST]; // of the ticket
    size_t first, size;            // of the first record, of all
};

// What the peer writes goes to memory from now on, until its wire is given back with SSL_set0_wbio.
BIO *divert(struct tls_peer *peer, BIO **wire);

struct halved halved_ticket(void); // a client of ours and its peer, which has sent nothing of it
void send_first(struct halved *h);
void send_rest(struct halved *h);

#endif
