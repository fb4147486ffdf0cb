// Nothing is lost on TLS sockets, and a cut is told from an end: DATA-1 to DATA-8, HALF-1 to
// HALF-4, TLS-3, TLS-5, TLS-6, TLS-7, LISTEN-2.
#include <stdlib.h>
#include <string.h>

#include "tls_pair.h"

enum { ONE_MB = 1 << 20, DEAF = ALL_EVENTS & ~SOCKET_EVENT_MASK(SOCKET_EVENT_MESSAGE) };

// DATA-5, TLS-5: in order, without loss or repetition, both ways at once.
LOOPS_TEST(megabytes_both_ways)
{
    for (int k = 0; k < 2; k++) {
        for (int flags = 0; flags <= TLS_PEER_TLS12; flags += TLS_PEER_TLS12) {
            struct tls_pair pair = tls_pair_new_flags(tls_streams[k], ALL_EVENTS, flags);
            struct probe *p = pair.probe;
            uint64_t offset = 0;
            p->pattern = 1;
            for (size_t size = 1; size < 300000; size = size * 2 + 1) {
                CHECK_EQ(probe_send_pattern(p, offset, size), 0);
                tls_peer_write_pattern(&pair.peer, offset, size);
                offset += size;
            }
            tls_peer_read_pattern(&pair.peer, 0, offset);
            WAIT(p->size == offset);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
            tls_pair_close(&pair);
        }
    }
}

// DATA-1, DATA-2, TLS-5: with 1 MB queued, with and without input that nobody has read.
LOOPS_TEST(send_and_close_at_once)
{
    for (int k = 0; k < 2; k++) {
        for (int unread = 0; unread < 3; unread++) {
            struct tls_pair pair = tls_pair_new_masked(tls_streams[k], unread == 1 ? DEAF : ALL_EVENTS);
            struct probe *p = pair.probe;
            if (unread == 2) CHECK_EQ(socket_pause(p->socket), 0);
            if (unread) tls_peer_write_pattern(&pair.peer, 0, 100000);
            CHECK_EQ(probe_send_pattern(p, 0, ONE_MB), 0);
            CHECK_EQ(probe_close(p), 0);
            CHECK_EQ(tls_peer_read_to_end(&pair.peer, 0), ONE_MB);
            tls_peer_close(&pair.peer);
            WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
            CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND] | p->done_error[SOCKET_OPERATION_CLOSE], 0);
            CHECK_STR(p->order, k == 0 ? "CcsZz" : "sZz");
            tls_pair_close(&pair);
        }
    }
}

// DATA-1: a client of TLS 1.3 that never reads has tickets unread when it closes; the kernel would
// reset.
LOOPS_TEST(a_client_that_never_reads_sends_and_closes)
{
    for (int resumption = 0; resumption < 2; resumption++) {
        int port;
        struct probe *server = tls_server_new(&port), *p = probe_new_masked(SOCKET_KIND_TLS, DEAF);
        socket_tls_options o = tls_client_options();
        o.no_session_resumption = resumption;
        CHECK_EQ(socket_tls_set_secure_options(p->socket, &o), 0);
        CHECK_EQ(probe_connect(p, port), 0);
        CHECK_EQ(probe_send_pattern(p, 0, ONE_MB), 0);
        CHECK_EQ(probe_close(p), 0);
        WAIT(server->clients == 1 && server->client[0]->count[SOCKET_EVENT_CLOSE] == 1);
        struct probe *connection = server->client[0];
        CHECK_EQ(connection->size, ONE_MB);
        CHECK_STR(connection->order, "MEZ");
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
        CHECK_STR(p->order, "CcsZz");
        probe_release(p);
        tls_server_close(server);
    }
}

// DATA-2: a peer that never reads; what is queued fails, and the peer sees that it has not got all.
LOOPS_TEST(close_times_out)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 200), 0);
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 64 << 20), 0);
        CHECK_EQ(probe_send_pattern(p, 0, 16 << 20), 0);
        CHECK_EQ(probe_close(p), 0);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2303210);
        CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -2303210);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], -2303210);
        CHECK_STR(p->order, k == 0 ? "CcsXZz" : "sXZz");
        enum tls_peer_outcome o;
        tls_peer_read_rest(&pair.peer, 0, &o);
        CHECK_EQ(o, TLS_PEER_RESET);
        tls_pair_close(&pair);
    }
}

