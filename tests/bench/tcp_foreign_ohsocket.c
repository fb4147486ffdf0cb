/* TCP echo whose answers are sent by a second thread: socket_send may be called
 * from anywhere. */
#include "handoff.h"
#include "ohsocket_server.h"

static void answer(const struct handoff_message* m) {
  int result = socket_send(m->socket, m->data, m->size, NULL, NULL);

  /* A client that went away meanwhile is no failure. */
  if (result < 0 && socket_error_category(result) == SOCKET_CATEGORY_AGAIN)
    need(result, "send");
}

static void on_message(const socket_event* e, void* user_data) {
  (void) user_data;
  handoff_put(e->socket, e->data, e->size);
}

static void on_client(const socket_event* e, void* user_data) {
  (void) user_data;
  need(socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_message, NULL), "on");
}

int main(int argc, char** argv) {
  server_block_stop_signal(); /* before there is a second thread */
  handoff_start(answer);
  return server_run(argc, argv, on_client);
}
