/* Answers every message with 16 copies of it, each a send of its own: how an
 * application that produces small messages one by one uses the library. */
#include "ohsocket_server.h"

#define COPIES 16

static void on_message(const socket_event* e, void* user_data) {
  (void) user_data;
  for (int i = 0; i < COPIES; i++)
    need(socket_send(e->socket, e->data, e->size, NULL, NULL), "send");
}

static void on_client(const socket_event* e, void* user_data) {
  (void) user_data;
  need(socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_message, NULL), "on");
}

int main(int argc, char** argv) { return server_run(argc, argv, on_client); }