// DATA-2: without queued bytes it is no error.
LOOPS_TEST(close_does_not_wait_for_ever)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 100), 0);
        CHECK_EQ(probe_send(p, "last", 4), 0);
        CHECK_EQ(probe_close(p), 0);
        WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CLOSE], 0);
        CHECK_STR(p->order, k == 0 ? "CcsZz" : "sZz");
        char text[4];
        tls_peer_read(&pair.peer, text, 4);
        CHECK_EQ(tls_peer_read_to_end(&pair.peer, 0), 0);
        tls_pair_close(&pair);
    }
}

// TLS-5, DATA-6: an end without close_notify is an error, after what had arrived.
LOOPS_TEST(a_cut_stream_is_an_error)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        char text[200];
        p->pattern = 1;
        tls_peer_write_pattern(&pair.peer, 0, 100000);
        tls_peer_drop(&pair.peer);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_EQ(p->size, 100000);
        CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -2303505);
        CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], -2303505);
        CHECK_STR(p->order, k == 0 ? "CcMXZ" : "MXZ");
        if (k == 0) {
            CHECK(socket_get_error_detail(p->socket, text, sizeof text) > 0);
            CHECK(strstr(text, "without close_notify") != NULL);
        }
        tls_pair_close(&pair);
    }
}

// TLS-3: what is no record, and a record that was changed.
LOOPS_TEST(what_is_not_valid_is_an_error)
{
    static const char changed[5 + 40] = {23, 3, 3, 0, 40, 'x'};
    for (int k = 0; k < 2; k++) {
        for (int garbage = 0; garbage < 2; garbage++) {
            struct tls_pair pair = tls_pair_new(tls_streams[k]);
            struct probe *p = pair.probe;
            tls_peer_write(&pair.peer, "good", 4);
            if (garbage) peer_write(pair.peer.fd, "GET / HTTP/1.0\r\n\r\n", 18);
            else peer_write(pair.peer.fd, changed, sizeof changed);
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            CHECK_EQ(p->size, 4);
            CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -2303502);
            CHECK_STR(p->order, k == 0 ? "CcMXZ" : "MXZ");
            tls_pair_close(&pair);
        }
    }
}

static void answer_at_end(struct probe *p, const socket_event *e)
{
    if (e->type == SOCKET_EVENT_END) CHECK_EQ(probe_send_pattern(p, 0, 300000), 0);
}

// HALF-1, HALF-2, TLS-5: close_notify is the end; what is sent in its callback still goes out.
LOOPS_TEST(the_end_is_answered)
{
    for (int k = 0; k < 2; k++) {
        for (int fin = 0; fin < 2; fin++) {
            struct tls_pair pair = tls_pair_new(tls_streams[k]);
            struct probe *p = pair.probe;
            p->on_event = answer_at_end;
            tls_peer_write(&pair.peer, "question", 8);
            tls_peer_notify(&pair.peer);
            if (fin) peer_end(pair.peer.fd);
            CHECK_EQ(tls_peer_read_to_end(&pair.peer, 0), 300000);
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            CHECK_STR(p->order, k == 0 ? "CcMEsZ" : "MEsZ");
            CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], 0);
            tls_pair_close(&pair);
        }
    }
}

// HALF-3
LOOPS_TEST(half_open_until_close)
{
    for (int k = 0; k < 2; k++) {
        for (int fin = 0; fin < 2; fin++) {
            struct tls_pair pair = tls_pair_new(tls_streams[k]);
            struct probe *p = pair.probe;
            CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
            tls_peer_notify(&pair.peer);
            if (fin) peer_end(pair.peer.fd);
            WAIT(p->count[SOCKET_EVENT_END] == 1);
            check_quiet();
            CHECK_EQ(probe_send_pattern(p, 0, 100000), 0);
            WAIT(p->done[SOCKET_OPERATION_SEND] == 1);
            settle();
            CHECK_EQ(p->count[SOCKET_EVENT_CLOSE], 0);
            CHECK_EQ(probe_close(p), 0);
            CHECK_EQ(tls_peer_read_to_end(&pair.peer, 0), 100000);
            WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
            CHECK_STR(p->order, k == 0 ? "CcEsZz" : "EsZz");
            tls_pair_close(&pair);
        }
    }
}

