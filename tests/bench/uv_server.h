/* The frame of the libuv peers: what a careful libuv user writes. One static
 * read buffer per loop, uv_try_write first, a queued copy only for the rest. */
#ifndef BENCH_UV_SERVER_H
#define BENCH_UV_SERVER_H

#include <uv.h>

typedef void (*uv_server_data_cb)(uv_stream_t* stream, const char* data,
                                  size_t length);
typedef void (*uv_server_open_cb)(uv_stream_t* stream);

void uv_check(int status, const char* what);

/* Serve until SIGTERM. Without on_data nothing is read; on_open may be NULL. */
void uv_server_run(int argc, char** argv, uv_server_open_cb on_open,
                   uv_server_data_cb on_data);

/* Announce the address and serve until SIGTERM; also used by the UDP peer, which
 * has no listener. */
void uv_server_run_loop(const struct sockaddr* address, int length);

/* Reading pauses while a remainder is queued, so memory stays bounded. */
void uv_server_send(uv_stream_t* stream, const char* data, size_t length);

/* If on_open has set the stream's data it is the place of a pointer to the
 * stream, which becomes NULL now. */
void uv_server_close(uv_stream_t* stream);

#endif
