// Completions: exactly once, in order, never inside the call, whatever happens. DONE-1 to DONE-6.
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "probe.h"

static const int streams[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_CONNECTION};

enum { SENDS = 40 };

// Sends with a number each, to see their order.
struct numbered {
    int number;
    struct series *series;
};

struct series {
    struct probe *probe;
    int next, errors, first_error, error;
    struct numbered sends[SENDS];
};

static void number_done(socket_handle s, int error, void *user_data)
{
    struct numbered *n = user_data;
    (void)s;
    state_lock();
    CHECK_EQ(n->number, n->series->next);
    if (error != 0 && n->series->errors++ == 0) n->series->first_error = n->number;
    if (error != 0) n->series->error = error;
    n->series->next++;
    state_changed();
    state_unlock();
}

static void send_series(struct series *s, size_t each)
{
    char *data = calloc(1, each);
    for (int i = 0; i < SENDS; i++) {
        s->sends[i] = (struct numbered){i, s};
        CHECK_EQ(socket_send(s->probe->socket, data, each, number_done, &s->sends[i]), 0);
    }
    free(data);
}

// DONE-2, DONE-4, DONE-5
CALLBACKS_TEST(sends_complete_in_their_order)
{
    for (int i = 0; i < 2; i++) {
        struct pair pair = pair_new(streams[i]);
        struct series s = {.probe = pair.probe};
        send_series(&s, 100000);
        char *data = malloc(SENDS * 100000);
        peer_read(pair.peer, data, SENDS * 100000);
        free(data);
        WAIT(s.next == SENDS);
        settle();
        CHECK_EQ(s.next, SENDS);
        CHECK_EQ(s.errors, 0);
        CHECK_EQ(socket_get_send_queue_length(pair.probe->socket), 0);
        pair_close(&pair);
    }
}

enum ending { ABORT, PEER_RESET, RELEASE_AND_RESET, CLOSE_TIMEOUT, LINGER_0, ENDINGS };

// DONE-2, DONE-5, DONE-4: what could not be sent completes too, with an error, in order; no success
// after a failure.
CALLBACKS_TEST(unsent_sends_complete_with_an_error)
{
    for (int ending = 0; ending < ENDINGS; ending++) {
        for (int i = 0; i < 2; i++) {
            struct pair pair = pair_new(streams[i]);
            struct probe *p = pair.probe;
            struct series s = {.probe = p};
            CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_CLOSE_TIMEOUT, 100), 0);
            send_series(&s, 400000); // more than the kernel's buffers hold
            CHECK(socket_get_send_queue_length(p->socket) > 0);
            int expected = 2301125;
            switch (ending) {
            case ABORT: CHECK_EQ(socket_abort(p->socket), 0); break;
            case PEER_RESET: peer_reset(pair.peer); pair.peer = -1; expected = code_for(streams[i], 2301104); break;
            case RELEASE_AND_RESET:
                probe_release(p);
                peer_reset(pair.peer);
                pair.peer = -1;
                expected = code_for(streams[i], 2301104);
                break;
            case CLOSE_TIMEOUT: CHECK_EQ(socket_close(p->socket, NULL, NULL), 0); expected = 2301110; break;
            default: {
                socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
                o.fields = SOCKET_EXTRA_LINGER;
                o.linger_on = 1;
                CHECK_EQ(socket_set_extra_options(p->socket, &o), 0);
                CHECK_EQ(socket_close(p->socket, NULL, NULL), 0);
                break;
            }
            }
            WAIT(s.next == SENDS);
            settle();
            CHECK_EQ(s.next, SENDS);
            CHECK(s.errors > 0);
            CHECK_EQ(s.errors, SENDS - s.first_error);
            if (s.error != -expected && s.error != -code_for(streams[i], expected))
                FAIL("ending %d of kind %d: sends complete with %d", ending, streams[i], s.error);
            if (pair.peer >= 0) peer_close(pair.peer);
            pair.peer = -1;
            if (streams[i] == SOCKET_KIND_TCP_CONNECTION)
                pair_close(&pair);
            else if (ending != RELEASE_AND_RESET)
                probe_release(p);
        }
    }
}

static __thread int calling;

static void not_inside(struct probe *p, int operation, int error)
{
    (void)p, (void)error;
    if (calling) FAIL("completion of operation %d inside a call", operation);
}

static void event_not_inside(struct probe *p, const socket_event *e)
{
    (void)p;
    if (calling) FAIL("event %d inside a call", e->type);
}

#define CALL(expression)          \
    do {                          \
        calling = 1;              \
        CHECK_EQ(expression, 0);  \
        calling = 0;              \
    } while (0)

static void everything_at_once(void *argument)
{
    struct probe *p = argument;
    CALL(probe_send_pattern(p, 0, 20000)); // written at once
    CALL(probe_send(p, "a", 1));
    CALL(probe_send(p, "", 0));
    CALL(probe_send_pattern(p, 0, 100000));
    CALL(socket_flush(p->socket));
    CALL(probe_end(p));
    CALL(probe_close(p));
    CALL(socket_abort(p->socket));
}

