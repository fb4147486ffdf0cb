// connections [N]: N connections open at once in one process, each of which has echoed, then
// closed. The library is the server, then the clients; both again and again. The other ends are
// plain sockets of a thread that has a table of descriptors of its own: with those of the library
// they are more than a table usually may have.
//
// After each round the allocated bytes must come back to their number before it, but for UNEVEN
// (BOUND-7). After the better one of the last two rounds in a role, the resident memory must come
// back to PERCENT above its size before all rounds. (At times Go's runtime overlooks free pages
// when it is told to give all back, and then for a round or two.) "Before" is a process in use, not
// a cold one: it has served WARM_ROUNDS of a small number of connections, so many as make the
// runtime run its collector a few times, by which time the runtime has made the records it needs
// for that; see FIRST_KB. Prints the memory of an idle connection.
#include <limits.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "helper.h"
#include "plain_peers.h"
#include "soak.h"

enum {
    WINDOW = 256, // connects under way at a time
    FIRST = 1000,
    FILES_APART = 200,
    ROUNDS = 6, // in turns in the two roles
    LAST = 4,   // of them
    PERCENT = 5,
    WARM = 1100, // connections of the warm-up: a few more than the library counts as a burst
    WARM_ROUNDS = 12,
    GIVEN_BACK_MS = 6000, // the library gives memory back within that
    // what a process may have more for ever after the first connections and collections
    FIRST_KB = 2048,
    // bytes that may be allocated besides: less than one for each connection of all rounds
    UNEVEN = 48 * 1024,
};

static struct helper peers;
static int count;
static socket_handle *handles;
static atomic_int opened, echoed, closed;

static void on_close(const socket_event *e, void *unused)
{
    (void)unused;
    if (e->error) FAIL("closed: %s", socket_strerror(e->error));
    atomic_fetch_add(&closed, 1);
    happened();
}

static void on_client(const socket_event *e, void *unused)
{
    (void)unused;
    CHECK_OK(socket_on(e->connection, SOCKET_EVENT_MESSAGE, send_back, NULL));
    CHECK_OK(socket_on(e->connection, SOCKET_EVENT_CLOSE, on_close, NULL));
    int i = atomic_fetch_add(&opened, 1);
    CHECK(i < count);
    handles[i] = e->connection;
    happened();
}

// A client's number is its user_data, and the key of what it sends.
static void on_answer(const socket_event *e, void *number)
{
    // 64 bytes come in one piece: the peer has sent them in one.
    CHECK(e->size == PAYLOAD && pattern_matches(e->data, (uintptr_t)number, 0, PAYLOAD));
    atomic_fetch_add(&echoed, 1);
    happened();
}

static void on_connected(socket_handle socket, int error, void *number)
{
    char payload[PAYLOAD], detail[200];
    if (error) {
        socket_get_error_detail(socket, detail, sizeof detail);
        FAIL("connect: %s", detail);
    }
    pattern_fill(payload, (uintptr_t)number, 0, PAYLOAD);
    CHECK_OK(socket_send(socket, payload, PAYLOAD, NULL, NULL));
}

static void open_client(int i, int port)
{
    char address[32];
    void *number = (void *)(uintptr_t)(i + 1);
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    snprintf(address, sizeof address, "127.0.0.%d", 1 + i % ADDRESSES);
    to.address.address = address;
    to.address.port = port;
    to.timeout_ms = PATIENCE_MS;
    handles[i] = CHECK_OK(socket_construct_tcp());
    CHECK_OK(socket_on(handles[i], SOCKET_EVENT_MESSAGE, on_answer, number));
    CHECK_OK(socket_on(handles[i], SOCKET_EVENT_CLOSE, on_close, NULL));
    CHECK_OK(socket_connect(handles[i], &to, on_connected, number));
}

// A round opens connections, the first thousand apart, and closes them.
struct role {
    const char *name;
    int (*start)(void);
    void (*open)(int from, int to, int port);
    socket_handle server;
};

static struct role server, clients;

static int server_start(void)
{
    server.server = CHECK_OK(socket_construct_tcp_server());
    CHECK_OK(socket_on(server.server, SOCKET_EVENT_CONNECT, on_client, NULL));
    int port = server_listen(server.server, "0.0.0.0", 0);
    helper_order(&peers, PEERS_CONNECT_TO, port);
    return port;
}

static void server_open(int from, int to, int port)
{
    (void)port;
    helper_order(&peers, PEERS_CONNECT, to - from);
    WAIT(opened == to);
}

static int clients_start(void) { return helper_order(&peers, PEERS_LISTEN, 0); }

static void clients_open(int from, int to, int port)
{
    helper_begin(&peers, PEERS_ECHO, to);
    for (int i = from; i < to; i++) {
        WAIT(i - echoed < WINDOW);
        open_client(i, port);
    }
    WAIT(echoed == to);
    helper_answer(&peers);
}

