// Everything may be done inside every callback of a TLS socket, and loops are told of all there is
// to do: THREAD-3, LIFE-5, DONE-2, LISTEN-3, LOOP-1, LOOP-6.
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "tls_pair.h"

enum act { CLOSE, ABORT, RELEASE, END, SEND_AND_CLOSE, ACTS };
enum { AT_COMPLETION = 100 };

static enum act act_now;
static int act_at, acted;

static void act(struct probe *p)
{
    if (acted) return;
    __atomic_store_n(&acted, 1, __ATOMIC_RELEASE);
    switch (act_now) {
    case CLOSE:
        socket_close(p->socket, probe_completion(SOCKET_OPERATION_CLOSE), p);
        break;
    case ABORT:
        socket_abort(p->socket);
        break;
    case RELEASE:
        socket_release(p->socket);
        break;
    case END:
        socket_end(p->socket, probe_completion(SOCKET_OPERATION_END), p);
        break;
    default:
        probe_send_pattern(p, 20000, 3);
        socket_close(p->socket, probe_completion(SOCKET_OPERATION_CLOSE), p);
    }
}

static void act_on_event(struct probe *p, const socket_event *e)
{
    if (e->type == act_at) act(p);
}

static void act_on_done(struct probe *p, int operation, int error)
{
    (void)error;
    if (operation + AT_COMPLETION == act_at) act(p);
}

// Whatever is done in whichever callback: each completion comes once, the socket ends, and the peer
// sees how.
LOOPS_TEST(acts_in_every_callback)
{
    static const int places[] = {SOCKET_EVENT_CONNECT, SOCKET_EVENT_MESSAGE, SOCKET_EVENT_END, SOCKET_EVENT_CLOSE,
                                 SOCKET_OPERATION_CONNECT + AT_COMPLETION, SOCKET_OPERATION_SEND + AT_COMPLETION};
    int port, listener = peer_listen(&port);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        for (act_now = CLOSE; act_now < ACTS; act_now++) {
            struct probe *p = tls_client_new();
            acted = 0;
            act_at = places[i];
            p->on_event = act_on_event;
            p->on_done = act_on_done;
            CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 300), 0);
            CHECK_EQ(probe_connect(p, port), 0);
            CHECK_EQ(probe_send_pattern(p, 0, 20000), 0);
            struct tls_peer peer = tls_peer_new(peer_accept(listener), TLS_PEER_SERVER);
            enum tls_peer_outcome o = tls_peer_shake(&peer);
            int comes = act_at == SOCKET_EVENT_MESSAGE || act_at == SOCKET_EVENT_END || act_at == SOCKET_EVENT_CLOSE;
            if (o == TLS_PEER_DONE && comes) tls_peer_write(&peer, "hello", 5);
            // Not behind a message that is answered with an abort.
            if (o == TLS_PEER_DONE && comes && act_at != SOCKET_EVENT_MESSAGE) tls_peer_notify(&peer);
            if (o == TLS_PEER_DONE) tls_peer_read_rest(&peer, 0, &o);
            int released = act_now == RELEASE;
            tls_peer_close(&peer);
            WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1 && p->done[SOCKET_OPERATION_SEND] >= 1);
            if (!released || act_at == SOCKET_EVENT_CLOSE) WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
            POLL(__atomic_load_n(&acted, __ATOMIC_ACQUIRE));
            settle();
            if (is_valid(p->socket)) probe_release(p);
            POLL(stats_now().sockets == 0);
            CHECK_EQ(p->done[SOCKET_OPERATION_CONNECT], 1);
        }
    }
    peer_close(listener);
}

static void drop_client(struct probe *server, const socket_event *e)
{
    if (e->type != SOCKET_EVENT_CONNECT) return;
    enum act how = server->clients % 3;
    if (how == CLOSE) CHECK_EQ(socket_close(e->connection, NULL, NULL), 0);
    if (how == ABORT) CHECK_EQ(socket_abort(e->connection), 0);
    if (how == RELEASE) CHECK_EQ(socket_release(e->connection), 0);
}