// DONE-2: on the loop's own thread nothing completes before the call has returned.
LOOPS_TEST(nothing_completes_inside_a_call)
{
    int port;
    int listener = peer_listen(&port);
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    p->on_done = not_inside;
    p->on_event = event_not_inside;
    CALL(probe_connect(p, port));
    int peer = peer_accept(listener);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    on_loop(everything_at_once, p);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 4);
    CHECK_EQ(p->done[SOCKET_OPERATION_END], 1);
    probe_release(p);
    peer_close(peer);
    peer_close(listener);
}

static void connect_on_loop(void *argument)
{
    struct probe *p = argument;
    CALL(probe_connect(p, *(int *)p->context));
}

// DONE-2: nor does a connect that fails or succeeds at once.
LOOPS_TEST(a_connect_does_not_complete_inside_the_call)
{
    int ports[2];
    int listener = peer_listen(&ports[0]);
    ports[1] = peer_unused_port();
    for (int i = 0; i < 2; i++) {
        struct probe *tcp = probe_new(SOCKET_KIND_TCP), *udp = probe_new(SOCKET_KIND_UDP);
        tcp->on_done = udp->on_done = not_inside;
        tcp->on_event = udp->on_event = event_not_inside;
        tcp->context = udp->context = &ports[i];
        on_loop(connect_on_loop, tcp);
        on_loop(connect_on_loop, udp);
        WAIT(tcp->done[SOCKET_OPERATION_CONNECT] == 1 && udp->done[SOCKET_OPERATION_CONNECT] == 1);
        socket_abort(tcp->socket);
        socket_abort(udp->socket);
        probe_release(tcp);
        probe_release(udp);
    }
    peer_close(listener);
}

// DONE-3
LOOPS_TEST(no_completion_is_asked_for_with_null)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    CHECK_EQ(socket_send(p->socket, "a", 1, NULL, p), 0);
    CHECK_EQ(socket_end(p->socket, NULL, p), 0);
    CHECK_EQ(socket_close(p->socket, NULL, p), 0);
    peer_close(pair.peer);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    settle();
    CHECK_STR(p->order, "CcZ");
    probe_release(p);
}

// DONE-2: every operation that is pending completes when the socket is aborted, a joined close too.
LOOPS_TEST(all_pending_operations_complete_on_abort)
{
    struct full_listener full = peer_listen_full();
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    CHECK_EQ(probe_connect(p, full.port), 0);
    CHECK_EQ(probe_send(p, "abc", 3), 0);
    CHECK_EQ(probe_send(p, "", 0), 0);
    CHECK_EQ(probe_end(p), 0);
    CHECK_EQ(probe_close(p), 0);
    CHECK_EQ(probe_close(p), 0);
    settle();
    CHECK_STR(p->order, "");
    CHECK_EQ(socket_abort(p->socket), 0);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 2);
    CHECK_EQ(p->done[SOCKET_OPERATION_CONNECT], 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301125);
    CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 2);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], -2301125);
    CHECK_EQ(p->done[SOCKET_OPERATION_END], 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_END], -2301125);
    settle();
    CHECK_EQ(p->done[SOCKET_OPERATION_CLOSE], 2);
    probe_release(p);
    peer_close_full(&full);
}

// DONE-6: completions that have not run count 64 bytes each.
LOOPS_TEST(pending_completions_count_against_the_limit)
{
    enum { LIMIT = 64 * 100 };
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    CHECK_EQ(socket_set_option(p->socket, SOCKET_OPTION_SEND_QUEUE_LIMIT, LIMIT), 0);
    freeze();
    int taken = 0, result;
    while ((result = probe_send(p, "x", 1)) == 0) taken++;
    CHECK_CODE(result, 2301011);
    if (taken < 98 || taken > 101) FAIL("%d sends taken before the limit", taken);
    thaw();
    WAIT(p->done[SOCKET_OPERATION_SEND] == taken);
    WAIT(p->count[SOCKET_EVENT_DRAIN] == 1);
    freeze();
    // these do not wait
    for (int i = 0; i < 1000; i++) CHECK_EQ(socket_send(p->socket, "x", 1, NULL, NULL), 0);
    thaw();
    char data[2000];
    peer_read(pair.peer, data, (size_t)taken + 1000);
    pair_close(&pair);
}

// DONE-2: after the loop is closed too.
TEST(completions_come_before_a_loop_is_gone)
{
    struct full_listener full = peer_listen_full();
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    struct probe *p = probe_attach(CHECK_OK(socket_construct(loop, SOCKET_KIND_TCP)), SOCKET_KIND_TCP, ALL_EVENTS);
    CHECK_EQ(probe_connect(p, full.port), 0);
    CHECK_EQ(probe_send(p, "abc", 3), 0);
    CHECK_EQ(socket_loop_close(loop), 0);
    CHECK_EQ(p->done[SOCKET_OPERATION_CONNECT], 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2301125);
    CHECK_EQ(p->done[SOCKET_OPERATION_SEND], 1);
    CHECK(!is_valid(p->socket));
    peer_close_full(&full);
}
