// fuzz_calls [--seed S] [--seconds N] [--save DIR] [--last FILE] FILE|DIR...
//
// Reads each input as a sequence of calls of the library with arguments of any kind: stale handles, handles of another
// kind, sizes of any size, options and addresses of any bytes. Pointers are NULL or valid, and what they point to is
// as large as the library is told and not larger, so that a sanitizer sees every byte too many. After each input
// everything is closed, every promised completion must have come, and nothing may be left.
//
// First the files are run; then, for N seconds, what mutation makes of them. An input that makes a call return what it
// has not returned yet is kept for mutation (--save writes the new ones). The input that is being run is in the file of --last,
// also after a crash.
//
// No packet leaves the machine: the program runs itself in a network namespace that has only the loopback
// interface. Where it may not, addresses to connect to are those of a table.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../soak/soak.h"

enum {
    INPUT_SIZE = 2048,
    MAX_CALLS = 300,
    HANDLES = 8,
    CONNECTIONS = 32,
    LOOPS = 3,     // 0 stands for the default ones
    TIMERS = 8,
    BYTES = 1 << 16,
    MAX_KNOWN = 4096,
    INPUT_LIMIT_MS = PATIENCE_MS / 2,
};

// ---- The input ------------------------------------------------------------------------------

struct input {
    uint32_t size;
    unsigned char data[INPUT_SIZE];
};

static const struct input *input;
static size_t at;
static struct input *last; // shared with a file
static char current_name[300];
static atomic_llong started_ms;
static atomic_int current_call = -1; // -1: closing everything

static unsigned u8(void) { return at < input->size ? input->data[at++] : 0; }
static unsigned u16(void) { unsigned a = u8(); return a << 8 | u8(); }
static uint32_t u32(void) { uint32_t a = u16(); return a << 16 | u16(); }
static uint64_t u64(void) { uint64_t a = u32(); return a << 32 | u32(); }

// ---- What the calls work on -----------------------------------------------------------------

static socket_handle handles[HANDLES];
static _Atomic socket_handle connections[CONNECTIONS];
static socket_loop loops[LOOPS];
static int64_t timers[TIMERS];
static int timer_loop[TIMERS];
static unsigned timer_turn;
static atomic_uint connection_turn;
static atomic_ullong promised, kept, reentry;
static atomic_int in_namespace, loose;
static int record_loop_closed, dropped; // a second close drops the records that are left
static unsigned char bytes[BYTES];
static int ports[4]; // that something was bound to

static void *allocated[MAX_CALLS * 8];
static int allocations;

// Memory of exactly this size, until the end of the input.
static void *memory(size_t size)
{
    if (allocations == MAX_CALLS * 8) return bytes;
    void *p = malloc(size ? size : 1);
    CHECK(p != NULL);
    memset(p, 0x5a, size ? size : 1);
    return allocated[allocations++] = p;
}

static socket_handle any_handle(void)
{
    unsigned n = u8();
    switch (n % 16) {
    default: return handles[n % HANDLES];
    case 8:
    case 9: return connections[(n >> 4) % CONNECTIONS];
    case 10: return (socket_handle)u64();
    case 11: return handles[(n >> 4) % HANDLES] + ((int64_t)1 << 20);
    case 12: return loops[1 + (n >> 4) % 2];
    case 13: return -(int64_t)(n >> 4);
    }
}

static socket_loop any_loop(void)
{
    unsigned n = u8();
    switch (n % 16) {
    default: return loops[n % LOOPS];
    case 12: return handles[(n >> 4) % HANDLES];
    case 13: return (socket_loop)u64();
    case 14: return loops[1] + ((int64_t)1 << 20);
    case 15: return -1;
    }
}

static void *any_user_data(void) { return (void *)(uintptr_t)(u8() % 4 ? u8() % 4 : u64()); }

static const char *const texts[] = {"127.0.0.1", "localhost", "::1", "0.0.0.0", "::", "127.0.0.2", "", "256.0.0.1", "::ffff:127.0.0.1",
                                    "fe80::1%lo", "::1%1", "127.1", "224.0.0.1", "255.255.255.255", "[::1]", "127.0.0.1%lo"};

