// Structs that begin with their size, and what getters write into. Sizes that are wrong are 401 and
// nothing is done.
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "probe.h"

enum { ROOM = 2048 };

// A struct with space behind it, at any alignment.
struct sized {
    _Alignas(16) unsigned char bytes[ROOM + 16];
};

struct taker {
    const char *name;
    size_t size;
    void (*fill)(void *);
    // gives the struct to a function that must accept it when it is right
    int64_t (*call)(const void *);
};

static struct probe *tcp;
static struct probe *server;
static int port;

static void fill_listen(void *to)
{
    socket_listen_options o = listen_options("127.0.0.1", 0, 0);
    memcpy(to, &o, sizeof o);
}
static int64_t call_listen(const void *o) { return socket_listen(server->socket, o); }

static void fill_connect(void *to)
{
    socket_connect_options o = connect_options("127.0.0.1", port, 0);
    memcpy(to, &o, sizeof o);
}
static int64_t call_connect(const void *o) { return socket_connect(tcp->socket, o, NULL, NULL); }

static void fill_extra(void *to)
{
    socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
    memcpy(to, &o, sizeof o);
}
static int64_t call_extra(const void *o) { return socket_set_extra_options(tcp->socket, o); }

static void fill_state(void *to)
{
    socket_state_info o = SOCKET_STATE_INFO_INIT;
    memcpy(to, &o, sizeof o);
}
static int64_t call_state(const void *o) { return socket_get_state(tcp->socket, (void *)(uintptr_t)o); }

static void fill_stats(void *to)
{
    socket_stats o = SOCKET_STATS_INIT;
    memcpy(to, &o, sizeof o);
}
static int64_t call_stats(const void *o) { return socket_get_stats((void *)(uintptr_t)o); }

static int64_t give(const struct taker *t, size_t offset, uint32_t size, unsigned char tail)
{
    struct sized s;
    memset(&s, 0, sizeof s);
    t->fill(s.bytes + offset);
    memcpy(s.bytes + offset, &size, sizeof size);
    if (tail) s.bytes[offset + size - 1] = tail;
    return t->call(s.bytes + offset);
}

static void refuse_sizes(const struct taker *t, int reads)
{
    const uint32_t bad[] = {0, 1, 4, (uint32_t)t->size - 1, (uint32_t)t->size / 2};
    EXPECT_EQ(t->call(NULL), -401, "%s NULL", t->name);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        EXPECT_EQ(give(t, 0, bad[i], 0), -401, "%s size %u", t->name, bad[i]);
    for (size_t offset = 1; offset < 4; offset++)
        EXPECT_EQ(give(t, offset, (uint32_t)t->size, 0), -401, "%s at an odd address", t->name);
    if (!reads) return;
    EXPECT_EQ(give(t, 0, UINT32_MAX, 0), -401, "%s size 2^32-1", t->name);
    for (uint32_t more = 1; more <= 64; more *= 2)
        EXPECT_EQ(give(t, 0, (uint32_t)t->size + more, 1), -401, "%s with %u unknown bytes", t->name, more);
}

TEST(struct_sizes)
{
    static const struct taker takers[] = {
        {"listen", sizeof(socket_listen_options), fill_listen, call_listen},
        {"connect", sizeof(socket_connect_options), fill_connect, call_connect},
        {"set_extra_options", sizeof(socket_extra_options), fill_extra, call_extra},
        {"get_state", sizeof(socket_state_info), fill_state, call_state},
        {"get_stats", sizeof(socket_stats), fill_stats, call_stats},
    };
    int listener = peer_listen(&port);
    tcp = probe_new(SOCKET_KIND_TCP);
    server = probe_new(SOCKET_KIND_TCP_SERVER);
    refuse_sizes(&takers[0], 1);
    refuse_sizes(&takers[1], 1);
    CHECK_EQ(state_of(tcp->socket) | state_of(server->socket), 0);
    for (uint32_t more = 0; more <= 64; more = more * 2 + 8) {
        EXPECT_EQ(give(&takers[0], 0, sizeof(socket_listen_options) + more, 0), 0, "listen with %u zeros", more);
        EXPECT_EQ(give(&takers[1], 0, sizeof(socket_connect_options) + more, 0), 0, "connect with %u zeros", more);
        int n = tcp->count[SOCKET_EVENT_CLOSE];
        WAIT(tcp->count[SOCKET_EVENT_CONNECT] == n + 1);
        CHECK_EQ(socket_abort(tcp->socket), 0);
        CHECK_EQ(socket_close(server->socket, NULL, NULL), 0);
        WAIT(tcp->count[SOCKET_EVENT_CLOSE] == n + 1 && server->count[SOCKET_EVENT_CLOSE] == n + 1);
        peer_close(peer_accept(listener));
    }
    probe_bind(tcp);
    refuse_sizes(&takers[2], 1);
    refuse_sizes(&takers[3], 0);
    refuse_sizes(&takers[4], 0);
    for (uint32_t more = 0; more <= 64; more = more * 2 + 8)
        EXPECT_EQ(give(&takers[2], 0, sizeof(socket_extra_options) + more, 0), 0, "set_extra_options with %u zeros", more);
    probe_closed(tcp);
    probe_release(server);
    peer_close(listener);
}

