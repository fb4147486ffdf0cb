/* TCP echo on libuv as its guide shows it: every answer is a request of its
 * own, allocated, copied and freed in the callback. */
#include <stdlib.h>
#include <string.h>

#include "uv_server.h"
#include "bench_util.h"

struct answer {
  uv_write_t request;
  char data[];
};

static void on_written(uv_write_t* request, int status) {
  (void) status;
  free(request);
}

static void echo(uv_stream_t* stream, const char* data, size_t length) {
  struct answer* answer;
  uv_buf_t buf;

  if (uv_is_closing((uv_handle_t*) stream))
    return;
  answer = malloc(sizeof *answer + length);
  if (answer == NULL)
    fail("out of memory");
  memcpy(answer->data, data, length);
  buf = uv_buf_init(answer->data, (unsigned) length);
  uv_check(uv_write(&answer->request, stream, &buf, 1, on_written), "uv_write");
}

int main(int argc, char** argv) {
  uv_server_run(argc, argv, NULL, echo);
  return 0;
}
