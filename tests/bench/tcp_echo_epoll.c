/* Bare TCP echo: what epoll, recv and send can do without a library. */
#include "epoll_server.h"

#include <errno.h>
#include <sys/socket.h>

static char buffer[64 * 1024];

static enum verdict echo(struct connection* c) {
  for (int i = 0; i < OPERATIONS_PER_TURN; i++) {
    ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);

    if (n == 0)
      return CLOSE;
    if (n < 0) {
      if (errno == EINTR)
        continue;
      return errno == EAGAIN ? KEEP : CLOSE;
    }
    if (!connection_send(c, buffer, (size_t) n))
      return CLOSE;
    if (c->rest_length > 0)
      return KEEP;
    /* A short read emptied the socket: what comes later is a new edge. */
    if ((size_t) n < sizeof buffer && !c->ended)
      return KEEP;
  }
  return AGAIN;
}

int main(int argc, char** argv) {
  return epoll_server_main(argc, argv, echo);
}
