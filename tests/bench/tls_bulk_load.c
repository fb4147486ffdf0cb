/* One TLS connection writing as fast as possible to a server that discards. The
 * clock stops when the server has closed after our end: only bytes that were
 * really read count. */
#include "load_connect.h"
#include "tls_client.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static void wait_for(int fd, short events) {
  struct pollfd ready = { .fd = fd, .events = events };
  int n = poll(&ready, 1, STALL_SECONDS * 1000);

  if (n < 0 && errno != EINTR)
    die("poll");
  if (n == 0)
    fail("nothing happened for %d seconds", STALL_SECONDS);
}

/* Write for so long; returns the bytes. A begun record has to be finished. */
static uint64_t write_for(int fd, void* state, const char* data, size_t size, double seconds) {
  uint64_t end = now_ns() + (uint64_t) (seconds * 1e9);
  uint64_t total = 0;
  ssize_t n = 0;

  while (n < 0 || now_ns() < end || total == 0) {
    n = tls_transport.send(state, data, size);
    if (n < 0)
      wait_for(fd, POLLOUT);
    else
      total += (uint64_t) n;
  }
  return total;
}

int main(int argc, char** argv) {
  double bytes = NAN, seconds = NAN, warmup = 0, pid = 0;
  const struct option_number options[] = {
    { "--size", &bytes },    { "--seconds", &seconds },
    { "--warmup", &warmup }, { "--pid", &pid },
  };
  struct address server;
  uint64_t begin;
  uint64_t total;
  double cpu;
  double elapsed;
  void* state;
  char* data;
  char byte;
  ssize_t n;
  int fd;

  parse_load_args(argc, argv, &server, options, sizeof options / sizeof options[0]);
  if (bytes < 1)
    fail("--size is at least 1");
  data = must_alloc(1, (size_t) bytes);
  alarm((unsigned) (seconds + warmup) + 60);
  fd = connect_many(&server, 1, 0, 0)[0];
  state = tls_transport.open(fd);
  while (!tls_transport.handshake(state))
    wait_for(fd, POLLIN);

  write_for(fd, state, data, (size_t) bytes, warmup);
  cpu = process_cpu_seconds((long) pid);
  begin = now_ns();
  total = write_for(fd, state, data, (size_t) bytes, seconds);
  tls_transport.end(state);
  while ((n = tls_transport.receive(state, &byte, 1)) != 0) {
    if (n > 0)
      fail("the server sent something");
    wait_for(fd, POLLIN);
  }
  elapsed = (double) (now_ns() - begin) / 1e9;
  cpu = process_cpu_seconds((long) pid) - cpu;

  printf("{\"megabytes_per_second\": %.1f, \"messages\": %.0f, \"seconds\": %.3f, "
         "\"server_cpu_seconds\": %.6f}\n",
         (double) total / 1e6 / elapsed, (double) total / 65536, elapsed, cpu);
  tls_transport.close(state);
  return 0;
}
