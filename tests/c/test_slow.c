// A peer that reads slowly, but reads: DATA-1, DATA-2. The kernel lets us write again only when a
// third of its buffer of megabytes has gone, which takes such a peer longer than the close timeout.
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

// bytes that the kernel takes at once, of which the peer has a window only
enum { KERNELS = 1000000 };

// A connection whose peer has a small window.
static struct pair narrow_pair(int size)
{
    int window = PIECE, port;
    int listener = peer_listen(&port);
    set_int_option(listener, SOL_SOCKET, SO_RCVBUF, window);
    struct pair pair = {.probe = probe_new(SOCKET_KIND_TCP)};
    CHECK_EQ(probe_connect(pair.probe, port), 0);
    pair.peer = peer_accept(listener);
    peer_close(listener);
    WAIT(pair.probe->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(socket_set_option(pair.probe->socket, SOCKET_OPTION_CLOSE_TIMEOUT, CLOSE_MS), 0);
    CHECK_EQ(probe_send_pattern(pair.probe, 0, (size_t)size), 0);
    WAIT(pair.probe->done[SOCKET_OPERATION_SEND] == 1);
    return pair;
}

// DATA-2: what the kernel holds behind a close is waited for, too, as long as the peer takes of it;
// ended: it has sent its end before, otherwise it sends bytes all the time.
LOOPS_TEST(a_slow_reader_gets_what_the_kernel_holds)
{
    static unsigned char piece[PIECE];
    for (int ended = 0; ended < 2; ended++) {
        struct pair pair = narrow_pair(KERNELS);
        CHECK_EQ(socket_set_option(pair.probe->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
        if (ended) peer_end(pair.peer);
        if (ended) WAIT(pair.probe->count[SOCKET_EVENT_END] == 1);
        CHECK_EQ(probe_close(pair.probe), 0);
        for (uint64_t got = 0; got < KERNELS;) {
            size_t size = KERNELS - got < PIECE / 2 ? KERNELS - got : PIECE / 2;
            if (!ended) peer_write(pair.peer, "x", 1);
            poll(NULL, 0, PAUSE_MS / 2);
            peer_read(pair.peer, piece, size);
            CHECK(pattern_matches(piece, got, size));
            got += size;
        }
        peer_read_end(pair.peer);
        peer_close(pair.peer);
        WAIT(pair.probe->done[SOCKET_OPERATION_CLOSE] == 1);
        CHECK_EQ(pair.probe->done_error[SOCKET_OPERATION_CLOSE], 0);
        pair_close(&pair);
    }
}

// DATA-1, DATA-2: bytes that the kernel has taken and the peer does not are lost in the end; the
// completion says so.
LOOPS_TEST(what_the_kernel_loses_is_told)
{
    for (int how = 0; how < 3; how++) {
        struct pair pair = narrow_pair(KERNELS);
        CHECK_EQ(socket_set_option(pair.probe->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
        if (how == 1) peer_end(pair.peer);
        if (how == 1) WAIT(pair.probe->count[SOCKET_EVENT_END] == 1);
        int64_t begun = now_ms();
        CHECK_EQ(probe_close(pair.probe), 0);
        settle();
        if (how == 2) peer_reset(pair.peer);
        WAIT(pair.probe->done[SOCKET_OPERATION_CLOSE] == 1);
        CHECK_EQ(pair.probe->done_error[SOCKET_OPERATION_CLOSE], how == 2 ? -2301104 : -2301110);
        CHECK_EQ(pair.probe->count[SOCKET_EVENT_ERROR], 1);
        CHECK(how == 2 || now_ms() - begun >= CLOSE_MS);
        if (how != 2) peer_close(pair.peer);
        pair_close(&pair);
    }
}

// DATA-2: a reset behind what the peer has acknowledged is no loss.
LOOPS_TEST(a_reset_behind_all_of_it_is_no_loss)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    CHECK_EQ(probe_send(pair.probe, "all of it", 9), 0);
    CHECK_EQ(probe_close(pair.probe), 0);
    char all[9];
    peer_read(pair.peer, all, 9);
    peer_read_end(pair.peer);
    peer_reset(pair.peer);
    pair.peer = -1;
    WAIT(pair.probe->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(pair.probe->done_error[SOCKET_OPERATION_CLOSE], 0);
    pair_close(&pair);
}
