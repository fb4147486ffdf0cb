/* TCP echo over THREADS dispatch threads, with ROUNDS of computing for each
 * message, the part that more threads can share:
 *
 *   tcp_threads_ohsocket THREADS ROUNDS HOST PORT */
#include "ohsocket_server.h"

static unsigned long rounds;
static volatile uint64_t result; /* keeps the compiler from leaving the work out */

/* FNV-1a over the message, again and again: nothing but the processor. */
static void compute(const unsigned char* data, size_t size) {
  uint64_t hash = 14695981039346656037u;

  for (unsigned long r = 0; r < rounds; r++)
    for (size_t i = 0; i < size; i++)
      hash = (hash ^ data[i]) * 1099511628211u;
  result = hash;
}

static void on_message(const socket_event* e, void* user_data) {
  (void) user_data;
  compute(e->data, e->size);
  need(socket_send(e->socket, e->data, e->size, NULL, NULL), "send");
}

static void on_client(const socket_event* e, void* user_data) {
  (void) user_data;
  need(socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_message, NULL), "on");
}

int main(int argc, char** argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: %s THREADS ROUNDS HOST PORT\n", argv[0]);
    return 2;
  }
  rounds = strtoul(argv[2], NULL, 10);
  need(socket_set_dispatch_threads(atoi(argv[1])), "dispatch threads");
  return server_run(argc - 2, argv + 2, on_client);
}
