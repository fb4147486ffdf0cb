// Loops in record mode: LOOP-1 to LOOP-3, LOOP-6. What all modes have in common is in the tests
// that run on every loop.
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"
#include "probe.h"
#include "records.h"

enum { BATCH_BYTES = 1 << 20 };

// What a record says.
TEST(records_say_what_happened)
{
    int peer, a, b;
    record_loop_open();
    socket_handle s = record_connected(&peer, &a);
    CHECK_EQ(socket_send(s, "x", 1, SOCKET_RECORD, &b), 0);
    socket_event e = record_await(SOCKET_EVENT_COMPLETION);
    CHECK_EQ(e.operation, SOCKET_OPERATION_SEND);
    CHECK_EQ(e.error, 0);
    CHECK_EQ(e.socket, s);
    CHECK(e.user_data == &b && e.data == NULL && e.connection == 0 && e.remote.address == NULL);
    peer_write(peer, "hello", 5);
    e = record_await(SOCKET_EVENT_MESSAGE);
    CHECK(e.user_data == &a && e.operation == 0 && e.error == 0);
    CHECK_EQ(e.size, 5);
    CHECK_EQ(memcmp(e.data, "hello", 5), 0);
    CHECK_STR(e.remote.address, "127.0.0.1");
    CHECK_EQ(e.remote.port, peer_port(peer));
    CHECK_EQ(e.remote.family, SOCKET_FAMILY_IPV4);
    CHECK_EQ(socket_loop_post(record_loop, NULL, &b), 0);
    e = record_await(SOCKET_EVENT_POST);
    CHECK(e.user_data == &b && e.socket == 0);
    int64_t timer = CHECK_OK(socket_loop_set_timer(record_loop, 1, 0, NULL, &b));
    e = record_await(SOCKET_EVENT_TIMER);
    CHECK(e.user_data == &b && e.socket == 0);
    CHECK_EQ(e.size, timer);
    peer_reset(peer);
    e = record_await(SOCKET_EVENT_ERROR);
    CHECK_EQ(e.error, -2301104);
    e = record_await(SOCKET_EVENT_CLOSE);
    CHECK_EQ(e.error, -2301104);
    // Any value but NULL asks for a record, and is not called.
    socket_connect_options o = connect_options("127.0.0.1", peer_unused_port(), 0);
    CHECK_EQ(socket_connect(s, &o, (socket_completion)16, &b), 0);
    e = record_await(SOCKET_EVENT_COMPLETION);
    CHECK_EQ(e.operation, SOCKET_OPERATION_CONNECT);
    CHECK_EQ(e.error, -2301111);
    CHECK_EQ(socket_release(s), 0);
    record_loop_close();
}

// Not subscribed, no completion asked for: no record.
TEST(what_nobody_wants_makes_no_record)
{
    int port;
    int peer = peer_udp(&port);
    record_loop_open();
    socket_handle s = record_socket(SOCKET_KIND_UDP, NULL);
    CHECK_EQ(socket_subscribe(s, 0, NULL), 0);
    int own = record_bind(s);
    socket_address to = address_of("127.0.0.1", port, 0);
    CHECK_EQ(socket_send_to(s, &to, "x", 1, NULL, NULL), 0);
    peer_send_to(peer, own, "x", 1);
    CHECK_EQ(records_fetch(MOST, 20), 0);
    CHECK_EQ(socket_subscribe(s, SOCKET_EVENT_MASK(SOCKET_EVENT_MESSAGE), &to), 0);
    socket_event e = record_await(SOCKET_EVENT_MESSAGE);
    CHECK(e.user_data == &to);
    CHECK_EQ(socket_release(s), 0);
    CHECK_EQ(records_fetch(MOST, 20), 0);
    record_loop_close();
    peer_close(peer);
}

