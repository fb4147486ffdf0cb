// What a session has to say while it may not, or is not listened to: TLS-5, TLS-6, TLS-14, DATA-1,
// HALF-4.
//
// TLS 1.3: in the middle of a message of the handshake OpenSSL takes neither bytes nor the end. A
// ticket that comes in two records is such a message; the peer sends the second when the test wants
// it to.
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls_halved.h"

// TLS-6: what is sent meanwhile is not lost, keeps its order, and is not complete before the kernel
// has it.
LOOPS_TEST(sends_wait_for_the_rest_of_a_message)
{
    struct halved h = halved_ticket();
    struct probe *p = h.pair.probe;
    send_first(&h);
    for (int i = 0; i < 5; i++) CHECK_EQ(probe_send_pattern(p, (uint64_t)i * 3000, 3000), 0);
    settle();
    check_quiet();
    CHECK_EQ(peer_readable(h.pair.peer.fd), 0);
    CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 0);
    CHECK_EQ(socket_get_send_queue_length(p->socket), 15000);
    send_rest(&h);
    WAIT(p->done[SOCKET_OPERATION_SEND] == 5);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
    CHECK_EQ(socket_get_send_queue_length(p->socket), 0);
    tls_peer_read_pattern(&h.pair.peer, 0, 15000);
    tls_peer_write(&h.pair.peer, "answer", 6);
    WAIT(p->size == 6);
    tls_pair_close(&h.pair);
}

// TLS-17: the server's wish to renegotiate is refused, and both sides go on.
LOOPS_TEST(a_client_does_not_renegotiate)
{
    struct tls_pair pair = tls_pair_new_flags(SOCKET_KIND_TLS, ALL_EVENTS, TLS_PEER_TLS12);
    struct probe *p = pair.probe;
    for (int i = 1; i <= 3; i++) {
        // a HelloRequest
        CHECK(SSL_renegotiate(pair.peer.ssl) == 1 && SSL_do_handshake(pair.peer.ssl) == 1);
        tls_peer_write(&pair.peer, "hello", 5); // OpenSSL's server would end if it read the alert
        WAIT(p->size == (size_t)i * 5);
        CHECK_EQ(probe_send_pattern(p, 0, 100), 0);
        WAIT(p->done[SOCKET_OPERATION_SEND] == i);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
    }
    CHECK_EQ(p->count[SOCKET_EVENT_ERROR] + p->count[SOCKET_EVENT_CLOSE], 0);
    CHECK(peer_readable(pair.peer.fd) > 0);
    tls_pair_close(&pair);
}

// DATA-1, TLS-5: closed meanwhile, all of it is sent all the same, and a close_notify behind it.
LOOPS_TEST(close_waits_for_the_rest_of_a_message)
{
    for (int sends = 0; sends < 2; sends++) {
        struct halved h = halved_ticket();
        struct probe *p = h.pair.probe;
        send_first(&h);
        if (sends) CHECK_EQ(probe_send_pattern(p, 0, 5000), 0);
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, PATIENCE_MS), 0);
        CHECK_EQ(probe_close(p), 0);
        settle();
        check_quiet();
        CHECK_EQ(peer_readable(h.pair.peer.fd), 0);
        CHECK_EQ(p->count[SOCKET_EVENT_CLOSE], 0);
        send_rest(&h);
        CHECK_EQ(tls_peer_read_to_end(&h.pair.peer, 0), sends ? 5000 : 0);
        tls_peer_close(&h.pair.peer);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], 0);
        if (sends) CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
        CHECK_STR(p->order, sends ? "CcsZz" : "CcZz");
        tls_pair_close(&h.pair);
    }
}

