#include "handoff.h"
#include "bench_util.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_LENGTH 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
/* One is filled while the other is worked off: a lock per batch. */
static struct handoff_message* filling;
static size_t filled;

static void* work(void* argument) {
  handoff_fn answer = *(handoff_fn*) argument;
  struct handoff_message* working = must_alloc(QUEUE_LENGTH, sizeof *working);
  size_t count;

  for (;;) {
    struct handoff_message* swap;

    pthread_mutex_lock(&lock);
    while (filled == 0)
      pthread_cond_wait(&not_empty, &lock);
    swap = filling;
    filling = working;
    working = swap;
    count = filled;
    filled = 0;
    pthread_cond_signal(&not_full);
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < count; i++)
      answer(&working[i]);
  }
  return NULL;
}

void handoff_start(handoff_fn answer) {
  static handoff_fn function;
  pthread_t thread;

  function = answer;
  filling = must_alloc(QUEUE_LENGTH, sizeof *filling);
  if (pthread_create(&thread, NULL, work, &function) != 0)
    fail("no thread");
}

void handoff_put(int64_t socket, const char* data, size_t size) {
  pthread_mutex_lock(&lock);
  while (size > 0) {
    struct handoff_message* m;

    while (filled == QUEUE_LENGTH)
      pthread_cond_wait(&not_full, &lock);
    m = &filling[filled++];
    m->socket = socket;
    m->size = size < HANDOFF_BYTES ? size : HANDOFF_BYTES;
    memcpy(m->data, data, m->size);
    data += m->size;
    size -= m->size;
    if (filled == 1)
      pthread_cond_signal(&not_empty);
  }
  pthread_mutex_unlock(&lock);
}
