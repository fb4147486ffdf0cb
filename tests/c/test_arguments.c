// Arguments that are NULL, negative, huge, misaligned or no value of their enumeration: the right
// code, nothing done, no crash. DONE-1.
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "peer.h"
#include "probe.h"

static int ran;

static void completed(socket_handle s, int error, void *user_data)
{
    (void)s, (void)error, (void)user_data;
    __atomic_add_fetch(&ran, 1, __ATOMIC_RELAXED);
}
static void listener(const socket_event *e, void *user_data) { (void)e, (void)user_data; }
static void function(void *user_data)
{
    (void)user_data;
    __atomic_add_fetch(&ran, 1, __ATOMIC_RELAXED);
}

// A text longer than any address.
static const char *endless(void)
{
    static char text[100001];
    memset(text, 'a', 100000);
    return text;
}

static void detail(socket_handle s, int result, const char *part)
{
    char text[300];
    CHECK_EQ(result, -SOCKET_ERROR_PARAMETER);
    CHECK(socket_get_error_detail(s, text, sizeof text) > 0);
    if (strstr(text, part) == NULL) FAIL("\"%s\" does not say \"%s\"", text, part);
}

// DONE-7: what is wrong with an argument is said in the header's names.
TEST(a_refused_argument_is_named)
{
    socket_handle tcp = socket_construct_tcp(), server = socket_construct_tcp_server(), udp = socket_construct_udp();
    socket_connect_options to = {0};
    socket_listen_options at = {0};
    socket_extra_options extra = {0};
    detail(tcp, socket_connect(tcp, &to, NULL, NULL), "connect: options.struct_size is 0: begin with SOCKET_CONNECT_OPTIONS_INIT");
    detail(tcp, socket_connect(tcp, NULL, NULL, NULL), "connect: options is NULL");
    detail(server, socket_listen(server, &at), "SOCKET_LISTEN_OPTIONS_INIT");
    detail(server, socket_listen(server, NULL), "listen: options is NULL");
    at.struct_size = 4;
    detail(server, socket_listen(server, &at), "options.struct_size is 4, ");
    detail(tcp, socket_bind(tcp, NULL), "bind: address is NULL");
    detail(tcp, socket_send(tcp, NULL, 5, NULL, NULL), "data is NULL");
    detail(udp, socket_send_to(udp, NULL, "x", 1, NULL, NULL), "send_to: address is NULL");
    detail(tcp, socket_sendv(tcp, NULL, 1, NULL, NULL), "sendv: buffers is NULL");
    detail(tcp, socket_set_option(tcp, 99, 1), "there is no option 99");
    detail(tcp, socket_set_option(tcp, SOCKET_OPTION_KEEP_ALIVE_COUNT, 128), "value 128 of SOCKET_OPTION_KEEP_ALIVE_COUNT is not from 0 to 127");
    detail(tcp, socket_set_extra_options(tcp, &extra), "SOCKET_EXTRA_OPTIONS_INIT");
    extra = (socket_extra_options)SOCKET_EXTRA_OPTIONS_INIT;
    extra.fields = 1u << 31;
    detail(tcp, socket_set_extra_options(tcp, &extra), "fields has unknown bits: 0x80000000");
    extra.fields = SOCKET_EXTRA_KEEP_ALIVE;
    extra.keep_alive = 2;
    detail(tcp, socket_set_extra_options(tcp, &extra), "keep_alive is 2, neither 0 nor 1");
    extra.keep_alive = 1;
    detail(udp, socket_set_extra_options(udp, &extra), "keep_alive is not for a socket of this kind");
    extra.fields = SOCKET_EXTRA_BROADCAST;
    extra.broadcast = 1;
    detail(tcp, socket_set_extra_options(tcp, &extra), "broadcast is not for a socket of this kind");
    detail(tcp, (int)socket_get_option(tcp, 0), "get_option: there is no option 0");
    detail(tcp, socket_get_state(tcp, NULL), "get_state: state is NULL");
    detail(tcp, socket_adopt(tcp, -1), "adopt: descriptor is -1");
    detail(tcp, socket_on(tcp, 99, listener, NULL), "on: there is no event 99");
    detail(tcp, socket_on(tcp, SOCKET_EVENT_MESSAGE, NULL, NULL), "on: listener is NULL");
    detail(tcp, socket_off(tcp, 0, NULL, NULL), "off: there is no event 0");
    detail(udp, (int)socket_construct_tls_over(udp), "construct_tls_over: not a TCP client");
    socket_address zoned = {"fe80::1%nosuch0", 9, 0};
    char text[300];
    CHECK_EQ(socket_bind(tcp, &zoned), -SOCKET_ERROR_NODEV);
    CHECK(socket_get_error_detail(tcp, text, sizeof text) > 0);
    CHECK(strstr(text, "nosuch0") != NULL && strstr(text, "no interface") != NULL);
    CHECK_EQ(socket_release(tcp) + socket_release(server) + socket_release(udp), 0);
}

