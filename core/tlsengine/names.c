#include "engine.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

enum { LABEL_MOST = 63 };

/* OpenSSL's wildcards do not stand for a label with '_', which names of hosts have all the same. A
 * label that is longer than any can be is none that a certificate names: only a wildcard fits it.
 * So host, if its first label has a '_', is looked for under such a name too. */
int engine_wildcard_only(const char *host, char *other) {
    const char *rest = strchr(host, '.');
    if (rest == NULL || memchr(host, '_', (size_t)(rest - host)) == NULL || strlen(rest) >= ENGINE_HOST_MOST) return 0;
    memset(other, 'x', LABEL_MOST + 1);
    strcpy(other + LABEL_MOST + 1, rest);
    return 1;
}

int engine_has_host(X509 *certificate, const char *host) {
    char other[ENGINE_HOST_MOST + LABEL_MOST + 1];
    const unsigned int flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    return X509_check_host(certificate, host, 0, flags, NULL) == 1 ||
           (engine_wildcard_only(host, other) && X509_check_host(certificate, other, 0, flags, NULL) == 1);
}

/* RFC 6066, section 3: the name has one entry, of a list of one. */
static size_t name_in_hello(SSL *ssl, const unsigned char **name) {
    const unsigned char *data;
    size_t size;
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) || size < 5 ||
        data[2] != TLSEXT_NAMETYPE_host_name)
        return 0;
    size_t length = (size_t)data[3] << 8 | data[4];
    *name = data + 5;
    return length <= size - 5 ? length : 0;
}

int engine_same_name(SSL *ssl, const SSL_SESSION *session) {
    const char *before = SSL_SESSION_get0_hostname(session);
    const unsigned char *name = NULL;
    size_t size = name_in_hello(ssl, &name);
    return before == NULL ? size == 0 : size == strlen(before) && OPENSSL_strncasecmp(before, (const char *)name, size) == 0;
}

/* OpenSSL finds a kept session by its number alone. The sessions of a client without tickets, which
 * are kept, therefore belong to a server of that name: those of another are not found. */
int engine_watch_hello(SSL *ssl, int *alert, void *argument) {
    const engine_context *context = argument;
    const unsigned char *data, *name = NULL;
    unsigned char text[sizeof context->id + ENGINE_HOST_MOST], id[EVP_MAX_MD_SIZE];
    size_t size;
    (void)alert;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_session_ticket, &data, &size)) return SSL_CLIENT_HELLO_SUCCESS;
    size = name_in_hello(ssl, &name);
    if (size == 0 || size > ENGINE_HOST_MOST) return SSL_CLIENT_HELLO_SUCCESS;
    memcpy(text, context->id, sizeof context->id);
    for (size_t i = 0; i < size; i++)
        text[sizeof context->id + i] = name[i] >= 'A' && name[i] <= 'Z' ? (unsigned char)(name[i] + 32) : name[i];
    if (!EVP_Q_digest(engine_library(), "SHA256", NULL, text, sizeof context->id + size, id, NULL) ||
        !SSL_set_session_id_context(ssl, id, sizeof context->id))
        return SSL_CLIENT_HELLO_ERROR;
    return SSL_CLIENT_HELLO_SUCCESS;
}
