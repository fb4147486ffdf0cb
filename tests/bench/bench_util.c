#define _GNU_SOURCE 1
#include "bench_util.h"

#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 1024

void fail(const char* format, ...) {
  va_list args;

  fprintf(stderr, "%s: ", program_invocation_short_name);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  exit(1);
}

void die(const char* what) {
  fail("%s: %s", what, strerror(errno));
}

void* must_alloc(size_t count, size_t size) {
  void* p = calloc(count, size);

  if (p == NULL)
    fail("out of memory");
  return p;
}

void parse_address(const char* host, const char* port, struct address* out) {
  struct addrinfo hints = {
    .ai_family = AF_UNSPEC,
    .ai_socktype = SOCK_STREAM,
    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
  };
  struct addrinfo* found;
  int err = getaddrinfo(host, port, &hints, &found);

  if (err != 0)
    fail("%s %s: %s", host, port, gai_strerror(err));
  memset(out, 0, sizeof *out);
  memcpy(&out->storage, found->ai_addr, found->ai_addrlen);
  out->length = found->ai_addrlen;
  freeaddrinfo(found);
}

static void print_usage(const char* problem, const char* word,
                        const struct option_number* options, size_t count) {
  fprintf(stderr, "%s: %s %s\nusage: %s HOST PORT", program_invocation_short_name,
          problem, word, program_invocation_short_name);
  for (size_t i = 0; i < count; i++)
    fprintf(stderr, " %s NUMBER", options[i].name);
  fputc('\n', stderr);
  exit(1);
}

void parse_load_args(int argc, char** argv, struct address* server,
                     const struct option_number* options, size_t count) {
  if (argc < 3)
    print_usage("missing", "HOST PORT", options, count);
  parse_address(argv[1], argv[2], server);

  for (int i = 3; i < argc; i += 2) {
    size_t k = 0;
    char* end;

    while (k < count && strcmp(argv[i], options[k].name) != 0)
      k++;
    if (k == count)
      print_usage("unknown option", argv[i], options, count);
    if (i + 1 == argc)
      print_usage("missing value of", argv[i], options, count);
    *options[k].value = strtod(argv[i + 1], &end);
    if (*end != '\0' || end == argv[i + 1] || !(*options[k].value >= 0))
      print_usage("bad value of", argv[i], options, count);
  }

  for (size_t k = 0; k < count; k++)
    if (isnan(*options[k].value))
      print_usage("missing", options[k].name, options, count);
}

void announce(const struct sockaddr* addr, socklen_t length) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  int err = getnameinfo(addr, length, host, sizeof host, port, sizeof port,
                        NI_NUMERICHOST | NI_NUMERICSERV);

  if (err != 0)
    fail("getnameinfo: %s", gai_strerror(err));
  if (printf("listening %s %s\n", host, port) < 0 || fflush(stdout) != 0)
    die("stdout");
}

int open_server(const char* host, const char* port, int type) {
  struct address address;
  int on = 1;
  int fd;

  parse_address(host, port, &address);
  fd = socket(address.storage.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    die("socket");
  if (type == SOCK_STREAM &&
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    die("SO_REUSEADDR");
  if (bind(fd, (struct sockaddr*) &address.storage, address.length) != 0)
    die("bind");
  if (type == SOCK_STREAM && listen(fd, BACKLOG) != 0)
    die("listen");
  if (getsockname(fd, (struct sockaddr*) &address.storage, &address.length) != 0)
    die("getsockname");
  announce((struct sockaddr*) &address.storage, address.length);
  return fd;
}

int open_stop_signal(void) {
  sigset_t set;
  int fd;

  if (sigemptyset(&set) != 0 || sigaddset(&set, SIGTERM) != 0 ||
      sigaddset(&set, SIGINT) != 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
    die("sigprocmask");
  fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0)
    die("signalfd");
  return fd;
}

void set_nodelay(int fd) {
  int on = 1;

  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
    die("TCP_NODELAY");
}

uint64_t now_ns(void) {
  struct timespec t;

  if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
    die("clock_gettime");
  return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

double process_cpu_seconds(long pid) {
  struct timespec used;
  clockid_t clock;
  int err;

  if (pid == 0)
    return 0;
  err = clock_getcpuclockid((pid_t) pid, &clock);
  if (err != 0)
    fail("CPU clock of process %ld: %s", pid, strerror(err));
  if (clock_gettime(clock, &used) != 0)
    die("clock_gettime of the server");
  return (double) used.tv_sec + (double) used.tv_nsec / 1e9;
}