// HALF-4: end sends a close_notify, and goes on receiving.
LOOPS_TEST(end_and_go_on_receiving)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        p->pattern = 1;
        CHECK_EQ(probe_send_pattern(p, 0, ONE_MB), 0);
        CHECK_EQ(probe_end(p), 0);
        CHECK_CODE(probe_send(p, "x", 1), 2303208);
        CHECK_EQ(tls_peer_read_to_end(&pair.peer, 0), ONE_MB);
        WAIT(p->done[SOCKET_OPERATION_END] == 1);
        tls_peer_write_pattern(&pair.peer, 0, 200000);
        tls_peer_close(&pair.peer);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_EQ(p->size, 200000);
        CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], 0);
        CHECK_STR(p->order, k == 0 ? "CcseMEZ" : "seMEZ");
        tls_pair_close(&pair);
    }
}

// HALF-4: at once if the peer has ended already.
LOOPS_TEST(end_after_the_peers)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
        tls_peer_notify(&pair.peer);
        WAIT(p->count[SOCKET_EVENT_END] == 1);
        CHECK_EQ(probe_send_pattern(p, 0, 1000), 0);
        CHECK_EQ(probe_end(p), 0);
        CHECK_EQ(tls_peer_read_to_end(&pair.peer, 0), 1000);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        CHECK_STR(p->order, k == 0 ? "CcEseZ" : "EseZ");
        tls_pair_close(&pair);
    }
}

// DATA-7, TLS-7: what comes while reading is paused stays outside, and all of it is delivered
// afterwards.
LOOPS_TEST(pause_and_resume)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        uint64_t buffers = stats_now().buffer_bytes;
        p->pattern = 1;
        CHECK_EQ(socket_pause(p->socket), 0);
        tls_peer_write_pattern(&pair.peer, 0, 100000);
        settle();
        check_quiet();
        CHECK_EQ(p->size, 0);
        CHECK(stats_now().buffer_bytes <= buffers + 2 * (68 << 10));
        // the peer is there: nothing is looked at
        CHECK(peer_readable(socket_get_fd(p->socket)) > 100000);
        CHECK_EQ(socket_resume(p->socket), 0);
        WAIT(p->size == 100000);
        for (int i = 1; i <= 20; i++) {
            CHECK_EQ(socket_pause(p->socket), 0);
            tls_peer_write_pattern(&pair.peer, 100000 + (i - 1) * 30000, 30000);
            CHECK_EQ(socket_resume(p->socket), 0);
        }
        WAIT(p->size == 700000);
        tls_pair_close(&pair);
    }
}

// DATA-7, LISTEN-2: the first listener starts reading, removing the last one stops it.
LOOPS_TEST(late_listeners_lose_nothing)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new_masked(tls_streams[k], DEAF);
        struct probe *p = pair.probe;
        p->pattern = 1;
        tls_peer_write_pattern(&pair.peer, 0, 50000);
        settle();
        check_quiet();
        probe_listen(p, ALL_EVENTS);
        WAIT(p->size == 50000);
        probe_listen(p, DEAF);
        tls_peer_write_pattern(&pair.peer, 50000, 50000);
        settle();
        check_quiet();
        CHECK_EQ(p->size, 50000);
        probe_listen(p, ALL_EVENTS);
        WAIT(p->size == 100000);
        tls_pair_close(&pair);
    }
}

// How a peer leaves.
enum leaving { NOTIFIES, CUTS, RESETS, LEAVINGS };

static void leave(struct tls_peer *peer, enum leaving how)
{
    if (how == NOTIFIES) tls_peer_close(peer);
    if (how == CUTS) tls_peer_drop(peer);
    if (how == RESETS) tls_peer_reset(peer);
}

static int leaving_code(enum leaving how)
{
    static const int codes[] = {0, -2303505, -2303204};
    return codes[how];
}