static const char *any_text(int goes_out)
{
    unsigned n = u8();
    if (n == 255) return NULL;
    size_t size;
    char *p;
    if (n < 200 || (goes_out && !in_namespace)) {
        size = strlen(texts[n % 16]) + 1;
        p = memory(size);
        memcpy(p, texts[n % 16], size);
        return p;
    }
    size = n < 250 ? n % 50 : 900 + u8() % 200;
    p = memory(size + 1);
    for (size_t i = 0; i < size; i++) p[i] = (char)u8();
    p[size] = 0;
    return p;
}

static socket_address any_address(int goes_out)
{
    socket_address a;
    a.address = any_text(goes_out);
    unsigned n = u8();
    a.port = n % 4 == 0 ? 0 : n % 4 < 3 ? ports[n >> 4 & 3] : (int32_t)u32();
    if (n % 8 == 7) a.port &= 0xffff;
    n = u8();
    a.family = n < 200 ? (int32_t)(n % 4) : (int32_t)u32();
    return a;
}

// A struct that begins with its size, of the size it says it has.
static void *any_struct(const void *from, size_t right, int is_output)
{
    unsigned n = u8();
    uint32_t says = n < 200 ? (uint32_t)right : n < 220 ? (uint32_t)right + n % 100 : n < 240 ? u8() : n < 250 ? u32() : 0;
    if (n == 255) return NULL;
    size_t size = says > 4 ? says : 4;
    if (says > 1024) {
        if (is_output) says = 1024; // it may be written to
        size = 1024;
    }
    unsigned char *p = memory(size + 1);
    memset(p, n & 1 ? 0 : (int)n, size + 1);
    memcpy(p, from, size < right ? size : right);
    memcpy(p, &says, 4);
    if (n == 254) { // not aligned
        memmove(p + 1, p, size);
        p++;
    }
    return p;
}

static const void *any_data(size_t *size)
{
    unsigned n = u8();
    switch (n % 8) {
    case 0:
        *size = n >> 3;
        return n >> 3 ? bytes : NULL;
    case 1:
        *size = u16();
        return NULL;
    case 2: // more than there can be: refused without a look at it
        *size = ((size_t)1 << 31) + u64() % ((size_t)1 << 62);
        return memory(8);
    case 3:
        *size = u16();
        return bytes;
    default: {
        *size = n;
        void *p = memory(n);
        return p;
    }
    }
}

// ---- What the library calls -----------------------------------------------------------------

static void keep_connection(socket_handle connection)
{
    unsigned i = atomic_fetch_add(&connection_turn, 1) % CONNECTIONS;
    socket_handle old = atomic_exchange(&connections[i], connection);
    socket_abort(old);
}

static void on_completion(socket_handle socket, int error, void *user_data);
static void on_event(const socket_event *e, void *user_data);

// What callbacks do depends on how many there have been.
static void call_something(socket_handle socket)
{
    uint64_t n = atomic_fetch_add(&reentry, 1), chance = mix(n);
    if (loose) return;
    switch (chance % 24) {
    case 0: socket_close(socket, NULL, NULL); break;
    case 1: socket_release(socket); break;
    case 2: socket_abort(socket); break;
    case 3:
    case 4:
    case 5:
        if (socket_send(socket, bytes, chance >> 8 & 0x7fff, on_completion, NULL) >= 0) atomic_fetch_add(&promised, 1);
        break;
    case 6: socket_off(socket, (int)(chance >> 8) % 9, NULL, NULL); break;
    case 7: socket_on(socket, (int)(chance >> 8) % 9, on_event, (void *)(chance >> 16 & 1)); break;
    case 8: socket_pause(socket); break;
    case 9: socket_resume(socket); break;
    case 10:
        if (socket_end(socket, on_completion, NULL) >= 0) atomic_fetch_add(&promised, 1);
        break;
    case 11: socket_subscribe(socket, (uint32_t)(chance >> 8) & 0xfe, NULL); break;
    case 12: socket_flush(socket); break;
    case 13: CHECK(socket_loop_run(loops[1], 0) <= 0 || 1); break;
    case 14: socket_loop_close(0); break;
    case 15: socket_set_option(socket, 1 + (int)(chance >> 8) % 10, (int64_t)(chance >> 16) % 300); break;
    }
}

static void on_completion(socket_handle socket, int error, void *user_data)
{
    (void)user_data;
    if (error > 0 || error == -SOCKET_ERROR_INTERNAL) FAIL("completed with %d", error);
    atomic_fetch_add(&kept, 1);
    call_something(socket);
}

