#include "engine.h"

#include <string.h>

#include <openssl/err.h>

static const char all_tls13[] = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"
                                "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256";

SSL_CTX *engine_lists_new(engine_failure *failure) {
    engine_no_failure(failure);
    SSL_CTX *lists = SSL_CTX_new_ex(engine_library(), NULL, TLS_method());
    if (lists != NULL) {
        SSL_CTX_set_security_level(lists, 0);
        if (SSL_CTX_set_ciphersuites(lists, all_tls13) && SSL_CTX_set_cipher_list(lists, "ALL:COMPLEMENTOFALL"))
            return lists;
        SSL_CTX_free(lists);
    }
    engine_collect(failure);
    return NULL;
}

const char *engine_find_suite(SSL_CTX *lists, const char *name, int *tls13) {
    STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(lists);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);
        const char *standard = SSL_CIPHER_standard_name(cipher);
        if (strcmp(SSL_CIPHER_get_name(cipher), name) != 0 && (standard == NULL || strcmp(standard, name) != 0))
            continue;
        *tls13 = SSL_CIPHER_get_protocol_id(cipher) >> 8 == 0x13;
        return SSL_CIPHER_get_name(cipher);
    }
    return NULL;
}

/* A connection of its own takes the list, so that that of lists stays complete. */
int engine_takes(SSL_CTX *lists, enum engine_list list, const char *element) {
    SSL *scratch = SSL_new(lists);
    int good = 0;
    if (scratch != NULL) switch (list) {
        case ENGINE_CIPHERS: good = SSL_set_cipher_list(scratch, element); break;
        case ENGINE_SIGNATURES: good = SSL_set1_sigalgs_list(scratch, element); break;
        case ENGINE_GROUPS: good = SSL_set1_groups_list(scratch, element); break;
        }
    SSL_free(scratch);
    ERR_clear_error();
    return good;
}
