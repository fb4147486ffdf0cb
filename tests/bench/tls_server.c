#include "tls_server.h"
#include "bench_util.h"

#include <openssl/err.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct session {
  SSL* ssl;
  char* rest; /* plain text that was not sent yet */
  size_t rest_offset;
  size_t rest_length;
};

static SSL_CTX* context;
static tls_ready_fn ready_after_handshake;

static void open_tls(struct connection* c) {
  struct session* session = must_alloc(1, sizeof *session);

  session->ssl = SSL_new(context);
  if (session->ssl == NULL || SSL_set_fd(session->ssl, c->fd) != 1)
    fail("SSL_new");
  SSL_set_accept_state(session->ssl);
  c->state = session;
}

/* The answer to the peer's close_notify, if it fits; then the descriptor goes. */
static void close_tls(struct connection* c) {
  struct session* session = c->state;

  ERR_clear_error();
  if (SSL_get_shutdown(session->ssl) & SSL_RECEIVED_SHUTDOWN)
    SSL_shutdown(session->ssl);
  SSL_free(session->ssl);
  free(session->rest);
  free(session);
}

enum verdict tls_verdict(SSL* ssl, int result) {
  int error = SSL_get_error(ssl, result);

  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? KEEP : CLOSE;
}

/* Writes on from *offset; AGAIN when everything up to length is sent. */
static enum verdict write_some(SSL* ssl, const char* data, size_t length, size_t* offset) {
  while (*offset < length) {
    size_t n;
    int result;

    ERR_clear_error();
    result = SSL_write_ex(ssl, data + *offset, length - *offset, &n);
    if (result != 1)
      return tls_verdict(ssl, result);
    *offset += n;
  }
  return AGAIN;
}

enum verdict tls_send(struct connection* c, const char* data, size_t size) {
  struct session* session = c->state;
  size_t sent = 0;
  enum verdict verdict = write_some(session->ssl, data, size, &sent);

  if (verdict == KEEP) {
    session->rest = must_alloc(1, size - sent);
    session->rest_offset = 0;
    session->rest_length = size - sent;
    memcpy(session->rest, data + sent, size - sent);
  }
  return verdict;
}

static enum verdict send_rest(struct session* session) {
  enum verdict verdict = write_some(session->ssl, session->rest, session->rest_length,
                                    &session->rest_offset);

  if (verdict == AGAIN) {
    free(session->rest);
    session->rest = NULL;
  }
  return verdict;
}

static enum verdict ready(struct connection* c) {
  struct session* session = c->state;

  if (!SSL_is_init_finished(session->ssl)) {
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(session->ssl);
    if (result != 1)
      return tls_verdict(session->ssl, result);
  }
  if (session->rest != NULL) {
    enum verdict verdict = send_rest(session);

    if (verdict != AGAIN)
      return verdict;
  }
  return ready_after_handshake(c, session->ssl);
}

static SSL_CTX* make_context(const char* certificate, const char* key) {
  SSL_CTX* made = SSL_CTX_new(TLS_server_method());

  if (made == NULL || SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION) != 1)
    fail("SSL_CTX_new");
  if (SSL_CTX_use_certificate_chain_file(made, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(made, key, SSL_FILETYPE_PEM) != 1)
    fail("%s, %s: %s", certificate, key, ERR_reason_error_string(ERR_get_error()));
  SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE |
                             SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                             SSL_MODE_RELEASE_BUFFERS);
  /* A record in one read, not its header first. */
  SSL_CTX_set_read_ahead(made, 1);
  return made;
}

int tls_server_main(int argc, char** argv, tls_ready_fn on_ready) {
  const struct epoll_handlers handlers = { .open = open_tls, .ready = ready, .close = close_tls };

  if (argc != 5)
    fail("usage: %s HOST PORT CERTIFICATE KEY", argv[0]);
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* OpenSSL writes with write(2) */
    die("SIGPIPE");
  ready_after_handshake = on_ready;
  context = make_context(argv[3], argv[4]);
  epoll_server_run(argv[1], argv[2], &handlers);
  return 0;
}