static const struct {
    const char *text;
    int port, family;
} bad_addresses[] = {
    {NULL, 1, 0}, {"", 1, 0}, {" ", 1, 0}, {"127.0.0.1", -1, 0}, {"127.0.0.1", 65536, 0}, {"127.0.0.1", INT_MAX, 0},
    {"127.0.0.1", INT_MIN, 0}, {"127.0.0.1", 1, -1}, {"127.0.0.1", 1, 4}, {"127.0.0.1", 1, INT_MAX},
    {"127.0.0.1", 1, INT_MIN}, {"127.0.0.1", 1, SOCKET_FAMILY_IPV6}, {"::1", 1, SOCKET_FAMILY_IPV4},
    {"127.0.0.1 ", 1, 0}, {" 127.0.0.1", 1, 0}, {"127.0.0.256", 1, 0}, {"127.0.0", 1, 0}, {"127.1", 1, 0},
    {"127.0.0.01", 1, 0}, {"0x7f000001", 1, 0}, {"4564646", 1, 0}, {"[::1]", 1, 0}, {"::1%", 1, 0}, {"::g", 1, 0},
    {"127.0.0.1%lo", 1, 0}, {"127.0.0.1:80", 1, 0}, {"::1::", 1, 0}, {"a..b", 1, 0}, {"-\x01", 1, 0}, {"a b", 1, 0},
    {"\xff\xfe", 1, 0},
};
enum { BAD_ADDRESSES = sizeof bad_addresses / sizeof *bad_addresses };

// What each function that takes an address says to one.
static void refuse_address(const char *text, int port, int family, int code)
{
    socket_address a = address_of(text, port, family);
    socket_listen_options l = listen_options(NULL, 0, 0);
    socket_connect_options c = connect_options(NULL, 0, 0);
    l.address = c.address = a;
    socket_handle tcp = CHECK_OK(socket_construct_tcp()), server = CHECK_OK(socket_construct_tcp_server());
    struct probe *udp = probe_new(SOCKET_KIND_UDP);
    const char *shown = text && strlen(text) < 50 ? text : "(...)";
    EXPECT_EQ(socket_bind(tcp, &a), -code, "bind of \"%s\" %d %d", shown, port, family);
    EXPECT_EQ(socket_bind(udp->socket, &a), -code, "bind (UDP) of \"%s\" %d %d", shown, port, family);
    EXPECT_EQ(socket_listen(server, &l), -code, "listen at \"%s\" %d %d", shown, port, family);
    EXPECT_EQ(socket_connect(tcp, &c, completed, NULL), -code, "connect to \"%s\" %d %d", shown, port, family);
    EXPECT_EQ(state_of(tcp), 0, "state");
    EXPECT_EQ(state_of(server), 0, "state");
    EXPECT_EQ(state_of(udp->socket), 0, "state");
    probe_bind(udp);
    EXPECT_EQ(socket_send_to(udp->socket, &a, "x", 1, completed, NULL), -code, "send_to \"%s\" %d %d", shown, port, family);
    CHECK_EQ(socket_release(tcp), 0);
    CHECK_EQ(socket_release(server), 0);
    probe_closed(udp);
}

TEST(addresses)
{
    for (int i = 0; i < BAD_ADDRESSES; i++)
        refuse_address(bad_addresses[i].text, bad_addresses[i].port, bad_addresses[i].family, 401);
    refuse_address(endless(), 1, 0, 401);
    CHECK_EQ(ran, 0);
}

