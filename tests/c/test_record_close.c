// The end of a loop in record mode, and two who want it: LOOP-5, THREAD-1.
#include "peer.h"
#include "probe.h"
#include "records.h"

// LOOP-5: after close polls return what remains, then the loop is gone.
TEST(a_closed_loop_gives_its_last_records)
{
    for (int capacity = 1; capacity <= MOST; capacity += MOST - 1) {
        int peer;
        struct full_listener full = peer_listen_full();
        record_loop_open();
        socket_handle s = record_connected(&peer, NULL), c = record_socket(SOCKET_KIND_TCP, NULL);
        socket_connect_options o = connect_options("127.0.0.1", full.port, 0);
        CHECK_EQ(socket_connect(c, &o, SOCKET_RECORD, NULL), 0);
        CHECK_EQ(records_fetch(MOST, 0), 0);
        static char data[12 << 20];
        CHECK_EQ(socket_send(s, data, sizeof data, SOCKET_RECORD, NULL), 0);
        CHECK_EQ(socket_send(s, "x", 1, SOCKET_RECORD, NULL), 0);
        CHECK_EQ(socket_loop_close(record_loop), 0);
        CHECK(!is_valid(s) && !is_valid(c));

        int n, connects = 0, sends = 0;
        while ((n = socket_loop_poll(record_loop, records, capacity, 0)) >= 0) {
            for (int k = 0; k < n; k++) {
                CHECK(records[k].type != SOCKET_EVENT_MESSAGE);
                if (records[k].type != SOCKET_EVENT_COMPLETION) continue;
                CHECK_EQ(records[k].error, -2301125);
                connects += records[k].operation == SOCKET_OPERATION_CONNECT;
                sends += records[k].operation == SOCKET_OPERATION_SEND;
            }
        }
        CHECK_EQ(n, -2301009);
        CHECK_EQ(connects, 1);
        CHECK_EQ(sends, 2);
        CHECK_CODE(socket_loop_fd(record_loop), 2301009);
        CHECK_CODE(socket_loop_close(record_loop), 2301009);
        peer_close(peer);
        peer_close_full(&full);
    }
}

// LOOP-5: a second close drops the rest.
TEST(a_loop_closed_twice_is_gone)
{
    int peer;
    record_loop_open();
    socket_handle s = record_connected(&peer, NULL);
    for (int i = 0; i < 100; i++) CHECK_EQ(socket_send(s, "x", 1, SOCKET_RECORD, NULL), 0);
    CHECK_EQ(socket_loop_close(record_loop), 0);
    CHECK_EQ(socket_loop_close(record_loop), 0);
    CHECK_CODE(socket_loop_poll(record_loop, records, MOST, 0), 2301009);
    CHECK_CODE(socket_loop_close(record_loop), 2301009);
    peer_close(peer);
}

static void *poll_long(void *unused)
{
    (void)unused;
    static socket_event own[4];
    int n;

    do // the other thread may just be looking
        n = socket_loop_poll(record_loop, own, 4, PATIENCE_MS);
    while (n == -2301114);
    CHECK_EQ(n, 1);
    return NULL;
}

static int is_in_use(void)
{
    int n = socket_loop_poll(record_loop, records, 1, 0);
    CHECK(n == 0 || n == -2301114);
    return n < 0;
}

// THREAD-1
TEST(a_loop_that_is_being_polled_says_so)
{
    pthread_t thread;
    record_loop_open();
    start_thread(&thread, poll_long, NULL);
    POLL(is_in_use());
    CHECK_CODE(socket_loop_close(record_loop), 2301114);
    CHECK_CODE(socket_loop_flush(record_loop), 2301114);
    CHECK_EQ(socket_loop_post(record_loop, NULL, NULL), 0);
    join_thread(thread);
    record_loop_close();
}
