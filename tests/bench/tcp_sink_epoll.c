/* Receives and discards; closes at the end of the stream, which tells the
 * load generator that everything it sent was read. */
#include "epoll_server.h"

#include <stdint.h>
#include <stdio.h>

static uint64_t received;

static bool discard(struct connection* c, const char* data, size_t length) {
  (void) c;
  (void) data;
  received += length;
  return true;
}

static enum verdict sink(struct connection* c) {
  return connection_read(c, discard);
}

int main(int argc, char** argv) {
  epoll_server_main(argc, argv, sink);
  fprintf(stderr, "received %llu bytes\n", (unsigned long long) received);
  return 0;
}
