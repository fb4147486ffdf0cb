#define _GNU_SOURCE
#include "tls_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.h"

enum { CHUNK = 1 << 14 };

static SSL_CTX *context_of(int flags)
{
    static SSL_CTX *contexts[32];
    if (contexts[flags]) return contexts[flags];
    SSL_CTX *c = SSL_CTX_new(flags & TLS_PEER_SERVER ? TLS_server_method() : TLS_client_method());
    CHECK(c != NULL);
    if (flags & TLS_PEER_TLS12) CHECK(SSL_CTX_set_max_proto_version(c, TLS1_2_VERSION));
    const char *name = flags & TLS_PEER_STRANGER ? "stranger" : flags & TLS_PEER_SERVER ? "server" : "client";
    if (flags & (TLS_PEER_SERVER | TLS_PEER_IDENTITY)) {
        char path[400];
        snprintf(path, sizeof path, TLS_CERTIFICATES "/%s.pem", name);
        CHECK(SSL_CTX_use_certificate_chain_file(c, path) == 1);
        snprintf(path, sizeof path, TLS_CERTIFICATES "/%s.key", name);
        CHECK(SSL_CTX_use_PrivateKey_file(c, path, SSL_FILETYPE_PEM) == 1);
    }
    CHECK(SSL_CTX_load_verify_locations(c, TLS_CERTIFICATES "/ca.pem", NULL) == 1);
    if (flags & TLS_PEER_VERIFIES) SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (!(flags & TLS_PEER_SERVER)) SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_id_context(c, (const unsigned char *)"peer", 4);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return contexts[flags] = c;
}

struct tls_peer tls_peer_new(int fd, int flags)
{
    // OpenSSL writes without MSG_NOSIGNAL.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &pipe, NULL), 0);
    CHECK_EQ(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
    struct tls_peer p = {fd, SSL_new(context_of(flags))};
    CHECK(p.ssl != NULL && SSL_set_fd(p.ssl, fd) == 1);
    if (flags & TLS_PEER_SERVER) {
        SSL_set_accept_state(p.ssl);
    } else {
        SSL_set_connect_state(p.ssl);
        CHECK(SSL_set1_host(p.ssl, "localhost") == 1);
    }
    return p;
}

// What a result that is no success means; waits if it is a matter of waiting.
static enum tls_peer_outcome outcome_of(struct tls_peer *p, int result, int *again)
{
    int error = errno;
    *again = 0;
    switch (SSL_get_error(p->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        peer_wait(p->fd, POLLIN);
        *again = 1;
        return TLS_PEER_DONE;
    case SSL_ERROR_WANT_WRITE:
        peer_wait(p->fd, POLLOUT);
        *again = 1;
        return TLS_PEER_DONE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_PEER_NOTIFIED;
    case SSL_ERROR_SYSCALL:
        return error == ECONNRESET || error == EPIPE ? TLS_PEER_RESET : TLS_PEER_CUT;
    case SSL_ERROR_SSL:
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) return TLS_PEER_CUT;
    }
    return TLS_PEER_FAILED;
}

static const char *name_of(enum tls_peer_outcome o)
{
    static const char *const names[] = {"done", "close_notify", "cut", "reset", "failed"};
    return names[o];
}

enum tls_peer_outcome tls_peer_shake(struct tls_peer *p)
{
    for (int again = 1;;) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_do_handshake(p->ssl);
        if (result == 1) return TLS_PEER_DONE;
        enum tls_peer_outcome o = outcome_of(p, result, &again);
        if (!again) return o;
    }
}

void tls_peer_shake_once(struct tls_peer *p)
{
    ERR_clear_error();
    int result = SSL_do_handshake(p->ssl);
    CHECK(result == 1 || SSL_get_error(p->ssl, result) == SSL_ERROR_WANT_READ);
}

static struct tls_peer shaken(struct tls_peer p)
{
    enum tls_peer_outcome o = tls_peer_shake(&p);
    if (o != TLS_PEER_DONE) FAIL("the peer's handshake: %s, %s", name_of(o), ERR_error_string(ERR_peek_error(), NULL));
    return p;
}