static void look_at(const socket_event *e)
{
    static atomic_uint sum;
    if (e->type == SOCKET_EVENT_MESSAGE) {
        CHECK(e->data != NULL);
        unsigned s = 0;
        for (size_t i = 0; i < e->size; i += 97) s += ((const unsigned char *)e->data)[i];
        if (e->size) s += ((const unsigned char *)e->data)[e->size - 1];
        atomic_fetch_add(&sum, s);
    }
    if (e->remote.address) CHECK(strlen(e->remote.address) < 64);
    if (e->type == SOCKET_EVENT_CONNECT && e->connection) keep_connection(e->connection);
}

static void on_event(const socket_event *e, void *user_data)
{
    (void)user_data;
    look_at(e);
    if (e->connection) {
        socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_event, NULL);
        socket_set_option(e->connection, SOCKET_OPTION_CLOSE_TIMEOUT, 20);
        socket_set_option(e->connection, SOCKET_OPTION_IDLE_TIMEOUT, 100);
    }
    call_something(e->socket);
}

static void on_function(void *user_data) { (void)user_data; }

static void take_records(const socket_event *records, int n)
{
    for (int i = 0; i < n; i++) {
        const socket_event *e = &records[i];
        if (e->type == SOCKET_EVENT_COMPLETION) {
            if (e->error > 0 || e->error == -SOCKET_ERROR_INTERNAL) FAIL("completion record with %d", e->error);
            atomic_fetch_add(&kept, 1);
        } else {
            look_at(e);
        }
        if (e->connection) socket_subscribe(e->connection, 0xfe, NULL);
    }
}

// ---- The calls ------------------------------------------------------------------------------

static int any_fd(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int pair[2], fd = -1;
    switch (u8() % 8) {
    case 0: return -1;
    case 1: return 1 << 19;
    case 2: return open("/dev/null", O_RDWR | O_CLOEXEC);
    case 3: return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    case 4:
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0) listen(fd, 4);
        return fd;
    case 5:
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (u8() & 1) bind(fd, (struct sockaddr *)&a, sizeof a);
        return fd;
    case 6:
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
            close(pair[1]);
            fd = pair[0];
        }
        return fd;
    default: // a connection whose other end is gone
        a.sin_port = htons((uint16_t)ports[0]);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0 && errno != EINPROGRESS) return fd;
        return fd;
    }
}

static void note_port(socket_handle s)
{
    int port;
    if (socket_get_local_address(s, NULL, 0, &port, NULL) >= 0) ports[u8() % 4] = port;
}

static socket_completion any_completion(void) { return u8() & 1 ? on_completion : NULL; }

#define PROMISE(expression) \
    ({ \
        socket_completion completion = any_completion(); \
        void *user_data = any_user_data(); \
        if (completion) atomic_fetch_add(&promised, 1); \
        int64_t value_ = (expression); \
        if (value_ < 0 && completion) atomic_fetch_sub(&promised, 1); \
        value_; \
    })

enum { OPERATIONS = 56 };

