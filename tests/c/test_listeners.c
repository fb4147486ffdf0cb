// Sets of listeners: LISTEN-1 to LISTEN-5.
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "probe.h"

static char calls[256];

static void note(char c)
{
    state_lock();
    size_t n = strlen(calls);
    CHECK(n + 1 < sizeof calls);
    calls[n] = c;
    state_changed();
    state_unlock();
}

static size_t noted(void) { return strlen(calls); }
static void forget(void) { memset(calls, 0, sizeof calls); }

// Listeners that note the character their user_data points to.
static void first(const socket_event *e, void *user_data) { (void)e; note(*(char *)user_data); }
static void second(const socket_event *e, void *user_data) { (void)e; note(*(char *)user_data); }

// A UDP socket bound, with a peer that makes message events.
struct source {
    struct probe *probe;
    int peer, port;
};

static struct source source_new(void)
{
    struct source s;
    int ignored;
    s.probe = probe_new_masked(SOCKET_KIND_UDP, 0);
    s.port = probe_bind(s.probe);
    s.peer = peer_udp(&ignored);
    return s;
}

static void fire(struct source *s) { peer_send_to(s->peer, s->port, "x", 1); }

static void source_close(struct source *s)
{
    probe_closed(s->probe);
    peer_close(s->peer);
}

#define ON(s, listener, data) CHECK_EQ(socket_on((s).probe->socket, SOCKET_EVENT_MESSAGE, listener, data), 0)
#define OFF(s, listener, data) CHECK_EQ(socket_off((s).probe->socket, SOCKET_EVENT_MESSAGE, listener, data), 0)

// LISTEN-1
CALLBACKS_TEST(listeners_are_a_set_in_order)
{
    struct source s = source_new();
    char a = 'a', b = 'b', c = 'c';
    ON(s, first, &a);
    ON(s, second, &b);
    ON(s, first, &c);
    ON(s, first, &a); // known
    ON(s, second, &b);
    fire(&s);
    WAIT(noted() == 3);
    CHECK_STR(calls, "abc");
    OFF(s, second, &a); // never added: nothing happens
    OFF(s, second, &b);
    OFF(s, second, &b);
    fire(&s);
    WAIT(noted() == 5);
    CHECK_STR(calls, "abcac");
    ON(s, second, &b); // at the end now
    OFF(s, first, &a);
    ON(s, first, &a);
    fire(&s);
    WAIT(noted() == 8);
    CHECK_STR(calls, "abcaccba");
    OFF(s, NULL, NULL); // all of this event
    fire(&s);
    settle();
    CHECK_STR(calls, "abcaccba");
    source_close(&s);
}

// LISTEN-1: many of them.
CALLBACKS_TEST(a_hundred_listeners)
{
    struct source s = source_new();
    char letters[100];
    for (int i = 0; i < 100; i++) {
        letters[i] = (char)('!' + i % 90);
        ON(s, first, &letters[i]);
    }
    fire(&s);
    WAIT(noted() == 100);
    CHECK_EQ(memcmp(calls, letters, 100), 0);
    source_close(&s);
}

// LISTEN-1: off(NULL) of one event leaves the others.
CALLBACKS_TEST(events_have_sets_of_their_own)
{
    struct source s = source_new();
    char m = 'm', z = 'z';
    ON(s, first, &m);
    CHECK_EQ(socket_on(s.probe->socket, SOCKET_EVENT_CLOSE, first, &z), 0);
    OFF(s, NULL, NULL);
    CHECK_EQ(socket_close(s.probe->socket, NULL, NULL), 0);
    WAIT(noted() == 1);
    CHECK_STR(calls, "z");
    source_close(&s);
}