// HALF-4, TLS-5: so it is with end, after which we go on receiving.
LOOPS_TEST(end_waits_for_the_rest_of_a_message)
{
    struct halved h = halved_ticket();
    struct probe *p = h.pair.probe;
    send_first(&h);
    CHECK_EQ(probe_send_pattern(p, 0, 5000), 0);
    CHECK_EQ(probe_end(p), 0);
    settle();
    CHECK_EQ(p->done[SOCKET_OPERATION_END], 0);
    send_rest(&h);
    CHECK_EQ(tls_peer_read_to_end(&h.pair.peer, 0), 5000);
    WAIT(p->done[SOCKET_OPERATION_END] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_END], 0);
    tls_peer_write(&h.pair.peer, "answer", 6);
    WAIT(p->size == 6);
    tls_peer_close(&h.pair.peer);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_STR(p->order, "CcseMEZ");
    tls_pair_close(&h.pair);
}

// DATA-2: the rest never comes; what is queued fails when the time of the close is over.
LOOPS_TEST(close_runs_out_of_time_in_the_middle_of_a_message)
{
    struct halved h = halved_ticket();
    struct probe *p = h.pair.probe;
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 100), 0);
    send_first(&h);
    CHECK_EQ(probe_send_pattern(p, 0, 5000), 0);
    CHECK_EQ(probe_close(p), 0);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], -2303210);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2303210);
    tls_pair_close(&h.pair);
}

// TLS-6, DONE-4: of many sends, those that are complete can be read by the peer without the library
// doing anything.
LOOPS_TEST(what_is_complete_is_the_kernels)
{
    enum { PIECE = 10000, PIECES = 1600 };
    struct tls_pair pair = tls_pair_new(SOCKET_KIND_TLS);
    struct probe *p = pair.probe;
    for (int i = 0; i < PIECES; i++) CHECK_EQ(probe_send_pattern(p, (uint64_t)i * PIECE, PIECE), 0);
    settle();
    freeze();
    int complete = p->done[SOCKET_OPERATION_SEND];
    CHECK(complete > 0 && complete < PIECES);
    tls_peer_read_pattern(&pair.peer, 0, (size_t)complete * PIECE);
    thaw();
    tls_peer_read_pattern(&pair.peer, (uint64_t)complete * PIECE, (size_t)(PIECES - complete) * PIECE);
    WAIT(p->done[SOCKET_OPERATION_SEND] == PIECES);
    tls_pair_close(&pair);
}

// What a peer has to ask for, in bytes, before nobody reads from it: TLS-14.
enum { LEAST = 256 << 10 };

// Whether the peer can write again before long, however slow the machine is; it cannot if nobody
// reads. The kernel may drop a small segment and send it again a second or two later.
static int is_read_from(struct tls_peer *peer)
{
    enum { LONG = 2500, LOOKS = 100 };
    struct pollfd p = {.fd = peer->fd, .events = POLLOUT};
    int64_t start = now_ms();
    for (int looks = 0; looks < LOOKS || now_ms() - start < LONG; looks++) {
        settle();
        if (poll(&p, 1, 10) == 1) return 1;
    }
    return 0;
}

// The same, with more patience while the peer has asked for too little to fill anything: a segment
// may be dropped several times.
static int goes_on(struct tls_peer *peer, ssize_t asked)
{
    int tries = asked > LEAST ? 1 : 6;
    while (tries-- > 0)
        if (is_read_from(peer)) return 1;
    return 0;
}

// Has the peer read what comes before a byte of ours, and returns how much the probe has got.
static uint64_t got_while_read(struct tls_pair *pair, uint64_t *offset)
{
    CHECK_EQ(probe_send_pattern(pair->probe, *offset, 1), 0);
    tls_peer_read_pattern(&pair->peer, (*offset)++, 1);
    state_lock();
    uint64_t got = pair->probe->size;
    state_unlock();
    return got;
}

