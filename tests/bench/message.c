#include "message.h"
#include "bench_util.h"

#include <string.h>

static size_t size;
static size_t reply;
static char* message;  /* size bytes */
static char* expected; /* reply bytes */

static void stamp(char* data, uint8_t counter) {
  data[size - 1] = (char) ~counter;
  data[0] = (char) counter;
}

void message_setup(size_t message_size, size_t reply_size) {
  if (message_size < 1 || reply_size % message_size != 0)
    fail("--size is at least 1, --reply a multiple of --size");
  size = message_size;
  reply = reply_size;
  message = must_alloc(size, 1);
  expected = must_alloc(reply, 1);
  for (size_t i = 0; i < size; i++)
    message[i] = (char) (i * 7 + i / 251);
  for (size_t i = 0; i < reply; i += size)
    memcpy(expected + i, message, size);
}

const char* message_make(uint8_t counter) {
  stamp(message, counter);
  return message;
}

void message_check(uint8_t counter, size_t offset, const char* data, size_t n) {
  if (n > reply - offset)
    fail("reply longer than %zu bytes", reply);
  for (size_t i = 0; i < reply; i += size)
    stamp(expected + i, counter);
  if (memcmp(data, expected + offset, n) != 0)
    fail("wrong content in reply (message counter %u, offset %zu, %zu bytes)",
         counter, offset, n);
}
