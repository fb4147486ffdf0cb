/* Receives and discards on libuv; closes at the end of the stream. */
#include "uv_server.h"

#include <stdint.h>
#include <stdio.h>

static uint64_t received;

static void discard(uv_stream_t* stream, const char* data, size_t length) {
  (void) stream;
  (void) data;
  received += length;
}

int main(int argc, char** argv) {
  uv_server_run(argc, argv, NULL, discard);
  fprintf(stderr, "received %llu bytes\n", (unsigned long long) received);
  return 0;
}