// DATA-8, TLS-7: a peer that leaves while we are paused is reported at once if nothing is unread.
LOOPS_TEST(the_peer_leaves_while_paused)
{
    for (int k = 0; k < 2; k++) {
        for (enum leaving how = NOTIFIES; how < LEAVINGS; how++) {
            for (int deaf = 0; deaf < 2; deaf++) {
                struct tls_pair pair = tls_pair_new_masked(tls_streams[k], deaf ? DEAF : ALL_EVENTS);
                struct probe *p = pair.probe;
                settle();
                if (!deaf) CHECK_EQ(socket_pause(p->socket), 0);
                leave(&pair.peer, how);
                WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
                CHECK_EQ(p->count[SOCKET_EVENT_END], how == NOTIFIES);
                CHECK_EQ(p->count[SOCKET_EVENT_ERROR], how != NOTIFIES);
                CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], leaving_code(how));
                tls_pair_close(&pair);
            }
        }
    }
}

// DATA-8, DATA-6, TLS-7: if something is unread it waits for the reader, without spinning.
LOOPS_TEST(the_peer_leaves_while_paused_and_unread)
{
    static const size_t sizes[] = {1, 20000, 200000};
    for (int k = 0; k < 2; k++) {
        for (enum leaving how = NOTIFIES; how <= CUTS; how++) {
            for (int i = 0; i < 3; i++) {
                struct tls_pair pair = tls_pair_new(tls_streams[k]);
                struct probe *p = pair.probe;
                p->pattern = 1;
                CHECK_EQ(socket_pause(p->socket), 0);
                tls_peer_write_pattern(&pair.peer, 0, sizes[i]);
                settle();
                leave(&pair.peer, how);
                settle();
                check_quiet();
                CHECK_STR(p->order, k == 0 ? "Cc" : "");
                CHECK_EQ(socket_resume(p->socket), 0);
                WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
                CHECK_EQ(p->size, sizes[i]);
                CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], leaving_code(how));
                CHECK_STR(p->order, how == NOTIFIES ? k == 0 ? "CcMEZ" : "MEZ" : k == 0 ? "CcMXZ" : "MXZ");
                tls_pair_close(&pair);
            }
        }
    }
}

// DATA-8, BOUND-2: a reset with bytes queued is told at once although something is unread, in
// records decrypted ahead or in the kernel.
LOOPS_TEST(a_reset_with_bytes_queued_while_paused)
{
    static const size_t unread[] = {0, 1, 200000};
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 3; i++) {
            struct tls_pair pair = tls_pair_new(tls_streams[k]);
            struct probe *p = pair.probe;
            CHECK_EQ(socket_pause(p->socket), 0);
            CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 1 << 20), 0);
            if (unread[i] > 0) tls_peer_write_pattern(&pair.peer, 0, unread[i]);
            CHECK_EQ(probe_send_pattern(p, 0, 14 << 20), 0);
            static char more[1 << 20];
            CHECK_CODE(socket_send(p->socket, more, sizeof more, NULL, NULL), 2303111);
            settle();
            leave(&pair.peer, RESETS);
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1 && p->done[SOCKET_OPERATION_SEND] == 1);
            CHECK_EQ(p->size, 0);
            CHECK_STR(p->order, k == 0 ? "CcsXZ" : "sXZ");
            CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], -2303204);
            tls_pair_close(&pair);
        }
    }
}

// TLS-5: what came with the last flight of the handshake is not lost, and an end behind it is seen.
LOOPS_TEST(bytes_right_behind_the_handshake)
{
    for (enum leaving how = NOTIFIES; how <= CUTS; how++) {
        for (int deaf = 0; deaf < 2; deaf++) {
            int port;
            struct probe *server = tls_server_new_masked(&port, deaf ? DEAF : ALL_EVENTS);
            socket_tls_options o = tls_server_options();
            // tickets that the peer has not read would make its close a reset
            o.no_session_resumption = 1;
            CHECK_EQ(socket_tls_set_secure_options(server->socket, &o), 0);
            freeze();
            struct tls_peer peer = tls_peer_new(peer_connect(port), 0);
            tls_peer_shake_once(&peer);
            thaw();
            CHECK_EQ(tls_peer_shake(&peer), TLS_PEER_DONE); // the client's side of 1.3 is done now
            freeze();
            if (!deaf) tls_peer_write_pattern(&peer, 0, 30000);
            leave(&peer, how);
            thaw();
            WAIT(server->clients == 1 && server->client[0]->count[SOCKET_EVENT_CLOSE] == 1);
            struct probe *p = server->client[0];
            CHECK_EQ(p->size, deaf ? 0 : 30000);
            CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], leaving_code(how));
            CHECK_STR(p->order, how == NOTIFIES ? deaf ? "EZ" : "MEZ" : deaf ? "XZ" : "MXZ");
            tls_server_close(server);
        }
    }
}

