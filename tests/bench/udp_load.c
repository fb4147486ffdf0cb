/* UDP echo: N connected sockets, W datagrams in flight on each, sent and
 * received in batches. A datagram carries a sequence number; one that stays
 * away for 100 ms counts as lost and its place is filled with a new one. */
#define _GNU_SOURCE 1
#include "bench_util.h"
#include "histogram.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define WINDOW_MAX 1024
#define SIZE_MAX_UDP 65507
#define LOST_AFTER_NS UINT64_C(100000000)
#define STALL_NS UINT64_C(5000000000)
#define EVENTS_PER_WAIT 64

/* A place in the window: the datagram with this sequence number is under way.
 * Sequence numbers of one place are equal modulo the window. */
struct place {
  uint64_t sequence;
  uint64_t sent_at;
};

struct client {
  int fd;
  struct place* places;
};

static size_t size;
static size_t window;
static char* send_data; /* window datagrams */
static char* receive_data;
static struct mmsghdr* send_messages;
static struct mmsghdr* receive_messages;
static struct histogram latencies;
static uint64_t lost;
static uint64_t late; /* came after it was counted as lost */

static struct mmsghdr* make_messages(char** data) {
  struct mmsghdr* messages = must_alloc(window, sizeof *messages);
  struct iovec* parts = must_alloc(window, sizeof *parts);

  *data = must_alloc(window, size + 1);
  for (size_t i = 0; i < window; i++) {
    /* One byte of room more, to notice a datagram that is too long. */
    parts[i].iov_base = *data + i * (size + 1);
    parts[i].iov_len = size + 1;
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  return messages;
}

static char pattern_byte(size_t offset) {
  return (char) (offset * 7 + offset / 251);
}

static void prepare_buffers(void) {
  send_messages = make_messages(&send_data);
  receive_messages = make_messages(&receive_data);
  for (size_t i = 0; i < window; i++) {
    send_messages[i].msg_hdr.msg_iov->iov_len = size;
    for (size_t k = 0; k < size; k++)
      send_data[i * (size + 1) + k] = pattern_byte(k);
  }
}

/* Put the datagram of a place into the send batch. */
static void add_to_batch(struct client* c, size_t place, size_t batch,
                         uint64_t now) {
  char* data = send_data + batch * (size + 1);
  struct place* p = &c->places[place];

  p->sequence += window;
  p->sent_at = now;
  memcpy(data, &p->sequence, sizeof p->sequence);
  data[size - 1] = (char) ~p->sequence;
}

static void send_batch(struct client* c, size_t count) {
  size_t sent = 0;

  while (sent < count) {
    int n = sendmmsg(c->fd, send_messages + sent, (unsigned) (count - sent), 0);

    if (n >= 0)
      sent += (size_t) n;
    else if (errno != EINTR)
      die("sendmmsg");
  }
}

static void check_datagram(const char* data, unsigned length,
                           uint64_t sequence) {
  if (length != size)
    fail("datagram of %u bytes instead of %zu", length, size);
  if (data[size - 1] != (char) ~sequence ||
      memcmp(data + 8, send_data + 8, size - 9) != 0)
    fail("wrong content in a datagram");
}

/* Takes every datagram of one batch and answers it with a new one. */
static void receive_batch(struct client* c) {
  int n = recvmmsg(c->fd, receive_messages, (unsigned) window, MSG_DONTWAIT,
                   NULL);
  uint64_t now = now_ns();
  size_t batch = 0;

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n < 0)
    die("recvmmsg");
  for (int i = 0; i < n; i++) {
    const char* data = receive_data + (size_t) i * (size + 1);
    size_t place;
    uint64_t sequence;

    memcpy(&sequence, data, sizeof sequence);
    check_datagram(data, receive_messages[i].msg_len, sequence);
    place = sequence % window;
    if (sequence > c->places[place].sequence)
      fail("a datagram that was never sent");
    if (sequence < c->places[place].sequence) {
      late++;
      continue;
    }
    histogram_record(&latencies, now - c->places[place].sent_at);
    add_to_batch(c, place, batch++, now);
  }
  send_batch(c, batch);
}

