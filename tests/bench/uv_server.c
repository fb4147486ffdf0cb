#include "uv_server.h"
#include "bench_util.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG 1024

struct pending_write {
  uv_write_t request;
  char data[];
};

static char read_buffer[64 * 1024];
static uv_server_open_cb open_cb;
static uv_server_data_cb data_cb;

void uv_check(int status, const char* what) {
  if (status < 0)
    fail("%s: %s", what, uv_strerror(status));
}

static void on_closed(uv_handle_t* handle) {
  free(handle);
}

void uv_server_close(uv_stream_t* stream) {
  if (uv_is_closing((uv_handle_t*) stream))
    return;
  if (stream->data != NULL)
    *(uv_stream_t**) stream->data = NULL;
  uv_close((uv_handle_t*) stream, on_closed);
}

static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buf) {
  (void) handle;
  (void) suggested;
  *buf = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void on_read(uv_stream_t* stream, ssize_t n, const uv_buf_t* buf) {
  if (n > 0)
    data_cb(stream, buf->base, (size_t) n);
  else if (n < 0)
    uv_server_close(stream);
}

static void on_written(uv_write_t* request, int status) {
  uv_stream_t* stream = request->handle;

  free(request);
  if (uv_is_closing((uv_handle_t*) stream))
    return;
  if (status < 0)
    uv_server_close(stream);
  else if (uv_stream_get_write_queue_size(stream) == 0)
    uv_check(uv_read_start(stream, on_alloc, on_read), "uv_read_start");
}

void uv_server_send(uv_stream_t* stream, const char* data, size_t length) {
  uv_buf_t buf = uv_buf_init((char*) data, (unsigned) length);
  struct pending_write* pending;
  int n;

  if (uv_is_closing((uv_handle_t*) stream))
    return;
  n = uv_try_write(stream, &buf, 1);
  if (n == UV_EAGAIN)
    n = 0;
  if (n < 0) {
    uv_server_close(stream);
    return;
  }
  if ((size_t) n == length)
    return;

  length -= (size_t) n;
  pending = malloc(sizeof *pending + length);
  if (pending == NULL)
    fail("out of memory");
  memcpy(pending->data, data + n, length);
  buf = uv_buf_init(pending->data, (unsigned) length);
  uv_check(uv_write(&pending->request, stream, &buf, 1, on_written), "uv_write");
  uv_check(uv_read_stop(stream), "uv_read_stop");
}

static void on_connection(uv_stream_t* listener, int status) {
  uv_tcp_t* tcp;

  uv_check(status, "accept");
  tcp = must_alloc(1, sizeof *tcp);
  uv_check(uv_tcp_init(listener->loop, tcp), "uv_tcp_init");
  uv_check(uv_accept(listener, (uv_stream_t*) tcp), "uv_accept");
  uv_check(uv_tcp_nodelay(tcp, 1), "uv_tcp_nodelay");
  if (open_cb != NULL)
    open_cb((uv_stream_t*) tcp);
  if (data_cb != NULL)
    uv_check(uv_read_start((uv_stream_t*) tcp, on_alloc, on_read),
             "uv_read_start");
}

static void on_signal(uv_signal_t* handle, int number) {
  (void) number;
  uv_stop(handle->loop);
}

void uv_server_run_loop(const struct sockaddr* address, int length) {
  static uv_signal_t handles[2];
  uv_loop_t* loop = uv_default_loop();

  uv_check(uv_signal_init(loop, &handles[0]), "uv_signal_init");
  uv_check(uv_signal_init(loop, &handles[1]), "uv_signal_init");
  uv_check(uv_signal_start(&handles[0], on_signal, SIGTERM), "uv_signal_start");
  uv_check(uv_signal_start(&handles[1], on_signal, SIGINT), "uv_signal_start");
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
    die("signal");
  announce(address, (socklen_t) length); /* from now on SIGTERM is a wish, not the end */
  /* Stopped, not drained: the process ends now and its sockets with it. */
  uv_run(loop, UV_RUN_DEFAULT);
}

void uv_server_run(int argc, char** argv, uv_server_open_cb on_open,
                   uv_server_data_cb on_data) {
  static uv_tcp_t listener;
  struct address address;
  int length = sizeof address.storage;

  if (argc != 3)
    fail("usage: %s HOST PORT", argv[0]);
  open_cb = on_open;
  data_cb = on_data;
  parse_address(argv[1], argv[2], &address);
  uv_check(uv_tcp_init(uv_default_loop(), &listener), "uv_tcp_init");
  uv_check(uv_tcp_bind(&listener, (struct sockaddr*) &address.storage, 0),
           "uv_tcp_bind");
  uv_check(uv_listen((uv_stream_t*) &listener, BACKLOG, on_connection),
           "uv_listen");
  uv_check(uv_tcp_getsockname(&listener, (struct sockaddr*) &address.storage,
                              &length), "uv_tcp_getsockname");
  uv_server_run_loop((struct sockaddr*) &address.storage, length);
}
