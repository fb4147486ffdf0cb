// socket_set_extra_options: every field as the kernel has it, on clients, servers and their
// connections, and UDP. DATA-4 is with the other data tests, BOUND-5 with the bounds.
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"
#include "probe.h"

// The fields that have an option of the kernel, with two values to set and what the kernel then
// says.
static const struct field {
    const char *name;
    uint32_t bit;
    size_t offset;
    int level, option;
    int values[2], seen[2];
    int tcp, udp;
} fields[] = {
#define FIELD(bit, member, level, option, v0, s0, v1, s1, tcp, udp) \
    {#member, bit, offsetof(socket_extra_options, member), level, option, {v0, v1}, {s0, s1}, tcp, udp}
    FIELD(SOCKET_EXTRA_KEEP_ALIVE, keep_alive, SOL_SOCKET, SO_KEEPALIVE, 1, 1, 0, 0, 1, 0),
    FIELD(SOCKET_EXTRA_OOB_INLINE, oob_inline, SOL_SOCKET, SO_OOBINLINE, 1, 1, 0, 0, 1, 0),
    FIELD(SOCKET_EXTRA_TCP_NO_DELAY, tcp_no_delay, IPPROTO_TCP, TCP_NODELAY, 1, 1, 0, 0, 1, 0),
    FIELD(SOCKET_EXTRA_RECEIVE_BUFFER_SIZE, receive_buffer_size, SOL_SOCKET, SO_RCVBUF, 50000, 100000, 262144, 524288, 1, 1),
    FIELD(SOCKET_EXTRA_SEND_BUFFER_SIZE, send_buffer_size, SOL_SOCKET, SO_SNDBUF, 50000, 100000, 262144, 524288, 1, 1),
    FIELD(SOCKET_EXTRA_REUSE_ADDRESS, reuse_address, SOL_SOCKET, SO_REUSEADDR, 1, 1, 0, 0, 1, 1),
    FIELD(SOCKET_EXTRA_BROADCAST, broadcast, SOL_SOCKET, SO_BROADCAST, 1, 1, 0, 0, 0, 1),
};
enum { FIELDS = sizeof fields / sizeof *fields };

static socket_extra_options one_field(const struct field *f, int value)
{
    socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
    o.fields = f->bit;
    memcpy((char *)&o + f->offset, &value, sizeof value);
    return o;
}

static void set_and_check(socket_handle s, int udp)
{
    for (int i = 0; i < FIELDS; i++) {
        const struct field *f = &fields[i];
        if (!(udp ? f->udp : f->tcp)) continue;
        for (int k = 0; k < 2; k++) {
            socket_extra_options o = one_field(f, f->values[k]);
            EXPECT_EQ(socket_set_extra_options(s, &o), 0, "%s %d", f->name, f->values[k]);
            EXPECT_EQ(option_of_fd(s, f->level, f->option), f->seen[k], "%s %d in the kernel", f->name, f->values[k]);
        }
    }
}

LOOPS_TEST(fields_of_a_tcp_client)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    set_and_check(pair.probe->socket, 0);
    pair_close(&pair);
    struct probe *bound = probe_new(SOCKET_KIND_TCP);
    probe_bind(bound);
    set_and_check(bound->socket, 0);
    probe_closed(bound);
}

LOOPS_TEST(fields_of_a_connection)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP_CONNECTION);
    set_and_check(pair.probe->socket, 0);
    pair_close(&pair);
}

LOOPS_TEST(fields_of_a_udp_socket)
{
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    probe_bind(p);
    set_and_check(p->socket, 1);
    probe_closed(p);
}

