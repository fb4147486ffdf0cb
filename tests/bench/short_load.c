#include "short_load.h"
#include "histogram.h"
#include "load_connect.h"
#include "message.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define PLACES 16
#define MESSAGE_BYTES 64
/* The side that ends first keeps a port in TIME_WAIT: many source addresses
 * in turn, so that no port is needed again before its second is over. */
#define SOURCES 200

enum phase { CONNECTING, SHAKING_HANDS, WAITING_FOR_ECHO, WAITING_FOR_END };

struct place {
  int fd;
  void* state;
  enum phase phase;
  uint8_t counter;
  size_t received;
  uint64_t started;
};

static const struct address* server;
static const struct transport* transport;
static int poll_fd;
static unsigned opened;
static struct histogram times; /* from connect to the echo */
static uint64_t finished;

static void start(struct place* p) {
  struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = p };

  p->fd = socket(server->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (p->fd < 0)
    die("socket");
  set_nodelay(p->fd);
  bind_source(p->fd, server, opened++ % SOURCES);
  p->started = now_ns();
  p->phase = CONNECTING;
  p->received = 0;
  p->counter++;
  if (connect(p->fd, (const struct sockaddr*) &server->storage, server->length) != 0 &&
      errno != EINPROGRESS)
    die("connect");
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, p->fd, &event) != 0)
    die("epoll_ctl");
}

/* True when the phase is over; false: wait for the descriptor. */
static bool advance(struct place* p) {
  char data[MESSAGE_BYTES + 1];
  socklen_t length = sizeof(int);
  struct pollfd writable;
  ssize_t n;
  int error;

  switch (p->phase) {
    case CONNECTING:
      if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        die("SO_ERROR");
      if (error != 0)
        fail("connect: %s", strerror(error));
      writable = (struct pollfd) { .fd = p->fd, .events = POLLOUT };
      if (poll(&writable, 1, 0) <= 0)
        return false;
      p->state = transport->open(p->fd);
      return true;
    case SHAKING_HANDS:
      if (!transport->handshake(p->state))
        return false;
      if (transport->send(p->state, message_make(p->counter), MESSAGE_BYTES) != MESSAGE_BYTES)
        fail("a new connection takes no %d bytes", MESSAGE_BYTES);
      return true;
    case WAITING_FOR_ECHO:
      n = transport->receive(p->state, data, sizeof data - p->received);
      if (n < 0)
        return false;
      if (n == 0)
        fail("the server closed before the echo");
      message_check(p->counter, p->received, data, (size_t) n);
      p->received += (size_t) n;
      if (p->received < MESSAGE_BYTES)
        return advance(p);
      histogram_record(&times, now_ns() - p->started);
      transport->end(p->state);
      return true;
    case WAITING_FOR_END:
      n = transport->receive(p->state, data, sizeof data);
      if (n > 0)
        fail("the server sent more than the echo");
      if (n < 0)
        return false;
      transport->close(p->state);
      finished++;
      return true;
  }
  return false;
}

/* Until then, on a busy machine longer, until a first one is complete. */
static void run_until(uint64_t end) {
  struct epoll_event events[PLACES];
  uint64_t last = now_ns();

  while (now_ns() < end || finished == 0) {
    int n = epoll_wait(poll_fd, events, PLACES, 100);

    if (n < 0 && errno != EINTR)
      die("epoll_wait");
    if (n > 0)
      last = now_ns();
    else if (now_ns() - last > STALL_SECONDS * UINT64_C(1000000000))
      fail("nothing happened for %d seconds", STALL_SECONDS);
    for (int i = 0; i < n; i++) {
      struct place* p = events[i].data.ptr;
      bool open = true;

      while (open && advance(p)) {
        open = p->phase != WAITING_FOR_END;
        p->phase++;
      }
      if (!open)
        start(p);
    }
  }
}

/* One connection alone, so that `ready` finds what it has left behind. */
static void run_first(short_load_ready ready) {
  struct place first = { 0 };
  struct pollfd change;

  start(&first);
  for (bool open = true; open;) {
    if (advance(&first)) {
      open = first.phase != WAITING_FOR_END;
      first.phase++;
      continue;
    }
    change = (struct pollfd) { .fd = first.fd,
                               .events = first.phase == CONNECTING ? POLLOUT : POLLIN };
    if (poll(&change, 1, STALL_SECONDS * 1000) == 0)
      fail("nothing happened for %d seconds", STALL_SECONDS);
  }
  if (ready != NULL)
    ready();
}

void short_load_run(const struct address* where, const struct transport* over, double warmup,
                    double seconds, double pid, short_load_ready ready) {
  static struct place places[PLACES];
  uint64_t begin;
  double cpu;
  double elapsed;

  server = where;
  transport = over;
  alarm((unsigned) (seconds + warmup) + 60);
  message_setup(MESSAGE_BYTES, MESSAGE_BYTES);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (poll_fd < 0)
    die("epoll_create1");

  run_first(ready);
  finished = 0;
  for (int i = 0; i < PLACES; i++) {
    places[i].counter = (uint8_t) (i * 37);
    start(&places[i]);
  }
  run_until(now_ns() + (uint64_t) (warmup * 1e9));
  histogram_reset(&times);
  finished = 0;
  cpu = process_cpu_seconds((long) pid);
  begin = now_ns();
  run_until(begin + (uint64_t) (seconds * 1e9));
  elapsed = (double) (now_ns() - begin) / 1e9;
  cpu = process_cpu_seconds((long) pid) - cpu;

  printf("{\"connections_per_second\": %.1f, \"messages\": %llu, \"seconds\": %.3f, "
         "\"server_cpu_seconds\": %.6f, ",
         (double) finished / elapsed, (unsigned long long) finished, elapsed, cpu);
  histogram_print(&times);
  puts("}");
}
