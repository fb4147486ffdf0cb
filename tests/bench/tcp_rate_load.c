/* Open loop: messages leave at a fixed rate whatever the answers do, over N
 * connections in turn, and the latency of each counts from the moment it was
 * meant to leave. So a server (or this program) that stops for a while is
 * charged for every message of that time: no coordinated omission.
 *
 * The program never sleeps: it owns its core, and a wake-up would be charged
 * to the server. When it was itself off its core, that is reported beside the
 * slow answers, so that the machine's part in them can be told. */
#include "histogram.h"
#include "load_connect.h"
#include "message.h"
#include "transport.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_WAIT 64
/* Messages under way on one connection; a server that lets more pile up does
 * not keep the rate. A power of two. */
#define IN_FLIGHT_MAX 1024
#define SPANS_MAX 1000
#define STALL_NS UINT64_C(5000000000)

struct client {
  void* state;
  uint64_t due;      /* messages meant to be sent so far */
  uint64_t sent;     /* bytes */
  uint64_t received; /* bytes */
  uint64_t meant_at[IN_FLIGHT_MAX];
};

/* A time in which something was slow: [begin, end] in CLOCK_MONOTONIC. */
struct span {
  uint64_t begin;
  uint64_t end;
  uint64_t worst;
  uint64_t count;
};

struct spans {
  struct span list[SPANS_MAX];
  size_t length;
  uint64_t dropped;
};

static size_t size;
static uint64_t slow_ns;
static uint64_t measure_from;
static uint64_t last_answer;
static struct histogram latencies;
static struct spans slow;   /* answers */
static struct spans absent; /* this program, off its core */
static char buffer[64 * 1024];

static void spans_add(struct spans* spans, uint64_t begin, uint64_t end) {
  struct span* last = &spans->list[spans->length > 0 ? spans->length - 1 : 0];

  if (spans->length == 0 || begin > last->end) {
    if (spans->length == SPANS_MAX) {
      spans->dropped++;
      return;
    }
    last = &spans->list[spans->length++];
    *last = (struct span) { .begin = begin };
  }
  if (begin < last->begin)
    last->begin = begin;
  if (end > last->end)
    last->end = end;
  if (end - begin > last->worst)
    last->worst = end - begin;
  last->count++;
}

static void send_due(struct client* c) {
  while (c->sent < c->due * size) {
    size_t offset = c->sent % size;
    const char* message = message_make((uint8_t) (c->sent / size));
    ssize_t n = plain_transport.send(c->state, message + offset, size - offset);

    if (n < 0)
      return;
    c->sent += (uint64_t) n;
  }
}

static void take_answer(struct client* c, uint64_t now) {
  uint64_t meant_at = c->meant_at[(c->received / size - 1) % IN_FLIGHT_MAX];

  last_answer = now;
  if (meant_at < measure_from)
    return;
  histogram_record(&latencies, now - meant_at);
  if (now - meant_at > slow_ns)
    spans_add(&slow, meant_at, now);
}

/* One read; true if there may be more to read. */
static bool receive(struct client* c) {
  ssize_t n = plain_transport.receive(c->state, buffer, sizeof buffer);
  uint64_t now = now_ns();
  size_t done = 0;

  if (n == 0)
    fail("the server closed a connection");
  while (n > 0 && done < (size_t) n) {
    size_t offset = c->received % size;
    size_t part = size - offset;

    if (part > (size_t) n - done)
      part = (size_t) n - done;
    if (c->received + part > c->sent)
      fail("more bytes came back than were sent");
    message_check((uint8_t) (c->received / size), offset, buffer + done, part);
    c->received += part;
    done += part;
    if (c->received % size == 0)
      take_answer(c, now);
  }
  return n == sizeof buffer;
}

static void poll_once(int poll_fd) {
  struct epoll_event events[EVENTS_PER_WAIT];
  int n = epoll_wait(poll_fd, events, EVENTS_PER_WAIT, 0);

  if (n < 0 && errno != EINTR)
    die("epoll_wait");
  for (int i = 0; i < n; i++) {
    struct client* c = events[i].data.ptr;

    if (events[i].events & ~(uint32_t) EPOLLOUT)
      while (receive(c))
        ;
    if (c->sent < c->due * size)
      send_due(c);
  }
}

static void send_next(struct client* c, uint64_t meant_at) {
  if (c->due - c->received / size == IN_FLIGHT_MAX)
    fail("the server does not keep the rate: %d messages wait on one connection",
         IN_FLIGHT_MAX);
  c->meant_at[c->due++ % IN_FLIGHT_MAX] = meant_at;
  send_due(c);
}