// A peer asks for key updates and does not read the answers; one_by_one: each is read alone.
static void ask_without_reading(int one_by_one)
{
    enum { UPDATES = 200000, BOUND = 512 << 10, BUFFER = 64 << 10 };
    int port, written = 0;
    int listener = peer_listen(&port);
    set_int_option(listener, SOL_SOCKET, SO_RCVBUF, 4096);
    set_int_option(listener, SOL_SOCKET, SO_SNDBUF, BUFFER);
    struct probe *p = tls_client_new();
    struct tls_pair pair = {.probe = p};
    CHECK_EQ(probe_connect(p, port), 0);
    pair.peer = tls_peer_new(peer_accept(listener), TLS_PEER_SERVER);
    peer_close(listener);
    CHECK_EQ(tls_peer_shake(&pair.peer), TLS_PEER_DONE);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    socket_extra_options small = SOCKET_EXTRA_OPTIONS_INIT;
    small.fields = SOCKET_EXTRA_SEND_BUFFER_SIZE | SOCKET_EXTRA_RECEIVE_BUFFER_SIZE;
    small.send_buffer_size = 4096;
    small.receive_buffer_size = BUFFER;
    CHECK_EQ(socket_set_extra_options(p->socket, &small), 0);
    settle();
    uint64_t buffers = stats_now().buffer_bytes;

    // Written by the test: OpenSSL would not read while it cannot write.
    BIO *wire, *memory = divert(&pair.peer, &wire);
    unsigned char record[HELD_MOST];
    const unsigned char *unsent = record;
    ssize_t left = 0, asked = 0;
    uint64_t bytes = 0;
    for (; written < UPDATES && left == 0; written++) {
        tls_peer_key_update(&pair.peer);
        if (written % 30 == 29) { // no more in a row: TLS-21
            tls_peer_write(&pair.peer, "x", 1);
            bytes++;
        }
        int size = BIO_read(memory, record, sizeof record);
        CHECK(size > 0);
        left = size;
        unsent = record;
        if (one_by_one) settle();
        do {
            ssize_t n = send(pair.peer.fd, unsent, (size_t)left, MSG_NOSIGNAL);
            if (n > 0) unsent += n, left -= n, asked += n;
        } while (left > 0 && goes_on(&pair.peer, asked));
    }
    CHECK(left > 0);
    CHECK(stats_now().buffer_bytes <= buffers + BOUND);
    // There was something to be bounded: an answer is as long as what asks for it. (Memory does not
    // tell: what was spare before goes back to the system meanwhile.)
    CHECK(asked > LEAST);
    check_quiet();
    CHECK_EQ(p->count[SOCKET_EVENT_ERROR], 0);

    CHECK_EQ(probe_send_pattern(p, 0, 1000), 0);
    tls_peer_read_pattern(&pair.peer, 0, 1000);
    // The kernel may hold so many requests that their answers reach the bound again: the peer reads
    // on. What is left may have a byte in it.
    uint64_t offset = 1000;
    POLL(got_while_read(&pair, &offset) + 1 >= bytes);
    peer_write(pair.peer.fd, unsent, (size_t)left);
    SSL_set0_wbio(pair.peer.ssl, wire);
    tls_peer_write(&pair.peer, "answer", 6);
    POLL(got_while_read(&pair, &offset) == bytes + 6);
    tls_pair_close(&pair);
}

// TLS-14: a peer that does not read what it makes us say. It is not read from when 256 KiB of that
// wait; when it reads, all goes on.
LOOPS_TEST(answers_that_are_not_read_are_bounded) { ask_without_reading(0); }

// TLS-14: small answers take no more memory than large ones.
LOOPS_TEST(answers_one_by_one_are_bounded) { ask_without_reading(1); }

// DATA-8, BOUND-2: so it is with a sender that waits for the rest of a message, which the reset
// cuts.
LOOPS_TEST(a_reset_in_the_middle_of_a_message_while_paused)
{
    struct halved h = halved_ticket();
    struct probe *p = h.pair.probe;
    char pad[200] = {0};
    send_first(&h);
    CHECK_EQ(socket_pause(p->socket), 0);
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 1000), 0);
    CHECK_EQ(probe_send_pattern(p, 0, 900), 0);
    CHECK_CODE(socket_send(p->socket, pad, sizeof pad, NULL, NULL), 2303111);
    tls_peer_reset(&h.pair.peer);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], -2303204);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2303204);
    tls_pair_close(&h.pair);
}
