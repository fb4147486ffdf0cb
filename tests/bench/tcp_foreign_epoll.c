/* Bare TCP echo whose answers are sent by a second thread. */
#include "bench_util.h"
#include "epoll_server.h"
#include "handoff.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

static char buffer[64 * 1024];

/* The descriptor may be closed by now: its client went away with its answer
 * still on the way, at the end of a run, when no new client comes. */
static void answer(const struct handoff_message* m) {
  struct pollfd writable = { .fd = (int) m->socket, .events = POLLOUT };
  size_t sent = 0;

  while (sent < m->size) {
    ssize_t n = send((int) m->socket, m->data + sent, m->size - sent, MSG_NOSIGNAL);

    if (n >= 0)
      sent += (size_t) n;
    else if (errno == EAGAIN)
      poll(&writable, 1, 100);
    else if (errno != EINTR)
      return;
  }
}

static enum verdict take(struct connection* c) {
  for (int i = 0; i < OPERATIONS_PER_TURN; i++) {
    ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);

    if (n == 0)
      return CLOSE;
    if (n < 0) {
      if (errno == EINTR)
        continue;
      return errno == EAGAIN ? KEEP : CLOSE;
    }
    handoff_put(c->fd, buffer, (size_t) n);
    if ((size_t) n < sizeof buffer && !c->ended)
      return KEEP;
  }
  return AGAIN;
}

int main(int argc, char** argv) {
  open_stop_signal(); /* blocked before there is a second thread */
  handoff_start(answer);
  return epoll_server_main(argc, argv, take);
}
