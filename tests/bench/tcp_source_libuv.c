/* Sends parts of SIZE bytes as fast as every connection takes them, on libuv. */
#include "uv_server.h"
#include "bench_util.h"

#include <stdlib.h>

/* More than one write in the queue, so that the loop never runs dry. */
#define WRITES_IN_FLIGHT 4

static char* data;
static size_t size;

static void pour(uv_write_t* request, uv_stream_t* stream);

static void on_written(uv_write_t* request, int status) {
  uv_stream_t* stream = request->handle;

  if (status == 0 && !uv_is_closing((uv_handle_t*) stream)) {
    pour(request, stream);
    return;
  }
  free(request);
  uv_server_close(stream);
}

static void pour(uv_write_t* request, uv_stream_t* stream) {
  uv_buf_t buf = uv_buf_init(data, (unsigned) size);

  uv_check(uv_write(request, stream, &buf, 1, on_written), "uv_write");
}

static void start(uv_stream_t* stream) {
  for (int i = 0; i < WRITES_IN_FLIGHT; i++)
    pour(must_alloc(1, sizeof(uv_write_t)), stream);
}

int main(int argc, char** argv) {
  if (argc != 4)
    fail("usage: %s SIZE HOST PORT", argv[0]);
  size = strtoul(argv[1], NULL, 10);
  data = must_alloc(1, size);
  uv_server_run(argc - 1, argv + 1, start, NULL);
  return 0;
}