// LISTEN-2: added before the socket is open, while it is, and after close; each from its time on.
CALLBACKS_TEST(listeners_may_be_added_at_any_time)
{
    char a = 'a', b = 'b', c = 'c';
    struct probe *p = probe_new_masked(SOCKET_KIND_UDP, SOCKET_EVENT_MASK(SOCKET_EVENT_CLOSE));
    CHECK_EQ(socket_on(p->socket, SOCKET_EVENT_LISTENING, first, &a), 0);
    probe_bind(p);
    WAIT(noted() == 1);
    CHECK_EQ(socket_on(p->socket, SOCKET_EVENT_LISTENING, first, &b), 0);
    settle();
    CHECK_STR(calls, "a");
    CHECK_EQ(socket_close(p->socket, NULL, NULL), 0);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_EQ(socket_on(p->socket, SOCKET_EVENT_LISTENING, first, &c), 0);
    probe_bind(p);
    WAIT(noted() == 4);
    CHECK_STR(calls, "aabc");
    probe_closed(p);
}

// What a listener does to the set when it is called.
static struct {
    struct source *source;
    // 'o' removes itself, 'n' removes the next, 'p' the previous, 'a' adds one, 'r' releases, '*'
    // removes all
    char action;
    char *letters;
} change;

static void changing(const socket_event *e, void *user_data)
{
    struct source *s = change.source;
    first(e, user_data);
    switch (change.action) {
    case 'o': OFF(*s, changing, user_data); break;
    case 'n': OFF(*s, first, &change.letters[2]); break;
    case 'p': OFF(*s, first, &change.letters[0]); break;
    case 'a': ON(*s, second, &change.letters[3]); break;
    case '*': OFF(*s, NULL, NULL); break;
    case 'r': CHECK_EQ(socket_release(s->probe->socket), 0); break;
    }
}

// LISTEN-3: on the loop's thread off means not once more, not even for the event that is being
// told.
CALLBACKS_TEST(the_set_may_change_inside_a_callback)
{
    static const struct {
        char action;
        const char *now, *later; // the calls for this event, and for the next
    } cases[] = {{'o', "abc", "ac"}, {'n', "ab", "ab"}, {'p', "abc", "bc"}, {'*', "ab", ""}, {'r', "ab", ""}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char letters[] = "abcd";
        struct source s = source_new();
        forget();
        ON(s, first, &letters[0]);
        ON(s, changing, &letters[1]);
        ON(s, first, &letters[2]);
        change.source = &s;
        change.letters = letters;
        change.action = cases[i].action;
        fire(&s);
        WAIT(noted() >= strlen(cases[i].now));
        settle();
        CHECK_STR(calls, cases[i].now);
        forget();
        change.action = 0;
        fire(&s);
        WAIT(noted() >= strlen(cases[i].later));
        settle();
        CHECK_STR(calls, cases[i].later);
        if (cases[i].action == 'r')
            peer_close(s.peer);
        else
            source_close(&s);
    }
}

// One added inside a callback is called from the next event on at the latest, at the end of the
// set, once.
CALLBACKS_TEST(a_listener_may_be_added_inside_a_callback)
{
    char letters[] = "abcd";
    struct source s = source_new();
    ON(s, changing, &letters[1]);
    ON(s, first, &letters[2]);
    change.source = &s;
    change.letters = letters;
    change.action = 'a';
    fire(&s);
    WAIT(noted() >= 2);
    settle();
    CHECK(strncmp(calls, "bc", 2) == 0);
    forget();
    fire(&s);
    WAIT(noted() >= 3);
    settle();
    CHECK_STR(calls, "bcd");
    source_close(&s);
}

static void poisoned(const socket_event *e, void *user_data)
{
    (void)e;
    volatile char *alive = user_data;
    for (int i = 0; i < 100; i++) CHECK_EQ(*alive, 1);
}

static void give_back(void *user_data)
{
    memset(user_data, 0xdd, 64);
    free(user_data);
}

