#define _GNU_SOURCE 1
#include "epoll_server.h"
#include "bench_util.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_WAIT 1024
#define CONNECTION_EVENTS (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

static int poll_fd;
static int listen_fd;
static int stop_fd;
static const struct epoll_handlers* handlers;

static void watch(int operation, int fd, uint32_t events, void* data) {
  struct epoll_event event = { .events = events, .data.ptr = data };

  if (epoll_ctl(poll_fd, operation, fd, &event) != 0)
    die("epoll_ctl");
}

static void accept_all(void) {
  for (;;) {
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct connection* c;

    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED)
        continue;
      if (errno == EAGAIN)
        return;
      die("accept4");
    }
    set_nodelay(fd);
    c = must_alloc(1, sizeof *c);
    c->fd = fd;
    if (handlers->open != NULL)
      handlers->open(c);
    watch(EPOLL_CTL_ADD, fd, CONNECTION_EVENTS, c);
  }
}

static void close_connection(struct connection* c) {
  if (handlers->close != NULL)
    handlers->close(c);
  close(c->fd);
  free(c->rest);
  free(c);
}

void connection_queue(struct connection* c, const char* data, size_t length) {
  char* rest;

  if (c->rest_offset > 0)
    memmove(c->rest, c->rest + c->rest_offset, c->rest_length);
  c->rest_offset = 0;
  rest = realloc(c->rest, c->rest_length + length);
  if (rest == NULL)
    fail("out of memory");
  memcpy(rest + c->rest_length, data, length);
  c->rest = rest;
  c->rest_length += length;
}

/* How many bytes the kernel took; -1 if the connection is broken. */
static ssize_t send_some(int fd, const char* data, size_t length) {
  ssize_t n;

  do
    n = send(fd, data, length, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN)
    return 0;
  return n;
}

bool connection_send(struct connection* c, const char* data, size_t length) {
  ssize_t n = send_some(c->fd, data, length);

  if (n < 0)
    return false;
  if ((size_t) n < length)
    connection_queue(c, data + n, length - (size_t) n);
  return true;
}

enum verdict connection_read(struct connection* c, bytes_fn on_bytes) {
  static char buffer[64 * 1024];

  for (int i = 0; i < OPERATIONS_PER_TURN; i++) {
    ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);

    if (n == 0)
      return CLOSE;
    if (n < 0) {
      if (errno == EINTR)
        continue;
      return errno == EAGAIN ? KEEP : CLOSE;
    }
    if (!on_bytes(c, buffer, (size_t) n))
      return CLOSE;
    if (c->rest_length > 0)
      return KEEP;
    /* A short read emptied the socket: what comes later is a new edge. */
    if ((size_t) n < sizeof buffer && !c->ended)
      return KEEP;
  }
  return AGAIN;
}

static bool flush_rest(struct connection* c) {
  while (c->rest_length > 0) {
    ssize_t n = send_some(c->fd, c->rest + c->rest_offset, c->rest_length);

    if (n < 0)
      return false;
    if (n == 0)
      return true;
    c->rest_offset += (size_t) n;
    c->rest_length -= (size_t) n;
  }
  free(c->rest);
  c->rest = NULL;
  c->rest_offset = 0;
  return true;
}

static void serve(struct connection* c, uint32_t events) {
  enum verdict verdict = KEEP;

  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    c->ended = true;
  if (c->rest_length > 0 && !flush_rest(c))
    verdict = CLOSE;
  else if (c->rest_length == 0)
    verdict = handlers->ready(c);

  if (verdict == CLOSE)
    close_connection(c);
  else if (verdict == AGAIN)
    watch(EPOLL_CTL_MOD, c->fd, CONNECTION_EVENTS, c);
}

void epoll_server_run(const char* host, const char* port, const struct epoll_handlers* with) {
  static struct epoll_event events[EVENTS_PER_WAIT];

  handlers = with;
  stop_fd = open_stop_signal();
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (poll_fd < 0)
    die("epoll_create1");
  listen_fd = open_server(host, port, SOCK_STREAM);
  watch(EPOLL_CTL_ADD, listen_fd, EPOLLIN | EPOLLET, &listen_fd);
  watch(EPOLL_CTL_ADD, stop_fd, EPOLLIN, &stop_fd);

  for (;;) {
    int n = epoll_wait(poll_fd, events, EVENTS_PER_WAIT, -1);

    if (n < 0 && errno != EINTR)
      die("epoll_wait");
    for (int i = 0; i < n; i++) {
      void* data = events[i].data.ptr;

      if (data == &stop_fd)
        return;
      if (data == &listen_fd)
        accept_all();
      else
        serve(data, events[i].events);
    }
  }
}

int epoll_server_main(int argc, char** argv, ready_fn on_ready) {
  const struct epoll_handlers only = { .ready = on_ready };

  if (argc != 3)
    fail("usage: %s HOST PORT", argv[0]);
  epoll_server_run(argv[1], argv[2], &only);
  return 0;
}