static struct role server = {"accepted", server_start, server_open, 0};
static struct role clients = {"connected", clients_start, clients_open, 0};

static struct baseline show(const char *what, const struct role *r)
{
    char title[64];
    struct baseline b = baseline_now();
    snprintf(title, sizeof title, "%s %s", what, r->name);
    baseline_print(title, &b);
    return b;
}

static void round_of(struct role *r, int n)
{
    int first = n < FIRST ? n / 2 : FIRST;
    count = n;
    opened = echoed = closed = 0;
    int64_t start = now_ms();
    int port = r->start();
    r->open(0, first, port);
    struct baseline some = show("first", r);
    r->open(first, n, port);
    struct baseline full = show("all", r);
    CHECK(full.stats.sockets == (uint64_t)n + (r->server != 0) && full.fds >= n);
    // The peer ends one half, the library the other, and both meet in the middle.
    helper_order(&peers, PEERS_CLOSE, 2);
    helper_begin(&peers, PEERS_GONE, 0);
    for (int i = 0; i < n; i++) {
        int result = socket_close(handles[i], NULL, NULL);
        if (result < 0 && result != -SOCKET_ERROR_BADF && result != -SOCKET_ERROR_OTHER) FAIL("close: %s", socket_strerror(result));
    }
    WAIT(closed == n);
    helper_answer(&peers);
    if (r->server)
        CHECK_OK(socket_release(r->server));
    else
        for (int i = 0; i < n; i++) CHECK_OK(socket_release(handles[i]));
    WAIT_STATE(stats_now().sockets == 0);
    printf("%d connections %s in %lld ms; an idle one has %.2f KiB\n", n, r->name, (long long)(now_ms() - start),
           (double)(full.kb - some.kb) / (n - first));
    fflush(stdout);
}

// What is allocated, by the library in the Go heap and by all others with malloc.
static uint64_t allocated(void)
{
    return stats_now().go_heap_bytes + mallinfo2().uordblks;
}

// Waits until a burst is over for the process too, and returns its resident memory: most_kb or
// less, or what there is in the end. No more than so many bytes may be allocated.
static long settle(const struct baseline *before, uint64_t most, long most_kb)
{
    int64_t start = now_ms();
    baseline_wait(before);
    while ((resident_kb() > most_kb || allocated() > most) && now_ms() < start + GIVEN_BACK_MS) look_again_later();
    while (allocated() > most && now_ms() < start + PATIENCE_MS) look_again_later();
    long kb = resident_kb();
    uint64_t bytes = allocated();
    printf("%ld KiB resident and %.1f allocated, %.1f s after the last has gone\n", kb, (double)bytes / 1024, (double)(now_ms() - start) / 1e3);
    if (bytes > most) FAIL("%llu bytes are allocated, %llu allowed", (unsigned long long)bytes, (unsigned long long)most);
    return kb;
}

// What is resident when the library has given back what it gives back.
static long settled_kb(const struct baseline *before)
{
    baseline_wait(before);
    pass_time(GIVEN_BACK_MS * INT64_C(1000000));
    return resident_kb();
}

int main(int argc, char **argv)
{
    int n = (int)argument(argc, argv, 1, 10000), files = raise_files();
    if (n > files - FILES_APART) {
        fprintf(stderr, "%d connections need a limit of %d open files (ulimit -Hn), it is %d\n", n, n + FILES_APART, files);
        return 1;
    }
    peers = helper_thread(plain_serve);
    handles = calloc((size_t)n, sizeof *handles);
    CHECK(handles != NULL);
    for (int i = 0; i < n; i++) handles[i] = -1; // its memory is not the library's
    CHECK_OK(socket_set_dispatch_threads(2));
    warm_up();
    struct role *roles[] = {&server, &clients};
    struct baseline before = show("before any", &server);
    long cold = resident_kb();
    for (int i = 0; i < WARM_ROUNDS; i++) round_of(roles[i % 2], n < WARM ? n : WARM);
    long warm = settled_kb(&before);
    uint64_t most = allocated() + UNEVEN;
    printf("%ld KiB resident in the cold process, %ld in use\n", cold, warm);
    CHECK(warm <= cold + FIRST_KB);
    long most_kb = warm + warm * PERCENT / 100, lowest[] = {LONG_MAX, LONG_MAX};
    for (int i = 0; i < ROUNDS; i++) {
        round_of(roles[i % 2], n);
        long kb = settle(&before, most, most_kb);
        if (i >= ROUNDS - LAST && kb < lowest[i % 2]) lowest[i % 2] = kb;
    }
    for (int i = 0; i < 2; i++)
        if (lowest[i] > most_kb) FAIL("%ld KiB are resident at the least after the last rounds of %d connections %s, %ld allowed", lowest[i], n, roles[i]->name, most_kb);
    helper_end(&peers);
    return 0;
}
