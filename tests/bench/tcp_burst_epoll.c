/* Answers every read with 16 copies of it, gathered by hand into one writev:
 * the least a burst of small messages can cost. */
#include "epoll_server.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define COPIES 16

static bool send_burst(struct connection* c, const char* data,
                       size_t length) {
  struct iovec parts[COPIES];
  struct msghdr message = { .msg_iov = parts, .msg_iovlen = COPIES };
  size_t sent;
  ssize_t n;

  for (int i = 0; i < COPIES; i++)
    parts[i] = (struct iovec) { .iov_base = (void*) data, .iov_len = length };
  do
    n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno != EAGAIN)
    return false;

  sent = n < 0 ? 0 : (size_t) n;
  while (sent < COPIES * length) {
    size_t offset = sent % length;

    connection_queue(c, data + offset, length - offset);
    sent += length - offset;
  }
  return true;
}

static enum verdict burst(struct connection* c) {
  return connection_read(c, send_burst);
}

int main(int argc, char** argv) {
  return epoll_server_main(argc, argv, burst);
}
