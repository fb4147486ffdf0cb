// Handles that are not valid: never given out, given back, forged, of the other kind. LIFE-2,
// LISTEN-4, DONE-1.
#include <limits.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"

static int completions;

static void completed(socket_handle s, int error, void *user_data)
{
    (void)s, (void)error, (void)user_data;
    __atomic_add_fetch(&completions, 1, __ATOMIC_RELAXED);
}

static void listener(const socket_event *e, void *user_data) { (void)e, (void)user_data; }
static void function(void *user_data) { (void)user_data; }

#define SOCKET_CALL(name, ...)                        \
    static int64_t bad_##name(socket_handle socket)   \
    {                                                 \
        return socket_##name(socket, ##__VA_ARGS__);  \
    }

static const socket_address here = {"127.0.0.1", 9, 0};
static const socket_listen_options listen_here = {.struct_size = sizeof listen_here, .address = {"127.0.0.1", 0, 0}};
static const socket_connect_options connect_here = {.struct_size = sizeof connect_here, .address = {"127.0.0.1", 9, 0}};
static const socket_extra_options no_extra = {.struct_size = sizeof no_extra};
static const socket_buffer buffers[1] = {{"x", 1}};
static socket_state_info state = SOCKET_STATE_INFO_INIT;
static char text[64];
static int port, family;

SOCKET_CALL(bind, &here)
SOCKET_CALL(listen, &listen_here)
SOCKET_CALL(connect, &connect_here, completed, NULL)
SOCKET_CALL(send, "x", 1, completed, NULL)
SOCKET_CALL(sendv, buffers, 1, completed, NULL)
SOCKET_CALL(send_to, &here, "x", 1, completed, NULL)
SOCKET_CALL(end, completed, NULL)
SOCKET_CALL(close, completed, NULL)
SOCKET_CALL(abort)
SOCKET_CALL(flush)
SOCKET_CALL(pause)
SOCKET_CALL(resume)
SOCKET_CALL(adopt, -1)
SOCKET_CALL(on, SOCKET_EVENT_MESSAGE, listener, NULL)
SOCKET_CALL(off, SOCKET_EVENT_MESSAGE, listener, NULL)
SOCKET_CALL(subscribe, 2, NULL)
SOCKET_CALL(set_extra_options, &no_extra)
SOCKET_CALL(set_option, SOCKET_OPTION_IDLE_TIMEOUT, 1)
SOCKET_CALL(get_option, SOCKET_OPTION_IDLE_TIMEOUT)
SOCKET_CALL(get_state, &state)
SOCKET_CALL(get_local_address, text, sizeof text, &port, &family)
SOCKET_CALL(get_remote_address, text, sizeof text, &port, &family)
SOCKET_CALL(get_fd)
SOCKET_CALL(get_send_queue_length)
SOCKET_CALL(get_kind)
SOCKET_CALL(get_client_id)
SOCKET_CALL(get_loop)
SOCKET_CALL(get_error_detail, text, sizeof text)
SOCKET_CALL(release)

#define ENTRY(name) {#name, bad_##name}
static const struct {
    const char *name;
    int64_t (*call)(socket_handle);
} socket_calls[] = {
    ENTRY(bind), ENTRY(listen), ENTRY(connect), ENTRY(send), ENTRY(sendv), ENTRY(send_to), ENTRY(end), ENTRY(close),
    ENTRY(abort), ENTRY(flush), ENTRY(pause), ENTRY(resume), ENTRY(adopt), ENTRY(on), ENTRY(off), ENTRY(subscribe),
    ENTRY(set_extra_options), ENTRY(set_option), ENTRY(get_option), ENTRY(get_state), ENTRY(get_local_address),
    ENTRY(get_remote_address), ENTRY(get_fd), ENTRY(get_send_queue_length), ENTRY(get_kind), ENTRY(get_client_id), ENTRY(get_loop),
    ENTRY(get_error_detail), ENTRY(release),
};

static void refuse_socket(socket_handle s)
{
    for (size_t i = 0; i < sizeof socket_calls / sizeof *socket_calls; i++)
        EXPECT_EQ(socket_calls[i].call(s), -2301009, "socket_%s of handle %lld", socket_calls[i].name, (long long)s);
}

static void refuse_loop(socket_loop loop)
{
    socket_event events[2];
    EXPECT_EQ(socket_construct(loop, SOCKET_KIND_TCP), -2301009, "construct on %lld", (long long)loop);
    EXPECT_EQ(socket_loop_fd(loop), -2301009, "fd of %lld", (long long)loop);
    EXPECT_EQ(socket_loop_run(loop, 0), -2301009, "run %lld", (long long)loop);
    EXPECT_EQ(socket_loop_poll(loop, events, 2, 0), -2301009, "poll %lld", (long long)loop);
    EXPECT_EQ(socket_loop_flush(loop), -2301009, "flush %lld", (long long)loop);
    EXPECT_EQ(socket_loop_post(loop, function, NULL), -2301009, "post to %lld", (long long)loop);
    EXPECT_EQ(socket_loop_set_timer(loop, 0, 0, function, NULL), -2301009, "set_timer of %lld", (long long)loop);
    EXPECT_EQ(socket_loop_clear_timer(loop, 1), -2301009, "clear_timer of %lld", (long long)loop);
    EXPECT_EQ(socket_loop_close(loop), -2301009, "close %lld", (long long)loop);
}

static const int64_t forged[] = {-1, -2, INT64_MIN, INT64_MAX, 1, 2, 1 << 20, (1 << 20) - 1, INT64_MAX >> 1,
                                 (int64_t)1 << 32, (int64_t)1 << 52, ((int64_t)1 << 52) - 1, (int64_t)1 << 53};
