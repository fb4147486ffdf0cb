/* Sends parts of SIZE bytes as fast as every connection takes them: the queue is
 * filled until a send is refused, and again when it has drained. */
#include "ohsocket_server.h"

static char* data;
static size_t size;

static void pour(socket_handle connection) {
  int result;

  do
    result = socket_send(connection, data, size, NULL, NULL);
  while (result >= 0);
  if (socket_error_category(result) != SOCKET_CATEGORY_AGAIN)
    socket_abort(connection);
}

static void on_drain(const socket_event* e, void* user_data) {
  (void) user_data;
  pour(e->socket);
}

static void on_client(const socket_event* e, void* user_data) {
  (void) user_data;
  /* What waits is copied once more by the processor: let it stay in its cache. */
  need(socket_set_option(e->connection, SOCKET_OPTION_SEND_QUEUE_LIMIT, 4 * (int64_t) size),
       "send queue limit");
  need(socket_on(e->connection, SOCKET_EVENT_DRAIN, on_drain, NULL), "on");
  pour(e->connection);
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: %s SIZE HOST PORT\n", argv[0]);
    return 2;
  }
  size = strtoul(argv[1], NULL, 10);
  data = calloc(1, size);
  need(data == NULL ? -SOCKET_ERROR_NOMEM : 0, "data");
  return server_run(argc - 1, argv + 1, on_client);
}
