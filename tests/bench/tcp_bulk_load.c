/* One connection writing as fast as possible to a server that discards. The
 * clock stops when the server closed after our end of stream: only bytes that
 * were really read count, not those waiting in socket buffers. */
#include "load_connect.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Write for so long; returns the bytes. */
static uint64_t write_for(int fd, const char* data, size_t size, double seconds) {
  uint64_t end = now_ns() + (uint64_t) (seconds * 1e9);
  uint64_t total = 0;

  while (now_ns() < end || total == 0) {
    ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

    if (n < 0 && errno != EINTR)
      die("send");
    if (n > 0)
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
  size_t size;
  char* data;
  char byte;
  ssize_t n;
  int fd;

  parse_load_args(argc, argv, &server, options,
                  sizeof options / sizeof options[0]);
  if (bytes < 1)
    fail("--size is at least 1");
  size = (size_t) bytes;
  data = must_alloc(1, size);
  alarm((unsigned) (seconds + warmup) + 60);
  fd = connect_many(&server, 1, 0, 0)[0];

  write_for(fd, data, size, warmup);
  cpu = process_cpu_seconds((long) pid);
  begin = now_ns();
  total = write_for(fd, data, size, seconds);
  if (shutdown(fd, SHUT_WR) != 0)
    die("shutdown");
  do
    n = recv(fd, &byte, 1, 0);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    die("waiting for the server to close");
  if (n > 0)
    fail("the server sent something");
  elapsed = (double) (now_ns() - begin) / 1e9;
  cpu = process_cpu_seconds((long) pid) - cpu;

  printf("{\"megabytes_per_second\": %.1f, \"messages\": %.0f, "
         "\"seconds\": %.3f, \"server_cpu_seconds\": %.6f}\n",
         (double) total / 1e6 / elapsed, (double) total / 65536, elapsed, cpu);
  free(data);
  return 0;
}