enum { FORGED = sizeof forged / sizeof *forged };

TEST(forged_sockets_are_refused)
{
    refuse_socket(0);
    for (int i = 0; i < FORGED; i++) refuse_socket(forged[i]);
    CHECK_EQ(completions, 0);
}

TEST(forged_loops_are_refused)
{
    for (int i = 0; i < FORGED; i++) refuse_loop(forged[i]);
}

// LIFE-2, LISTEN-4: given back; with other generations of the same slot and other slots of the same
// generation.
LOOPS_TEST(released_sockets_are_refused)
{
    static const int kinds[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_SERVER, SOCKET_KIND_UDP};
    for (int i = 0; i < 3; i++) {
        socket_handle s = CHECK_OK(socket_construct(test_loop, kinds[i]));
        CHECK_EQ(socket_release(s), 0);
        refuse_socket(s);
        for (int bit = 0; bit < 63; bit++) refuse_socket(s ^ (int64_t)1 << bit);
        refuse_socket(-s);
    }
    settle();
    CHECK_EQ(completions, 0);
}

// A connection that has released itself.
LOOPS_TEST(ended_connections_are_refused)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP_CONNECTION);
    socket_handle s = pair.probe->socket;
    pair_close(&pair);
    refuse_socket(s);
}

// LIFE-2
TEST(closed_loops_are_refused)
{
    for (int mode = SOCKET_LOOP_CALLBACKS; mode <= SOCKET_LOOP_RECORDS; mode++) {
        socket_loop loop = CHECK_OK(socket_loop_create(mode));
        socket_handle s = CHECK_OK(socket_construct(loop, SOCKET_KIND_UDP));
        CHECK_EQ(socket_loop_close(loop), 0);
        // In record mode it can still be polled, but has no new sockets.
        CHECK_CODE(socket_construct(loop, SOCKET_KIND_UDP), 2301009);
        socket_event events[4];
        while (mode == SOCKET_LOOP_RECORDS && CHECK_EQ(socket_loop_poll(loop, events, 4, 0), -2301009) >= 0) continue;
        refuse_loop(loop);
        refuse_socket(s);
    }
}

// A loop is no socket and a socket no loop.
TEST(handles_of_the_other_kind_are_refused)
{
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    socket_handle s = CHECK_OK(socket_construct(loop, SOCKET_KIND_TCP));
    CHECK(loop != s);
    refuse_socket(loop);
    refuse_loop(s);
    CHECK_EQ(socket_get_kind(s), SOCKET_KIND_TCP);
    CHECK_EQ(socket_get_loop(s), loop);
    CHECK_OK(socket_loop_fd(loop));
    CHECK_EQ(socket_release(s), 0);
    CHECK_EQ(socket_loop_close(loop), 0);
}

// 0 stands for the default loops only where a function allows it.
TEST(loop_0)
{
    socket_event events[2];
    CHECK_CODE(socket_loop_fd(0), 2301009);
    CHECK_CODE(socket_loop_run(0, 0), 2301009);
    CHECK_CODE(socket_loop_poll(0, events, 2, 0), 2301009);
    CHECK_CODE(socket_loop_flush(0), 2301009);
    CHECK_CODE(socket_loop_close(0), 2301009);
}

// A default loop is driven by its own thread.
TEST(default_loops_are_not_driven_by_the_host)
{
    socket_event events[2];
    socket_handle s = CHECK_OK(socket_construct_udp());
    socket_loop loop = CHECK_OK(socket_get_loop(s));
    CHECK_CODE(socket_loop_fd(loop), 2301095);
    CHECK_CODE(socket_loop_run(loop, 0), 2301095);
    CHECK_CODE(socket_loop_poll(loop, events, 2, 0), 2301095);
    CHECK_CODE(socket_loop_close(loop), 2301009);
    CHECK_EQ(socket_release(s), 0);
}

// LIFE-2, LISTEN-4: nothing has been done to who has got the slot; its listener hears.
TEST(a_stale_handle_does_not_touch_its_successor)
{
    enum { MANY = 2000 };
    socket_handle stale[MANY];
    for (int i = 0; i < MANY; i++) stale[i] = CHECK_OK(socket_construct_udp());
    for (int i = 0; i < MANY; i++) CHECK_EQ(socket_release(stale[i]), 0);
    // The slots that were free before come first.
    enum { BEFORE = 500 };
    socket_handle before[BEFORE];
    for (int i = 0; i < BEFORE; i++) before[i] = CHECK_OK(socket_construct_udp());
    struct probe *p = probe_new(SOCKET_KIND_UDP);
    int shares = 0;
    for (int i = 0; i < MANY; i++) shares += (stale[i] ^ p->socket) % (1 << 20) == 0;
    CHECK_EQ(shares, 1);
    int port, own = probe_bind(p), peer = peer_udp(&port);
    for (int i = 0; i < MANY; i++) {
        CHECK_CODE(socket_close(stale[i], completed, NULL), 2301009);
        CHECK_CODE(socket_abort(stale[i]), 2301009);
        CHECK_CODE(socket_off(stale[i], SOCKET_EVENT_MESSAGE, NULL, NULL), 2301009);
        CHECK_CODE(socket_release(stale[i]), 2301009);
    }
    settle();
    CHECK_EQ(state_of(p->socket), 1);
    CHECK_EQ(completions, 0);
    peer_send_to(peer, own, "x", 1);
    WAIT(p->count[SOCKET_EVENT_MESSAGE] == 1);
    for (int i = 0; i < BEFORE; i++) CHECK_EQ(socket_release(before[i]), 0);
    probe_closed(p);
    peer_close(peer);
}
