/* Bare TLS echo: what OpenSSL on an epoll loop can do without a library. */
#include "tls_server.h"

#include <openssl/err.h>

static char buffer[16 * 1024]; /* a record */

static enum verdict echo(struct connection* c, SSL* ssl) {
  for (int i = 0; i < OPERATIONS_PER_TURN; i++) {
    enum verdict verdict;
    size_t n;
    int result;

    ERR_clear_error();
    result = SSL_read_ex(ssl, buffer, sizeof buffer, &n);
    if (result != 1)
      return tls_verdict(ssl, result);
    verdict = tls_send(c, buffer, n);
    if (verdict != AGAIN)
      return verdict;
  }
  return AGAIN;
}

int main(int argc, char** argv) {
  return tls_server_main(argc, argv, echo);
}
