/* The frame of the bare TCP peers: one thread, edge-triggered epoll, one
 * remainder buffer per connection that only exists while it is needed. */
#ifndef BENCH_EPOLL_SERVER_H
#define BENCH_EPOLL_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct connection {
  int fd;
  bool ended;         /* the peer shut down: read on until recv says 0 */
  char* rest;         /* bytes the kernel did not take yet */
  size_t rest_offset;
  size_t rest_length; /* while not 0 nothing is read */
  void* state;        /* the server's own */
};

enum verdict {
  KEEP,  /* wait for the next edge */
  CLOSE, /* end of stream or an error */
  AGAIN  /* turn used up with work left: ask for a new edge */
};

/* A turn is bounded, so that one busy connection does not starve the others. */
#define OPERATIONS_PER_TURN 64

typedef enum verdict (*ready_fn)(struct connection* c);

struct epoll_handlers {
  void (*open)(struct connection* c); /* accepted; may be NULL */
  ready_fn ready; /* may be read (or written), and has no remainder */
  void (*close)(struct connection* c); /* its descriptor is still open; may be NULL */
};

/* Serve until SIGTERM. */
void epoll_server_run(const char* host, const char* port, const struct epoll_handlers* handlers);

/* The main function of a server without open and close: HOST PORT. */
int epoll_server_main(int argc, char** argv, ready_fn on_ready);

/* Read until nothing is left, a remainder is kept or the turn is used up.
 * on_bytes says false if the connection is broken. */
typedef bool (*bytes_fn)(struct connection* c, const char* data, size_t length);
enum verdict connection_read(struct connection* c, bytes_fn on_bytes);

/* Send now, keep what the kernel refuses; false if the connection is broken. */
bool connection_send(struct connection* c, const char* data, size_t length);

/* Append to the remainder without trying to send. */
void connection_queue(struct connection* c, const char* data, size_t length);

#endif
