// Reading starts, pauses and goes on; ends and resets meanwhile; a quiet loop. DATA-6 to DATA-9,
// BOUND-3.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"

static const int streams[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_CONNECTION};
static const unsigned no_messages = ALL_EVENTS & ~SOCKET_EVENT_MASK(SOCKET_EVENT_MESSAGE);

// DATA-7: a late listener gets all there was.
LOOPS_TEST(a_late_listener_loses_nothing)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new_masked(streams[i], no_messages);
        struct probe *p = pair.probe;
        p->pattern = 1;
        peer_write_pattern(pair.peer, 0, 100000);
        settle();
        CHECK_EQ(p->size, 0);
        check_quiet();
        probe_listen(p, ALL_EVENTS);
        WAIT(p->size == 100000);
        peer_write_pattern(pair.peer, 100000, 50000);
        WAIT(p->size == 150000);
        pair_close(&pair);
    }
}

// DATA-7: taking the listener away pauses, putting it back goes on; nothing is lost between.
LOOPS_TEST(without_a_listener_nothing_is_read)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    p->pattern = 1;
    uint64_t offset = 0;
    for (int i = 0; i < 20; i++) {
        probe_listen(p, no_messages);
        settle();
        uint64_t before = p->size;
        peer_write_pattern(pair.peer, offset, 1000);
        offset += 1000;
        settle();
        CHECK_EQ(p->size, before);
        probe_listen(p, ALL_EVENTS);
        WAIT(p->size == offset);
    }
    pair_close(&pair);
}

// DATA-7, BOUND-3: the peer is held back by the kernel's buffers; nothing is kept in the library.
LOOPS_TEST(a_pause_holds_the_peer_back)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct probe *p = pair.probe;
        p->pattern = 1;
        uint64_t memory = stats_now().buffer_bytes, written = 0;
        CHECK_EQ(socket_pause(p->socket), 0);
        settle();
        char chunk[65536];
        for (;;) {
            pattern_fill(chunk, written, sizeof chunk);
            ssize_t n = send(pair.peer, chunk, sizeof chunk, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n < 0) break;
            written += (uint64_t)n;
            CHECK(written < 200 << 20);
        }
        CHECK_EQ(errno, EAGAIN);
        settle();
        check_quiet();
        CHECK_EQ(p->size, 0);
        CHECK(stats_now().buffer_bytes <= memory + (1 << 20));
        CHECK_EQ(socket_resume(p->socket), 0);
        WAIT(p->size == written);
        pair_close(&pair);
    }
}

static void pause_at_message(struct probe *p, const socket_event *e)
{
    if (e->type == SOCKET_EVENT_MESSAGE) CHECK_EQ(socket_pause(p->socket), 0);
}

// DATA-7: paused inside the callback, no message comes after it. (Of records see LOOP-3.)
CALLBACKS_TEST(pause_inside_a_message)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    p->pattern = 1;
    p->on_event = pause_at_message;
    peer_write_pattern(pair.peer, 0, 1 << 20);
    for (int i = 1; p->size < 1 << 20; i++) {
        WAIT(p->count[SOCKET_EVENT_MESSAGE] == i);
        settle();
        CHECK_EQ(p->count[SOCKET_EVENT_MESSAGE], i);
        CHECK_EQ(socket_resume(p->socket), 0);
    }
    CHECK_EQ(p->size, 1 << 20);
    pair_close(&pair);
}

// Pauses are not counted, and one resume ends them.
LOOPS_TEST(pauses_do_not_add_up)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    for (int i = 0; i < 3; i++) CHECK_EQ(socket_pause(p->socket), 0);
    peer_write(pair.peer, "abc", 3);
    settle();
    CHECK_EQ(p->size, 0);
    for (int i = 0; i < 3; i++) CHECK_EQ(socket_resume(p->socket), 0);
    WAIT(p->size == 3);
    pair_close(&pair);
}

// A pause before the socket is open, and over a close, stays.
LOOPS_TEST(a_pause_stays_in_force)
{
    int port;
    int listener = peer_listen(&port);
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(socket_pause(p->socket), 0);
    for (int i = 1; i <= 2; i++) {
        CHECK_EQ(probe_connect(p, port), 0);
        int peer = peer_accept(listener);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == i);
        peer_write(peer, "abc", 3);
        settle();
        CHECK_EQ(p->size, 0);
        if (i == 2) {
            CHECK_EQ(socket_resume(p->socket), 0);
            WAIT(p->size == 3);
        }
        CHECK_EQ(socket_abort(p->socket), 0);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == i);
        peer_close(peer);
    }
    probe_release(p);
    peer_close(listener);
}

