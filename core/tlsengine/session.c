#include "engine.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>

engine_session *engine_session_new(engine_context *context, int server, void *owner, engine_failure *failure) {
    engine_no_failure(failure);
    engine_session *session = calloc(1, sizeof *session);
    if (session == NULL) return engine_explain(failure, "out of memory"), NULL;
    engine_no_failure(&session->failure);
    session->owner = owner;
    session->ssl = SSL_new(context->ssl);
    if (session->ssl == NULL || !SSL_set_app_data(session->ssl, session) || !engine_attach(session)) {
        engine_collect(failure);
        engine_session_free(session);
        return NULL;
    }
    session->verify = context->verify_peer;
    session->optional = context->optional;
    session->looks_at_hello = server;
    if (server)
        SSL_set_accept_state(session->ssl);
    else
        SSL_set_connect_state(session->ssl);
    return session;
}

/* Whom a client wants to speak to: host, which is also sent, or ip. store is what to trust, NULL:
 * the CA of the context. */
int engine_session_expect(engine_session *session, const char *host, const void *ip, int ip_size, X509_STORE *store) {
    X509_VERIFY_PARAM *parameters = SSL_get0_param(session->ssl);
    int good = 1;
    engine_no_failure(&session->failure);
    if (store != NULL) good = SSL_set1_verify_cert_store(session->ssl, store);
    if (good && host != NULL) {
        if (strlen(host) >= sizeof session->host) return engine_explain(&session->failure, "the server name is too long");
        strcpy(session->host, host);
        X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        char other[ENGINE_HOST_MOST + 64];
        good = SSL_set_tlsext_host_name(session->ssl, host) && X509_VERIFY_PARAM_set1_host(parameters, host, 0) &&
               (!engine_wildcard_only(host, other) || X509_VERIFY_PARAM_add1_host(parameters, other, 0));
    }
    if (good && ip_size > 0) {
        memcpy(session->ip, ip, (size_t)ip_size);
        session->ip_size = ip_size;
        good = X509_VERIFY_PARAM_set1_ip(parameters, ip, (size_t)ip_size);
    }
    return good || engine_collect(&session->failure);
}

void engine_session_free(engine_session *session) {
    if (session == NULL) return;
    SSL_free(session->ssl);
    OPENSSL_clear_free(session->deferred, session->deferred_size);
    OPENSSL_cleanse(session, sizeof *session);
    free(session);
    ERR_clear_error();
}

static void begin(engine_session *session, const void *input, size_t size, engine_output *output) {
    /* To look is cheaper than to clear what is empty. */
    if (ERR_peek_error() != 0) ERR_clear_error();
    if (!session->broken) {
        session->failure.text[0] = session->failure.reason_text[0] = '\0';
        session->failure.library = 0;
    }
    session->input = input;
    session->input_left = size;
    session->output = output;
    session->consumed = session->produced = 0;
    session->portion = ENGINE_PORTION;
}

static int finish(engine_session *session, size_t size, int status) {
    session->consumed = size - session->input_left;
    session->pending = !session->broken && SSL_pending(session->ssl) > 0;
    session->input = NULL;
    session->input_left = 0;
    session->output = NULL;
    return status;
}

static int fail(engine_session *session) {
    engine_collect(&session->failure);
    session->broken = 1;
    return ENGINE_FAILED;
}

/* What a result that is not a success means. */
static int conclude(engine_session *session, int result) {
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return ENGINE_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return ENGINE_ENDED;
    case SSL_ERROR_SSL:
        if (engine_limit_failed(session)) return fail(session);
        if (SSL_get_verify_mode(session->ssl) != SSL_VERIFY_NONE)
            session->failure.verify = SSL_get_verify_result(session->ssl);
        return fail(session);
    /* the BIO refuses a hello that is too long, and what it has no room for */
    case SSL_ERROR_SYSCALL:
        if (session->failure.text[0] == '\0') engine_explain(&session->failure, "out of memory");
        return fail(session);
    }
    engine_explain(&session->failure, "OpenSSL waits for what does not come");
    return fail(session);
}

/* OpenSSL does not look at the name again when it resumes a session, and verifies nothing where a
 * suite that the user asked for has no certificate. */
static long verify_again(const engine_session *session) {
    X509 *peer = SSL_get0_peer_certificate(session->ssl);
    long result = SSL_get_verify_result(session->ssl);
    if (peer == NULL) return session->optional ? X509_V_OK : X509_V_ERR_UNSPECIFIED;
    if (result != X509_V_OK || SSL_is_server(session->ssl)) return result;
    if (session->ip_size > 0)
        return X509_check_ip(peer, session->ip, (size_t)session->ip_size, 0) == 1 ? X509_V_OK
                                                                                   : X509_V_ERR_IP_ADDRESS_MISMATCH;
    return session->host[0] != '\0' && engine_has_host(peer, session->host) ? X509_V_OK : X509_V_ERR_HOSTNAME_MISMATCH;
}

