// A peer that goes in the middle of the handshake: its alert says more than the reset that our last
// flight meets. TLS-3.
#include <string.h>
#include <poll.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls_pair.h"

static const int versions[2] = {TLS_PEER_TLS12, 0};

// The peer takes a record for bad that nobody has sent, and sends an alert.
static void refuse(struct tls_peer *peer)
{
    static const char record[5 + 32] = "\x17\x03\x03\x00\x20";
    SSL_set0_rbio(peer->ssl, BIO_new_mem_buf(record, sizeof record));
    CHECK(SSL_do_handshake(peer->ssl) != 1);
    ERR_clear_error();
}

static void check_refused(struct probe *p, int code, const char *words)
{
    char text[300];
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -code);
    CHECK_OK(socket_get_error_detail(p->socket, text, sizeof text));
    if (strstr(text, words) == NULL) FAIL("\"%s\" does not say \"%s\"", text, words);
    CHECK_STR(p->order, "c");
}

// TLS-3: the server's flight, an alert and the reset are there before we write our last flight.
LOOPS_TEST(an_alert_is_found_though_the_last_flight_cannot_be_written)
{
    for (int v = 0; v < 2; v++) {
        for (int says_why = 0; says_why < 2; says_why++) {
            int port, listener = peer_listen(&port);
            struct probe *p = tls_client_new();
            CHECK_EQ(probe_connect(p, port), 0);
            struct tls_peer peer = tls_peer_new(peer_accept(listener), TLS_PEER_SERVER | versions[v]);
            peer_wait(peer.fd, POLLIN);
            freeze();
            tls_peer_shake_once(&peer);
            if (says_why) refuse(&peer);
            tls_peer_reset(&peer);
            thaw();
            if (says_why) check_refused(p, 2303505, "the peer refused: alert");
            else check_refused(p, 2303204, "");
            probe_release(p);
            peer_close(listener);
        }
    }
}

// TLS-3: it does not like our certificate, and closes with what we have said unread. TLS 1.3 tells
// it to a client that is connected already.
LOOPS_TEST(a_refused_certificate_is_named)
{
    for (int round = 0; round < 20; round++) {
        int port, listener = peer_listen(&port), version = round % 2;
        struct probe *p = tls_client_new();
        socket_tls_options o = tls_client_options();
        o.identity.cert = certificate_text("stranger.pem");
        o.identity.key = certificate_text("stranger.key");
        CHECK_EQ(socket_tls_set_secure_options(p->socket, &o), 0);
        CHECK_EQ(probe_connect(p, port), 0);
        struct tls_peer peer = tls_peer_new(peer_accept(listener), TLS_PEER_SERVER | TLS_PEER_VERIFIES | versions[version]);
        CHECK_EQ(tls_peer_shake(&peer), TLS_PEER_FAILED);
        tls_peer_drop(&peer);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        if (version == 0) CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2303504);
        if (p->done_error[SOCKET_OPERATION_CONNECT] == 0) {
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -2303504);
        } else {
            check_refused(p, 2303504, "unknown_ca");
        }
        probe_release(p);
        peer_close(listener);
    }
}