static int64_t call(unsigned operation)
{
    socket_handle s = 0;
    if (operation < 32) s = any_handle();
    size_t size;
    switch (operation) {
    case 0: return socket_release(s);
    case 1: {
        socket_address a = any_address(0);
        int64_t r = socket_bind(s, u8() == 255 ? NULL : &a);
        if (r >= 0) note_port(s);
        return r;
    }
    case 2: {
        socket_listen_options o = SOCKET_LISTEN_OPTIONS_INIT;
        o.backlog = u8() < 200 ? 0 : (int32_t)u32();
        o.address = any_address(0);
        int64_t r = socket_listen(s, any_struct(&o, sizeof o, 0));
        if (r >= 0) note_port(s);
        return r;
    }
    case 3:
    case 4: {
        socket_connect_options o = SOCKET_CONNECT_OPTIONS_INIT;
        o.timeout_ms = u8() < 240 ? 1 + (int32_t)u8() : (int32_t)u32() % 2000;
        o.address = any_address(1);
        const void *p = any_struct(&o, sizeof o, 0);
        return PROMISE(socket_connect(s, p, completion, user_data));
    }
    case 5:
    case 6:
    case 7: {
        const void *data = any_data(&size);
        return PROMISE(socket_send(s, data, size, completion, user_data));
    }
    case 8: {
        unsigned n = u8();
        int count = n < 240 ? (int)n % 8 : (int)u32();
        socket_buffer *b = memory(sizeof *b * 8);
        for (int i = 0; i < 8; i++) b[i].data = any_data(&b[i].size);
        if (count > 8 && count <= 1024) count = 1025;
        return PROMISE(socket_sendv(s, n == 239 ? NULL : b, count, completion, user_data));
    }
    case 9:
    case 10: {
        const void *data = any_data(&size);
        socket_address a = any_address(1);
        const socket_address *p = u8() == 255 ? NULL : &a;
        return PROMISE(socket_send_to(s, p, data, size, completion, user_data));
    }
    case 11: return socket_flush(s);
    case 12: return PROMISE(socket_end(s, completion, user_data));
    case 13: return PROMISE(socket_close(s, completion, user_data));
    case 14: return socket_abort(s);
    case 15: return socket_pause(s);
    case 16: return socket_resume(s);
    case 17: {
        int fd = any_fd();
        int64_t r = socket_adopt(s, fd);
        if (r < 0 && fd >= 0 && fd != 1 << 19) close(fd);
        return r;
    }
    case 18:
    case 19: {
        int type = u8() < 240 ? (int)u8() % 9 : (int)u32();
        return socket_on(s, type, u8() == 255 ? NULL : on_event, any_user_data());
    }
    case 20: {
        int type = u8() < 240 ? (int)u8() % 9 : (int)u32();
        return socket_off(s, type, u8() & 1 ? NULL : on_event, any_user_data());
    }
    case 21:
    case 22: return socket_subscribe(s, u8() < 240 ? u8() : u32(), any_user_data());
    case 23: {
        socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
        o.fields = u8() < 240 ? u16() & 0x1ff : u32();
        int32_t *fields = &o.keep_alive;
        for (int i = 0; i < 10; i++) {
            unsigned n = u8();
            fields[i] = n < 128 ? (int32_t)(n & 1) : n < 240 ? (int32_t)n : (int32_t)u32();
        }
        return socket_set_extra_options(s, any_struct(&o, sizeof o, 0));
    }
    case 24: {
        int option = u8() < 240 ? (int)u8() % 12 : (int)u32();
        int64_t value = u8() < 200 ? (int64_t)u8() : (int64_t)u64();
        if (option == SOCKET_OPTION_CLOSE_TIMEOUT && value > 300 && value < 86400000) value = 300;
        return socket_set_option(s, option, value);
    }
    case 25: return socket_get_option(s, u8() < 240 ? (int)u8() % 12 : (int)u32());
    case 26: {
        socket_state_info o = SOCKET_STATE_INFO_INIT;
        return socket_get_state(s, any_struct(&o, sizeof o, 1));
    }
    case 27:
    case 28: {
        unsigned n = u8();
        size = n < 128 ? n : n < 250 ? 0 : 70;
        char *text = n == 255 ? NULL : memory(size);
        int *port = u8() & 1 ? memory(sizeof *port) : NULL, *family = u8() & 1 ? memory(sizeof *family) : NULL;
        return operation == 27 ? socket_get_local_address(s, text, size, port, family) : socket_get_remote_address(s, text, size, port, family);
    }
    case 29: {
        unsigned n = u8();
        return socket_get_error_detail(s, n == 255 ? NULL : memory(n), n);
    }
    case 30: return socket_get_fd(s) >= 0;
    case 31: return socket_get_kind(s) + (socket_get_client_id(s) > 0) + (socket_get_send_queue_length(s) > 0);
    case 32:
    case 33:
    case 34:
    case 35:
    case 36: {
        unsigned i = u8() % HANDLES, n = u8();
        socket_handle h = operation == 32   ? socket_construct(any_loop(), n < 240 ? 1 + (int)n % 4 : (int)u32())
                          : operation == 33 ? socket_construct_tcp_server()
                          : operation == 34 ? socket_construct_udp()
                          : operation == 35 ? socket_construct_tcp()
                                            : socket_construct(loops[1 + n % 2], 1 + (int)(n >> 1) % 4);
        if (h < 0) return h;
        socket_abort(handles[i]);
        socket_release(handles[i]);
        handles[i] = h;
        socket_set_option(h, SOCKET_OPTION_CLOSE_TIMEOUT, 20);
        return 0;
    }
    case 37: {
        int mode = 1 + (int)(u8() % 2);
        if (loops[mode]) return 0;
        socket_loop l = socket_loop_create(u8() < 240 ? mode : (int)u32());
        if (l < 0) return l;
        // The mode by chance may be the other one.
        if (socket_loop_run(l, 0) == -SOCKET_ERROR_NOTSUP) mode = 2; else mode = 1;
        if (loops[mode]) socket_loop_close(l), mode == 2 ? socket_loop_close(l) : 0;
        else loops[mode] = l;
        return 0;
    }
    case 38: return socket_loop_fd(any_loop()) >= 0;
    case 39:
    case 40: return socket_loop_run(any_loop(), u8() < 240 ? (int)u8() % 3 : -2 - (int)u8());
    case 41:
    case 42: {
        unsigned n = u8();
        int capacity = n < 240 ? 1 + (int)n % 40 : n < 248 ? 0 : -(int)n;
        if (n == 255) capacity = 65537;
        socket_event *records = n == 254 ? NULL : memory(sizeof *records * (size_t)(capacity > 0 && capacity < 100 ? capacity : 1));
        socket_loop l = any_loop();
        int r = socket_loop_poll(l, records, capacity, u8() < 240 ? (int)u8() % 3 : -2);
        if (r > 0) take_records(records, r);
        if (r == -SOCKET_ERROR_BADF && l == loops[2]) loops[2] = record_loop_closed = 0;
        return r;
    }
    case 43: return socket_loop_flush(any_loop());
    case 44: return socket_loop_post(any_loop(), u8() & 1 ? on_function : NULL, any_user_data());
    case 45: {
        socket_loop l = any_loop();
        int64_t delay = u8() < 200 ? (int64_t)u8() % 4 : (int64_t)u64(), interval = u8() < 200 ? (int64_t)u8() % 4 : (int64_t)u64();
        int64_t r = socket_loop_set_timer(l, delay, interval, u8() & 1 ? on_function : NULL, any_user_data());
        if (r < 0) return r;
        unsigned i = timer_turn++ % TIMERS;
        if (timers[i]) socket_loop_clear_timer(loops[timer_loop[i]], timers[i]);
        timers[i] = r;
        timer_loop[i] = l == loops[1] ? 1 : l == loops[2] ? 2 : 0;
        return 0;
    }
    case 46: return socket_loop_clear_timer(any_loop(), u8() & 1 ? timers[u8() % TIMERS] : (int64_t)u64());
    case 47: {
        if (u8() % 4) return 0;
        socket_loop l = any_loop();
        int r = socket_loop_close(l);
        if (r == 0 && l == loops[1]) loops[1] = 0;
        if (r == 0 && l == loops[2]) {
            dropped |= record_loop_closed;
            if (record_loop_closed) loops[2] = 0;
            record_loop_closed = !record_loop_closed;
        }
        return r;
    }
    case 48: return socket_set_dispatch_threads(u8() < 200 ? 1 + (int)u8() % 4 : (int)u32());
    case 49: return u8() % 8 ? 0 : socket_shutdown(u8() < 200 ? 10000 : -(int)u8());
    case 50: return socket_set_compat(u8() < 200 ? (int)u8() % 2 : (int)u32());
    case 51: {
        socket_stats o = SOCKET_STATS_INIT;
        return socket_get_stats(any_struct(&o, sizeof o, 1));
    }
    case 52: {
        int code = u8() & 1 ? (int)u32() : -(2301000 + (int)u8());
        const char *a = socket_strerror(code), *b = socket_error_name(code);
        return strlen(a) > 0 && strlen(b) > 0 ? socket_error_category(code) : -1;
    }
    case 53: return socket_version_number() == SOCKET_VERSION_HEX && socket_version() ? 0 : -1;
    case 54: { // give things a moment
        struct timespec t = {0, (long)u8() * 4000};
        nanosleep(&t, NULL);
        return 0;
    }
    default: { // the record loop as hosts run it
        socket_event records[8];
        if (!loops[2]) return 0;
        int r = socket_loop_poll(loops[2], records, 8, 0);
        if (r > 0) take_records(records, r);
        if (r == -SOCKET_ERROR_BADF) loops[2] = record_loop_closed = 0;
        return r;
    }
    }
}