// LISTEN-3, LISTEN-5: on another thread one call may still be running after off; what is posted
// then runs after it.
TEST(user_data_is_free_after_off_and_post)
{
    struct source s = source_new();
    for (int i = 0; i < 3000; i++) {
        char *data = calloc(1, 64);
        *data = 1;
        ON(s, poisoned, data);
        fire(&s);
        OFF(s, poisoned, data);
        post(give_back, data);
    }
    settle();
    source_close(&s);
}

static int freed;

static void free_at_close(socket_handle socket, int error, void *user_data)
{
    (void)socket, (void)error;
    give_back(user_data);
    state_lock();
    freed++;
    state_changed();
    state_unlock();
}

// LISTEN-5: in the completion of close.
CALLBACKS_TEST(user_data_is_free_in_the_completion_of_close)
{
    for (int i = 1; i <= 200; i++) {
        struct source s = source_new();
        char *data = calloc(1, 64);
        *data = 1;
        for (int type = SOCKET_EVENT_CONNECT; type <= SOCKET_EVENT_LISTENING; type++)
            CHECK_EQ(socket_on(s.probe->socket, type, poisoned, data), 0);
        for (int n = 0; n < 5; n++) fire(&s);
        CHECK_EQ(socket_close(s.probe->socket, free_at_close, data), 0);
        WAIT(freed == i);
        probe_release(s.probe);
        peer_close(s.peer);
    }
}

static void free_at_close_event(const socket_event *e, void *user_data)
{
    poisoned(e, user_data);
    if (e->type == SOCKET_EVENT_CLOSE) free_at_close(e->socket, 0, user_data);
}

// LISTEN-5: in the close event, if it is the last listener of it.
CALLBACKS_TEST(user_data_is_free_in_the_close_event)
{
    for (int i = 1; i <= 100; i++) {
        struct pair pair = pair_new_masked(i % 2 ? SOCKET_KIND_TCP : SOCKET_KIND_TCP_CONNECTION, 0);
        char *data = calloc(1, 64);
        *data = 1;
        for (int type = SOCKET_EVENT_CONNECT; type <= SOCKET_EVENT_LISTENING; type++)
            CHECK_EQ(socket_on(pair.probe->socket, type, free_at_close_event, data), 0);
        peer_write(pair.peer, "abc", 3);
        if (i % 3) peer_end(pair.peer); else peer_reset(pair.peer);
        if (i % 3 == 0) pair.peer = -1;
        WAIT(freed == i);
        pair_close(&pair);
    }
}

// LISTEN-3: after release on another thread and a posted function there is no call.
TEST(user_data_is_free_after_release_and_post)
{
    int port;
    int peer = peer_udp(&port);
    for (int i = 0; i < 1000; i++) {
        struct probe *p = probe_new_masked(SOCKET_KIND_UDP, 0);
        char *data = calloc(1, 64);
        *data = 1;
        CHECK_EQ(socket_on(p->socket, SOCKET_EVENT_MESSAGE, poisoned, data), 0);
        CHECK_EQ(socket_on(p->socket, SOCKET_EVENT_CLOSE, poisoned, data), 0);
        int own = probe_bind(p);
        for (int n = 0; n < 3; n++) peer_send_to(peer, own, "x", 1);
        probe_release(p);
        post(give_back, data);
    }
    settle();
    peer_close(peer);
}

// Records have no listeners, callbacks no subscriptions.
TEST(listeners_and_subscriptions_do_not_mix)
{
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS));
    socket_handle recorded = CHECK_OK(socket_construct(loop, SOCKET_KIND_UDP)), called = CHECK_OK(socket_construct_udp());
    char a = 'a';
    CHECK_CODE(socket_on(recorded, SOCKET_EVENT_MESSAGE, first, &a), 2301095);
    CHECK_CODE(socket_subscribe(called, 2, NULL), 2301095);
    CHECK_EQ(socket_release(recorded), 0);
    CHECK_EQ(socket_release(called), 0);
    CHECK_EQ(socket_loop_close(loop), 0);
    socket_event e[2];
    while (socket_loop_poll(loop, e, 2, 0) >= 0) continue;
}