// Names are for connect only; port 0 is for bind and listen only.
TEST(names_and_ports)
{
    socket_address name = address_of("example.org", 1, 0), port0 = address_of("127.0.0.1", 0, 0);
    socket_listen_options l = listen_options("example.org", 1, 0);
    socket_connect_options c = connect_options("127.0.0.1", 0, 0);
    socket_handle tcp = CHECK_OK(socket_construct_tcp()), server = CHECK_OK(socket_construct_tcp_server());
    struct probe *udp = probe_new(SOCKET_KIND_UDP);
    CHECK_CODE(socket_bind(tcp, &name), 401);
    CHECK_CODE(socket_listen(server, &l), 401);
    CHECK_CODE(socket_connect(tcp, &c, completed, NULL), 401);
    probe_bind(udp);
    CHECK_CODE(socket_send_to(udp->socket, &name, "x", 1, completed, NULL), 401);
    CHECK_CODE(socket_send_to(udp->socket, &port0, "x", 1, completed, NULL), 2301022);
    CHECK_CODE(socket_connect(udp->socket, &c, completed, NULL), 401);
    CHECK_CODE(socket_bind(tcp, NULL), 401);
    CHECK_CODE(socket_listen(server, NULL), 401);
    CHECK_CODE(socket_connect(tcp, NULL, completed, NULL), 401);
    CHECK_CODE(socket_send_to(udp->socket, NULL, "x", 1, completed, NULL), 401);
    CHECK_EQ(socket_release(tcp), 0);
    CHECK_EQ(socket_release(server), 0);
    probe_closed(udp);
    CHECK_EQ(ran, 0);
}

TEST(numbers_in_options)
{
    socket_handle tcp = CHECK_OK(socket_construct_tcp()), server = CHECK_OK(socket_construct_tcp_server());
    static const int backlogs[] = {-1, INT_MIN, 65536, INT_MAX}, timeouts[] = {-1, INT_MIN, 86400001, INT_MAX};
    for (int i = 0; i < 4; i++) {
        socket_listen_options l = listen_options("127.0.0.1", 0, backlogs[i]);
        EXPECT_EQ(socket_listen(server, &l), -401, "backlog %d", backlogs[i]);
        socket_connect_options c = connect_options("127.0.0.1", 9, timeouts[i]);
        EXPECT_EQ(socket_connect(tcp, &c, completed, NULL), -401, "timeout %d", timeouts[i]);
    }
    CHECK_EQ(state_of(tcp) | state_of(server), 0);
    CHECK_EQ(socket_release(tcp), 0);
    CHECK_EQ(socket_release(server), 0);
    CHECK_EQ(ran, 0);
}

TEST(data)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    socket_handle tcp = pair.probe->socket;
    CHECK_CODE(socket_send(tcp, NULL, 1, completed, NULL), 401);
    CHECK_CODE(socket_send(tcp, NULL, SIZE_MAX, completed, NULL), 401);
    CHECK_CODE(socket_send(tcp, "x", SIZE_MAX, completed, NULL), 401);
    CHECK_CODE(socket_send(tcp, "x", SIZE_MAX / 2 + 1, completed, NULL), 401);
    /* Beyond 2^31 - 1; as numbers of 32 bits some of them are small, 0 or negative. */
    static const size_t large[] = {(size_t)INT_MAX + 1, UINT32_MAX, (size_t)UINT32_MAX + 1, (size_t)UINT32_MAX + 2, (size_t)1 << 40};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        socket_buffer one = {"x", large[i]}, sum[] = {{"x", 1}, {"y", large[i] - 1}};
        EXPECT_EQ(socket_send(tcp, "x", large[i], completed, NULL), -401, "send of %zu", large[i]);
        EXPECT_EQ(socket_sendv(tcp, &one, 1, completed, NULL), -401, "sendv of %zu", large[i]);
        EXPECT_EQ(socket_sendv(tcp, sum, 2, completed, NULL), -401, "sendv of %zu in two", large[i]);
    }
    socket_buffer b[1025] = {{"x", 1}, {NULL, 1}};
    CHECK_CODE(socket_sendv(tcp, NULL, 1, completed, NULL), 401);
    CHECK_CODE(socket_sendv(tcp, b, -1, completed, NULL), 401);
    CHECK_CODE(socket_sendv(tcp, b, INT_MIN, completed, NULL), 401);
    CHECK_CODE(socket_sendv(tcp, b, INT_MAX, completed, NULL), 401);
    CHECK_CODE(socket_sendv(tcp, b, 1025, completed, NULL), 401);
    CHECK_CODE(socket_sendv(tcp, b, 2, completed, NULL), 401);
    b[1] = (socket_buffer){"y", SIZE_MAX};
    CHECK_CODE(socket_sendv(tcp, b, 2, completed, NULL), 401);
    b[1] = (socket_buffer){"y", (size_t)2 << 30};
    CHECK_CODE(socket_sendv(tcp, b, 2, completed, NULL), 401);
    CHECK_CODE(socket_sendv(tcp, (socket_buffer *)((char *)b + 1), 1, completed, NULL), 401);
    settle();
    CHECK_EQ(ran, 0);
    CHECK_EQ(peer_readable(pair.peer), 0);
    pair_close(&pair);
}

