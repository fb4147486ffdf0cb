/* TLS: receives, decrypts and discards. */
#include "ohsocket_tls_server.h"

static void on_message(const socket_event* e, void* user_data) {
  *(uint64_t*) user_data += e->size;
}

static void on_client(const socket_event* e, void* user_data) {
  static uint64_t received;

  (void) user_data;
  need(socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_message, &received), "on");
}

int main(int argc, char** argv) { return tls_server_run(argc, argv, on_client); }
