/* Sends as fast as every connection takes it: the peer of tcp_bulk_read. */
#include "epoll_server.h"

#include <errno.h>
#include <sys/socket.h>

static char buffer[64 * 1024];

static enum verdict pour(struct connection* c) {
  /* Nothing is ever read, so a shutdown of the client means the end. */
  if (c->ended)
    return CLOSE;
  for (int i = 0; i < OPERATIONS_PER_TURN; i++) {
    /* A part that does not fit needs no remainder: all bytes are alike. */
    ssize_t n = send(c->fd, buffer, sizeof buffer, MSG_NOSIGNAL);

    if (n < 0 && errno != EINTR)
      return errno == EAGAIN ? KEEP : CLOSE;
  }
  return AGAIN;
}

int main(int argc, char** argv) {
  epoll_server_run(argc, argv, pour);
  return 0;
}