// TLS-13: half of the descriptors that the process may have, 16384 at most.
static int64_t most_handshakes(void)
{
    struct rlimit files;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
    return files.rlim_cur / 2 < 16384 ? (int64_t)files.rlim_cur / 2 : 16384;
}

// Nothing to send is sent at once.
TEST(empty_data)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    socket_buffer b[2] = {{NULL, 0}, {"", 0}};
    CHECK_EQ(probe_send(p, NULL, 0), 0);
    CHECK_EQ(probe_send(p, "x", 0), 0);
    CHECK_EQ(socket_sendv(p->socket, NULL, 0, probe_completion(SOCKET_OPERATION_SEND), p), 0);
    CHECK_EQ(socket_sendv(p->socket, b, 2, probe_completion(SOCKET_OPERATION_SEND), p), 0);
    WAIT(p->done[SOCKET_OPERATION_SEND] == 4);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_SEND], 0);
    b[1] = (socket_buffer){"a", 1};
    CHECK_EQ(socket_sendv(p->socket, b, 2, NULL, NULL), 0);
    char c;
    peer_read(pair.peer, &c, 1);
    pair_close(&pair);
}

TEST(events)
{
    static const int bad[] = {0, -1, 8, 9, 10, 11, 31, 32, 33, 1000, INT_MAX, INT_MIN};
    static const int kinds[] = {0, SOCKET_KIND_TCP_CONNECTION, SOCKET_KIND_TLS_CONNECTION, 100, -1, INT_MAX, INT_MIN};
    socket_handle s = CHECK_OK(socket_construct_udp());
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT_EQ(socket_on(s, bad[i], listener, NULL), -401, "on %d", bad[i]);
        EXPECT_EQ(socket_off(s, bad[i], listener, NULL), -401, "off %d", bad[i]);
        EXPECT_EQ(socket_off(s, bad[i], NULL, NULL), -401, "off all %d", bad[i]);
    }
    for (int type = SOCKET_EVENT_CONNECT; type <= SOCKET_EVENT_LISTENING; type++) {
        EXPECT_EQ(socket_on(s, type, NULL, NULL), -401, "on %d NULL", type);
        EXPECT_EQ(socket_off(s, type, NULL, NULL), 0, "off %d NULL", type);
        EXPECT_EQ(socket_off(s, type, listener, NULL), 0, "off %d", type);
    }
    CHECK_EQ(socket_release(s), 0);
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        EXPECT_EQ(socket_construct(0, kinds[i]), -401, "kind %d", kinds[i]);
}

TEST(subscriptions)
{
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS));
    socket_handle s = CHECK_OK(socket_construct(loop, SOCKET_KIND_UDP));
    for (int bit = 0; bit < 32; bit++) {
        int wrong = bit < SOCKET_EVENT_CONNECT || bit > SOCKET_EVENT_LISTENING;
        EXPECT_EQ(socket_subscribe(s, 1u << bit, NULL), wrong ? -401 : 0, "mask bit %d", bit);
    }
    CHECK_EQ(socket_subscribe(s, 0, NULL), 0);
    CHECK_CODE(socket_subscribe(s, UINT32_MAX, NULL), 401);
    CHECK_EQ(socket_release(s), 0);
    CHECK_EQ(socket_loop_close(loop), 0);
    socket_event events[4];
    while (socket_loop_poll(loop, events, 4, 0) >= 0) continue;
}

