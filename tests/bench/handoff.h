/* Messages on their way to another thread: for servers whose answers come from
 * a worker and not from the thread that received the question. */
#ifndef BENCH_HANDOFF_H
#define BENCH_HANDOFF_H

#include <stddef.h>
#include <stdint.h>

#define HANDOFF_BYTES 256

struct handoff_message {
  int64_t socket; /* a descriptor, handle or pointer, as the server has it */
  size_t size;
  char data[HANDOFF_BYTES];
};

typedef void (*handoff_fn)(const struct handoff_message* message);

/* Start the worker; it calls `answer` for every message, in their order. */
void handoff_start(handoff_fn answer);

/* Give a message to the worker, in parts of HANDOFF_BYTES. Waits while its
 * queue is full. */
void handoff_put(int64_t socket, const char* data, size_t size);

#endif
