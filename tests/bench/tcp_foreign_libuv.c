/* TCP echo on libuv whose answers come from a second thread. libuv's functions
 * belong to the loop's thread, so the answers go back to it: a list and
 * uv_async_send, as its documentation says. */
#include "bench_util.h"
#include "handoff.h"
#include "uv_server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ANSWERS_MAX 8192

static uv_async_t wake_up;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static struct handoff_message* answers;
static struct handoff_message* sending;
static size_t count;

/* On the worker. */
static void answer(const struct handoff_message* m) {
  pthread_mutex_lock(&lock);
  while (count == ANSWERS_MAX)
    pthread_cond_wait(&not_full, &lock);
  answers[count++] = *m;
  pthread_mutex_unlock(&lock);
  uv_check(uv_async_send(&wake_up), "uv_async_send");
}

static void send_answers(uv_async_t* handle) {
  struct handoff_message* swap;
  size_t n;

  (void) handle;
  pthread_mutex_lock(&lock);
  swap = answers;
  answers = sending;
  sending = swap;
  n = count;
  count = 0;
  pthread_cond_signal(&not_full);
  pthread_mutex_unlock(&lock);
  for (size_t i = 0; i < n; i++) {
    uv_stream_t* stream = *(uv_stream_t**) (intptr_t) sending[i].socket;

    if (stream != NULL) /* else it has been closed meanwhile */
      uv_server_send(stream, sending[i].data, sending[i].size);
  }
}

/* What the messages refer to outlives the connection: a pointer that
 * uv_server_close clears. */
static void add_reference(uv_stream_t* stream) {
  uv_stream_t** reference = must_alloc(1, sizeof *reference);

  *reference = stream;
  stream->data = reference;
}

static void take(uv_stream_t* stream, const char* data, size_t length) {
  handoff_put((intptr_t) stream->data, data, length);
}

int main(int argc, char** argv) {
  answers = must_alloc(ANSWERS_MAX, sizeof *answers);
  sending = must_alloc(ANSWERS_MAX, sizeof *sending);
  uv_check(uv_async_init(uv_default_loop(), &wake_up, send_answers), "uv_async_init");
  handoff_start(answer);
  uv_server_run(argc, argv, add_reference, take);
  return 0;
}