struct tls_peer tls_peer_accept(int listener) { return shaken(tls_peer_new(peer_accept(listener), TLS_PEER_SERVER)); }
struct tls_peer tls_peer_connect(int port) { return shaken(tls_peer_new(peer_connect(port), 0)); }

void tls_peer_write(struct tls_peer *p, const void *data, size_t size)
{
    for (const char *from = data; size > 0;) {
        size_t n = 0;
        int again;
        ERR_clear_error();
        errno = 0;
        int result = SSL_write_ex(p->ssl, from, size, &n);
        if (result != 1) {
            enum tls_peer_outcome o = outcome_of(p, result, &again);
            if (!again) FAIL("the peer's write: %s", name_of(o));
            continue;
        }
        from += n;
        size -= n;
    }
}

void tls_peer_write_pattern(struct tls_peer *p, uint64_t offset, size_t size)
{
    char chunk[CHUNK];
    while (size > 0) {
        size_t n = size < CHUNK ? size : CHUNK;
        pattern_fill(chunk, offset, n);
        tls_peer_write(p, chunk, n);
        offset += n;
        size -= n;
    }
}

// Some bytes; 0 with the outcome if there are none any more.
static size_t read_some(struct tls_peer *p, void *to, size_t size, enum tls_peer_outcome *o)
{
    for (int again;;) {
        size_t n = 0;
        ERR_clear_error();
        errno = 0;
        int result = SSL_read_ex(p->ssl, to, size, &n);
        if (result == 1) return n;
        *o = outcome_of(p, result, &again);
        if (!again) return 0;
    }
}

void tls_peer_read(struct tls_peer *p, void *to, size_t size)
{
    enum tls_peer_outcome o;
    for (size_t got = 0, n; got < size; got += n)
        if ((n = read_some(p, (char *)to + got, size - got, &o)) == 0)
            FAIL("the peer read %zu of %zu bytes: %s", got, size, name_of(o));
}

void tls_peer_read_pattern(struct tls_peer *p, uint64_t offset, size_t size)
{
    char chunk[CHUNK];
    while (size > 0) {
        size_t n = size < CHUNK ? size : CHUNK;
        tls_peer_read(p, chunk, n);
        CHECK(pattern_matches(chunk, offset, n));
        offset += n;
        size -= n;
    }
}

uint64_t tls_peer_read_rest(struct tls_peer *p, uint64_t offset, enum tls_peer_outcome *o)
{
    char chunk[CHUNK];
    uint64_t total = 0;
    for (size_t n; (n = read_some(p, chunk, CHUNK, o)) > 0; total += n) CHECK(pattern_matches(chunk, offset + total, n));
    return total;
}

uint64_t tls_peer_read_to_end(struct tls_peer *p, uint64_t offset)
{
    enum tls_peer_outcome o;
    uint64_t n = tls_peer_read_rest(p, offset, &o);
    if (o != TLS_PEER_NOTIFIED) FAIL("the peer read %llu bytes, then: %s", (unsigned long long)n, name_of(o));
    return n;
}

void tls_peer_notify(struct tls_peer *p) { CHECK(SSL_shutdown(p->ssl) >= 0); }

void tls_peer_key_update(struct tls_peer *p)
{
    CHECK(SSL_key_update(p->ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
    CHECK(SSL_do_handshake(p->ssl) == 1);
}

void tls_peer_take_tickets(struct tls_peer *p)
{
    char c;
    size_t n;
    ERR_clear_error();
    int result = SSL_peek_ex(p->ssl, &c, 1, &n);
    CHECK(result == 1 || SSL_get_error(p->ssl, result) == SSL_ERROR_WANT_READ);
}

int tls_peer_is_resumed(struct tls_peer *p) { return SSL_session_reused(p->ssl); }

void tls_peer_drop(struct tls_peer *p)
{
    SSL_free(p->ssl);
    p->ssl = NULL;
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
}

void tls_peer_reset(struct tls_peer *p)
{
    peer_reset(p->fd);
    p->fd = -1;
    tls_peer_drop(p);
}

void tls_peer_close(struct tls_peer *p)
{
    if (p->ssl) SSL_shutdown(p->ssl);
    ERR_clear_error();
    tls_peer_drop(p);
}