// What there is when the calls begin, by the bits of the first byte: otherwise most of them would meet nothing.
static void prepare(unsigned what)
{
    static const int kinds[] = {SOCKET_KIND_TCP_SERVER, SOCKET_KIND_TCP, SOCKET_KIND_UDP, SOCKET_KIND_TCP, SOCKET_KIND_UDP, SOCKET_KIND_TCP, SOCKET_KIND_TCP_SERVER};
    static const int on[] = {0, 0, 0, 1, 1, 2, 2};
    if (what & 1) loops[1] = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    if (what & 2) loops[2] = CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS));
    for (int i = 0; i < 7; i++) {
        if (on[i] && !loops[on[i]]) continue;
        if (!on[i] && !(what & 4)) continue;
        handles[i] = CHECK_OK(socket_construct(loops[on[i]], kinds[i]));
        socket_set_option(handles[i], SOCKET_OPTION_CLOSE_TIMEOUT, 20);
        for (int type = 1; type <= 7 && on[i] != 2 && what & 8; type++) CHECK_OK(socket_on(handles[i], type, on_event, NULL));
        if (on[i] == 2 && what & 8) CHECK_OK(socket_subscribe(handles[i], 0xfe, NULL));
        socket_address any = {"127.0.0.1", 0, 0};
        if (kinds[i] == SOCKET_KIND_TCP_SERVER && what & 16) ports[i == 0] = server_listen(handles[i], "127.0.0.1", 0);
        if (kinds[i] == SOCKET_KIND_UDP && what & 32) {
            CHECK_OK(socket_bind(handles[i], &any));
            CHECK_OK(socket_get_local_address(handles[i], NULL, 0, &ports[2], NULL));
        }
        if (kinds[i] == SOCKET_KIND_TCP && what & 64 && handles[0] && what & 16) {
            socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
            to.address.address = "127.0.0.1";
            to.address.port = ports[1];
            to.timeout_ms = 200;
            atomic_fetch_add(&promised, 1);
            CHECK_OK(socket_connect(handles[i], &to, on_completion, NULL));
            int64_t until = now_ms() + 1000;
            socket_state_info state = SOCKET_STATE_INFO_INIT;
            while (what & 128 && !on[i] && now_ms() < until && socket_get_state(handles[i], &state) == 0 && !state.is_connected && !state.is_close)
                sched_yield();
        }
    }
}

