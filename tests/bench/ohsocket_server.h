/* The frame of the servers that use the library: listen, serve, end by SIGTERM. */
#ifndef OHSOCKET_SERVER_H
#define OHSOCKET_SERVER_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "ohsocket.h"

static inline void need(int64_t result, const char* what) {
  if (result >= 0)
    return;
  fprintf(stderr, "%s: %s\n", what, socket_strerror((int) result));
  exit(1);
}

static inline void print_listening(const socket_event* e, void* user_data) {
  char text[64];
  int port;

  (void) user_data;
  need(socket_get_local_address(e->socket, text, sizeof text, &port, NULL), "get_local_address");
  printf("listening %s %d\n", text, port);
  fflush(stdout);
}

static inline sigset_t server_block_stop_signal(void) {
  sigset_t set;

  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  return set;
}

static inline int server_run(int argc, char** argv, socket_listener on_client) {
  socket_listen_options where = SOCKET_LISTEN_OPTIONS_INIT;
  socket_extra_options extra = SOCKET_EXTRA_OPTIONS_INIT;
  socket_handle server;
  sigset_t set;
  int number;

  if (argc != 3) {
    fprintf(stderr, "usage: %s HOST PORT\n", argv[0]);
    return 2;
  }
  set = server_block_stop_signal();
  where.address.address = argv[1];
  where.address.port = atoi(argv[2]);
  extra.fields = SOCKET_EXTRA_TCP_NO_DELAY;
  extra.tcp_no_delay = 1;
  server = socket_construct_tcp_server();
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