// Sizes out of range mean 8192, of which the kernel makes its double.
LOOPS_TEST(buffer_sizes_out_of_range)
{
    static const int sizes[] = {-1, 262145, INT32_MAX, INT32_MIN};
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    probe_bind(p);
    for (int i = 0; i < 4; i++) {
        socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
        o.fields = SOCKET_EXTRA_RECEIVE_BUFFER_SIZE | SOCKET_EXTRA_SEND_BUFFER_SIZE;
        o.receive_buffer_size = o.send_buffer_size = sizes[i];
        CHECK_EQ(socket_set_extra_options(p->socket, &o), 0);
        CHECK_EQ(option_of_fd(p->socket, SOL_SOCKET, SO_RCVBUF), 16384);
        CHECK_EQ(option_of_fd(p->socket, SOL_SOCKET, SO_SNDBUF), 16384);
    }
    probe_closed(p);
}

// Only what fields names is looked at; the rest stays as it is.
LOOPS_TEST(fields_that_are_not_named)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    socket_handle s = pair.probe->socket;
    socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
    o.fields = SOCKET_EXTRA_KEEP_ALIVE;
    o.keep_alive = o.tcp_no_delay = o.oob_inline = 1;
    CHECK_EQ(socket_set_extra_options(s, &o), 0);
    CHECK_EQ(option_of_fd(s, SOL_SOCKET, SO_KEEPALIVE), 1);
    CHECK_EQ(option_of_fd(s, IPPROTO_TCP, TCP_NODELAY), 0);
    CHECK_EQ(option_of_fd(s, SOL_SOCKET, SO_OOBINLINE), 0);
    o.fields = SOCKET_EXTRA_TCP_NO_DELAY | SOCKET_EXTRA_OOB_INLINE;
    o.keep_alive = 0;
    CHECK_EQ(socket_set_extra_options(s, &o), 0);
    CHECK_EQ(option_of_fd(s, SOL_SOCKET, SO_KEEPALIVE), 1);
    CHECK_EQ(option_of_fd(s, IPPROTO_TCP, TCP_NODELAY), 1);
    CHECK_EQ(option_of_fd(s, SOL_SOCKET, SO_OOBINLINE), 1);
    pair_close(&pair);
}

// On a server they are for its connections, those it has and those to come.
LOOPS_TEST(fields_of_a_server_go_to_its_connections)
{
    int port;
    struct probe *server = server_new(&port);
    for (int i = 0; i < FIELDS; i++) {
        const struct field *f = &fields[i];
        if (!f->tcp) continue;
        for (int k = 0; k < 2; k++) {
            int n = server->clients, peers[2];
            peers[0] = peer_connect(port);
            WAIT(server->clients == n + 1);
            socket_extra_options o = one_field(f, f->values[k]);
            EXPECT_EQ(socket_set_extra_options(server->socket, &o), 0, "%s %d", f->name, f->values[k]);
            peers[1] = peer_connect(port);
            WAIT(server->clients == n + 2);
            for (int c = 0; c < 2; c++) {
                struct probe *client = server->client[n + c];
                EXPECT_EQ(option_of_fd(client->socket, f->level, f->option), f->seen[k], "%s %d of client %d", f->name, f->values[k], c);
                peer_close(peers[c]);
                WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
            }
            if (f->bit & (SOCKET_EXTRA_RECEIVE_BUFFER_SIZE | SOCKET_EXTRA_SEND_BUFFER_SIZE | SOCKET_EXTRA_REUSE_ADDRESS))
                EXPECT_EQ(option_of_fd(server->socket, f->level, f->option), f->seen[k], "%s %d of the server", f->name, f->values[k]);
        }
    }
    probe_closed(server);
}

