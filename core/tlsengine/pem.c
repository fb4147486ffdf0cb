#define _GNU_SOURCE /* memmem */
#include "engine.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

int engine_next_certificate(BIO *bio, X509 **certificate) {
    for (;;) {
        char *name = NULL, *header = NULL;
        unsigned char *data = NULL;
        long size = 0;
        if (!PEM_read_bio(bio, &name, &header, &data, &size)) {
            unsigned long error = ERR_peek_last_error();
            if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) return -1;
            ERR_clear_error();
            return 0;
        }
        int trusted = strcmp(name, PEM_STRING_X509_TRUSTED) == 0;
        int wanted = trusted || strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0;
        int encrypted = header[0] != '\0';
        X509 *read = NULL;
        if (wanted && !encrypted && (read = X509_new_ex(engine_library(), NULL)) != NULL) {
            const unsigned char *next = data;
            if ((trusted ? d2i_X509_AUX(&read, &next, size) : d2i_X509(&read, &next, size)) == NULL ||
                next != data + size) {
                X509_free(read);
                read = NULL;
            }
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)size); /* may be a key */
        if (!wanted) continue;
        *certificate = read;
        return read != NULL ? 1 : -1;
    }
}

typedef struct password {
    const void *bytes;
    size_t size;
    int given, asked, too_long;
} password;

static int give_password(char *buffer, int size, int writing, void *argument) {
    password *p = argument;
    (void)writing;
    p->asked = 1;
    if (!p->given) return -1;
    if (size < 0 || p->size > (size_t)size) {
        p->too_long = 1;
        return -1;
    }
    if (p->size > 0) memcpy(buffer, p->bytes, p->size);
    return (int)p->size;
}

/* OpenSSL asks on the terminal where there is no callback. */
int engine_refuse_password(char *buffer, int size, int writing, void *unused) {
    (void)buffer, (void)size, (void)writing, (void)unused;
    return -1;
}

static int algorithm_is_missing(void) {
    for (int i = 0; i < 32; i++) {
        unsigned long error = ERR_get_error();
        if (error == 0) return 0;
        if (ERR_GET_LIB(error) == ERR_LIB_EVP &&
            (ERR_GET_REASON(error) == ERR_R_UNSUPPORTED || ERR_GET_REASON(error) == EVP_R_UNSUPPORTED_ALGORITHM))
            return 1;
    }
    return 0;
}

EVP_PKEY *engine_read_key(const void *pem, size_t size, const void *password_bytes, size_t password_size,
                          int has_password, engine_failure *failure) {
    static const char mark[] = "PRIVATE KEY-----";
    password p = {password_bytes, password_size, has_password, 0, 0};
    engine_no_failure(failure);
    BIO *bio = size > INT_MAX ? NULL : BIO_new_mem_buf(size > 0 ? pem : "", (int)size);
    if (bio == NULL) return engine_explain(failure, "the key is too large"), NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(bio, NULL, give_password, &p, engine_library(), NULL);
    BIO_free(bio);
    if (key != NULL) {
        ERR_clear_error();
        return key;
    }
    if (p.too_long)
        engine_explain(failure, "the password of the private key is too long");
    else if (p.asked && !p.given)
        engine_explain(failure, "the private key is encrypted and no password was given");
    else if (p.asked && algorithm_is_missing())
        engine_explain(failure, "the private key is encrypted in a way that is not supported");
    else if (p.asked)
        engine_explain(failure, "the password of the private key is wrong");
    else if (size < sizeof mark || memmem(pem, size, mark, sizeof mark - 1) == NULL)
        engine_explain(failure, "no private key in PEM form");
    else {
        engine_collect(failure);
        engine_explain(failure, "the private key cannot be read: %s", failure->reason_text);
    }
    return NULL;
}

X509_STORE *engine_store_new(void) {
    X509_STORE *store = X509_STORE_new();
    if (store != NULL) engine_check_issuers(store);
    ERR_clear_error();
    return store;
}

int engine_store_add(X509_STORE *store, const void *pem, size_t size) {
    int count = 0, found;
    ERR_clear_error();
    BIO *bio = size > INT_MAX || size == 0 ? NULL : BIO_new_mem_buf(pem, (int)size);
    X509 *certificate = NULL;
    while (bio != NULL && (found = engine_next_certificate(bio, &certificate)) != 0) {
        if (found < 0) continue;
        count += X509_STORE_add_cert(store, certificate) == 1;
        X509_free(certificate);
    }
    BIO_free(bio);
    ERR_clear_error();
    return count;
}
