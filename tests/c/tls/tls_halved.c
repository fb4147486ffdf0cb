#include "tls_halved.h"

BIO *divert(struct tls_peer *peer, BIO **wire)
{
    BIO *memory = BIO_new(BIO_s_mem());
    *wire = SSL_get_wbio(peer->ssl);
    CHECK(memory != NULL && BIO_up_ref(*wire) == 1);
    SSL_set0_wbio(peer->ssl, memory);
    return memory;
}

// A ticket has the client's certificate in it, and so is longer than a record of this peer.
struct halved halved_ticket(void)
{
    struct halved h = {0};
    int port;
    int listener = peer_listen(&port);
    socket_tls_options o = tls_client_options();
    o.identity = (socket_tls_identity){certificate_text("client.pem"), certificate_text("client.key"), NULL};
    struct probe *p = h.pair.probe = probe_new(SOCKET_KIND_TLS);
    CHECK_EQ(socket_tls_set_secure_options(p->socket, &o), 0);
    CHECK_EQ(probe_connect(p, port), 0);
    h.pair.peer = tls_peer_new(peer_accept(listener), TLS_PEER_SERVER | TLS_PEER_VERIFIES);
    peer_close(listener);
    SSL *ssl = h.pair.peer.ssl;
    CHECK(SSL_set_num_tickets(ssl, 0) == 1 && SSL_set_max_send_fragment(ssl, FRAGMENT) == 1);
    CHECK_EQ(tls_peer_shake(&h.pair.peer), TLS_PEER_DONE);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);

    BIO *wire, *memory = divert(&h.pair.peer, &wire);
    CHECK(SSL_new_session_ticket(ssl) == 1 && SSL_do_handshake(ssl) == 1);
    int n = BIO_read(memory, h.held, HELD_MOST);
    CHECK(n > 0 && n < HELD_MOST);
    h.size = (size_t)n;
    h.first = HEADER + (size_t)(h.held[3] << 8 | h.held[4]);
    CHECK(h.first < h.size);
    SSL_set0_wbio(ssl, wire);
    return h;
}

void send_first(struct halved *h)
{
    peer_write(h->pair.peer.fd, h->held, h->first);
    settle();
}

void send_rest(struct halved *h) { peer_write(h->pair.peer.fd, h->held + h->first, h->size - h->first); }
