/* Answers every read with 16 copies of it, each a write of its own: how an
 * application that produces small messages one by one uses libuv. */
#include "uv_server.h"

#define COPIES 16

static void burst(uv_stream_t* stream, const char* data, size_t length) {
  for (int i = 0; i < COPIES; i++)
    uv_server_send(stream, data, length);
}

int main(int argc, char** argv) {
  uv_server_run(argc, argv, NULL, burst);
  return 0;
}
