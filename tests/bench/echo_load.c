#include "echo_load.h"
#include "histogram.h"
#include "load_connect.h"
#include "message.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_WAIT 512

static const struct transport* transport;

struct client {
  int fd;
  void* state; /* of the transport */
  uint8_t counter;
  size_t sent;
  size_t received;
  uint64_t started; /* when this message was sent */
};

static size_t size;
static size_t reply;
static char* received; /* one byte more, to notice a reply that is too long */
static struct histogram latencies;

/* Sends what is left of the message; the rest waits for the next edge. */
static void send_message(struct client* c) {
  const char* message = message_make(c->counter);

  while (c->sent < size) {
    ssize_t n = transport->send(c->state, message + c->sent, size - c->sent);

    if (n < 0)
      return;
    c->sent += (size_t) n;
  }
}

/* True if the reply is complete. */
static bool receive_reply(struct client* c) {
  for (;;) {
    size_t wanted = reply - c->received + 1;
    ssize_t n = transport->receive(c->state, received, wanted);

    if (n == 0)
      fail("the server closed a connection");
    if (n < 0)
      return false;
    message_check(c->counter, c->received, received, (size_t) n);
    c->received += (size_t) n;
    if (c->received == reply || transport->short_receive_empties)
      return c->received == reply;
  }
}

static void next_message(struct client* c, uint64_t now) {
  c->counter++;
  c->sent = 0;
  c->received = 0;
  c->started = now;
  send_message(c);
}

static void finish_handshake(struct client* c) {
  struct pollfd readable = { .fd = c->fd, .events = POLLIN };

  while (!transport->handshake(c->state)) {
    int n = poll(&readable, 1, STALL_SECONDS * 1000);

    if (n < 0 && errno != EINTR)
      die("poll");
    if (n == 0)
      fail("no handshake for %d seconds", STALL_SECONDS);
  }
}

static struct client* start_clients(const struct address* server, size_t count,
                                    int poll_fd) {
  bool plain = transport == &plain_transport;
  int* fds = connect_many(server, count, plain ? size : 0, plain ? reply : 0);
  struct client* clients = must_alloc(count, sizeof *clients);

  for (size_t i = 0; i < count; i++) {
    struct client* c = &clients[i];
    struct epoll_event event = {
      .events = EPOLLIN | EPOLLOUT | EPOLLET,
      .data.ptr = c,
    };

    c->fd = fds[i];
    c->state = transport->open(c->fd);
    finish_handshake(c);
    c->counter = (uint8_t) (i * 37);
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0)
      die("epoll_ctl");
  }
  for (size_t i = 0; i < count; i++)
    next_message(&clients[i], now_ns());
  free(fds);
  return clients;
}

/* Until then, on a busy machine longer, until there is a first reply. */
static void run_until(int poll_fd, uint64_t end) {
  static struct epoll_event events[EVENTS_PER_WAIT];
  uint64_t now = now_ns();
  uint64_t last = now;

  while (now < end || latencies.total == 0) {
    int n = epoll_wait(poll_fd, events, EVENTS_PER_WAIT, 100);

    if (n < 0 && errno != EINTR)
      die("epoll_wait");
    if (n <= 0) {
      now = now_ns();
      if (now - last > STALL_SECONDS * UINT64_C(1000000000))
        fail("no reply for %d seconds", STALL_SECONDS);
      continue;
    }
    for (int i = 0; i < n; i++) {
      struct client* c = events[i].data.ptr;

      if (c->sent < size)
        send_message(c);
      if ((events[i].events & ~(uint32_t) EPOLLOUT) && receive_reply(c)) {
        /* The time of this reply is also the start of the next message. */
        now = now_ns();
        last = now;
        histogram_record(&latencies, now - c->started);
        next_message(c, now);
      }
    }
  }
}

/* A lost message stops its connection only; the others would hide it. Slow
 * servers of many connections get some time more to come round to all. */
static void wait_until_all_served(int poll_fd, const struct client* clients, size_t count,
                                  uint64_t begin) {
  uint64_t deadline = now_ns() + STALL_SECONDS * UINT64_C(1000000000);

  for (size_t i = 0; i < count; i++) {
    while (clients[i].started < begin) {
      if (now_ns() > deadline)
        fail("connection %zu had no reply during the whole measurement", i);
      run_until(poll_fd, now_ns() + 1000000);
    }
  }
}

int echo_load_run(int argc, char** argv, const struct transport* over) {
  double connections = NAN, bytes = NAN, seconds = NAN;
  double warmup = 0.3, reply_bytes = 0, pid = 0;
  const struct option_number options[] = {
    { "--connections", &connections }, { "--size", &bytes },
    { "--seconds", &seconds },         { "--warmup", &warmup },
    { "--reply", &reply_bytes },       { "--pid", &pid },
  };
  struct address server;
  struct client* clients;
  uint64_t begin;
  double cpu;
  double elapsed;
  int poll_fd;

  parse_load_args(argc, argv, &server, options,
                  sizeof options / sizeof options[0]);
  size = (size_t) bytes;
  reply = reply_bytes > 0 ? (size_t) reply_bytes : size;
  if (connections < 1)
    fail("--connections is at least 1");
  transport = over;
  alarm((unsigned) (seconds + warmup) + 120);
  message_setup(size, reply);
  received = must_alloc(reply + 1, 1);

  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (poll_fd < 0)
    die("epoll_create1");
  clients = start_clients(&server, (size_t) connections, poll_fd);
  run_until(poll_fd, now_ns() + (uint64_t) (warmup * 1e9));

  histogram_reset(&latencies);
  cpu = process_cpu_seconds((long) pid);
  begin = now_ns();
  run_until(poll_fd, begin + (uint64_t) (seconds * 1e9));
  elapsed = (double) (now_ns() - begin) / 1e9;
  cpu = process_cpu_seconds((long) pid) - cpu;
  printf("{\"messages_per_second\": %.1f, \"messages\": %llu, \"seconds\": %.3f, "
         "\"connections\": %.0f, \"server_cpu_seconds\": %.6f, ",
         (double) latencies.total / elapsed, (unsigned long long) latencies.total,
         elapsed, connections, cpu);
  histogram_print(&latencies);
  puts("}");
  wait_until_all_served(poll_fd, clients, (size_t) connections, begin);
  free(clients);
  return 0;
}