// A server that drops its clients in its connect listener; and itself.
LOOPS_TEST(drops_in_the_connect_listener)
{
    int port;
    struct probe *server = tls_server_new(&port);
    server->on_event = drop_client;
    for (int i = 1; i <= 9; i++) {
        struct tls_peer peer = tls_peer_connect(port);
        enum tls_peer_outcome o;
        CHECK_EQ(tls_peer_read_rest(&peer, 0, &o), 0);
        CHECK_EQ(o, i % 3 == ABORT ? TLS_PEER_RESET : TLS_PEER_NOTIFIED);
        tls_peer_close(&peer);
        WAIT(server->clients == i);
    }
    tls_server_close(server);
    POLL(stats_now().sockets == 0);
}

static void mute(struct probe *p, const socket_event *e)
{
    if (e->type == SOCKET_EVENT_MESSAGE) probe_listen(p, ALL_EVENTS & ~SOCKET_EVENT_MASK(SOCKET_EVENT_MESSAGE));
}

// LISTEN-3, DATA-7: a listener that removes itself is not called again, and the rest waits for the
// next one.
CALLBACKS_TEST(a_listener_removes_itself)
{
    struct tls_pair pair = tls_pair_new(SOCKET_KIND_TLS);
    struct probe *p = pair.probe;
    p->pattern = 1;
    p->on_event = mute;
    tls_peer_write_pattern(&pair.peer, 0, 150000);
    WAIT(p->size > 0);
    for (int i = 0; i < 40 && p->size < 150000; i++) {
        settle();
        CHECK_EQ(p->count[SOCKET_EVENT_MESSAGE], i + 1);
        freeze(); // the listener, which removes itself, must not run beside this
        probe_listen(p, ALL_EVENTS);
        thaw();
        WAIT(p->count[SOCKET_EVENT_MESSAGE] == i + 2 || p->size == 150000);
    }
    settle();
    CHECK_EQ(p->size, 150000);
    tls_pair_close(&pair);
}

// LOOP-6: one that always has more does not starve others.
LOOPS_TEST(a_busy_socket_starves_nobody)
{
    struct tls_pair busy = tls_pair_new(SOCKET_KIND_TLS), quiet = tls_pair_new(SOCKET_KIND_TLS_CONNECTION);
    struct probe *b = busy.probe, *q = quiet.probe;
    b->pattern = 1;
    freeze();
    // as much as the kernel keeps, and it is not read meanwhile
    tls_peer_write_pattern(&busy.peer, 0, 2000000);
    tls_peer_write(&quiet.peer, "x", 1);
    thaw();
    WAIT(q->size == 1);
    WAIT(b->size == 2000000);
    tls_pair_close(&busy);
    tls_pair_close(&quiet);
}

// LOOP-1: records of TLS that make no record of ours do not keep a poll from what is behind them.
LOOPS_TEST(key_updates_and_then_a_byte)
{
    struct tls_pair pair = tls_pair_new(SOCKET_KIND_TLS_CONNECTION);
    struct probe *p = pair.probe;
    uint64_t bytes = 0;
    for (int i = 0; i < 20000; i++) {
        tls_peer_key_update(&pair.peer);
        char c;
        if (i % 30 == 29) { // no more in a row: TLS-21
            tls_peer_write(&pair.peer, "x", 1);
            bytes++;
        }
        if (i % 1000 == 999) { // its answers want to be read
            CHECK_EQ(probe_send(p, "y", 1), 0);
            tls_peer_read(&pair.peer, &c, 1);
        }
    }
    tls_peer_write(&pair.peer, "x", 1);
    tls_peer_notify(&pair.peer);
    peer_end(pair.peer.fd);
    // the last answers may be more than the kernel keeps
    CHECK_EQ(tls_peer_read_to_end(&pair.peer, 0), 0);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_EQ(p->size, bytes + 1);
    CHECK_EQ(p->error[SOCKET_EVENT_CLOSE], 0);
    tls_pair_close(&pair);
}
