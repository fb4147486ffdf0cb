#include "tls_client.h"
#include "bench_util.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define SUITE "TLS_AES_128_GCM_SHA256"
#define GROUP "X25519"

static SSL_CTX* context;
static bool resume;
static SSL_SESSION* newest;

static void fail_tls(const char* what) {
  unsigned long code = ERR_get_error();

  if (code == 0)
    fail("%s: %s", what, errno != 0 ? strerror(errno) : "the server closed");
  fail("%s: %s", what, ERR_reason_error_string(code));
}

/* A copy: the connection's own is no longer resumable after an end without
 * close_notify. */
static int keep_session(SSL* ssl, SSL_SESSION* session) {
  (void) ssl;
  SSL_SESSION_free(newest);
  newest = SSL_SESSION_dup(session);
  return 0;
}

static SSL_CTX* make_context(void) {
  SSL_CTX* made = SSL_CTX_new(TLS_client_method());

  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* OpenSSL writes with write(2) */
    die("SIGPIPE");
  if (made == NULL || SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(made, SUITE) != 1 ||
      SSL_CTX_set1_groups_list(made, GROUP) != 1)
    fail_tls("context");
  SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE |
                             SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                             SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(made, 1);
  /* An end without close_notify is an end here: not every peer sends one. */
  SSL_CTX_set_options(made, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(
      made, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(made, keep_session);
  return made;
}

void tls_client_resume(void) {
  if (newest == NULL)
    fail("the server gave no session to resume");
  resume = true;
}

/* A copy: a connection writes its secrets into the session that it has. */
static void use_session(SSL* ssl) {
  SSL_SESSION* copy = SSL_SESSION_dup(newest);

  if (copy == NULL || SSL_set_session(ssl, copy) != 1)
    fail_tls("session");
  SSL_SESSION_free(copy);
}

static void* tls_open(int fd) {
  int flags = fcntl(fd, F_GETFL);
  SSL* ssl;

  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
    die("O_NONBLOCK");
  if (context == NULL)
    context = make_context();
  ssl = SSL_new(context);
  if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
    fail_tls("SSL");
  if (resume)
    use_session(ssl);
  SSL_set_connect_state(ssl);
  return ssl;
}

/* -1 if the operation waits for the descriptor, 0 at the peer's end. */
static ssize_t not_now(SSL* ssl, int result, const char* what) {
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      fail_tls(what);
      return 0;
  }
}

static bool tls_handshake(void* state) {
  SSL* ssl = state;
  int result;

  ERR_clear_error();
  errno = 0;
  result = SSL_do_handshake(ssl);
  if (result != 1) {
    if (not_now(ssl, result, "handshake") == 0)
      fail("handshake: the server closed");
    return false;
  }
  if (SSL_version(ssl) != TLS1_3_VERSION || strcmp(SSL_get_cipher_name(ssl), SUITE) != 0)
    fail("%s with %s instead of TLSv1.3 with " SUITE, SSL_get_version(ssl),
         SSL_get_cipher_name(ssl));
  if (resume && SSL_session_reused(ssl) != 1)
    fail("the server did not resume the session");
  return true;
}

static ssize_t tls_send(void* state, const char* data, size_t size) {
  size_t written;
  int result;

  ERR_clear_error();
  errno = 0;
  result = SSL_write_ex(state, data, size, &written);
  return result == 1 ? (ssize_t) written : not_now(state, result, "SSL_write");
}

static ssize_t tls_receive(void* state, char* data, size_t size) {
  size_t got;
  int result;

  ERR_clear_error();
  errno = 0;
  result = SSL_read_ex(state, data, size, &got);
  return result == 1 ? (ssize_t) got : not_now(state, result, "SSL_read");
}

static void tls_end(void* state) {
  struct pollfd writable = { .fd = SSL_get_fd(state), .events = POLLOUT };
  int result;

  for (;;) {
    ERR_clear_error();
    errno = 0;
    result = SSL_shutdown(state);
    if (result >= 0)
      break;
    if (SSL_get_error(state, result) != SSL_ERROR_WANT_WRITE)
      fail_tls("SSL_shutdown");
    if (poll(&writable, 1, -1) < 0 && errno != EINTR)
      die("poll");
  }
  if (shutdown(SSL_get_fd(state), SHUT_WR) != 0)
    die("shutdown");
}

static void tls_close(void* state) {
  int fd = SSL_get_fd(state);

  SSL_free(state);
  close(fd);
}

const struct transport tls_transport = {
  .open = tls_open,
  .handshake = tls_handshake,
  .send = tls_send,
  .receive = tls_receive,
  .end = tls_end,
  .close = tls_close,
};