// LOOP-1, LOOP-6: with room for one record at a time nothing is lost, and the descriptor tells that
// there is more.
TEST(one_record_at_a_time)
{
    enum { DATAGRAMS = 100, POSTS = 50 };
    int ignored;
    int peer = peer_udp(&ignored);
    record_loop_open();
    socket_handle s = record_socket(SOCKET_KIND_UDP, NULL);
    int own = record_bind(s);
    record_await(SOCKET_EVENT_LISTENING);
    for (int i = 0; i < POSTS; i++) CHECK_EQ(socket_loop_post(record_loop, NULL, (void *)(uintptr_t)(i + 1)), 0);
    for (int i = 0; i < DATAGRAMS; i++) peer_send_to(peer, own, &i, sizeof i);
    socket_address to = address_of("127.0.0.1", ignored, 0);
    for (int i = 0; i < POSTS; i++) CHECK_EQ(socket_send_to(s, &to, "x", 1, SOCKET_RECORD, (void *)(uintptr_t)(i + 1)), 0);
    CHECK_EQ(socket_close(s, SOCKET_RECORD, NULL), 0);
    int posts = 0, messages = 0, sends = 0, closes = 0;
    while (posts < POSTS || sends < POSTS || closes < 2) {
        if (!record_loop_readable(PATIENCE_MS)) FAIL("not readable after %d posts, %d messages, %d sends", posts, messages, sends);
        int n = records_fetch(1, 0);
        if (n == 0) continue;
        if (records[0].type == SOCKET_EVENT_POST) CHECK_EQ((uintptr_t)records[0].user_data, ++posts);
        if (records[0].type == SOCKET_EVENT_MESSAGE) CHECK_EQ(*(const int *)records[0].data, messages++);
        if (records[0].type == SOCKET_EVENT_COMPLETION && records[0].operation == SOCKET_OPERATION_SEND)
            CHECK_EQ((uintptr_t)records[0].user_data, ++sends);
        closes += records[0].type == SOCKET_EVENT_CLOSE;
        closes += records[0].type == SOCKET_EVENT_COMPLETION && records[0].operation == SOCKET_OPERATION_CLOSE;
    }
    for (int i = 0; record_loop_readable(0); i++) {
        CHECK(i < 20);
        CHECK_EQ(records_fetch(1, 0), 0);
    }
    CHECK_EQ(socket_release(s), 0);
    record_loop_close();
    peer_close(peer);
}

// LOOP-2: payloads stay whatever is called, until the next poll or close of the loop.
TEST(payloads_stay_until_the_next_poll)
{
    enum { EACH = 1000, COUNT = 40 };
    int port, peer;
    int source = peer_udp(&port);
    record_loop_open();
    socket_handle udp = record_socket(SOCKET_KIND_UDP, NULL);
    int own = record_bind(udp);
    socket_handle tcp = record_connected(&peer, NULL);
    char data[EACH];
    while (records_fetch(MOST, 0) > 0) continue;
    for (int i = 0; i < COUNT; i++) {
        pattern_fill(data, (uint64_t)i * EACH, EACH);
        peer_send_to(source, own, data, EACH);
    }
    peer_write_pattern(peer, 0, 50000);
    int n = records_fetch(MOST, PATIENCE_MS);
    CHECK(n > 1);
    char copies[8][EACH];
    const char *addresses[8];
    int kept = 0;
    for (int i = 0; i < n && kept < 8; i++) {
        if (records[i].type != SOCKET_EVENT_MESSAGE || records[i].socket != udp) continue;
        memcpy(copies[kept], records[i].data, EACH);
        addresses[kept++] = records[i].remote.address;
    }
    socket_event batch[MOST];
    memcpy(batch, records, sizeof records);
    // Everything but a poll of this loop.
    CHECK_EQ(socket_loop_flush(record_loop), 0);
    CHECK_EQ(socket_send(tcp, data, EACH, NULL, NULL), 0);
    CHECK_EQ(socket_flush(tcp), 0);
    for (int i = 0; i < 20; i++) {
        socket_handle other = record_socket(SOCKET_KIND_UDP, NULL);
        record_bind(other);
        socket_address to = address_of("127.0.0.1", own, 0);
        CHECK_EQ(socket_send_to(other, &to, "noise", 5, NULL, NULL), 0);
        CHECK_EQ(socket_release(other), 0);
    }
    CHECK_EQ(socket_pause(udp), 0);
    CHECK_EQ(socket_subscribe(udp, 0, NULL), 0);
    CHECK_EQ(socket_close(udp, NULL, NULL), 0);
    CHECK_EQ(socket_release(udp), 0);
    CHECK_EQ(socket_abort(tcp), 0);
    struct pair noise = pair_new(SOCKET_KIND_TCP); // on another loop
    peer_write_pattern(noise.peer, 0, 100000);
    struct probe *p = noise.probe;
    WAIT(p->size == 100000);
    pair_close(&noise);
    int seen = 0;
    uint64_t offset = 0;
    for (int i = 0; i < n; i++) {
        if (batch[i].type != SOCKET_EVENT_MESSAGE) continue;
        if (batch[i].socket == udp && seen < kept) {
            CHECK_EQ(memcmp(batch[i].data, copies[seen], EACH), 0);
            CHECK(batch[i].remote.address == addresses[seen]);
            CHECK_STR(addresses[seen++], "127.0.0.1");
        } else if (batch[i].socket == tcp) {
            CHECK(pattern_matches(batch[i].data, offset, batch[i].size));
            offset += batch[i].size;
        }
    }
    CHECK_EQ(socket_release(tcp), 0);
    record_loop_close();
    peer_close(peer);
    peer_close(source);
}