// The peer asks for new keys in the midst of it, and reads nothing: what the session says by itself
// is written too.
LOOPS_TEST(key_updates)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        p->pattern = 1;
        for (int i = 0; i < 50; i++) {
            tls_peer_key_update(&pair.peer);
            tls_peer_write_pattern(&pair.peer, i * 100, 100);
            CHECK_EQ(probe_send_pattern(p, i * 100, 100), 0);
        }
        WAIT(p->size == 5000);
        tls_peer_read_pattern(&pair.peer, 0, 5000);
        tls_pair_close(&pair);
    }
}

// TLS-6: a completion without error means that the kernel has the bytes.
LOOPS_TEST(completed_bytes_are_the_kernels)
{
    struct tls_pair pair = tls_pair_new(SOCKET_KIND_TLS);
    struct probe *p = pair.probe;
    CHECK_EQ(probe_send_pattern(p, 0, 1000), 0);
    WAIT(p->done[SOCKET_OPERATION_SEND] == 1);
    CHECK_EQ(socket_get_send_queue_length(p->socket), 0);
    freeze();
    tls_peer_read_pattern(&pair.peer, 0, 1000);
    thaw();
    CHECK_EQ(probe_send_pattern(p, 0, 16 << 20), 0);
    settle();
    CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 1); // the kernel cannot have all of it
    CHECK(socket_get_send_queue_length(p->socket) > 0);
    tls_peer_read_pattern(&pair.peer, 0, 16 << 20);
    WAIT(p->done[SOCKET_OPERATION_SEND] == 2);
    tls_pair_close(&pair);
}

// BOUND-1's exception for TLS, TLS-6: an empty send, and NULL.
LOOPS_TEST(empty_sends)
{
    socket_buffer none[2] = {{"x", 0}, {NULL, 0}};
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        CHECK_CODE(probe_send(p, "", 0), 401);
        CHECK_CODE(probe_send(p, NULL, 0), 401);
        CHECK_CODE(probe_send(p, NULL, 1), 401);
        CHECK_CODE(socket_sendv(p->socket, none, 2, probe_completion(SOCKET_OPERATION_SEND), p), 401);
        settle();
        CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 0);
        tls_pair_close(&pair);
    }
}

// DONE-8: the peer has said goodbye and gone; what our own end meets then is no mistake of the
// program.
LOOPS_TEST(an_end_to_a_peer_that_has_gone)
{
    for (int i = 0; i < 4; i++) {
        struct tls_pair pair = tls_pair_new(tls_streams[i % 2]);
        struct probe *p = pair.probe;
        CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
        tls_peer_take_tickets(&pair.peer);
        tls_peer_close(&pair.peer);
        WAIT(p->count[SOCKET_EVENT_END] == 1);
        if (i >= 2) CHECK_EQ(probe_send(p, "x", 1), 0); // which a reset answers
        int code = probe_end(p);
        if (i < 2) CHECK_EQ(code, 0); // later it may be closed already
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1 && p->done[SOCKET_OPERATION_END] == (code == 0));
        CHECK(socket_error_category(p->done_error[SOCKET_OPERATION_END]) != SOCKET_CATEGORY_USAGE);
        CHECK(socket_error_category(p->error[SOCKET_EVENT_ERROR]) != SOCKET_CATEGORY_USAGE);
        CHECK(socket_error_category(p->error[SOCKET_EVENT_CLOSE]) != SOCKET_CATEGORY_USAGE);
        tls_pair_close(&pair);
    }
}
