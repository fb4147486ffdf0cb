// The other end of a connection: plain sockets of the system, so that it is not the library that is
// asked whether the library is right. All waiting has a deadline and runs the test's loop if that
// is a host-driven one.
#ifndef OHSOCKET_TESTS_PEER_H
#define OHSOCKET_TESTS_PEER_H

#include "harness.h"

#include <linux/tcp.h>

int peer_listen(int *port);
int peer_listen_at(const char *address, int *port, int backlog); // numeric, either family
// A listener whose queue is full: connects to it stay pending until peer_accept. The clients that
// fill it are closed by peer_unfill.
struct full_listener {
    int listener, port, clients[8], count;
};
struct full_listener peer_listen_full(void);
// accepts and closes those; pending connects then succeed
void peer_unfill(struct full_listener *f);
void peer_close_full(struct full_listener *f);
int peer_unused_port(void); // a port of 127.0.0.1 nobody listens at

void peer_wait(int fd, short events); // for poll(2)
int peer_accept(int listener);
int peer_connect(int port);
void peer_connect_with(int fd, int port); // an unbound socket of the caller's
int peer_connect_from(const char *address, int port);
int peer_udp(int *port);
int peer_udp_at(const char *address, int *port);

void peer_write(int fd, const void *data, size_t size);
void peer_write_pattern(int fd, uint64_t offset, size_t size);
void peer_read(int fd, void *to, size_t size);
void peer_read_pattern(int fd, uint64_t offset, size_t size);
uint64_t peer_read_pattern_to_end(int fd, uint64_t offset); // returns how many bytes there were
void peer_read_end(int fd);
void peer_read_reset(int fd);
int peer_readable(int fd); // bytes that can be read now
void peer_send_to(int fd, int port, const void *data, size_t size);
size_t peer_receive(int fd, void *to, size_t capacity, int *port); // one datagram
void peer_end(int fd);                                             // FIN
void peer_reset(int fd);                                           // RST; closes it
void peer_close(int fd);

struct tcp_info peer_tcp_info(int fd);
int peer_port(int fd); // the local one
void set_int_option(int fd, int level, int name, int value);

#endif