static void run(int poll_fd, struct client* clients, size_t count, double interval,
                uint64_t begin, uint64_t end) {
  uint64_t before = now_ns();
  uint64_t number = 0;
  uint64_t next = begin;

  for (;;) {
    uint64_t now = now_ns();

    if (now - before > slow_ns / 2 && before >= measure_from)
      spans_add(&absent, before, now);
    before = now;
    if (next >= end && now >= end) /* all that were meant to leave have left */
      return;
    /* A few at a time, so that answers are taken while catching up. */
    for (int i = 0; i < 16 && next <= now && next < end; i++) {
      send_next(&clients[number % count], next);
      number++;
      next = begin + (uint64_t) ((double) number * interval);
    }
    poll_once(poll_fd);
  }
}

static bool all_answered(const struct client* clients, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (clients[i].received < clients[i].due * size)
      return false;
  return true;
}

static void wait_for_answers(int poll_fd, const struct client* clients, size_t count) {
  last_answer = now_ns();
  while (!all_answered(clients, count)) {
    poll_once(poll_fd);
    if (now_ns() - last_answer > STALL_NS)
      fail("answers are missing");
  }
}

static struct client* start_clients(const struct address* server, size_t count, int poll_fd) {
  int* fds = connect_many(server, count, size, size);
  struct client* clients = must_alloc(count, sizeof *clients);

  for (size_t i = 0; i < count; i++) {
    struct epoll_event event = {
      .events = EPOLLIN | EPOLLOUT | EPOLLET,
      .data.ptr = &clients[i],
    };

    clients[i].state = plain_transport.open(fds[i]);
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fds[i], &event) != 0)
      die("epoll_ctl");
  }
  free(fds);
  return clients;
}

static void print_spans(const char* name, const struct spans* spans) {
  printf(", \"%s\": [", name);
  for (size_t i = 0; i < spans->length; i++) {
    const struct span* s = &spans->list[i];

    printf("%s{\"begin\": %.6f, \"end\": %.6f, \"worst_us\": %.1f, \"count\": %llu}",
           i > 0 ? ", " : "", (double) s->begin / 1e9, (double) s->end / 1e9,
           (double) s->worst / 1e3, (unsigned long long) s->count);
  }
  printf("], \"%s_dropped\": %llu", name, (unsigned long long) spans->dropped);
}

int main(int argc, char** argv) {
  double connections = NAN, bytes = NAN, rate = NAN, seconds = NAN;
  double warmup = 0.3, slow_us = 1000, pid = 0;
  const struct option_number options[] = {
    { "--connections", &connections }, { "--size", &bytes },
    { "--rate", &rate },               { "--seconds", &seconds },
    { "--warmup", &warmup },           { "--slow-us", &slow_us },
    { "--pid", &pid },
  };
  struct address server;
  struct client* clients;
  uint64_t begin;
  double interval;
  double cpu;
  double elapsed;
  size_t count;
  int poll_fd = epoll_create1(EPOLL_CLOEXEC);

  if (poll_fd < 0)
    die("epoll_create1");
  parse_load_args(argc, argv, &server, options, sizeof options / sizeof options[0]);
  if (connections < 1 || rate < 1)
    fail("--connections and --rate are at least 1");
  size = (size_t) bytes;
  count = (size_t) connections;
  interval = 1e9 / rate;
  slow_ns = (uint64_t) (slow_us * 1e3);
  alarm((unsigned) (seconds + warmup) + 60);
  message_setup(size, size);

  clients = start_clients(&server, count, poll_fd);
  measure_from = UINT64_MAX;
  begin = now_ns();
  run(poll_fd, clients, count, interval, begin, begin + (uint64_t) (warmup * 1e9));
  cpu = process_cpu_seconds((long) pid);
  begin = measure_from = now_ns();
  run(poll_fd, clients, count, interval, begin, begin + (uint64_t) (seconds * 1e9));
  elapsed = (double) (now_ns() - begin) / 1e9;
  cpu = process_cpu_seconds((long) pid) - cpu;
  wait_for_answers(poll_fd, clients, count);

  printf("{\"rate\": %.1f, \"messages_per_second\": %.1f, \"messages\": %llu, "
         "\"seconds\": %.3f, \"connections\": %.0f, \"begin\": %.6f, "
         "\"server_cpu_seconds\": %.6f, ",
         rate, (double) latencies.total / elapsed, (unsigned long long) latencies.total,
         elapsed, connections, (double) begin / 1e9, cpu);
  histogram_print(&latencies);
  print_spans("slow", &slow);
  print_spans("absent", &absent);
  puts("}");
  free(clients);
  return 0;
}
