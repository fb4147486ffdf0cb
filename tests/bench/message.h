/* The messages of the load generators: a fixed pattern whose first and last
 * byte change with the counter, so that a lost, doubled, mixed up or altered
 * answer is noticed. One size for the whole program. */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

/* Messages of `size` bytes, answered by `reply` bytes: the message once or
 * several times. Exits if reply is not a multiple of size. */
void message_setup(size_t size, size_t reply);

/* The message with this counter; valid until the next call. */
const char* message_make(uint8_t counter);

/* Exit 1 unless the `n` bytes at `offset` of the answer to `counter` are right. */
void message_check(uint8_t counter, size_t offset, const char* data, size_t n);

#endif
