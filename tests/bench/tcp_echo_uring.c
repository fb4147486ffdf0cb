/* Bare TCP echo on io_uring: multishot accept and receive, buffers of a ring that
 * the kernel takes from, and the sends of a turn given to it in one system call.
 * For clients that wait for each answer: two sends of one connection at a time
 * could overtake each other. */
#include "bench_util.h"

#include <errno.h>
#include <liburing.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ENTRIES 4096
#define BUFFERS 4096 /* a power of two */
#define BUFFER_SIZE 4096
#define GROUP 0

/* What a completion is of: in the upper bits of its user data, the descriptor and
 * the buffer below. */
enum kind { STOPPED, ACCEPTED, RECEIVED, SENT };

static struct io_uring ring;
static struct io_uring_buf_ring* pool;
static char* memory;

static uint64_t tag(enum kind kind, int fd, unsigned buffer) {
  return (uint64_t) kind << 56 | (uint64_t) buffer << 32 | (uint32_t) fd;
}

static struct io_uring_sqe* next_sqe(void) {
  struct io_uring_sqe* sqe = io_uring_get_sqe(&ring);

  if (sqe == NULL) {
    io_uring_submit(&ring);
    sqe = io_uring_get_sqe(&ring);
  }
  if (sqe == NULL)
    fail("no room in the ring");
  return sqe;
}

static void give_back(unsigned buffer) {
  io_uring_buf_ring_add(pool, memory + (size_t) buffer * BUFFER_SIZE, BUFFER_SIZE,
                        (unsigned short) buffer, io_uring_buf_ring_mask(BUFFERS), 0);
  io_uring_buf_ring_advance(pool, 1);
}

static void make_pool(void) {
  struct io_uring_buf_reg reg = { .ring_entries = BUFFERS, .bgid = GROUP };

  if (posix_memalign((void**) &pool, 4096, BUFFERS * sizeof(struct io_uring_buf)) != 0)
    fail("out of memory");
  memory = must_alloc(BUFFERS, BUFFER_SIZE);
  reg.ring_addr = (uint64_t) (uintptr_t) pool;
  if (io_uring_register_buf_ring(&ring, &reg, 0) != 0)
    fail("no ring of buffers");
  io_uring_buf_ring_init(pool);
  for (unsigned i = 0; i < BUFFERS; i++)
    give_back(i);
}

static void accept_on(int fd) {
  struct io_uring_sqe* sqe = next_sqe();

  io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
  io_uring_sqe_set_data64(sqe, tag(ACCEPTED, fd, 0));
}

static void receive_on(int fd) {
  struct io_uring_sqe* sqe = next_sqe();

  io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = GROUP;
  io_uring_sqe_set_data64(sqe, tag(RECEIVED, fd, 0));
}

/* MSG_WAITALL has the kernel send all of it: a short send needs no code here. */
static void send_on(int fd, unsigned buffer, unsigned length) {
  struct io_uring_sqe* sqe = next_sqe();

  io_uring_prep_send(sqe, fd, memory + (size_t) buffer * BUFFER_SIZE, length,
                     MSG_NOSIGNAL | MSG_WAITALL);
  io_uring_sqe_set_data64(sqe, tag(SENT, fd, buffer));
}

static void received(int fd, const struct io_uring_cqe* cqe) {
  if (cqe->res > 0)
    send_on(fd, cqe->flags >> IORING_CQE_BUFFER_SHIFT, (unsigned) cqe->res);
  if (cqe->flags & IORING_CQE_F_MORE)
    return;
  if (cqe->res > 0 || cqe->res == -ENOBUFS)
    receive_on(fd); /* its buffers had run out, or the ring of completions was full */
  else
    close(fd);
}

static bool handle(const struct io_uring_cqe* cqe) {
  int fd = (int) (uint32_t) cqe->user_data;

  switch ((enum kind) (cqe->user_data >> 56)) {
  case STOPPED:
    return false;
  case ACCEPTED:
    if (cqe->res >= 0) {
      set_nodelay(cqe->res);
      receive_on(cqe->res);
    }
    if (!(cqe->flags & IORING_CQE_F_MORE))
      accept_on(fd);
    break;
  case RECEIVED:
    received(fd, cqe);
    break;
  case SENT:
    give_back((unsigned) (cqe->user_data >> 32) & 0xffffff);
    break;
  }
  return true;
}

int main(int argc, char** argv) {
  struct io_uring_params params = {
    .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
    .cq_entries = 4 * ENTRIES,
  };
  struct signalfd_siginfo info;
  struct io_uring_sqe* sqe;
  int stop_fd = open_stop_signal();
  int error;

  if (argc != 3)
    fail("usage: %s HOST PORT", argv[0]);
  error = io_uring_queue_init_params(ENTRIES, &ring, &params);
  if (error < 0)
    fail("io_uring: %s", strerror(-error));
  make_pool();
  accept_on(open_server(argv[1], argv[2], SOCK_STREAM));
  sqe = next_sqe();
  io_uring_prep_read(sqe, stop_fd, &info, sizeof info, 0);
  io_uring_sqe_set_data64(sqe, tag(STOPPED, stop_fd, 0));

  for (;;) {
    struct io_uring_cqe* cqe;
    unsigned head, count = 0;

    error = io_uring_submit_and_wait(&ring, 1);
    if (error < 0 && error != -EINTR)
      fail("io_uring_submit_and_wait: %s", strerror(-error));
    io_uring_for_each_cqe(&ring, head, cqe) {
      count++;
      if (!handle(cqe))
        return 0;
    }
    io_uring_cq_advance(&ring, count);
  }
}
