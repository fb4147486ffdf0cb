// TLS peers that read slowly, or do not: DATA-1, DATA-2. See test_slow.c.
#include <poll.h>
#include <sys/socket.h>

#include "tls_pair.h"

enum { SIZE = 800000, WINDOW = 65536, PIECE = 16384, PAUSE_MS = 20, CLOSE_MS = 300 };

static struct tls_pair narrow_pair(void)
{
    int port;
    int listener = peer_listen(&port);
    set_int_option(listener, SOL_SOCKET, SO_RCVBUF, WINDOW);
    struct tls_pair pair = {.probe = tls_client_new()};
    CHECK_EQ(probe_connect(pair.probe, port), 0);
    pair.peer = tls_peer_new(peer_accept(listener), TLS_PEER_SERVER);
    peer_close(listener);
    CHECK_EQ(tls_peer_shake(&pair.peer), TLS_PEER_DONE);
    WAIT(pair.probe->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(socket_set_option(pair.probe->socket, SOCKET_OPTION_CLOSE_TIMEOUT, CLOSE_MS), 0);
    CHECK_EQ(probe_send_pattern(pair.probe, 0, SIZE), 0);
    WAIT(pair.probe->done[SOCKET_OPERATION_SEND] == 1);
    CHECK_EQ(probe_close(pair.probe), 0);
    return pair;
}

// DATA-2: what the kernel holds behind a close is waited for, and close_notify behind it, whatever
// the peer says meanwhile.
LOOPS_TEST(a_slow_reader_gets_what_the_kernel_holds)
{
    struct tls_pair pair = narrow_pair();
    for (uint64_t got = 0; got + PIECE < SIZE; got += PIECE) {
        tls_peer_write(&pair.peer, "x", 1);
        poll(NULL, 0, PAUSE_MS);
        tls_peer_read_pattern(&pair.peer, got, PIECE);
    }
    CHECK_EQ(tls_peer_read_to_end(&pair.peer, SIZE / PIECE * PIECE), SIZE % PIECE);
    tls_peer_close(&pair.peer);
    WAIT(pair.probe->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(pair.probe->done_error[SOCKET_OPERATION_CLOSE], 0);
    tls_pair_close(&pair);
}

// DATA-1: bytes that the kernel has taken and the peer does not are lost in the end; the completion
// says so.
LOOPS_TEST(what_the_kernel_loses_is_told)
{
    for (int reset = 0; reset < 2; reset++) {
        struct tls_pair pair = narrow_pair();
        settle();
        if (reset) tls_peer_reset(&pair.peer);
        WAIT(pair.probe->done[SOCKET_OPERATION_CLOSE] == 1);
        CHECK_EQ(pair.probe->done_error[SOCKET_OPERATION_CLOSE], reset ? -2303204 : -2303210);
        tls_pair_close(&pair);
    }
}

// DATA-1, DATA-2: a peer that has gone without a word before our close_notify has lost nothing.
LOOPS_TEST(a_close_notify_that_nobody_hears_is_no_loss)
{
    struct tls_pair pair = tls_pair_new(SOCKET_KIND_TLS);
    CHECK_EQ(probe_send_pattern(pair.probe, 0, 1000), 0);
    tls_peer_read_pattern(&pair.peer, 0, 1000);
    freeze();
    CHECK_EQ(probe_close(pair.probe), 0);
    tls_peer_close(&pair.peer);
    thaw();
    WAIT(pair.probe->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(pair.probe->done_error[SOCKET_OPERATION_CLOSE], 0);
    tls_pair_close(&pair);
}