// LOOP-2: so do the addresses of senders: each record has its own.
TEST(addresses_are_of_their_records)
{
    static const char *const from[] = {"127.0.0.2", "127.0.0.33", "127.0.0.4"};
    enum { SENDERS = sizeof from / sizeof *from };
    int port, sources[SENDERS];
    record_loop_open();
    socket_handle udp = record_socket(SOCKET_KIND_UDP, NULL);
    int own = record_bind(udp), seen = 0;
    while (records_fetch(MOST, 0) > 0) continue;
    for (int i = 0; i < SENDERS; i++) {
        sources[i] = peer_udp_at(from[i], &port);
        peer_send_to(sources[i], own, "x", 1);
    }
    int n = records_fetch(MOST, PATIENCE_MS);
    for (int i = 0; i < n; i++)
        if (records[i].type == SOCKET_EVENT_MESSAGE) CHECK_STR(records[i].remote.address, from[seen++]);
    CHECK_EQ(seen, SENDERS);
    CHECK_EQ(socket_release(udp), 0);
    record_loop_close();
    for (int i = 0; i < SENDERS; i++) peer_close(sources[i]);
}

enum stop { PAUSE, UNSUBSCRIBE, CLOSE, ABORT, RELEASE, STOPS };

// LOOP-3: what is not wanted any more makes no new message record; the kernel keeps what it has for
// later.
TEST(no_message_is_made_after_it_was_stopped)
{
    for (int how = 0; how < STOPS; how++) {
        int peer;
        record_loop_open();
        socket_handle s = record_connected(&peer, NULL);
        peer_write_pattern(peer, 0, 3 << 20);
        CHECK_EQ(record_await(SOCKET_EVENT_MESSAGE).socket, s);
        uint64_t got = records[0].size;
        switch (how) {
        case PAUSE: CHECK_EQ(socket_pause(s), 0); break;
        case UNSUBSCRIBE: CHECK_EQ(socket_subscribe(s, 0, NULL), 0); break;
        case CLOSE: CHECK_EQ(socket_close(s, NULL, NULL), 0); break;
        case ABORT: CHECK_EQ(socket_abort(s), 0); break;
        default: CHECK_EQ(socket_release(s), 0); break;
        }
        for (int i = 0; i < 10; i++) {
            int n = records_fetch(MOST, 2);
            for (int k = 0; k < n; k++)
                if (records[k].type == SOCKET_EVENT_MESSAGE || (how == RELEASE && records[k].socket == s))
                    FAIL("a record of type %d after stop %d", records[k].type, how);
        }
        if (how == PAUSE) CHECK_EQ(socket_resume(s), 0);
        if (how == UNSUBSCRIBE) CHECK_EQ(socket_subscribe(s, ALL_EVENTS, NULL), 0);
        while (how <= UNSUBSCRIBE && got < 3 << 20) {
            int n = records_fetch(MOST, PATIENCE_MS);
            for (int k = 0; k < n; k++) {
                CHECK(pattern_matches(records[k].data, got, records[k].size));
                got += records[k].size;
            }
        }
        record_loop_close();
        peer_close(peer);
    }
}

