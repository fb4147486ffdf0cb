#include "transport.h"
#include "bench_util.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

static void* plain_open(int fd) {
  return (void*) (intptr_t) fd;
}

static int plain_fd(void* state) {
  return (int) (intptr_t) state;
}

static bool plain_handshake(void* state) {
  (void) state;
  return true;
}

static ssize_t plain_send(void* state, const char* data, size_t size) {
  ssize_t n;

  do
    n = send(plain_fd(state), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno != EAGAIN)
    die("send");
  return n;
}

static ssize_t plain_receive(void* state, char* data, size_t size) {
  ssize_t n;

  do
    n = recv(plain_fd(state), data, size, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno != EAGAIN)
    die("recv");
  return n;
}

static void plain_end(void* state) {
  if (shutdown(plain_fd(state), SHUT_WR) != 0)
    die("shutdown");
}

static void plain_close(void* state) {
  close(plain_fd(state));
}

const struct transport plain_transport = {
  .open = plain_open,
  .handshake = plain_handshake,
  .send = plain_send,
  .receive = plain_receive,
  .end = plain_end,
  .close = plain_close,
  .short_receive_empties = true,
};
