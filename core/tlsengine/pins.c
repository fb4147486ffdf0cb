#include "engine.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>

static int is_pinned(const engine_context *context, X509 *certificate) {
    unsigned char *key = NULL, digest[ENGINE_PIN_SIZE];
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key), found = 0;
    if (size > 0 && EVP_Q_digest(engine_library(), "SHA256", NULL, key, (size_t)size, digest, NULL))
        for (size_t i = 0; !found && i < context->pin_count; i++)
            found = memcmp(context->pins[i], digest, sizeof digest) == 0;
    OPENSSL_free(key);
    return found;
}

/* One key of the chain that was verified; where none is, only the peer's own is known to be its. */
static int has_pin(const engine_context *context, X509_STORE_CTX *store) {
    STACK_OF(X509) *chain = context->verify_peer ? X509_STORE_CTX_get0_chain(store) : NULL;
    if (chain == NULL) return is_pinned(context, X509_STORE_CTX_get0_cert(store));
    for (int i = 0; i < sk_X509_num(chain); i++)
        if (is_pinned(context, sk_X509_value(chain, i))) return 1;
    return 0;
}

/* Takes the place of OpenSSL's verification, so that a key that fits no pin has its alert. */
static int verify(X509_STORE_CTX *store, void *argument) {
    const engine_context *context = argument;
    if (context->verify_peer && X509_verify_cert(store) <= 0) return 0;
    if (has_pin(context, store)) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    engine_session *session = SSL_get_app_data(ssl);
    return engine_explain(&session->failure, "certificate verify failed: no key of the chain is one of pins");
}

int engine_context_set_pins(engine_context *context, const void *pins, size_t count, engine_failure *failure) {
    engine_no_failure(failure);
    if ((context->pins = malloc(count * ENGINE_PIN_SIZE)) == NULL) return engine_explain(failure, "out of memory");
    memcpy(context->pins, pins, count * ENGINE_PIN_SIZE);
    context->pin_count = count;
    if (!context->verify_peer) SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context->ssl, verify, context);
    return 1;
}
