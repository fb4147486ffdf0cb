#include "load_connect.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>

/* Half a common backlog: the accept queue of the server never overflows. */
#define CONNECTIONS_PER_EXCHANGE 256
/* Below the 28,232 ports Linux hands out by default for one source address. */
#define CONNECTIONS_PER_SOURCE 25000

void need_descriptors(size_t count) {
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    die("getrlimit");
  if (limit.rlim_max < count)
    fail("%zu descriptors needed, the hard limit is %llu", count,
         (unsigned long long) limit.rlim_max);
  if (limit.rlim_cur >= count)
    return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    die("setrlimit");
}

void set_stall_timeout(int fd) {
  struct timeval stall = { .tv_sec = STALL_SECONDS };

  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &stall, sizeof stall) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof stall) != 0)
    die("SO_RCVTIMEO");
}

void bind_source(int fd, const struct address* server, unsigned number) {
  struct sockaddr_in source = { .sin_family = AF_INET };
  int on = 1;

  if (number == 0)
    return;
  if (server->storage.ss_family != AF_INET)
    fail("so many connections need an IPv4 server");
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number);
  if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0)
    die("IP_BIND_ADDRESS_NO_PORT");
  if (bind(fd, (struct sockaddr*) &source, sizeof source) != 0)
    die("bind to a source address");
}

static void exchange(int fd, char* buffer, size_t size, size_t reply) {
  for (size_t sent = 0; sent < size;) {
    ssize_t n = send(fd, buffer, size - sent, MSG_NOSIGNAL);

    if (n < 0)
      die("first send");
    sent += (size_t) n;
  }
  for (size_t received = 0; received < reply;) {
    ssize_t n = recv(fd, buffer, reply - received, 0);

    if (n < 0)
      die("first reply");
    if (n == 0)
      fail("first reply: the server closed the connection");
    received += (size_t) n;
  }
}

int* connect_many(const struct address* server, size_t count, size_t size,
                  size_t reply) {
  struct linger reset = { .l_onoff = 1, .l_linger = 0 };
  int* fds = must_alloc(count, sizeof *fds);
  char* buffer = must_alloc(1, (size > reply ? size : reply) + 1);

  need_descriptors(count + 16);
  for (size_t i = 0; i < count; i++) {
    int fd = socket(server->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
      die("socket");
    set_nodelay(fd);
    set_stall_timeout(fd);
    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0)
      die("SO_LINGER");
    bind_source(fd, server, (unsigned) (i / CONNECTIONS_PER_SOURCE));
    if (connect(fd, (const struct sockaddr*) &server->storage,
                server->length) != 0)
      die("connect");
    if (size > 0 && (i + 1 == count || (i + 1) % CONNECTIONS_PER_EXCHANGE == 0))
      exchange(fd, buffer, size, reply);
    fds[i] = fd;
  }
  free(buffer);
  return fds;
}
