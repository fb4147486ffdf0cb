#include "records.h"

#include <poll.h>

#include "peer.h"
#include "probe.h"

socket_loop record_loop;
socket_event records[MOST];

void record_loop_open(void) { record_loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS)); }

int records_fetch(int capacity, int ms) { return (int)CHECK_OK(socket_loop_poll(record_loop, records, capacity, ms)); }

void record_loop_close(void)
{
    CHECK_EQ(socket_loop_close(record_loop), 0);
    while (socket_loop_poll(record_loop, records, MOST, 0) >= 0) continue;
}

int record_loop_readable(int ms)
{
    struct pollfd p = {.fd = (int)CHECK_OK(socket_loop_fd(record_loop)), .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

socket_handle record_socket(int kind, void *user_data)
{
    socket_handle s = CHECK_OK(socket_construct(record_loop, kind));
    CHECK_EQ(socket_subscribe(s, ALL_EVENTS, user_data), 0);
    return s;
}

int record_bind(socket_handle s)
{
    socket_address a = address_of("127.0.0.1", 0, 0);
    int port;
    CHECK_EQ(socket_bind(s, &a), 0);
    CHECK_OK(socket_get_local_address(s, NULL, 0, &port, NULL));
    return port;
}

socket_event record_await(int type)
{
    for (int64_t until = now_ms() + PATIENCE_MS; now_ms() < until;) {
        if (records_fetch(1, 100) == 1 && records[0].type == type) return records[0];
    }
    FAIL("no record of type %d", type);
}

socket_handle record_connected(int *peer, void *user_data)
{
    int port;
    int listener = peer_listen(&port);
    socket_handle s = record_socket(SOCKET_KIND_TCP, user_data);
    socket_connect_options o = connect_options("127.0.0.1", port, 0);
    CHECK_EQ(socket_connect(s, &o, SOCKET_RECORD, user_data), 0);
    CHECK_EQ(record_await(SOCKET_EVENT_CONNECT).socket, s);
    record_await(SOCKET_EVENT_COMPLETION);
    *peer = peer_accept(listener);
    peer_close(listener);
    return s;
}