static void resend_lost(struct client* c, uint64_t now) {
  size_t batch = 0;

  for (size_t i = 0; i < window; i++) {
    if (now - c->places[i].sent_at < LOST_AFTER_NS)
      continue;
    lost++;
    add_to_batch(c, i, batch++, now);
  }
  send_batch(c, batch);
}

/* Until then, on a busy machine longer, until there is a first answer. */
static void run_until(int poll_fd, struct client* clients, size_t count,
                      uint64_t end) {
  struct epoll_event events[EVENTS_PER_WAIT];
  uint64_t now = now_ns();
  uint64_t last_check = now;
  uint64_t last_total = latencies.total;
  uint64_t last_progress = now;

  for (; now < end || latencies.total == 0; now = now_ns()) {
    int n = epoll_wait(poll_fd, events, EVENTS_PER_WAIT, 50);

    if (n < 0 && errno != EINTR)
      die("epoll_wait");
    for (int i = 0; i < n; i++)
      receive_batch(events[i].data.ptr);
    if (now - last_check < LOST_AFTER_NS / 2)
      continue;

    last_check = now;
    for (size_t i = 0; i < count; i++)
      resend_lost(&clients[i], now_ns());
    if (latencies.total != last_total)
      last_progress = now;
    else if (now - last_progress > STALL_NS)
      fail("no datagram came back for 5 seconds");
    last_total = latencies.total;
  }
}

static struct client* start_clients(const struct address* server, size_t count,
                                    int poll_fd) {
  struct client* clients = must_alloc(count, sizeof *clients);

  for (size_t i = 0; i < count; i++) {
    struct client* c = &clients[i];
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

    c->fd = socket(server->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
      die("socket");
    if (connect(c->fd, (const struct sockaddr*) &server->storage,
                server->length) != 0)
      die("connect");
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0)
      die("epoll_ctl");
    c->places = must_alloc(window, sizeof *c->places);
    for (size_t k = 0; k < window; k++) {
      c->places[k].sequence = k;
      add_to_batch(c, k, k, now_ns());
    }
    send_batch(c, window);
  }
  return clients;
}

int main(int argc, char** argv) {
  double sockets = NAN, in_flight = NAN, bytes = NAN, seconds = NAN;
  double warmup = 0.3, pid = 0;
  const struct option_number options[] = {
    { "--sockets", &sockets }, { "--window", &in_flight },
    { "--size", &bytes },      { "--seconds", &seconds },
    { "--warmup", &warmup },   { "--pid", &pid },
  };
  struct address server;
  struct client* clients;
  uint64_t begin;
  double cpu;
  double elapsed;
  int poll_fd = epoll_create1(EPOLL_CLOEXEC);

  if (poll_fd < 0)
    die("epoll_create1");
  parse_load_args(argc, argv, &server, options,
                  sizeof options / sizeof options[0]);
  if (sockets < 1 || in_flight < 1 || in_flight > WINDOW_MAX || bytes < 9 ||
      bytes > SIZE_MAX_UDP)
    fail("--sockets >= 1, --window 1 to %d, --size 9 to %d", WINDOW_MAX,
         SIZE_MAX_UDP);
  size = (size_t) bytes;
  window = (size_t) in_flight;
  alarm((unsigned) (seconds + warmup) + 60);
  prepare_buffers();

  clients = start_clients(&server, (size_t) sockets, poll_fd);
  run_until(poll_fd, clients, (size_t) sockets,
            now_ns() + (uint64_t) (warmup * 1e9));
  histogram_reset(&latencies);
  lost = 0;
  late = 0;
  cpu = process_cpu_seconds((long) pid);
  begin = now_ns();
  run_until(poll_fd, clients, (size_t) sockets,
            begin + (uint64_t) (seconds * 1e9));
  elapsed = (double) (now_ns() - begin) / 1e9;
  cpu = process_cpu_seconds((long) pid) - cpu;
  printf("{\"messages_per_second\": %.1f, \"lost\": %llu, \"late\": %llu, "
         "\"messages\": %llu, \"seconds\": %.3f, \"sockets\": %.0f, \"server_cpu_seconds\": %.6f, ",
         (double) latencies.total / elapsed, (unsigned long long) lost,
         (unsigned long long) late, (unsigned long long) latencies.total,
         elapsed, sockets, cpu);
  histogram_print(&latencies);
  puts("}");
  return 0;
}
