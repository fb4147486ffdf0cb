/* Sends parts of SIZE bytes as fast as every connection takes them: the peer of
 * tcp_bulk_read. */
#include "bench_util.h"
#include "epoll_server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

static char* data;
static size_t size;

static enum verdict pour(struct connection* c) {
  /* Nothing is ever read, so a shutdown of the client means the end. */
  if (c->ended)
    return CLOSE;
  for (int i = 0; i < OPERATIONS_PER_TURN; i++) {
    /* A part that does not fit needs no remainder: all bytes are alike. */
    ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);

    if (n < 0 && errno != EINTR)
      return errno == EAGAIN ? KEEP : CLOSE;
  }
  return AGAIN;
}

int main(int argc, char** argv) {
  const struct epoll_handlers handlers = { .ready = pour };

  if (argc != 4)
    fail("usage: %s SIZE HOST PORT", argv[0]);
  size = strtoul(argv[1], NULL, 10);
  data = must_alloc(1, size);
  epoll_server_run(argv[2], argv[3], &handlers);
  return 0;
}
