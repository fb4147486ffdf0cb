/* How a load generator talks to a server: bare TCP, or TLS. */
#ifndef BENCH_TRANSPORT_H
#define BENCH_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct transport {
  /* State for a connected descriptor. */
  void* (*open)(int fd);
  /* True when done; false: call again when the descriptor is ready. */
  bool (*handshake)(void* state);
  /* As send and recv of a non-blocking socket: -1 stands for "not now"; every
   * other failure ends the program. receive returns 0 at the peer's end. */
  ssize_t (*send)(void* state, const char* data, size_t size);
  ssize_t (*receive)(void* state, char* data, size_t size);
  /* Tell the peer that no more will be sent. */
  void (*end)(void* state);
  /* Free the state and close the descriptor. */
  void (*close)(void* state);
  /* A receive that returned less than was asked for has emptied the socket. */
  bool short_receive_empties;
};

extern const struct transport plain_transport;

#endif
