/* Opening many TCP connections for the load generators. */
#ifndef BENCH_LOAD_CONNECT_H
#define BENCH_LOAD_CONNECT_H

#include "bench_util.h"

/* How long a single operation may stall before the run counts as failed. */
#define STALL_SECONDS 5

/* Connect `count` blocking sockets and return them. All are accepted when this
 * returns: one connection in every few hundred sends `size` bytes and waits for
 * `reply` bytes, and a server accepts in order. Pass size 0 to skip that.
 * Closing the sockets resets them, so that no TIME_WAIT burdens the next run. */
int* connect_many(const struct address* server, size_t count, size_t size,
                  size_t reply);

/* Raise the soft limit of descriptors, or fail if the hard limit is lower. */
void need_descriptors(size_t count);

void set_stall_timeout(int fd);

/* Before connect: the source is 127.0.0.1 for number 0, 127.0.0.2 for 1, and so
 * on. Each has its own ports, of which Linux hands out 28,232. */
void bind_source(int fd, const struct address* server, unsigned number);

#endif
