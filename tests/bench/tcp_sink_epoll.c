/* Receives and discards; closes at the end of the stream, which tells the
 * load generator that everything it sent was read. */
#include "epoll_server.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

static char buffer[64 * 1024];
static uint64_t received;

static enum verdict discard(struct connection* c) {
  for (int i = 0; i < OPERATIONS_PER_TURN; i++) {
    ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);

    if (n == 0)
      return CLOSE;
    if (n < 0) {
      if (errno == EINTR)
        continue;
      return errno == EAGAIN ? KEEP : CLOSE;
    }
    received += (uint64_t) n;
    if ((size_t) n < sizeof buffer && !c->ended)
      return KEEP;
  }
  return AGAIN;
}

int main(int argc, char** argv) {
  epoll_server_main(argc, argv, discard);
  fprintf(stderr, "received %llu bytes\n", (unsigned long long) received);
  return 0;
}