// ---- Running an input -----------------------------------------------------------------------

static uint8_t seen[1 << 16];
static unsigned call_counts[OPERATIONS][2];

static int is_new(unsigned operation, int64_t result, unsigned before)
{
    uint64_t what = operation * 1000003u + (uint64_t)(result < 0 ? result : result > 0);
    uint16_t a = (uint16_t)mix(what), b = (uint16_t)mix(what * 64 + before);
    int new = !seen[a] || !seen[b];
    seen[a] = seen[b] = 1;
    return new;
}

static void close_all(void)
{
    for (int i = 0; i < TIMERS; i++) {
        if (timers[i]) socket_loop_clear_timer(loops[timer_loop[i]], timers[i]);
        timers[i] = 0;
    }
    loose = 1;
    for (int i = 0; i < HANDLES; i++) {
        socket_abort(handles[i]);
        socket_release(handles[i]);
    }
    int closed = 0; // a callback of another loop may be running it just now
    if (loops[1]) WAIT((closed = socket_loop_close(loops[1])) != -SOCKET_ERROR_ALREADY);
    CHECK_OK(closed);
    if (loops[2]) {
        int r = record_loop_closed ? 0 : socket_loop_close(loops[2]);
        socket_event records[16];
        while (r == 0 && (r = socket_loop_poll(loops[2], records, 16, 0)) >= 0) {
            take_records(records, r);
            r = 0;
        }
        if (r != -SOCKET_ERROR_BADF) FAIL("the record loop: %d", r);
    }
    loops[1] = loops[2] = 0;
    int64_t until = now_ms() + INPUT_LIMIT_MS;
    while (stats_now().sockets || (!dropped && promised != kept)) {
        for (int i = 0; i < CONNECTIONS; i++) socket_abort(connections[i]);
        if (now_ms() > until)
            FAIL("%llu sockets are left; %llu completions promised, %llu kept", (unsigned long long)stats_now().sockets, (unsigned long long)promised,
                 (unsigned long long)kept);
        usleep(50);
    }
    if (dropped) { // how many is not known: have all others delivered, and start anew
        CHECK_OK(socket_shutdown(10000));
        kept = (unsigned long long)promised;
    }
    record_loop_closed = dropped = 0;
    socket_set_compat(0);
    loose = 0;
}

