/* TLS echo with the library. */
#include "ohsocket_tls_server.h"

static void on_message(const socket_event* e, void* user_data) {
  (void) user_data;
  need(socket_send(e->socket, e->data, e->size, NULL, NULL), "send");
}

static void on_client(const socket_event* e, void* user_data) {
  (void) user_data;
  need(socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_message, NULL), "on");
}

int main(int argc, char** argv) { return tls_server_run(argc, argv, on_client); }
