#include "engine.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>

void engine_identity_clear(engine_identity *identity) {
    EVP_PKEY_free(identity->key);
    X509_free(identity->leaf);
    sk_X509_pop_free(identity->chain, X509_free);
    memset(identity, 0, sizeof *identity);
}

static int read_certificates(engine_identity *identity, const void *pem, size_t size, engine_failure *failure) {
    BIO *bio = size > INT_MAX || size == 0 ? NULL : BIO_new_mem_buf(pem, (int)size);
    X509 *certificate = NULL;
    int count = 0, found = 0;
    while (bio != NULL && (found = engine_next_certificate(bio, &certificate)) == 1) {
        count++;
        if (identity->leaf == NULL) {
            identity->leaf = certificate;
            continue;
        }
        if (identity->chain == NULL) identity->chain = sk_X509_new_null();
        if (identity->chain == NULL || !sk_X509_push(identity->chain, certificate)) {
            X509_free(certificate);
            BIO_free(bio);
            return engine_explain(failure, "out of memory");
        }
    }
    BIO_free(bio);
    if (found < 0) {
        engine_collect(failure);
        return engine_explain(failure, "certificate %d cannot be read: %s", count + 1,
                              failure->reason_text[0] != '\0' ? failure->reason_text : "it is damaged");
    }
    return count > 0 || engine_explain(failure, "no certificate in PEM form");
}

static int usable_type(const EVP_PKEY *key) {
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
    case EVP_PKEY_EC:
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
        return 1;
    }
    return 0;
}

/* A curve that OpenSSL offers and accepts by default, which TLS 1.3 has a signature scheme for. */
static int usable_curve(const EVP_PKEY *key, char *name, size_t capacity) {
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return 1;
    strcpy(name, "with explicit parameters");
    EVP_PKEY_get_group_name(key, name, capacity, NULL);
    int curve = OBJ_txt2nid(name);
    return curve == NID_X9_62_prime256v1 || curve == NID_secp384r1 || curve == NID_secp521r1;
}

/* Tries the identity on a connection that is thrown away: OpenSSL checks key against certificate
 * and the strength of both, and completes a chain that was not given from the CA. */
static int try_identity(engine_context *context, engine_identity *identity, engine_failure *failure) {
    if (!usable_type(identity->key)) {
        const char *name = EVP_PKEY_get0_type_name(identity->key);
        return engine_explain(failure, "a key of type %s cannot be used", name != NULL ? name : "unknown");
    }
    char curve[64];
    if (!usable_curve(identity->key, curve, sizeof curve))
        return engine_explain(failure, "a key on the curve %s cannot be used (P-256, P-384 and P-521 can)", curve);
    SSL *ssl = SSL_new(context->ssl);
    if (ssl == NULL) return engine_collect(failure);
    int good = SSL_use_cert_and_key(ssl, identity->leaf, identity->key, identity->chain, 1);
    if (good == 1 && identity->chain == NULL) {
        STACK_OF(X509) *chain = NULL;
        if (SSL_build_cert_chain(ssl, SSL_BUILD_CHAIN_FLAG_NO_ROOT | SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR |
                                          SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR) > 0 &&
            SSL_get0_chain_certs(ssl, &chain) && chain != NULL && sk_X509_num(chain) > 0)
            identity->chain = X509_chain_up_ref(chain);
        ERR_clear_error();
    }
    SSL_free(ssl);
    if (good == 1) return 1;

    engine_collect(failure);
    int bits = EVP_PKEY_get_bits(identity->key);
    if (failure->library == ERR_LIB_SSL) switch (failure->reason) {
        case SSL_R_PRIVATE_KEY_MISMATCH:
            return engine_explain(failure, "the key does not belong to the certificate");
        case SSL_R_EE_KEY_TOO_SMALL:
            return engine_explain(failure, "the key of %d bits is too weak", bits);
        case SSL_R_CA_KEY_TOO_SMALL:
            return engine_explain(failure, "the key of a certificate of the chain is too weak");
        case SSL_R_CA_MD_TOO_WEAK:
            return engine_explain(failure, "a certificate is signed with a digest that is too weak");
        }
    return engine_explain(failure, "the certificate cannot be used: %s", failure->reason_text);
}