// LIFE-3: options are kept for the descriptors of later open periods, and of a failed connect.
LOOPS_TEST(extra_options_are_kept)
{
    int port;
    int listener = peer_listen(&port);
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    probe_bind(p);
    socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
    o.fields = SOCKET_EXTRA_TCP_NO_DELAY | SOCKET_EXTRA_KEEP_ALIVE | SOCKET_EXTRA_SEND_BUFFER_SIZE;
    o.tcp_no_delay = o.keep_alive = 1;
    o.send_buffer_size = 50000;
    CHECK_EQ(socket_set_extra_options(p->socket, &o), 0);
    CHECK_EQ(probe_connect(p, peer_unused_port()), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    for (int i = 0; i < 3; i++) {
        if (i > 0) {
            CHECK_EQ(probe_connect(p, port), 0);
            WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1 + i);
        }
        CHECK_EQ(option_of_fd(p->socket, IPPROTO_TCP, TCP_NODELAY), 1);
        CHECK_EQ(option_of_fd(p->socket, SOL_SOCKET, SO_KEEPALIVE), 1);
        CHECK_EQ(option_of_fd(p->socket, SOL_SOCKET, SO_SNDBUF), 100000);
        if (i == 0) continue;
        peer_close(peer_accept(listener));
        WAIT(p->count[SOCKET_EVENT_CLOSE] == i);
    }
    probe_release(p);
    peer_close(listener);
}

// The options of the library that have a counterpart in the kernel.
LOOPS_TEST(keep_alive_numbers)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    socket_handle s = pair.probe->socket;
    CHECK_EQ(socket_set_option(s, SOCKET_OPTION_KEEP_ALIVE_IDLE, 111), 0);
    CHECK_EQ(socket_set_option(s, SOCKET_OPTION_KEEP_ALIVE_INTERVAL, 22), 0);
    CHECK_EQ(socket_set_option(s, SOCKET_OPTION_KEEP_ALIVE_COUNT, 3), 0);
    CHECK_EQ(option_of_fd(s, IPPROTO_TCP, TCP_KEEPIDLE), 111);
    CHECK_EQ(option_of_fd(s, IPPROTO_TCP, TCP_KEEPINTVL), 22);
    CHECK_EQ(option_of_fd(s, IPPROTO_TCP, TCP_KEEPCNT), 3);
    pair_close(&pair);
    int port;
    struct probe *server = server_new(&port);
    CHECK_EQ(socket_set_option(server->socket, SOCKET_OPTION_KEEP_ALIVE_IDLE, 77), 0);
    int peer = peer_connect(port);
    WAIT(server->clients == 1);
    CHECK_EQ(option_of_fd(server->client[0]->socket, IPPROTO_TCP, TCP_KEEPIDLE), 77);
    peer_close(peer);
    struct probe *client = server->client[0];
    WAIT(client->count[SOCKET_EVENT_CLOSE] == 1);
    probe_closed(server);
}

LOOPS_TEST(options_before_bind)
{
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_REUSE_ADDRESS, 1), 0);
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_REUSE_PORT, 1), 0);
    probe_bind(p);
    CHECK_EQ(option_of_fd(p->socket, SOL_SOCKET, SO_REUSEADDR), 1);
    CHECK_EQ(option_of_fd(p->socket, SOL_SOCKET, SO_REUSEPORT), 1);
    probe_closed(p);
    int port;
    struct probe *server = server_new(&port);
    CHECK_EQ(option_of_fd(server->socket, SOL_SOCKET, SO_REUSEADDR), 1);
    CHECK_EQ(option_of_fd(server->socket, SOL_SOCKET, SO_REUSEPORT), 0);
    probe_closed(server);
}

// With it urgent bytes are in the stream, in their place.
LOOPS_TEST(urgent_bytes_inline)
{
    for (int inlined = 0; inlined < 2; inlined++) {
        struct pair pair = pair_new(SOCKET_KIND_TCP);
        struct probe *p = pair.probe;
        socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
        o.fields = SOCKET_EXTRA_OOB_INLINE;
        o.oob_inline = inlined;
        CHECK_EQ(socket_set_extra_options(p->socket, &o), 0);
        peer_write(pair.peer, "ab", 2);
        CHECK_EQ(send(pair.peer, "!", 1, MSG_OOB), 1);
        peer_write(pair.peer, "cd", 2);
        WAIT(p->size == (inlined ? 5 : 4));
        CHECK_EQ(memcmp(p->data, inlined ? "ab!cd" : "abcd", inlined ? 5 : 4), 0);
        settle();
        check_quiet();
        pair_close(&pair);
    }
}