enum leaving { BY_END, BY_RESET };

static struct pair left_alone(int kind, enum leaving how, int paused, size_t unread)
{
    struct pair pair = pair_new_masked(kind, paused ? ALL_EVENTS : no_messages);
    struct probe *p = pair.probe;
    p->pattern = 1;
    if (paused) CHECK_EQ(socket_pause(p->socket), 0);
    settle();
    freeze();
    peer_write_pattern(pair.peer, 0, unread);
    if (how == BY_END)
        peer_close(pair.peer);
    else
        peer_reset(pair.peer);
    pair.peer = -1;
    thaw();
    return pair;
}

// DATA-8: with nothing unread the end or the reset is reported at once, paused or write-only.
LOOPS_TEST(an_end_is_noticed_without_reading)
{
    for (int i = 0; i < 2; i++) {
        for (int how = BY_END; how <= BY_RESET; how++) {
            for (int paused = 0; paused < 2; paused++) {
                struct pair pair = left_alone(streams[i], how, paused, 0);
                struct probe *p = pair.probe;
                WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
                CHECK_STR(p->order + 2 * (i == 0), how == BY_END ? "EZ" : "XZ");
                pair_close(&pair);
            }
        }
    }
}

// DATA-8, DATA-6: with unread bytes it waits for the reader, and the loop does not spin meanwhile.
LOOPS_TEST(an_end_waits_for_the_reader)
{
    for (int i = 0; i < 2; i++) {
        for (int how = BY_END; how <= BY_RESET; how++) {
            for (int paused = 0; paused < 2; paused++) {
                struct pair pair = left_alone(streams[i], how, paused, 10000);
                struct probe *p = pair.probe;
                settle();
                check_quiet();
                CHECK_STR(p->order + 2 * (i == 0), "");
                CHECK(is_valid(p->socket));
                if (paused)
                    CHECK_EQ(socket_resume(p->socket), 0);
                else
                    probe_listen(p, ALL_EVENTS);
                WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
                CHECK_EQ(p->size, 10000);
                CHECK_STR(p->order + 2 * (i == 0), how == BY_END ? "MEZ" : "MXZ");
                pair_close(&pair);
            }
        }
    }
}

// What keeps a sender waiting while nobody reads.
enum held_back { QUEUED, REFUSED, REFUSED_HALF_OPEN, HELD_BACKS };

static struct pair held_back(int kind, enum held_back how, int paused)
{
    struct pair pair = pair_new_masked(kind, paused ? ALL_EVENTS : no_messages);
    struct probe *p = pair.probe;
    if (paused) CHECK_EQ(socket_pause(p->socket), 0);
    if (how == REFUSED_HALF_OPEN) CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1), 0);
    peer_write_pattern(pair.peer, 0, 10000);
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, 1 << 20), 0);
    CHECK_EQ(probe_send_pattern(p, 0, 14 << 20), 0);
    if (how != QUEUED) {
        static char more[1 << 20];
        CHECK_CODE(socket_send(p->socket, more, sizeof more, NULL, NULL), code_for(kind, 2301011));
    }
    settle();
    return pair;
}

// DATA-8, BOUND-2: a reset with bytes queued is told at once, whatever is unread: nobody may be
// waiting for it. The descriptor does not outlive it.
LOOPS_TEST(a_reset_with_bytes_both_ways)
{
    for (int i = 0; i < 2; i++) {
        for (enum held_back how = QUEUED; how < HELD_BACKS; how++) {
            for (int paused = 0; paused < 2; paused++) {
                struct pair pair = held_back(streams[i], how, paused);
                struct probe *p = pair.probe;
                peer_reset(pair.peer);
                pair.peer = -1;
                WAIT(p->count[SOCKET_EVENT_CLOSE] == 1 && p->done[SOCKET_OPERATION_SEND] == 1);
                CHECK_EQ(p->size, 0);
                CHECK_STR(p->order + 2 * (i == 0), "sXZ");
                CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], -code_for(streams[i], 2301104));
                CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -code_for(streams[i], 2301104));
                pair_close(&pair);
            }
        }
    }
}