int engine_handshake(engine_session *session, const void *input, size_t size, engine_output *output) {
    begin(session, input, size, output);
    if (session->broken) return finish(session, size, ENGINE_FAILED);
    int result = SSL_do_handshake(session->ssl);
    if (result != 1) return finish(session, size, conclude(session, result));
    if (session->verify && !session->established && (session->failure.verify = verify_again(session)) != X509_V_OK)
        return finish(session, size, fail(session));
    session->established = 1;
    return finish(session, size, ENGINE_DONE);
}

/* TLS 1.3: while OpenSSL has a part of a message of the handshake (a ticket, say, that comes in
 * several records), it takes neither writes nor the end. They wait until the rest has come. */
enum { DEFERRED_MOST = 1024 * 1024 };

static int defer(engine_session *session, const void *plain, size_t size) {
    size_t before = session->deferred_size;
    if (size > DEFERRED_MOST - before)
        return engine_explain(&session->failure, "the peer does not end a message of the handshake");
    unsigned char *bytes = OPENSSL_clear_realloc(session->deferred, before, before + size);
    if (bytes == NULL) return engine_explain(&session->failure, "out of memory");
    memcpy(bytes + before, plain, size);
    session->deferred = bytes;
    session->deferred_size = before + size;
    return 1;
}

static int write_all(engine_session *session, const void *plain, size_t size) {
    /* At once what it takes: a record has 16 KB and less than 100 bytes around it. */
    if (!engine_output_reserve(session->output, size + (size / 16384 + 1) * 100)) {
        engine_explain(&session->failure, "out of memory");
        return fail(session);
    }
    size_t written = 0;
    int result = SSL_write_ex(session->ssl, plain, size, &written);
    if (result == 1) return ENGINE_DONE;
    if (conclude(session, result) != ENGINE_FAILED) {
        engine_explain(&session->failure, "the connection cannot be written to");
        fail(session);
    }
    return ENGINE_FAILED;
}

static int end(engine_session *session) {
    int result = SSL_shutdown(session->ssl);
    return result < 0 && conclude(session, result) == ENGINE_FAILED ? ENGINE_FAILED : ENGINE_DONE;
}

/* Makes up for what was deferred, as soon as that is possible. */
static int catch_up(engine_session *session) {
    int status = ENGINE_DONE;
    if ((session->deferred == NULL && !session->deferred_end) || SSL_in_init(session->ssl)) return status;
    if (session->deferred != NULL) {
        status = write_all(session, session->deferred, session->deferred_size);
        OPENSSL_clear_free(session->deferred, session->deferred_size);
        session->deferred = NULL;
        session->deferred_size = 0;
    }
    if (status == ENGINE_DONE && session->deferred_end) status = end(session);
    session->deferred_end = 0;
    return status;
}

int engine_read(engine_session *session, const void *input, size_t size, void *plain, size_t capacity,
                engine_output *output) {
    begin(session, input, size, output);
    if (session->broken || !session->established) return finish(session, size, ENGINE_FAILED);
    int status = ENGINE_DONE;
    while (session->produced < capacity && status == ENGINE_DONE) {
        size_t n = 0;
        int result = SSL_read_ex(session->ssl, (char *)plain + session->produced, capacity - session->produced, &n);
        if (result != 1) {
            status = conclude(session, result);
            break;
        }
        session->produced += n;
        session->idle_updates = session->idle_messages = 0;
        /* Asking once more would only tell that there is nothing. */
        if (session->input_left == 0 && !SSL_has_pending(session->ssl)) status = ENGINE_MORE;
    }
    if (status != ENGINE_FAILED && catch_up(session) == ENGINE_FAILED) status = ENGINE_FAILED;
    return finish(session, size, status);
}

int engine_write(engine_session *session, const void *plain, size_t size, engine_output *output) {
    begin(session, NULL, 0, output);
    if (session->broken || !session->established) return finish(session, 0, ENGINE_FAILED);
    if (session->deferred_end || SSL_get_shutdown(session->ssl) & SSL_SENT_SHUTDOWN) {
        engine_explain(&session->failure, "written after the end");
        return finish(session, 0, ENGINE_FAILED); /* reading goes on */
    }
    if (size == 0) return finish(session, 0, ENGINE_DONE);
    if (SSL_in_init(session->ssl))
        return finish(session, 0, defer(session, plain, size) ? ENGINE_DONE : fail(session));
    return finish(session, 0, write_all(session, plain, size));
}

/* Where there is no session yet or no more there is nothing to end. */
int engine_shutdown(engine_session *session, engine_output *output) {
    begin(session, NULL, 0, output);
    if (session->broken || !session->established) return finish(session, 0, ENGINE_DONE);
    if (SSL_in_init(session->ssl)) {
        session->deferred_end = 1;
        return finish(session, 0, ENGINE_DONE);
    }
    return finish(session, 0, end(session));
}