static int run_input(const struct input *in, const struct baseline *before, unsigned number)
{
    int new = 0;
    unsigned operation = 0, previous;
    if (last) *last = *in;
    input = in;
    at = 0;
    connection_turn = 0;
    reentry = in->size;
    started_ms = now_ms();
    loose = 1;
    prepare(u8());
    loose = 0;
    for (int calls = 0; at < in->size && calls < MAX_CALLS; calls++) {
        previous = operation;
        operation = u8() % OPERATIONS;
        current_call = (int)operation;
        int64_t result = call(operation);
        call_counts[operation][result >= 0]++;
        if (result == -SOCKET_ERROR_INTERNAL) FAIL("call %d returned %lld: a panic in the library", operation, (long long)result);
        if (result < 0 && strcmp(socket_error_name((int)result), "SOCKET_ERROR_UNKNOWN") == 0 && operation != 52 && operation != 48)
            FAIL("call %d returned %lld, which is no code", operation, (long long)result);
        new |= is_new(operation, result, previous);
    }
    current_call = -1;
    close_all();
    while (allocations) free(allocated[--allocations]);
    memset(handles, 0, sizeof handles);
    if (number % 16 == 0) {
        CHECK_OK(socket_shutdown(10000));
        CHECK_OK(socket_set_dispatch_threads(1));
        baseline_wait(before);
    }
    return new;
}

// ---- The corpus and its mutation ------------------------------------------------------------

static struct input *known[MAX_KNOWN];
static int known_count;

static void add_known(const struct input *in)
{
    if (known_count == MAX_KNOWN) return;
    known[known_count] = malloc(sizeof *in);
    CHECK(known[known_count] != NULL);
    *known[known_count++] = *in;
}

static void read_file(const char *path, struct input *to)
{
    FILE *f = fopen(path, "re");
    if (!f) FAIL("%s: %s", path, strerror(errno));
    to->size = (uint32_t)fread(to->data, 1, INPUT_SIZE, f);
    fclose(f);
}

static void save(const char *folder, const struct input *in)
{
    char path[600];
    uint64_t name = in->size;
    for (uint32_t i = 0; i < in->size; i++) name = mix(name ^ in->data[i]);
    snprintf(path, sizeof path, "%s/%016llx", folder, (unsigned long long)name);
    FILE *f = fopen(path, "we");
    if (!f || fwrite(in->data, 1, in->size, f) != in->size) FAIL("%s: %s", path, strerror(errno));
    fclose(f);
}

static void mutate(struct input *in, uint64_t *chance)
{
#define CHANCE(n) (*chance = mix(*chance), (uint32_t)((*chance >> 20) % (n)))
    if (known_count && CHANCE(20))
        *in = *known[CHANCE(known_count)];
    else
        in->size = 0;
    for (unsigned rounds = 1 + CHANCE(8); rounds > 0; rounds--) {
        uint32_t where = CHANCE(in->size + 1), n = 1 + CHANCE(24);
        switch (CHANCE(6)) {
        case 0: // other bytes
            for (uint32_t i = where; i < in->size && i < where + n; i++) in->data[i] = (unsigned char)CHANCE(256);
            break;
        case 1: // one byte a little different
            if (where < in->size) in->data[where] = (unsigned char)(in->data[where] + CHANCE(9) - 4);
            break;
        case 2: // less
            if (where + n > in->size) n = in->size - where;
            memmove(in->data + where, in->data + where + n, in->size - where - n);
            in->size -= n;
            break;
        case 3: // more of chance
            if (in->size + n > INPUT_SIZE) break;
            memmove(in->data + where + n, in->data + where, in->size - where);
            for (uint32_t i = 0; i < n; i++) in->data[where + i] = (unsigned char)CHANCE(256);
            in->size += n;
            break;
        default: { // a piece of another one
            if (!known_count) break;
            const struct input *other = known[CHANCE(known_count)];
            uint32_t from = CHANCE(other->size + 1);
            n = 1 + CHANCE(200);
            if (from + n > other->size) n = other->size - from;
            if (in->size + n > INPUT_SIZE) break;
            memmove(in->data + where + n, in->data + where, in->size - where);
            memcpy(in->data + where, other->data + from, n);
            in->size += n;
        }
        }
    }
#undef CHANCE
}