// DATA-8: nothing is queued, and a send meets the reset while bytes are unread.
LOOPS_TEST(a_send_that_meets_a_reset_while_paused)
{
    for (int i = 0; i < 2; i++) {
        for (int paused = 0; paused < 2; paused++) {
            struct pair pair = left_alone(streams[i], BY_RESET, paused, 10000);
            struct probe *p = pair.probe;
            settle();
            CHECK_STR(p->order + 2 * (i == 0), "");
            CHECK_EQ(probe_send(p, "x", 1), 0);
            WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            CHECK_EQ(p->size, 0);
            CHECK_STR(p->order + 2 * (i == 0), "sXZ");
            CHECK(p->done_error[SOCKET_OPERATION_SEND] < 0);
            pair_close(&pair);
        }
    }
}

// An open, idle connection and a listening server cost no work; nor does a peer that does not read.
LOOPS_TEST(a_quiet_socket_is_quiet)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP), other = pair_new(SOCKET_KIND_TCP_CONNECTION);
    struct probe *udp = probe_new(SOCKET_KIND_UDP);
    probe_bind(udp);
    CHECK_EQ(probe_send_pattern(pair.probe, 0, 12 << 20), 0);
    settle();
    check_quiet();
    probe_closed(udp);
    pair_close(&pair);
    pair_close(&other);
}

// A descriptor that a forked child still has: after our close the peer's bytes wake nobody.
LOOPS_TEST(a_descriptor_held_by_a_child_does_not_spin)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    int held = dup((int)CHECK_OK(socket_get_fd(p->socket))); // what a forked child has
    CHECK(held >= 0);
    CHECK_EQ(probe_close(p), 0);
    peer_read_end(pair.peer);
    peer_end(pair.peer);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    settle();
    check_quiet();
    close(held);
    pair_close(&pair);
}

// DATA-9: clients wait in the backlog until somebody listens, and again after nobody does.
LOOPS_TEST(a_server_without_a_listener_leaves_clients_waiting)
{
    struct probe *server = probe_new_masked(SOCKET_KIND_TCP_SERVER, ALL_EVENTS & ~SOCKET_EVENT_MASK(SOCKET_EVENT_CONNECT));
    server->keeps_clients = 1;
    server->client_mask = ALL_EVENTS;
    socket_listen_options o = listen_options("127.0.0.1", 0, 0);
    CHECK_EQ(socket_listen(server->socket, &o), 0);
    int port = probe_port(server);
    for (int i = 1; i <= 2; i++) {
        int peer = peer_connect(port);
        peer_write(peer, "abc", 3);
        settle();
        check_quiet();
        CHECK_EQ(server->count[SOCKET_EVENT_CONNECT], i - 1);
        CHECK_EQ(stats_now().sockets, 1);
        probe_listen(server, ALL_EVENTS);
        WAIT(server->clients == i);
        struct probe *client = server->client[i - 1];
        WAIT(client->size == 3);
        probe_listen(server, ALL_EVENTS & ~SOCKET_EVENT_MASK(SOCKET_EVENT_CONNECT));
        settle();
        peer_close(peer);
        WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
        POLL(!is_valid(client->socket));
    }
    probe_closed(server);
}

// DATA-9: a paused server does not accept either.
LOOPS_TEST(a_paused_server_leaves_clients_waiting)
{
    int port;
    struct probe *server = server_new(&port);
    CHECK_EQ(socket_pause(server->socket), 0);
    settle();
    int peer = peer_connect(port);
    settle();
    check_quiet();
    CHECK_EQ(server->clients, 0);
    CHECK_EQ(socket_resume(server->socket), 0);
    WAIT(server->clients == 1);
    peer_close(peer);
    struct probe *client = server->client[0];
    WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
    probe_closed(server);
}

// DATA-7, BOUND-3: a paused UDP socket takes nothing; what the kernel kept comes after resume.
LOOPS_TEST(a_paused_udp_socket)
{
    int port;
    int peer = peer_udp(&port);
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    int own = probe_bind(p);
    CHECK_EQ(socket_pause(p->socket), 0);
    settle();
    for (int i = 0; i < 10; i++) peer_send_to(peer, own, "abc", 3);
    settle();
    check_quiet();
    CHECK_EQ(p->count[SOCKET_EVENT_MESSAGE], 0);
    // of the first: they are still the kernel's
    CHECK_EQ(peer_readable(socket_get_fd(p->socket)), 3);
    CHECK_EQ(socket_resume(p->socket), 0);
    WAIT(p->count[SOCKET_EVENT_MESSAGE] == 10);
    probe_closed(p);
    peer_close(peer);
}
