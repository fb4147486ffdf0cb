/* The frame of the TLS servers that use the library. */
#ifndef OHSOCKET_TLS_SERVER_H
#define OHSOCKET_TLS_SERVER_H

#include "ohsocket_server.h"

static inline char* read_file(const char* path) {
  char* text = calloc(1, 65536);
  FILE* f = fopen(path, "r");

  if (f == NULL || text == NULL || fread(text, 1, 65535, f) == 0) {
    perror(path);
    exit(1);
  }
  fclose(f);
  return text;
}

static inline int tls_server_run(int argc, char** argv, socket_listener on_client) {
  socket_tls_options secure = SOCKET_TLS_OPTIONS_INIT;
  socket_listen_options where = SOCKET_LISTEN_OPTIONS_INIT;
  socket_extra_options extra = SOCKET_EXTRA_OPTIONS_INIT;
  socket_handle server;
  sigset_t set;
  int number;

  if (argc != 5) {
    fprintf(stderr, "usage: %s HOST PORT CERTIFICATE KEY\n", argv[0]);
    return 2;
  }
  set = server_block_stop_signal();
  secure.protocols = SOCKET_PROTOCOL_TLS13;
  secure.identity.cert = read_file(argv[3]);
  secure.identity.key = read_file(argv[4]);
  where.address.address = argv[1];
  where.address.port = atoi(argv[2]);
  where.tls = &secure;
  extra.fields = SOCKET_EXTRA_TCP_NO_DELAY;
  extra.tcp_no_delay = 1;
  server = socket_construct_tls_server();
  need(server, "construct");
  need(socket_on(server, SOCKET_EVENT_LISTENING, print_listening, NULL), "on");
  need(socket_listen(server, &where), "listen");
  need(socket_set_extra_options(server, &extra), "options");
  need(socket_on(server, SOCKET_EVENT_CONNECT, on_client, NULL), "on");
  sigwait(&set, &number);
  need(socket_shutdown(1000), "shutdown");
  return 0;
}

#endif
