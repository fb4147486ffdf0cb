/* Bare TCP echo: what epoll, recv and send can do without a library. */
#include "epoll_server.h"

static enum verdict echo(struct connection* c) {
  return connection_read(c, connection_send);
}

int main(int argc, char** argv) {
  return epoll_server_main(argc, argv, echo);
}