// A getter keeps the caller's size and writes no more than it knows.
TEST(larger_structs_of_later_headers)
{
    struct sized s;
    socket_handle udp = CHECK_OK(socket_construct_udp());
    const uint32_t size = ROOM;
    memset(&s, 0xa5, sizeof s);
    memcpy(s.bytes, &size, sizeof size);
    CHECK_EQ(socket_get_state(udp, (socket_state_info *)s.bytes), 0);
    CHECK_EQ(((socket_state_info *)s.bytes)->struct_size, ROOM);
    for (int i = sizeof(socket_state_info); i < ROOM; i++) CHECK_EQ(s.bytes[i], 0xa5);
    memset(&s, 0xa5, sizeof s);
    memcpy(s.bytes, &size, sizeof size);
    CHECK_EQ(socket_get_stats((socket_stats *)s.bytes), 0);
    CHECK_EQ(((socket_stats *)s.bytes)->struct_size, ROOM);
    for (int i = sizeof(socket_stats); i < ROOM; i++) CHECK_EQ(s.bytes[i], 0xa5);
    CHECK_EQ(socket_release(udp), 0);
}

TEST(extra_option_values)
{
    struct probe *p = probe_new(SOCKET_KIND_TCP);
    probe_bind(p);
    static const int not_bool[] = {-1, 2, 256, INT_MAX, INT_MIN};
    for (int i = 0; i < 5; i++) {
#define REFUSE(bit, member, value, code)                                                            \
    do {                                                                                            \
        socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;                                         \
        o.fields = bit;                                                                             \
        o.member = value;                                                                           \
        EXPECT_EQ(socket_set_extra_options(p->socket, &o), -code, #member " %d", (int)(value));     \
        o.fields = 0; /* not named, not looked at */                                                \
        EXPECT_EQ(socket_set_extra_options(p->socket, &o), 0, #member " %d, not named", (int)(value)); \
    } while (0)
        REFUSE(SOCKET_EXTRA_KEEP_ALIVE, keep_alive, not_bool[i], 401);
        REFUSE(SOCKET_EXTRA_OOB_INLINE, oob_inline, not_bool[i], 401);
        REFUSE(SOCKET_EXTRA_TCP_NO_DELAY, tcp_no_delay, not_bool[i], 401);
        REFUSE(SOCKET_EXTRA_REUSE_ADDRESS, reuse_address, not_bool[i], 401);
        REFUSE(SOCKET_EXTRA_LINGER, linger_on, not_bool[i], 401);
    }
    REFUSE(SOCKET_EXTRA_LINGER, linger_ms, -1, 401);
    REFUSE(SOCKET_EXTRA_LINGER, linger_ms, 65536, 401);
    REFUSE(SOCKET_EXTRA_LINGER, linger_ms, INT_MIN, 401);
    REFUSE(SOCKET_EXTRA_SOCKET_TIMEOUT, socket_timeout_ms, -1, 2301033);
    REFUSE(SOCKET_EXTRA_SOCKET_TIMEOUT, socket_timeout_ms, INT_MIN, 2301033);
    for (int bit = 9; bit < 32; bit++) {
        socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
        o.fields = 1u << bit;
        EXPECT_EQ(socket_set_extra_options(p->socket, &o), -401, "field bit %d", bit);
    }
    probe_closed(p);
}

// Texts are cut like snprintf's: always ended, and the length of the whole is returned.
static void check_cut(int64_t (*get)(char *, size_t), const char *whole)
{
    char text[64];
    int64_t length = (int64_t)strlen(whole);
    CHECK_EQ(get(NULL, 0), length);
    CHECK_EQ(get(NULL, 64), length);
    for (size_t capacity = 0; capacity <= 40; capacity++) {
        memset(text, '#', sizeof text);
        CHECK_EQ(get(text, capacity), length);
        size_t kept = capacity == 0 ? 0 : (size_t)length < capacity - 1 ? (size_t)length : capacity - 1;
        if (capacity > 0) {
            CHECK_EQ(memcmp(text, whole, kept), 0);
            CHECK_EQ(text[kept], 0);
        }
        for (size_t i = kept + (capacity > 0); i < sizeof text; i++) CHECK_EQ(text[i], '#');
    }
}

static int64_t get_local(char *text, size_t capacity) { return socket_get_local_address(tcp->socket, text, capacity, NULL, NULL); }
static int64_t get_remote(char *text, size_t capacity) { return socket_get_remote_address(tcp->socket, text, capacity, NULL, NULL); }
static int64_t get_detail(char *text, size_t capacity) { return socket_get_error_detail(tcp->socket, text, capacity); }

TEST(texts_are_cut_and_ended)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    tcp = pair.probe;
    check_cut(get_local, "127.0.0.1");
    check_cut(get_remote, "127.0.0.1");
    check_cut(get_detail, "");
    char text[64];
    CHECK_EQ(socket_get_local_address(tcp->socket, text, SIZE_MAX, NULL, NULL), 9);
    CHECK_STR(text, "127.0.0.1");
    int p = -1, family = -1;
    CHECK_EQ(socket_get_remote_address(tcp->socket, NULL, 0, &p, NULL), 9);
    CHECK_EQ(socket_get_remote_address(tcp->socket, NULL, 0, NULL, &family), 9);
    CHECK_EQ(p, peer_port(pair.peer));
    CHECK_EQ(family, SOCKET_FAMILY_IPV4);
    pair_close(&pair);
}

static void check_refusal(struct probe *p, int result, const char *why)
{
    char text[256] = "";
    CHECK_OK(socket_get_error_detail(p->socket, text, sizeof text));
    EXPECT_EQ(result, -SOCKET_ERROR_PARAMETER, "%s", why);
    if (strstr(text, why) == NULL) FAIL("the detail is %s, not %s", text, why);
}

// A call that is refused for its address says what is wrong with it.
LOOPS_TEST(the_error_detail_names_an_address)
{
    static const struct {
        const char *address;
        int port, family;
        const char *bind, *connect; // NULL: it is none that this would refuse
    } cases[] = {
        {"999.1.1.1", 80, 0, "address \"999.1.1.1\": not a numeric address", "\"999.1.1.1\": neither a numeric address nor a host name"},
        {"host.invalid", 80, 0, "address \"host.invalid\": not a numeric address", NULL},
        {"::1", 80, SOCKET_FAMILY_IPV4, "not of the family", "not of the family"},
        {"127.0.0.1", 65536, 0, "port 65536 is not from 0 to 65535", "port 65536 is not from 0 to 65535"},
        {"127.0.0.1", 0, 0, NULL, "no port is given"},
        {"127.0.0.1", 80, 9, "unknown family 9", "unknown family 9"},
        {NULL, 80, 0, "there is none", "there is none"},
    };
    struct probe *client = probe_new(SOCKET_KIND_TCP), *server = probe_new(SOCKET_KIND_TCP_SERVER), *udp = probe_new(SOCKET_KIND_UDP);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        socket_address a = address_of(cases[i].address, cases[i].port, cases[i].family);
        socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
        socket_listen_options at = SOCKET_LISTEN_OPTIONS_INIT;
        to.address = at.address = a;
        if (cases[i].bind != NULL) {
            check_refusal(client, socket_bind(client->socket, &a), cases[i].bind);
            check_refusal(server, socket_listen(server->socket, &at), cases[i].bind);
            check_refusal(udp, socket_send_to(udp->socket, &a, "x", 1, NULL, NULL), cases[i].bind);
        }
        if (cases[i].connect != NULL) check_refusal(client, socket_connect(client->socket, &to, NULL, NULL), cases[i].connect);
    }
    socket_connect_options late = connect_options("127.0.0.1", 9, -1);
    socket_listen_options crowded = listen_options("127.0.0.1", 0, 65536);
    check_refusal(client, socket_connect(client->socket, &late, NULL, NULL), "timeout_ms -1: not from 0 to 86400000");
    check_refusal(server, socket_listen(server->socket, &crowded), "backlog 65536: not from 0 to 65535");
    probe_release(client);
    probe_release(server);
    probe_release(udp);
}

TEST(the_error_detail_tells_more)
{
    tcp = probe_new(SOCKET_KIND_TCP);
    int unused = peer_unused_port();
    CHECK_EQ(probe_connect(tcp, unused), 0);
    WAIT(tcp->done[SOCKET_OPERATION_CONNECT] == 1);
    char text[256], number[16];
    snprintf(number, sizeof number, "%d", unused);
    CHECK(socket_get_error_detail(tcp->socket, text, sizeof text) > 0);
    CHECK(strstr(text, "127.0.0.1") != NULL && strstr(text, number) != NULL);
    check_cut(get_detail, text);
    probe_release(tcp);
}
