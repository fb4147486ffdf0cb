/* Bare UDP echo: a batch of datagrams per recvmmsg, sent back by one sendmmsg. */
#define _GNU_SOURCE 1
#include "bench_util.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>

#define BATCH 32
#define DATAGRAM_MAX 65536
#define BATCHES_PER_TURN 64

static char buffers[BATCH][DATAGRAM_MAX];
static struct sockaddr_storage senders[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

static void prepare(int i) {
  parts[i] = (struct iovec) { .iov_base = buffers[i], .iov_len = DATAGRAM_MAX };
  messages[i].msg_hdr = (struct msghdr) {
    .msg_name = &senders[i],
    .msg_namelen = sizeof senders[i],
    .msg_iov = &parts[i],
    .msg_iovlen = 1,
  };
}

/* The kernel keeps an error of an earlier datagram (a client that went away)
 * for the next call: it is none of this call's business. */
static bool is_stale_error(void) {
  return errno == EINTR || errno == ECONNREFUSED;
}

static void send_batch(int fd, int count) {
  int sent = 0;

  while (sent < count) {
    int n = sendmmsg(fd, messages + sent, (unsigned) (count - sent), 0);

    if (n >= 0) {
      sent += n;
    } else if (errno == EAGAIN) {
      struct pollfd writable = { .fd = fd, .events = POLLOUT };

      if (poll(&writable, 1, 100) < 0 && errno != EINTR)
        die("poll");
    } else if (!is_stale_error()) {
      die("sendmmsg");
    }
  }
}

/* One turn; level-triggered epoll calls again if datagrams are left. */
static void echo(int fd) {
  for (int turn = 0; turn < BATCHES_PER_TURN; turn++) {
    int n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);

    if (n < 0) {
      if (errno == EAGAIN)
        return;
      if (is_stale_error())
        continue;
      die("recvmmsg");
    }
    for (int i = 0; i < n; i++)
      parts[i].iov_len = messages[i].msg_len;
    send_batch(fd, n);
    for (int i = 0; i < n; i++)
      prepare(i);
    if (n < BATCH)
      return;
  }
}

int main(int argc, char** argv) {
  int poll_fd = epoll_create1(EPOLL_CLOEXEC);
  int stop_fd = open_stop_signal();
  struct epoll_event event = { .events = EPOLLIN };
  int fd;

  if (argc != 3)
    fail("usage: %s HOST PORT", argv[0]);
  if (poll_fd < 0)
    die("epoll_create1");
  for (int i = 0; i < BATCH; i++)
    prepare(i);
  fd = open_server(argv[1], argv[2], SOCK_DGRAM);
  event.data.fd = fd;
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
    die("epoll_ctl");
  event.data.fd = stop_fd;
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, stop_fd, &event) != 0)
    die("epoll_ctl");

  for (;;) {
    int n = epoll_wait(poll_fd, &event, 1, -1);

    if (n < 0 && errno != EINTR)
      die("epoll_wait");
    if (n == 1 && event.data.fd == stop_fd)
      return 0;
    if (n == 1)
      echo(fd);
  }
}
