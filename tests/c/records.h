// One loop in record mode for the tests that are about records themselves.
#ifndef OHSOCKET_TESTS_RECORDS_H
#define OHSOCKET_TESTS_RECORDS_H

#include "harness.h"

enum { MOST = 512 };

extern socket_loop record_loop;
extern socket_event records[MOST]; // what was fetched last

void record_loop_open(void);
void record_loop_close(void); // and polls until it is gone
int record_loop_readable(int ms);
int records_fetch(int capacity, int ms); // returns their number

socket_handle record_socket(int kind, void *user_data); // subscribed to everything
int record_bind(socket_handle s);                       // to a free port, which it returns
// A TCP socket and its peer.
socket_handle record_connected(int *peer, void *user_data);
// Fetches until a record of this type has come, which it returns; others before it are dropped.
socket_event record_await(int type);

#endif