TEST(library_options)
{
    static const struct {
        int option;
        int64_t least, most, standard;
    } options[] = {
        {SOCKET_OPTION_SEND_QUEUE_LIMIT, 1, 1073741824, 16777216}, {SOCKET_OPTION_IDLE_TIMEOUT, 0, 86400000, 0},
        {SOCKET_OPTION_CLOSE_TIMEOUT, 1, 86400000, 2000}, {SOCKET_OPTION_ALLOW_HALF_OPEN, 0, 1, 0},
        {SOCKET_OPTION_KEEP_ALIVE_IDLE, 0, 32767, 0}, {SOCKET_OPTION_KEEP_ALIVE_INTERVAL, 0, 32767, 0},
        {SOCKET_OPTION_KEEP_ALIVE_COUNT, 0, 127, 0}, {SOCKET_OPTION_REUSE_PORT, 0, 1, 0},
        {SOCKET_OPTION_REUSE_ADDRESS, 0, 1, 0}, {SOCKET_OPTION_IPV6_ONLY, 0, 1, 0},
        {SOCKET_OPTION_HANDSHAKE_TIMEOUT, 1, 86400000, 30000}, {SOCKET_OPTION_HANDSHAKE_LIMIT, 0, 1073741824, -1},
        {SOCKET_OPTION_MULTICAST_TTL, 0, 255, 1}, {SOCKET_OPTION_MULTICAST_LOOPBACK, 0, 1, 1},
        {SOCKET_OPTION_MULTICAST_INTERFACE, 0, 2147483647, 0},
    };
    socket_handle s = CHECK_OK(socket_construct_tcp());
    for (unsigned i = 0; i < sizeof options / sizeof *options; i++) {
        int o = options[i].option;
        const int64_t good[] = {options[i].least, options[i].most};
        const int64_t bad[] = {options[i].least - 1, options[i].most + 1, INT64_MIN, INT64_MAX, (int64_t)1 << 32};
        int64_t standard = options[i].standard < 0 ? most_handshakes() : options[i].standard;
        EXPECT_EQ(socket_get_option(s, o), standard, "default of option %d", o);
        for (int k = 0; k < 2; k++) {
            EXPECT_EQ(socket_set_option(s, o, good[k]), 0, "option %d", o);
            EXPECT_EQ(socket_get_option(s, o), good[k], "option %d", o);
        }
        for (int k = 0; k < 5; k++) EXPECT_EQ(socket_set_option(s, o, bad[k]), -401, "option %d: %lld", o, (long long)bad[k]);
        EXPECT_EQ(socket_get_option(s, o), options[i].most, "option %d after refusals", o);
    }
    static const int unknown[] = {0, -1, 1000, INT_MAX, INT_MIN};
    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(socket_set_option(s, unknown[i], 1), -401, "option %d", unknown[i]);
        EXPECT_EQ(socket_get_option(s, unknown[i]), -401, "option %d", unknown[i]);
    }
    CHECK_EQ(socket_release(s), 0);
    socket_handle server = CHECK_OK(socket_construct_tcp_server());
    CHECK_EQ(socket_get_option(server, SOCKET_OPTION_REUSE_ADDRESS), 1);
    CHECK_EQ(socket_release(server), 0);
}

