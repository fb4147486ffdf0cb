/* One connection reading as fast as possible from a server that only sends. */
#include "load_connect.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

static char buffer[256 * 1024];

/* Read for so long, and something; returns the seconds it took and stores the bytes. */
static double read_for(int fd, double seconds, uint64_t* total) {
  uint64_t begin = now_ns();
  uint64_t end = begin + (uint64_t) (seconds * 1e9);
  uint64_t now = begin;

  *total = 0;
  while (now < end || *total == 0) {
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);

    if (n == 0)
      fail("the server closed the connection");
    if (n < 0 && errno != EINTR)
      die("recv");
    if (n > 0)
      *total += (uint64_t) n;
    now = now_ns();
  }
  return (double) (now - begin) / 1e9;
}

int main(int argc, char** argv) {
  double seconds = NAN, warmup = 0.2, pid = 0;
  const struct option_number options[] = {
    { "--seconds", &seconds }, { "--warmup", &warmup }, { "--pid", &pid },
  };
  struct address server;
  uint64_t total;
  double cpu;
  double elapsed;
  int fd;

  parse_load_args(argc, argv, &server, options,
                  sizeof options / sizeof options[0]);
  alarm((unsigned) (seconds + warmup) + 60);
  fd = connect_many(&server, 1, 0, 0)[0];
  read_for(fd, warmup, &total);
  cpu = process_cpu_seconds((long) pid);
  elapsed = read_for(fd, seconds, &total);
  cpu = process_cpu_seconds((long) pid) - cpu;
  /* "messages" of 64 KB, as the sink case counts them. */
  printf("{\"megabytes_per_second\": %.1f, \"messages\": %.0f, "
         "\"seconds\": %.3f, \"server_cpu_seconds\": %.6f}\n",
         (double) total / 1e6 / elapsed, (double) total / 65536, elapsed, cpu);
  return 0;
}