// LOOP-6: a batch has no more than the capacity, no more than 1 MiB, and one busy socket does not
// starve others.
TEST(batches_are_bounded_and_fair)
{
    enum { PEERS = 8 };
    socket_handle sockets[PEERS + 1];
    int peers[PEERS + 1];
    record_loop_open();
    for (int i = 0; i <= PEERS; i++) sockets[i] = record_connected(&peers[i], NULL);
    uint64_t written[PEERS] = {0}, got[PEERS] = {0};
    int late = -1;
    for (int round = 0; round < 60; round++) {
        static char chunk[65536];
        for (int i = 0; i < PEERS; i++) { // always more than is fetched
            for (ssize_t n; pattern_fill(chunk, written[i], sizeof chunk),
                 (n = send(peers[i], chunk, sizeof chunk, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0;)
                written[i] += (uint64_t)n;
        }
        if (round == 20) peer_write(peers[PEERS], "me", 2);
        int n = records_fetch(round % 2 ? MOST : 3, PATIENCE_MS);
        CHECK(n <= (round % 2 ? MOST : 3));
        uint64_t total = 0;
        for (int k = 0; k < n; k++) {
            total += records[k].size;
            for (int i = 0; i < PEERS; i++) {
                if (records[k].socket != sockets[i]) continue;
                CHECK(pattern_matches(records[k].data, got[i], records[k].size));
                got[i] += records[k].size;
            }
            if (records[k].socket == sockets[PEERS] && late < 0) late = round;
        }
        CHECK(total <= BATCH_BYTES);
    }
    if (late < 0 || late > 40) FAIL("a quiet socket's message came in batch %d after 20", late);
    for (int i = 0; i < PEERS; i++) CHECK(got[i] > 0);
    record_loop_close();
    for (int i = 0; i <= PEERS; i++) peer_close(peers[i]);
}

// A server of the loop, and a peer that has sent something already.
static socket_handle server_with_early_bytes(int *peer)
{
    int port;
    socket_handle server = record_socket(SOCKET_KIND_TCP_SERVER, NULL);
    socket_listen_options o = listen_options("127.0.0.1", 0, 0);
    CHECK_EQ(socket_listen(server, &o), 0);
    CHECK_OK(socket_get_local_address(server, NULL, 0, &port, NULL));
    *peer = peer_connect(port);
    peer_write(*peer, "early", 5);
    return server;
}

// LISTEN-6: nothing of a client is told before the host could subscribe to it, that is before the
// next poll.
TEST(a_connection_that_is_over_at_once)
{
    for (int reset = 0; reset < 2; reset++) {
        int peer;
        record_loop_open();
        socket_handle server = server_with_early_bytes(&peer);
        if (reset) peer_reset(peer); else peer_close(peer);
        socket_handle client = 0;
        for (int64_t until = now_ms() + PATIENCE_MS; client == 0;) {
            CHECK(now_ms() < until);
            int n = records_fetch(MOST, 100); // all there is in one batch
            for (int i = 0; i < n; i++) {
                CHECK_EQ(records[i].socket, server);
                if (records[i].type == SOCKET_EVENT_CONNECT) client = records[i].connection;
            }
        }
        CHECK_EQ(socket_subscribe(client, ALL_EVENTS, NULL), 0);
        CHECK_EQ(record_await(SOCKET_EVENT_MESSAGE).size, 5);
        CHECK_EQ(record_await(reset ? SOCKET_EVENT_ERROR : SOCKET_EVENT_END).socket, client);
        CHECK_EQ(record_await(SOCKET_EVENT_CLOSE).socket, client);
        CHECK_EQ(socket_release(server), 0);
        record_loop_close();
    }
}

// A client of a server that is subscribed to late loses nothing.
TEST(a_connection_is_subscribed_to_late)
{
    int peer, user;
    record_loop_open();
    socket_handle server = server_with_early_bytes(&peer);
    socket_event e = record_await(SOCKET_EVENT_CONNECT);
    CHECK_EQ(e.socket, server);
    socket_handle client = e.connection;
    CHECK_STR(e.remote.address, "127.0.0.1");
    CHECK_EQ(e.remote.port, peer_port(peer));
    for (int i = 0; i < 5; i++) CHECK_EQ(records_fetch(MOST, 1), 0);
    CHECK_EQ(socket_subscribe(client, ALL_EVENTS, &user), 0);
    e = record_await(SOCKET_EVENT_MESSAGE);
    CHECK(e.socket == client && e.user_data == &user && e.size == 5);
    peer_close(peer);
    record_await(SOCKET_EVENT_END);
    record_await(SOCKET_EVENT_CLOSE);
    POLL(records_fetch(MOST, 0) >= 0 && !is_valid(client));
    CHECK_EQ(socket_release(server), 0);
    record_loop_close();
}

// HALF-2, LOOP-9: an end that nobody has subscribed to makes no record, but the connection goes on
// to its close in the poll that hears of it: that one must not wait for something else to happen.
TEST(end_without_a_record_closes_in_the_same_poll)
{
    uint32_t masks[] = {0, SOCKET_EVENT_MASK(SOCKET_EVENT_MESSAGE)};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        int peer;
        record_loop_open();
        socket_handle s = record_connected(&peer, NULL);
        CHECK_EQ(socket_subscribe(s, masks[i] | SOCKET_EVENT_MASK(SOCKET_EVENT_CLOSE), NULL), 0);
        CHECK_EQ(records_fetch(MOST, 0), 0);
        if (masks[i]) { // an end behind data, and later
            peer_write(peer, "data", 4);
            CHECK_EQ(records_fetch(MOST, PATIENCE_MS), 1);
            CHECK_EQ(records[0].size, 4);
        }
        peer_end(peer);
        CHECK_EQ(records_fetch(MOST, PATIENCE_MS), 1);
        CHECK_EQ(records[0].type, SOCKET_EVENT_CLOSE);
        CHECK_EQ(records[0].error, 0);
        peer_read_end(peer);
        peer_close(peer);
        record_loop_close();
    }
}

// HALF-2, LISTEN-6: a record that did not fit into its batch is seen as late as the poll that
// returns it. Until the one after that the socket of an end can be written to, and that of a
// connect is not read.
TEST(records_that_did_not_fit_are_answered_in_time)
{
    enum { SOCKETS = 5 };
    int peers[SOCKETS], ends = 0, connects = 0;
    record_loop_open();
    // without messages: those are read as far as there is room only
    for (int i = 0; i < SOCKETS; i++) {
        uint32_t mask = SOCKET_EVENT_MASK(SOCKET_EVENT_END) | SOCKET_EVENT_MASK(SOCKET_EVENT_CLOSE);
        CHECK_EQ(socket_subscribe(record_connected(&peers[i], NULL), mask, NULL), 0);
    }
    CHECK_EQ(records_fetch(MOST, 0), 0);
    for (int i = 0; i < SOCKETS; i++) peer_end(peers[i]);
    while (ends < SOCKETS) {
        CHECK_EQ(records_fetch(1, PATIENCE_MS), 1);
        if (records[0].type != SOCKET_EVENT_END) continue;
        CHECK_EQ(socket_send(records[0].socket, "bye", 3, NULL, NULL), 0);
        ends++;
    }
    for (int closes = 0; closes < SOCKETS;) {
        CHECK_EQ(records_fetch(1, PATIENCE_MS), 1);
        closes += records[0].type == SOCKET_EVENT_CLOSE;
    }
    for (int i = 0; i < SOCKETS; i++) {
        char text[3];
        peer_read(peers[i], text, 3);
        peer_read_end(peers[i]);
        peer_close(peers[i]);
    }

    socket_handle server = record_socket(SOCKET_KIND_TCP_SERVER, NULL), accepted[SOCKETS];
    socket_listen_options at = listen_options("127.0.0.1", 0, 0);
    int port;
    CHECK_EQ(socket_listen(server, &at), 0);
    CHECK_OK(socket_get_local_address(server, NULL, 0, &port, NULL));
    for (int i = 0; i < SOCKETS; i++) {
        peers[i] = peer_connect(port);
        peer_write(peers[i], "hello", 5);
    }
    while (connects < SOCKETS) {
        CHECK_EQ(records_fetch(1, PATIENCE_MS), 1);
        if (records[0].type != SOCKET_EVENT_CONNECT) continue;
        accepted[connects] = records[0].connection;
        // What has arrived is not lost though the listener is there only now.
        CHECK_EQ(socket_subscribe(accepted[connects], SOCKET_EVENT_MASK(SOCKET_EVENT_MESSAGE), NULL), 0);
        connects++;
    }
    for (int messages = 0; messages < SOCKETS;) {
        CHECK_EQ(records_fetch(1, PATIENCE_MS), 1);
        messages += records[0].type == SOCKET_EVENT_MESSAGE && records[0].size == 5;
    }
    for (int i = 0; i < SOCKETS; i++) peer_close(peers[i]);
    record_loop_close();
}