static void say_input(void)
{
    fprintf(stderr, "fuzz_calls: call %d of input %s", current_call, current_name);
    for (uint32_t i = 0; i < input->size; i++) fprintf(stderr, "%s%02x", i % 32 ? "" : "\n  ", input->data[i]);
    fprintf(stderr, "\n");
}

static void *watch(void *unused)
{
    (void)unused;
    for (;;) {
        sleep(1);
        if (started_ms && now_ms() > started_ms + INPUT_LIMIT_MS + 30000) FAIL("an input takes too long: call %d", current_call);
    }
}

// A network of our own, with nothing in it but the loopback interface.
static void enter_namespace(char **argv)
{
    if (getenv("FUZZ_CALLS_INSIDE")) {
        in_namespace = 1;
        return;
    }
    pid_t child = fork(); // has one thread, as unshare wants it
    CHECK(child >= 0);
    if (child == 0) {
        if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) _exit(125);
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq r = {.ifr_name = "lo"};
        r.ifr_flags = IFF_UP | IFF_RUNNING;
        if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r) != 0) _exit(125);
        close(fd);
        setenv("FUZZ_CALLS_INSIDE", "1", 1);
        execv("/proc/self/exe", argv);
        _exit(126);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 125) {
        printf("no network namespace: only addresses of a table\n");
        return;
    }
    if (WIFSIGNALED(status)) fprintf(stderr, "fuzz_calls: ended by signal %d\n", WTERMSIG(status));
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int main(int argc, char **argv)
{
    int64_t seconds = 0;
    uint64_t chance = (uint64_t)now_ns();
    const char *saved = NULL;
    char *files[100];
    int file_count = 0;
    enter_namespace(argv);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0)
            chance = (uint64_t)argument(argc, argv, ++i, 1);
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = argument(argc, argv, ++i, 1);
        else if (strcmp(argv[i], "--save") == 0 && i + 1 < argc)
            saved = argv[++i];
        else if (strcmp(argv[i], "--last") == 0 && i + 1 < argc) {
            int fd = open(argv[++i], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
            CHECK(fd >= 0 && ftruncate(fd, sizeof *last) == 0);
            last = mmap(NULL, sizeof *last, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            CHECK(last != MAP_FAILED);
            close(fd);
        } else if (file_count < 100)
            files[file_count++] = argv[i];
    }
    pthread_t t;
    CHECK(pthread_create(&t, NULL, watch, NULL) == 0);
    pattern_fill(bytes, 1, 0, sizeof bytes);
    warm_up();
    CHECK_OK(socket_shutdown(10000));
    struct baseline before = baseline_now();
    soak_on_fail = say_input;
    static struct input in;
    input = &in;
    unsigned count = 0;
    for (int i = 0; i < file_count; i++) {
        struct stat st;
        struct dirent **list = NULL;
        int n = stat(files[i], &st) == 0 && S_ISDIR(st.st_mode) ? scandir(files[i], &list, NULL, alphasort) : -1;
        for (int j = 0; j < (n < 0 ? 1 : n); j++) {
            if (n >= 0 && list[j]->d_name[0] == '.') continue;
            if (n < 0)
                snprintf(current_name, sizeof current_name, "%s", files[i]);
            else
                snprintf(current_name, sizeof current_name, "%.200s/%.90s", files[i], list[j]->d_name);
            read_file(current_name, &in);
            run_input(&in, &before, ++count);
            add_known(&in);
        }
        for (int j = 0; j < n; j++) free(list[j]);
        free(list);
    }
    printf("%u inputs of the corpus\n", count);
    fflush(stdout);
    if (seconds) {
        printf("seed %llu\n", (unsigned long long)chance);
        fflush(stdout);
    }
    int found = 0;
    int64_t until = now_ms() + seconds * 1000;
    for (count = 0; now_ms() < until; count++) {
        snprintf(current_name, sizeof current_name, "%u of this seed", count);
        mutate(&in, &chance);
        if (!run_input(&in, &before, count)) continue;
        add_known(&in);
        found++;
        if (saved) save(saved, &in);
    }
    started_ms = 0;
    if (seconds) printf("%u inputs by mutation, %d of them with something new\n", count, found);
    for (unsigned i = 0; getenv("FUZZ_CALLS_COUNTS") && i < OPERATIONS; i++) printf("call %2u: %8u ok %8u refused\n", i, call_counts[i][1], call_counts[i][0]);
    CHECK_OK(socket_shutdown(10000));
    baseline_wait(&before);
    return 0;
}
