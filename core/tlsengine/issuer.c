#include "engine.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

static int is_valid_now(X509 *certificate) {
    return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
           X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

/* OpenSSL takes the first certificate of the issuer's name whose key identifier fits, and every one
 * fits where there are no identifiers: an authority that has got a new key would hide behind its
 * old one. */
static int find_issuer(X509 **issuer, X509_STORE_CTX *context, X509 *certificate) {
    STACK_OF(X509) *candidates = X509_STORE_CTX_get1_certs(context, X509_get_issuer_name(certificate));
    X509 *found = NULL;
    int count = candidates != NULL ? sk_X509_num(candidates) : 0;
    for (int i = 0; count > 1 && i < count; i++) {
        X509 *candidate = sk_X509_value(candidates, i);
        EVP_PKEY *key = X509_get0_pubkey(candidate);
        if (key == NULL || X509_check_issued(candidate, certificate) != X509_V_OK || X509_verify(certificate, key) != 1)
            continue;
        if (found == NULL || (!is_valid_now(found) && is_valid_now(candidate))) found = candidate;
    }
    if (found != NULL) X509_up_ref(found);
    sk_X509_pop_free(candidates, X509_free);
    ERR_clear_error();
    *issuer = found;
    return found != NULL ? 1 : X509_STORE_CTX_get1_issuer(issuer, context, certificate);
}

void engine_check_issuers(X509_STORE *store) { X509_STORE_set_get_issuer(store, find_issuer); }
