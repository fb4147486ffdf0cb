#include "engine.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

/* 112 bits, as OpenSSL has it from 3.2 on and the distributions before: RSA from 2048 on, no
 * SHA-1. */
enum { SECURITY_LEVEL = 2 };

/* Without forward secrecy, and open to Bleichenbacher's attack on servers: suites with static RSA
 * have to be asked for. */
#define DEFAULT_CIPHERS "DEFAULT:!kRSA"

/* Sessions of TLS 1.2 that a server keeps for clients without tickets. */
enum { SESSIONS_KEPT = 1024 };

static int select_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_size, const unsigned char *offered,
                       unsigned int offered_size, void *argument) {
    engine_context *context = argument;
    (void)ssl;
    if (SSL_select_next_proto((unsigned char **)chosen, chosen_size, context->alpn, context->alpn_size, offered,
                              offered_size) == OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_OK;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* That the name was taken notice of; without this OpenSSL forgets it when a TLS 1.2 session is
 * resumed. */
static int accept_name(SSL *ssl, int *alert, void *argument) {
    (void)ssl, (void)alert, (void)argument;
    return SSL_TLSEXT_ERR_OK;
}

/* What a kept session may take: servers choose their tickets and chains, and a thousand sessions
 * are kept. */
enum { SESSION_MOST = 32 * 1024 };

static int is_large(SSL *ssl, SSL_SESSION *session) {
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    long size = i2d_SSL_SESSION(session, NULL);
    for (int i = 0; i < sk_X509_num(chain); i++) size += i2d_X509(sk_X509_value(chain, i), NULL);
    return size > SESSION_MOST;
}

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    engine_session *s = SSL_get_app_data(ssl);
    if (s == NULL || s->owner == NULL || is_large(ssl, session)) return 0;
    /* A copy: connections that resume it must not share what OpenSSL changes in it. */
    SSL_SESSION *copy = SSL_SESSION_dup(session);
    if (copy != NULL) ohsocketResumableSession(s->owner, copy);
    return 0;
}

/* The errors tell of the alerts that the peer sends, not of those that are sent to it. */
static void watch_alerts(const SSL *ssl, int where, int value) {
    engine_session *session = SSL_get_app_data(ssl);
    if (session == NULL || (where & SSL_CB_WRITE_ALERT) != SSL_CB_WRITE_ALERT) return;
    if (value >> 8 == SSL3_AL_FATAL) session->failure.alert_sent = value & 0xff;
    if ((value & 0xff) == SSL_AD_NO_RENEGOTIATION) engine_watch_renegotiation(session);
}

/* A ticket of TLS 1.2 is for the name that it was made for (RFC 6066, section 3); a client of TLS
 * 1.3 may use it for another that the certificate has. */
static SSL_TICKET_RETURN use_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_size,
                                    SSL_TICKET_STATUS status, void *argument) {
    (void)name, (void)name_size, (void)argument;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
    if (SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION && !engine_same_name(ssl, session))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

static int apply(engine_context *context, const engine_options *options, engine_failure *failure) {
    SSL_CTX *ssl = context->ssl;
    uint64_t flags = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_SINGLE_DH_USE;
#ifdef SSL_OP_NO_TX_CERTIFICATE_COMPRESSION /* OpenSSL 3.2 */
    flags |= SSL_OP_NO_TX_CERTIFICATE_COMPRESSION | SSL_OP_NO_RX_CERTIFICATE_COMPRESSION;
#endif
    if (options->server && !options->prefer_remote_cipher) flags |= SSL_OP_CIPHER_SERVER_PREFERENCE;
    if (options->no_tickets) flags |= SSL_OP_NO_TICKET;
    SSL_CTX_set_options(ssl, flags);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_default_passwd_cb(ssl, engine_refuse_password);
    SSL_CTX_set_info_callback(ssl, watch_alerts);
    SSL_CTX_set_msg_callback(ssl, engine_watch_messages);
    SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
    if (options->keylog) SSL_CTX_set_keylog_callback(ssl, engine_log_key);
    if (!SSL_CTX_set_min_proto_version(ssl, options->lowest) || !SSL_CTX_set_max_proto_version(ssl, options->highest))
        return engine_explain(failure, "protocols: not supported");
    if (!SSL_CTX_set_cipher_list(ssl, options->cipher_list != NULL ? options->cipher_list : DEFAULT_CIPHERS))
        return engine_explain(failure, "cipher_suite: leaves no cipher suite");
    if (options->cipher_suites != NULL && !SSL_CTX_set_ciphersuites(ssl, options->cipher_suites))
        return engine_explain(failure, "cipher_suite: leaves no cipher suite");
    /* What is asked of the peer and what is used for the own certificate; OpenSSL takes one list
     * for both. */
    if (options->signature_algorithms != NULL && !SSL_CTX_set1_sigalgs_list(ssl, options->signature_algorithms))
        return engine_explain(failure, "signature_algorithms: not a list that OpenSSL takes");

    if (options->groups != NULL && !SSL_CTX_set1_groups_list(ssl, options->groups))
        return engine_explain(failure, "groups: not a list that OpenSSL takes");

    int verify = SSL_VERIFY_NONE;
    if (options->verify_peer)
        verify = SSL_VERIFY_PEER | (options->server && !options->optional ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    SSL_CTX_set_verify(ssl, verify, NULL);
    context->verify_peer = options->verify_peer;
    context->optional = options->optional;
    /* What is given as trusted is, also if it is an intermediate or the server's own
     * certificate. */
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
    engine_check_issuers(SSL_CTX_get_cert_store(ssl));

    if (options->server) {
        SSL_CTX_set_session_cache_mode(ssl, options->no_tickets ? SSL_SESS_CACHE_OFF : SSL_SESS_CACHE_SERVER);
        SSL_CTX_sess_set_cache_size(ssl, SESSIONS_KEPT);
        SSL_CTX_set_client_hello_cb(ssl, engine_watch_hello, context);
        SSL_CTX_set_num_tickets(ssl, options->no_tickets ? 0 : 2);
        SSL_CTX_set_dh_auto(ssl, 1);
        SSL_CTX_set_tlsext_servername_callback(ssl, accept_name);
        SSL_CTX_set_session_ticket_cb(ssl, NULL, use_ticket, NULL);
    } else if (options->no_tickets || !options->verify_peer) {
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    } else {
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ssl, keep_session);
    }
    return 1;
}

engine_context *engine_context_new(const engine_options *options, engine_failure *failure) {
    engine_no_failure(failure);
    engine_context *context = calloc(1, sizeof *context);
    if (context == NULL) return engine_explain(failure, "out of memory"), NULL;
    context->ssl = SSL_CTX_new_ex(engine_library(), NULL, options->server ? TLS_server_method() : TLS_client_method());
    if (context->ssl == NULL) {
        engine_collect(failure);
    } else if (apply(context, options, failure)) {
        ERR_clear_error();
        return context;
    }
    engine_context_free(context);
    return NULL;
}

void engine_context_free(engine_context *context) {
    if (context == NULL) return;
    SSL_CTX_free(context->ssl);
    for (size_t i = 0; i < context->identity_count; i++) engine_identity_clear(&context->identities[i]);
    free(context->identities);
    free(context->alpn);
    free(context->pins);
    free(context);
    ERR_clear_error();
}

int engine_context_add_ca(engine_context *context, const void *pem, size_t size, int announce, engine_failure *failure) {
    engine_no_failure(failure);
    failure->certificate = 1;
    BIO *bio = size > INT_MAX || size == 0 ? NULL : BIO_new_mem_buf(pem, (int)size);
    X509_STORE *store = SSL_CTX_get_cert_store(context->ssl);
    X509 *certificate = NULL;
    int count = 0, found = 0;
    while (bio != NULL && (found = engine_next_certificate(bio, &certificate)) == 1) {
        int added = X509_STORE_add_cert(store, certificate) &&
                    (!announce || SSL_CTX_add_client_CA(context->ssl, certificate));
        X509_free(certificate);
        if (!added) {
            BIO_free(bio);
            return engine_explain(failure, "out of memory");
        }
        count++;
    }
    BIO_free(bio);
    if (found < 0) {
        engine_collect(failure);
        return engine_explain(failure, "certificate %d cannot be read: %s", count + 1,
                              failure->reason_text[0] != '\0' ? failure->reason_text : "it is damaged");
    }
    if (count == 0) return engine_explain(failure, "no certificate in PEM form");
    return 1;
}

/* The names of the CA that a server accepts are a help for its clients, and need not be sent (RFC
 * 8446, 4.2.4; RFC 5246, 7.4.4). A message has room for 64 KiB of them beside the other extensions,
 * without it every handshake would fail. */
enum { CA_NAMES_MOST = 60000 };

void engine_context_limit_ca_names(engine_context *context) {
    const STACK_OF(X509_NAME) *names = SSL_CTX_get_client_CA_list(context->ssl);
    size_t size = 0;
    for (int i = 0; i < sk_X509_NAME_num(names); i++) size += 2 + (size_t)i2d_X509_NAME(sk_X509_NAME_value(names, i), NULL);
    if (size > CA_NAMES_MOST) SSL_CTX_set_client_CA_list(context->ssl, sk_X509_NAME_new_null());
}

int engine_context_set_alpn(engine_context *context, const void *list, size_t size, int server, engine_failure *failure) {
    engine_no_failure(failure);
    if (!server) return SSL_CTX_set_alpn_protos(context->ssl, list, (unsigned int)size) == 0 || engine_collect(failure);
    if ((context->alpn = malloc(size)) == NULL) return engine_explain(failure, "out of memory");
    memcpy(context->alpn, list, size);
    context->alpn_size = (unsigned int)size;
    SSL_CTX_set_alpn_select_cb(context->ssl, select_alpn, context);
    return 1;
}

int engine_context_set_id(engine_context *context, const void *id, engine_failure *failure) {
    engine_no_failure(failure);
    memcpy(context->id, id, sizeof context->id);
    return SSL_CTX_set_session_id_context(context->ssl, id, sizeof context->id) || engine_collect(failure);
}
