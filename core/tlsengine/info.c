#include "engine.h"

#include <stdio.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

void engine_describe(SSL *ssl, engine_outcome *outcome) {
    outcome->version = SSL_version(ssl);
    outcome->resumed = SSL_session_reused(ssl);
    outcome->suite = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl));
    outcome->server_name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    SSL_get0_alpn_selected(ssl, &outcome->alpn, &outcome->alpn_size);
    outcome->group = SSL_group_to_name(ssl, (int)SSL_get_negotiated_group(ssl));
    outcome->chain = SSL_get_peer_cert_chain(ssl);
    outcome->local = SSL_get_certificate(ssl);
    outcome->remote = SSL_get0_peer_certificate(ssl);
    int i = 0;
    while (i < ENGINE_ALGORITHMS_MOST &&
           i < SSL_get_shared_sigalgs(ssl, i, &outcome->algorithms[i].key, &outcome->algorithms[i].hash, NULL, NULL, NULL))
        i++;
    outcome->algorithm_count = i;
}

/* A client's chain begins with the peer's certificate, a server's does not. */
X509 *engine_issuer_sent(const engine_outcome *outcome, int index) {
    int own = outcome->chain != NULL && sk_X509_num(outcome->chain) > 0 &&
              sk_X509_value(outcome->chain, 0) == outcome->remote;
    return outcome->chain == NULL || index >= sk_X509_num(outcome->chain) - own
               ? NULL
               : sk_X509_value(outcome->chain, index + own);
}

void engine_algorithm_name(int key, int hash, char *name, size_t capacity) {
    const char *kind, *digest = hash == NID_undef ? "UNDEF" : OBJ_nid2sn(hash);
    switch (key) {
    case EVP_PKEY_RSA: kind = "RSA"; break;
    case EVP_PKEY_RSA_PSS: kind = "RSA-PSS"; break;
    case EVP_PKEY_DSA: kind = "DSA"; break;
    case EVP_PKEY_EC: kind = "ECDSA"; break;
    case EVP_PKEY_ED25519: kind = "Ed25519"; break;
    case EVP_PKEY_ED448: kind = "Ed448"; break;
    default: kind = OBJ_nid2sn(key);
    }
    snprintf(name, capacity, "%s+%s", kind != NULL ? kind : "UNDEF", digest != NULL ? digest : "UNDEF");
}

int engine_certificate(X509 *certificate, unsigned char **der) {
    *der = NULL;
    int size = certificate == NULL ? 0 : i2d_X509(certificate, der);
    ERR_clear_error();
    return size > 0 ? size : 0;
}

#if OPENSSL_VERSION_NUMBER < 0x30300000L
#define SSL_SESSION_get_time_ex (time_t) SSL_SESSION_get_time
#endif

/* Of the ticket or of the certificate that it stands for: OpenSSL looks at neither again. */
int engine_session_has_expired(SSL_SESSION *session) {
    X509 *peer = SSL_SESSION_get0_peer(session);
    time_t now = time(NULL);
    int expired = !SSL_SESSION_is_resumable(session) ||
                  now >= SSL_SESSION_get_time_ex(session) + SSL_SESSION_get_timeout(session) ||
                  (peer != NULL && X509_cmp_time(X509_get0_notAfter(peer), &now) < 0);
    ERR_clear_error();
    return expired;
}

void engine_free(void *memory) { OPENSSL_free(memory); }

int engine_highest_version(engine_context *context) { return (int)SSL_CTX_get_max_proto_version(context->ssl); }

const char *engine_enabled_suite(SSL *ssl, int index) {
    STACK_OF(SSL_CIPHER) *suites = SSL_get_ciphers(ssl);
    if (suites == NULL || index >= sk_SSL_CIPHER_num(suites)) return NULL;
    return SSL_CIPHER_get_name(sk_SSL_CIPHER_value(suites, index));
}
