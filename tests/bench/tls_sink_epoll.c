/* Bare TLS: receives, decrypts and discards. */
#include "tls_server.h"

#include <openssl/err.h>

static char buffer[16 * 1024]; /* a record */

static enum verdict discard(struct connection* c, SSL* ssl) {
  (void) c;
  for (int i = 0; i < OPERATIONS_PER_TURN; i++) {
    size_t n;
    int result;

    ERR_clear_error();
    result = SSL_read_ex(ssl, buffer, sizeof buffer, &n);
    if (result != 1)
      return tls_verdict(ssl, result);
  }
  return AGAIN;
}

int main(int argc, char** argv) {
  return tls_server_main(argc, argv, discard);
}