TEST(loops_and_timers)
{
    static const int modes[] = {0, 3, -1, INT_MAX, INT_MIN};
    for (int i = 0; i < 5; i++) EXPECT_EQ(socket_loop_create(modes[i]), -401, "mode %d", modes[i]);
    socket_loop run = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    socket_loop poll = CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS));
    socket_event e[2];
    CHECK_CODE(socket_loop_run(run, -2), 401);
    CHECK_CODE(socket_loop_run(run, INT_MIN), 401);
    CHECK_CODE(socket_loop_run(poll, 0), 2301095);
    CHECK_CODE(socket_loop_poll(run, e, 2, 0), 2301095);
    CHECK_CODE(socket_loop_poll(poll, NULL, 2, 0), 401);
    CHECK_CODE(socket_loop_poll(poll, (socket_event *)((char *)e + 1), 1, 0), 401);
    CHECK_CODE(socket_loop_poll(poll, e, 0, 0), 401);
    CHECK_CODE(socket_loop_poll(poll, e, -1, 0), 401);
    CHECK_CODE(socket_loop_poll(poll, e, 65537, 0), 401);
    CHECK_CODE(socket_loop_poll(poll, e, 2, -2), 401);
    CHECK_CODE(socket_loop_post(run, NULL, NULL), 401);
    CHECK_CODE(socket_loop_post(0, NULL, NULL), 401);
    CHECK_CODE(socket_loop_post(poll, function, NULL), 401);
    const socket_loop loops[] = {0, run, poll};
    const int64_t bad[] = {-1, INT64_MIN, INT64_MAX, ((int64_t)1 << 40) + 1};
    for (int i = 0; i < 3; i++) {
        socket_function f = loops[i] == poll ? NULL : function;
        CHECK_CODE(socket_loop_set_timer(loops[i], 1000, 0, loops[i] == poll ? function : NULL, NULL), 401);
        for (int k = 0; k < 4; k++) {
            CHECK_CODE(socket_loop_set_timer(loops[i], bad[k], 0, f, NULL), 401);
            CHECK_CODE(socket_loop_set_timer(loops[i], 1000, bad[k], f, NULL), 401);
            CHECK_CODE(socket_loop_clear_timer(loops[i], bad[k]), 401);
        }
        CHECK_CODE(socket_loop_clear_timer(loops[i], 0), 401);
        int64_t timer = CHECK_OK(socket_loop_set_timer(loops[i], (int64_t)1 << 40, (int64_t)1 << 40, f, NULL));
        CHECK(timer > 0);
        CHECK_EQ(socket_loop_clear_timer(loops[i], timer), 0);
        CHECK_CODE(socket_loop_clear_timer(loops[i], timer), 401);
    }
    CHECK_EQ(socket_loop_run(run, 0), 0);
    CHECK_EQ(socket_loop_poll(poll, e, 2, 0), 0);
    CHECK_EQ(ran, 0);
    CHECK_EQ(socket_loop_close(run), 0);
    CHECK_EQ(socket_loop_close(poll), 0);
    while (socket_loop_poll(poll, e, 2, 0) >= 0) continue;
}

TEST(the_library)
{
    static const int counts[] = {0, -1, 257, INT_MAX, INT_MIN}, switches[] = {-1, 2, INT_MAX, INT_MIN};
    for (int i = 0; i < 5; i++) EXPECT_EQ(socket_set_dispatch_threads(counts[i]), -401, "%d threads", counts[i]);
    for (int i = 0; i < 4; i++) EXPECT_EQ(socket_set_compat(switches[i]), -401, "compat %d", switches[i]);
    CHECK_CODE(socket_shutdown(-1), 401);
    CHECK_CODE(socket_shutdown(86400001), 401);
    static const int codes[] = {0, 1, -1, 401, -401, 2301111, -2301111, 2303198, 2399999, INT_MAX, INT_MIN};
    for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++) {
        CHECK(socket_strerror(codes[i])[0] != 0);
        CHECK(socket_error_name(codes[i])[0] != 0);
        int category = socket_error_category(codes[i]);
        CHECK(category >= SOCKET_CATEGORY_NONE && category <= SOCKET_CATEGORY_INTERNAL);
    }
    CHECK_STR(socket_error_name(-2301111), "SOCKET_ERROR_CONNREFUSED");
    CHECK_STR(socket_error_name(2301111), "SOCKET_ERROR_CONNREFUSED");
    CHECK_STR(socket_strerror(-2301111), "Connection refused");
    CHECK_STR(socket_error_name(12345), "SOCKET_ERROR_UNKNOWN");
    CHECK_STR(socket_version(), SOCKET_VERSION_STRING);
    CHECK_EQ(socket_version_number(), SOCKET_VERSION_HEX);
}
