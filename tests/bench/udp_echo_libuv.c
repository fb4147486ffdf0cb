/* UDP echo on libuv at its best: recvmmsg for receiving, uv_udp_try_send for
 * the answer and a queued copy only if that would block. */
#include "uv_server.h"
#include "bench_util.h"

#include <stdlib.h>
#include <string.h>

/* libuv cuts the buffer into parts of 64 KB and receives at most 20 at once. */
static char read_buffer[20 * 64 * 1024];

struct pending_send {
  uv_udp_send_t request;
  char data[];
};

static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buf) {
  (void) handle;
  (void) suggested;
  *buf = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void on_sent(uv_udp_send_t* request, int status) {
  (void) status; /* a lost datagram is the client's to notice */
  free(request);
}

static void on_receive(uv_udp_t* udp, ssize_t n, const uv_buf_t* data,
                       const struct sockaddr* from, unsigned flags) {
  struct pending_send* pending;
  uv_buf_t buf;
  int sent;

  /* No address: "nothing left" or the buffer handed back, both no datagram.
   * An error is one of an earlier answer, to a client that went away. */
  if (n < 0 || from == NULL || (flags & UV_UDP_MMSG_FREE))
    return;
  buf = uv_buf_init(data->base, (unsigned) n);
  sent = uv_udp_try_send(udp, &buf, 1, from);
  if (sent >= 0 || sent == UV_ECONNREFUSED)
    return;
  if (sent != UV_EAGAIN)
    uv_check(sent, "uv_udp_try_send");

  pending = malloc(sizeof *pending + (size_t) n);
  if (pending == NULL)
    fail("out of memory");
  memcpy(pending->data, data->base, (size_t) n);
  buf.base = pending->data;
  uv_check(uv_udp_send(&pending->request, udp, &buf, 1, from, on_sent),
           "uv_udp_send");
}

int main(int argc, char** argv) {
  static uv_udp_t udp;
  struct address address;
  int length = sizeof address.storage;

  if (argc != 3)
    fail("usage: %s HOST PORT", argv[0]);
  parse_address(argv[1], argv[2], &address);
  uv_check(uv_udp_init_ex(uv_default_loop(), &udp,
                          address.storage.ss_family | UV_UDP_RECVMMSG),
           "uv_udp_init_ex");
  uv_check(uv_udp_bind(&udp, (struct sockaddr*) &address.storage, 0),
           "uv_udp_bind");
  uv_check(uv_udp_getsockname(&udp, (struct sockaddr*) &address.storage,
                              &length), "uv_udp_getsockname");
  uv_check(uv_udp_recv_start(&udp, on_alloc, on_receive), "uv_udp_recv_start");
  uv_server_run_loop((struct sockaddr*) &address.storage, length);
  return 0;
}
