/* Limits for what OpenSSL itself takes without end, or with more memory than it needs. */
#include "engine.h"

#include <string.h>

#include <openssl/ssl3.h>

static void count_message(engine_session *session, int *count) {
    session->portion -= ENGINE_MESSAGE_COST;
    if (++*count > ENGINE_IDLE_MESSAGES) session->too_many = 1;
}

/* A key update costs OpenSSL some 50 us and the peer 27 bytes. */
void engine_watch_messages(int sent, int version, int type, const void *message, size_t size, SSL *ssl, void *unused) {
    engine_session *session = SSL_get_app_data(ssl);
    (void)version, (void)unused;
    if (sent || type != SSL3_RT_HANDSHAKE || session == NULL || !session->established) return;
    int is_update = size > 0 && *(const unsigned char *)message == SSL3_MT_KEY_UPDATE;
    count_message(session, is_update ? &session->idle_updates : &session->idle_messages);
}

/* A server of TLS 1.2 answers a client's wish to negotiate again without a message of the handshake
 * being read. */
void engine_watch_renegotiation(engine_session *session) {
    if (session->established && SSL_is_server(session->ssl))
        count_message(session, &session->idle_messages);
}

/* OpenSSL has no function that sends an alert. It sends one, encrypted, when a record is not valid:
 * unexpected_message if TLS 1.3 brings one that is not encrypted, record_overflow if one is too
 * long. */
int engine_forge(const engine_session *session, unsigned char *bytes) {
    static const unsigned char plain[] = {SSL3_RT_HANDSHAKE, 3, 3, 0, 4}, large[] = {SSL3_RT_APPLICATION_DATA, 3, 3, 0xff, 0xff};
    memcpy(bytes, SSL_version(session->ssl) >= TLS1_3_VERSION ? plain : large, sizeof plain);
    return sizeof plain;
}

/* A hello is refused from 64 KiB on, as other libraries do. OpenSSL takes 128 KiB, and reserves
 * what a client announces. */
enum { HELLO_TYPE = SSL3_MT_CLIENT_HELLO, MESSAGE_HEADER = 4 };

static int hello_refused(engine_session *session) {
    static const unsigned char alert[] = {SSL3_RT_ALERT, 3, 3, 0, 2, SSL3_AL_FATAL, SSL_AD_ILLEGAL_PARAMETER};
    engine_output *output = session->output;
    engine_explain(&session->failure, "the client's hello is longer than 65535 bytes");
    session->failure.alert_sent = SSL_AD_ILLEGAL_PARAMETER;
    if (engine_output_reserve(output, sizeof alert)) {
        memcpy(output->bytes + output->size, alert, sizeof alert);
        output->size += sizeof alert;
    }
    return 0;
}

/* A byte of a message. */
static int hello_byte_fits(engine_session *session, unsigned char byte) {
    engine_hello *hello = &session->hello;
    if (hello->message_size == MESSAGE_HEADER) {
        if (--hello->message_left == 0) hello->message_size = 0;
        return 1;
    }
    switch (hello->message_size++) {
    case 0:
        hello->over = byte != HELLO_TYPE;
        hello->message_left = 0;
        return 1;
    case 1:
        return byte == 0 || hello_refused(session);
    }
    hello->message_left = hello->message_left << 8 | byte;
    if (hello->message_size == MESSAGE_HEADER && hello->message_left == 0) hello->message_size = 0;
    return 1;
}

/* Looks at what OpenSSL is about to be given. A client sends its hello, and a second one if it is
 * asked to; one behind a change of cipher is left to OpenSSL's own limit. */
int engine_hello_fits(engine_session *session, const unsigned char *bytes, size_t size) {
    engine_hello *hello = &session->hello;
    for (size_t i = 0; i < size && !hello->over; i++) {
        if (hello->header_size < (int)sizeof hello->header) {
            hello->header[hello->header_size++] = bytes[i];
            if (hello->header_size < (int)sizeof hello->header) continue;
            hello->left = hello->header[3] << 8 | hello->header[4];
            /* Behind a change of cipher TLS 1.2 encrypts: any byte may look like the type of a
             * hello there. */
            hello->over = hello->header[0] != SSL3_RT_HANDSHAKE;
        } else {
            hello->left--;
            if (hello->header[0] == SSL3_RT_HANDSHAKE && !hello_byte_fits(session, bytes[i])) return 0;
        }
        if (hello->left == 0) hello->header_size = 0;
    }
    return 1;
}

int engine_limit_failed(engine_session *session) {
    if (session->too_many)
        engine_explain(&session->failure, "the peer sent more than %d messages of the handshake without data between them",
                       ENGINE_IDLE_MESSAGES);
    return session->too_many;
}