/* Whether every name of a is one of b. */
static int names_within(X509 *a, X509 *b) {
    GENERAL_NAMES *first = X509_get_ext_d2i(a, NID_subject_alt_name, NULL, NULL);
    GENERAL_NAMES *second = X509_get_ext_d2i(b, NID_subject_alt_name, NULL, NULL);
    int within = first == NULL && second == NULL && X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0;
    if (first != NULL && second != NULL) {
        within = 1;
        for (int i = 0; within && i < sk_GENERAL_NAME_num(first); i++) {
            within = 0;
            for (int j = 0; !within && j < sk_GENERAL_NAME_num(second); j++)
                within = GENERAL_NAME_cmp(sk_GENERAL_NAME_value(first, i), sk_GENERAL_NAME_value(second, j)) == 0;
        }
    }
    GENERAL_NAMES_free(first);
    GENERAL_NAMES_free(second);
    ERR_clear_error();
    return within;
}

static int same_type(const engine_identity *a, const engine_identity *b) {
    return EVP_PKEY_get_base_id(a->key) == EVP_PKEY_get_base_id(b->key);
}

/* The first, and those of other key types with the same names. */
static int is_standard(const engine_context *context, const engine_identity *identity) {
    const engine_identity *first = &context->identities[0];
    if (identity == first) return 1;
    for (const engine_identity *i = first; i < identity; i++)
        if (i->standard && same_type(i, identity)) return 0;
    return names_within(first->leaf, identity->leaf) && names_within(identity->leaf, first->leaf);
}

int engine_context_add_identity(engine_context *context, const void *key, size_t key_size, const void *password,
                                size_t password_size, int has_password, const void *certificate,
                                size_t certificate_size, engine_failure *failure) {
    engine_no_failure(failure);
    size_t count = context->identity_count;
    engine_identity *identities = realloc(context->identities, (count + 1) * sizeof *identities);
    if (identities == NULL) return engine_explain(failure, "out of memory");
    context->identities = identities;
    engine_identity *identity = &identities[count];
    memset(identity, 0, sizeof *identity);

    int good = (identity->key = engine_read_key(key, key_size, password, password_size, has_password, failure)) != NULL &&
               read_certificates(identity, certificate, certificate_size, failure) &&
               try_identity(context, identity, failure);
    if (good) {
        identity->standard = is_standard(context, identity);
        if (identity->standard)
            good = SSL_CTX_use_cert_and_key(context->ssl, identity->leaf, identity->key, identity->chain, 1) == 1 ||
                   engine_collect(failure);
    }
    if (!good) {
        failure->certificate = identity->key != NULL;
        engine_identity_clear(identity);
        return 0;
    }
    context->identity_count++;
    ERR_clear_error();
    return 1;
}

/* OpenSSL calls it when it has read the client's hello and has no session to resume. */
static int choose(SSL *ssl, void *argument) {
    const engine_context *context = argument;
    const char *sent = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const engine_identity *chosen[5]; /* one for each type that usable_type knows */
    char name[ENGINE_HOST_MOST];
    size_t count = 0;
    int standard = 1;
    if (sent == NULL || sent[0] == '\0' || sent[0] == '.' || strlen(sent) >= sizeof name) return 1;
    strcpy(name, sent);
    char *last = name + strlen(name) - 1;
    if (*last == '.') *last = '\0'; /* RFC 6066 has none, but clients send it */
    for (size_t i = 0; i < context->identity_count && count < sizeof chosen / sizeof chosen[0]; i++) {
        const engine_identity *identity = &context->identities[i];
        size_t j = 0;
        while (j < count && !same_type(chosen[j], identity)) j++;
        if (j < count || !engine_has_host(identity->leaf, name)) continue;
        chosen[count++] = identity;
        standard &= identity->standard;
    }
    if (count == 0) return 1;
    size_t standards = 0;
    for (size_t i = 0; i < context->identity_count; i++) standards += (size_t)context->identities[i].standard;
    if (standard && count == standards) return 1;
    SSL_certs_clear(ssl);
    for (size_t i = 0; i < count; i++)
        if (SSL_use_cert_and_key(ssl, chosen[i]->leaf, chosen[i]->key, chosen[i]->chain, 1) != 1) return 0;
    return 1;
}

void engine_context_choose_identity(engine_context *context) { SSL_CTX_set_cert_cb(context->ssl, choose, context); }
