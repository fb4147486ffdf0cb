// A peer that reads slowly, but reads: DATA-1, DATA-2. The kernel lets us write again only when a third of its buffer of
// megabytes has gone, which takes such a peer longer than the close timeout.
#include <poll.h>
#include <sys/socket.h>

#include "peer.h"
#include "probe.h"

enum { SIZE = 8 << 20, SLOWLY = 2 << 20, PIECE = 65536, PAUSE_MS = 80, CLOSE_MS = 300 };

// DATA-2
LOOPS_TEST(a_slow_reader_gets_all)
{
    static unsigned char piece[PIECE];
    int window = PIECE;
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    CHECK_EQ(setsockopt(pair.peer, SOL_SOCKET, SO_RCVBUF, &window, sizeof window), 0);
    CHECK_EQ(socket_set_option(pair.probe->socket, SOCKET_OPTION_CLOSE_TIMEOUT, CLOSE_MS), 0);
    CHECK_EQ(probe_send_pattern(pair.probe, 0, SIZE), 0);
    CHECK_EQ(probe_close(pair.probe), 0);
    for (uint64_t got = 0; got < SIZE; got += PIECE) {
        if (got < SLOWLY) poll(NULL, 0, PAUSE_MS);
        peer_read(pair.peer, piece, PIECE);
        CHECK(pattern_matches(piece, got, PIECE));
    }
    peer_close(pair.peer);
    WAIT(pair.probe->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_EQ(pair.probe->error[SOCKET_EVENT_CLOSE], 0);
    pair_close(&pair);
}

// And one that does not read is still given up in time.
LOOPS_TEST(one_that_does_not_read_is_given_up)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    CHECK_EQ(socket_set_option(pair.probe->socket, SOCKET_OPTION_CLOSE_TIMEOUT, CLOSE_MS), 0);
    CHECK_EQ(probe_send_pattern(pair.probe, 0, 2 * SIZE), 0);
    int64_t begun = now_ms();
    CHECK_EQ(probe_close(pair.probe), 0);
    WAIT(pair.probe->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_EQ(pair.probe->error[SOCKET_EVENT_CLOSE], -2301110);
    CHECK(now_ms() - begun >= CLOSE_MS);
    pair_close(&pair);
}
