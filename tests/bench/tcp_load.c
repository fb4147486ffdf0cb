/* TCP request and reply: N connections, one message in flight on each.
 *
 * A message is a fixed pattern whose first and last byte change with every
 * message and differ between connections. The reply must be the message once
 * (echo) or several times (--reply, a multiple of --size), byte for byte. */
#include "histogram.h"
#include "load_connect.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_WAIT 512

struct client {
  int fd;
  uint8_t counter;
  size_t sent;
  size_t received;
  uint64_t started; /* when this message was sent */
};

static size_t size;
static size_t reply;
static char* message;  /* size bytes, stamped for each send */
static char* expected; /* reply bytes, stamped for each reply */
static char* received; /* one byte more, to notice a reply that is too long */
static struct histogram latencies;

static void stamp(char* data, uint8_t counter) {
  data[size - 1] = (char) ~counter;
  data[0] = (char) counter;
}

static void fill_pattern(void) {
  message = must_alloc(size, 1);
  expected = must_alloc(reply, 1);
  received = must_alloc(reply + 1, 1);
  for (size_t i = 0; i < size; i++)
    message[i] = (char) (i * 7 + i / 251);
  for (size_t i = 0; i < reply; i += size)
    memcpy(expected + i, message, size);
}

/* Sends what is left of the message; the rest waits for the next edge. */
static void send_message(struct client* c) {
  stamp(message, c->counter);
  while (c->sent < size) {
    ssize_t n = send(c->fd, message + c->sent, size - c->sent,
                     MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno == EAGAIN)
      return;
    if (n < 0 && errno != EINTR)
      die("send");
    if (n > 0)
      c->sent += (size_t) n;
  }
}

static void check_content(struct client* c, size_t n) {
  if (n > reply - c->received)
    fail("reply longer than %zu bytes", reply);
  for (size_t i = 0; i < reply; i += size)
    stamp(expected + i, c->counter);
  if (memcmp(received, expected + c->received, n) != 0)
    fail("wrong content in reply (message counter %u, offset %zu, %zu bytes)",
         c->counter, c->received, n);
}

/* True if the reply is complete. */
static bool receive_reply(struct client* c) {
  for (;;) {
    size_t wanted = reply - c->received + 1;
    ssize_t n = recv(c->fd, received, wanted, MSG_DONTWAIT);

    if (n == 0)
      fail("the server closed a connection");
    if (n < 0) {
      if (errno == EINTR)
        continue;
      if (errno == EAGAIN)
        return false;
      die("recv");
    }
    check_content(c, (size_t) n);
    c->received += (size_t) n;
    /* One byte more was asked for, so this read emptied the socket. */
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

static struct client* start_clients(const struct address* server, size_t count,
                                    int poll_fd) {
  int* fds = connect_many(server, count, size, reply);
  struct client* clients = must_alloc(count, sizeof *clients);

  for (size_t i = 0; i < count; i++) {
    struct client* c = &clients[i];
    struct epoll_event event = {
      .events = EPOLLIN | EPOLLOUT | EPOLLET,
      .data.ptr = c,
    };

    c->fd = fds[i];
    c->counter = (uint8_t) (i * 37);
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0)
      die("epoll_ctl");
  }
  for (size_t i = 0; i < count; i++)
    next_message(&clients[i], now_ns());
  free(fds);
  return clients;
}

static void run_until(int poll_fd, uint64_t end) {
  static struct epoll_event events[EVENTS_PER_WAIT];
  uint64_t now = now_ns();
  uint64_t last = now;

  while (now < end) {
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

/* A lost message stops its connection only; the others would hide it. */
static void check_all_served(const struct client* clients, size_t count,
                             uint64_t begin) {
  for (size_t i = 0; i < count; i++)
    if (clients[i].started < begin)
      fail("connection %zu had no reply during the whole measurement", i);
}

int main(int argc, char** argv) {
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
  if (size < 1 || connections < 1 || reply % size != 0)
    fail("--connections and --size are at least 1, --reply a multiple of --size");
  alarm((unsigned) (seconds + warmup) + 120);
  fill_pattern();

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
  if (latencies.total == 0)
    fail("no message completed");
  check_all_served(clients, (size_t) connections, begin);

  printf("{\"messages_per_second\": %.1f, \"p50_us\": %.2f, \"p99_us\": %.2f, "
         "\"p999_us\": %.2f, \"messages\": %llu, \"seconds\": %.3f, "
         "\"connections\": %.0f, \"server_cpu_seconds\": %.3f}\n",
         (double) latencies.total / elapsed,
         histogram_percentile(&latencies, 0.5) / 1e3,
         histogram_percentile(&latencies, 0.99) / 1e3,
         histogram_percentile(&latencies, 0.999) / 1e3,
         (unsigned long long) latencies.total, elapsed, connections, cpu);
  free(clients);
  return 0;
}
