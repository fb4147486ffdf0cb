// hostile [MS [BOUND_US]]: one flooder beside a hundred polite clients, each attack for MS
// milliseconds, with a server that has callbacks and then with one that fetches records. Prints
// what the polite clients wait for an echo, and memory and descriptors before, during and after.
// Fails if a hundredth of the echoes beside an attack takes longer than BOUND_US, each time of
// TRIES (other work of the machine delays them too), or if memory or descriptors do not come back.
// TLS-14, TLS-19, TLS-20, TLS-21, LOOP-12.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper.h"
#include "soak.h"

enum {
    TRIES = 5,
    POLITE = 100, // half of them with TLS
    ECHO = 64,
    PAUSE_NS = 2000000, // of the polite clients between two rounds
    STALLED = 200,      // hellos that are announced at a time
    UPDATES = 30,       // key updates in a row: 32 are allowed
    BATCH = 64,         // pieces that the flooder writes at once
    // bytes that are sent and never read back, more than the kernel and the queue hold
    FILL = 4 << 20,
    QUEUE_LIMIT = 256 << 10,
    // what a loop's thread may keep for the next handshakes: so few of them are no burst (BOUND-7)
    ROOM_KB = 24 << 10,
    MOST_WAITS = 1 << 20,
};

// ---- The plain ends: processes of their own --------------------------------------------------

static int tcp_port, tls_port;

static int connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

static void reset(int fd)
{
    struct linger at_once = {1, 0};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    close(fd);
}

// What a peer of TLS writes waits in memory, so that many records go in one write.
struct end {
    int fd;
    SSL *ssl; // NULL: plain
    BIO *out;
};

// Sends a part or all; 0: the connection has failed.
static int push(int fd, const char *p, size_t size, int64_t until)
{
    static char unread[64 << 10];
    while (size > 0) {
        ssize_t n = send(fd, p, size, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) return 0;
        if (n > 0) p += n, size -= (size_t)n;
        if (n > 0) continue;
        struct pollfd wait = {.fd = fd, .events = POLLIN | POLLOUT};
        if (now_ms() > until) return 0;
        poll(&wait, 1, 100);
        // What comes back is taken, so that the server goes on reading.
        if (wait.revents & POLLIN && recv(fd, unread, sizeof unread, 0) == 0) return 0;
    }
    while (recv(fd, unread, sizeof unread, MSG_DONTWAIT) > 0) continue;
    return 1;
}

static void flush(struct end *e)
{
    char *p;
    long size = BIO_get_mem_data(e->out, &p);
    for (ssize_t n; size > 0; p += n, size -= n) {
        n = send(e->fd, p, (size_t)size, MSG_NOSIGNAL);
        if (n >= 0) continue;
        CHECK(errno == EAGAIN);
        n = 0;
        poll(&(struct pollfd){.fd = e->fd, .events = POLLOUT}, 1, 100);
    }
    BIO_reset(e->out);
}

static int flush_or_fail(struct end *e, int64_t until)
{
    char *p;
    long size = BIO_get_mem_data(e->out, &p);
    int pushed = push(e->fd, p, (size_t)size, until);
    BIO_reset(e->out);
    return pushed;
}

static struct end connect_tls(void)
{
    static SSL_CTX *context;
    if (!context) CHECK((context = SSL_CTX_new(TLS_client_method())) != NULL);
    struct end e = {.fd = connect_to(tls_port), .ssl = SSL_new(context), .out = BIO_new(BIO_s_mem())};
    CHECK(e.ssl != NULL && e.out != NULL);
    SSL_set_bio(e.ssl, BIO_new_socket(e.fd, BIO_NOCLOSE), e.out);
    SSL_set_connect_state(e.ssl);
    for (int64_t until = now_ms() + PATIENCE_MS;;) {
        int result = SSL_do_handshake(e.ssl);
        flush(&e);
        if (result == 1) break;
        CHECK(SSL_get_error(e.ssl, result) == SSL_ERROR_WANT_READ && now_ms() < until);
        poll(&(struct pollfd){.fd = e.fd, .events = POLLIN}, 1, 100);
    }
    CHECK(SSL_version(e.ssl) == TLS1_3_VERSION);
    return e;
}

static void leave(struct end *e)
{
    if (e->ssl) SSL_free(e->ssl);
    reset(e->fd);
}

// ---- The polite clients ----------------------------------------------------------------------

static struct end polite[POLITE];
static int *waits, wait_count; // us

static void ask(struct end *e, const char *what)
{
    if (!e->ssl) {
        CHECK(send(e->fd, what, ECHO, MSG_NOSIGNAL) == ECHO);
        return;
    }
    CHECK(SSL_write(e->ssl, what, ECHO) == ECHO);
    flush(e);
}

// How many bytes of the answer there are; an echo of one segment or record comes in one piece.
static int take_answer(struct end *e, char *to)
{
    int n = e->ssl ? SSL_read(e->ssl, to, ECHO) : (int)recv(e->fd, to, ECHO, 0);
    if (n > 0) return n;
    if (e->ssl) CHECK(SSL_get_error(e->ssl, n) == SSL_ERROR_WANT_READ);
    else CHECK(n < 0 && errno == EAGAIN);
    return 0;
}

static void one_round(uint64_t key)
{
    struct pollfd fds[POLITE];
    int64_t asked[POLITE], until = now_ms() + PATIENCE_MS;
    char what[ECHO], answer[ECHO];
    pattern_fill(what, key, 0, ECHO);
    for (int i = 0; i < POLITE; i++) {
        fds[i] = (struct pollfd){.fd = polite[i].fd, .events = POLLIN};
        asked[i] = now_ns();
        ask(&polite[i], what);
    }
    for (int left = POLITE; left > 0;) {
        if (now_ms() > until) FAIL("a polite client has no echo");
        poll(fds, POLITE, 100);
        for (int i = 0; i < POLITE; i++) {
            if (!fds[i].revents || take_answer(&polite[i], answer) == 0) continue;
            CHECK(memcmp(what, answer, ECHO) == 0);
            if (wait_count < MOST_WAITS) waits[wait_count++] = (int)((now_ns() - asked[i]) / 1000);
            fds[i].fd = -1;
            fds[i].revents = 0;
            left--;
        }
    }
}

static int compare_ints(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

// Orders of both helpers; the argument is a port or milliseconds.
enum { TCP_PORT = 'p', TLS_PORT = 't', JOIN = 'j', SERVE = 's', SLOWEST = 'm', LEAVE = 'l' };

static int take_port(char order, int port)
{
    if (order == TCP_PORT) tcp_port = port;
    if (order == TLS_PORT) tls_port = port;
    return 0;
}

static int serve_polite(char order, int argument)
{
    if (!waits) CHECK((waits = calloc(MOST_WAITS, sizeof *waits)) != NULL);
    switch (order) {
    case JOIN:
        for (int i = 0; i < POLITE; i++) polite[i] = i % 2 ? connect_tls() : (struct end){.fd = connect_to(tcp_port)};
        for (int i = 0; i < 50; i++) one_round((uint64_t)i);
        return POLITE;
    case SERVE:
        wait_count = 0;
        for (int64_t until = now_ms() + argument; now_ms() < until; pass_time(PAUSE_NS)) one_round((uint64_t)now_ns());
        qsort(waits, (size_t)wait_count, sizeof *waits, compare_ints);
        return waits[wait_count * 99LL / 100];
    case SLOWEST: return waits[wait_count - 1];
    case LEAVE:
        for (int i = 0; i < POLITE; i++) leave(&polite[i]);
        return 0;
    default: return take_port(order, argument);
    }
}

// ---- The flooder -----------------------------------------------------------------------------

// Each attack goes on until a time and returns how often it has done what it does.
static int key_updates(int64_t until)
{
    int count = 0;
    while (now_ms() < until) {
        struct end e = connect_tls();
        do {
            for (int i = 0; i < UPDATES; i++, count++) {
                CHECK(SSL_key_update(e.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
                SSL_do_handshake(e.ssl);
            }
            CHECK(SSL_write(e.ssl, "x", 1) == 1);
        } while (now_ms() < until && flush_or_fail(&e, until));
        leave(&e);
    }
    return count;
}

// The server has to answer each of these.
static int requested_updates(int64_t until)
{
    int count = 0;
    while (now_ms() < until) {
        struct end e = connect_tls();
        do {
            CHECK(SSL_key_update(e.ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
            SSL_do_handshake(e.ssl);
            CHECK(SSL_write(e.ssl, "x", 1) == 1);
            count++;
        } while (now_ms() < until && flush_or_fail(&e, until));
        leave(&e);
    }
    return count;
}

static int small_records(int64_t until)
{
    int count = 0;
    while (now_ms() < until) {
        struct end e = connect_tls();
        do {
            for (int i = 0; i < BATCH; i++, count++) CHECK(SSL_write(e.ssl, "x", 1) == 1);
        } while (now_ms() < until && flush_or_fail(&e, until));
        leave(&e);
    }
    return count;
}

static int small_writes(int64_t until)
{
    int count = 0, fd = connect_to(tcp_port);
    for (; now_ms() < until && push(fd, "x", 1, until); count++) continue;
    reset(fd);
    return count;
}

static int garbage_handshakes(int64_t until)
{
    char garbage[200];
    int count = 0;
    for (; now_ms() < until; count++) {
        int fd = connect_to(tls_port);
        pattern_fill(garbage, (uint64_t)count, 0, sizeof garbage);
        // a hello at first sight
        if (count % 2) memcpy(garbage, "\x16\x03\x01\x00\xc0\x01\x00\x00\xbc\x03\x03", 11);
        push(fd, garbage, sizeof garbage, until);
        poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 1);
        reset(fd);
    }
    return count;
}

static int stalled_hellos(int64_t until)
{
    // A record of 1 KiB with the beginning of a hello of 48 KiB.
    static const unsigned char announced[] = {22, 3, 1, 4, 0, 1, 0, 0xc0, 0};
    int fds[STALLED], count = 0;
    while (now_ms() < until) {
        for (int i = 0; i < STALLED; i++, count++) {
            fds[i] = connect_to(tls_port);
            CHECK(send(fds[i], announced, sizeof announced, MSG_NOSIGNAL) == sizeof announced);
        }
        pass_time(20000000); // they stall: that is the attack
        for (int i = 0; i < STALLED; i++) reset(fds[i]);
    }
    return count;
}

static int fill_and_reset(int64_t until)
{
    static char zeros[64 << 10];
    int count = 0;
    for (; now_ms() < until; count++) {
        int fd = connect_to(tcp_port);
        // Until nothing more is taken: the server has stopped reading.
        for (size_t sent = 0; sent < FILL && now_ms() < until;) {
            ssize_t n = send(fd, zeros, sizeof zeros, MSG_NOSIGNAL);
            if (n > 0) sent += (size_t)n;
            else if (poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 20) == 0) break;
        }
        reset(fd);
    }
    return count;
}

static const struct {
    const char *name;
    int (*run)(int64_t until);
    char order;
} attacks[] = {
    {"key updates and data", key_updates, '1'},
    {"key updates that want answers", requested_updates, '2'},
    {"records of one byte", small_records, '3'},
    {"segments of one byte", small_writes, '4'},
    {"garbage handshakes", garbage_handshakes, '5'},
    {"stalled hellos", stalled_hellos, '6'},
    {"fill and reset", fill_and_reset, '7'},
};
enum { ATTACKS = sizeof attacks / sizeof *attacks };

static int serve_flood(char order, int argument)
{
    for (int i = 0; i < ATTACKS; i++)
        if (attacks[i].order == order) return attacks[i].run(now_ms() + argument);
    return take_port(order, argument);
}

// ---- The server under test -------------------------------------------------------------------

struct connection {
    char *held; // what a refused send has left
    size_t size;
};

static atomic_int connections;

static int event_mask(void)
{
    return SOCKET_EVENT_MASK(SOCKET_EVENT_MESSAGE) | SOCKET_EVENT_MASK(SOCKET_EVENT_DRAIN) | SOCKET_EVENT_MASK(SOCKET_EVENT_CLOSE);
}

static void on_message(const socket_event *e, struct connection *c)
{
    if (c->size == 0) {
        int result = socket_send(e->socket, e->data, e->size, NULL, NULL);
        // sent, or the peer has gone
        if (socket_error_category(result) != SOCKET_CATEGORY_AGAIN) return;
        socket_pause(e->socket);
    }
    CHECK((c->held = realloc(c->held, c->size + e->size)) != NULL);
    memcpy(c->held + c->size, e->data, e->size);
    c->size += e->size;
}

static void on_drain(const socket_event *e, struct connection *c)
{
    socket_send(e->socket, c->held, c->size, NULL, NULL); // there is room, or the peer has gone
    free(c->held);
    *c = (struct connection){0};
    socket_resume(e->socket);
}

static void on_event(const socket_event *e, void *connection)
{
    struct connection *c = connection;
    switch (e->type) {
    case SOCKET_EVENT_MESSAGE: on_message(e, c); break;
    case SOCKET_EVENT_DRAIN: on_drain(e, c); break;
    case SOCKET_EVENT_CLOSE:
        free(c->held);
        free(c);
        atomic_fetch_sub(&connections, 1);
    }
}

static struct connection *new_connection(void)
{
    struct connection *c = calloc(1, sizeof *c);
    CHECK(c != NULL);
    atomic_fetch_add(&connections, 1);
    return c;
}

static void on_client(const socket_event *e, void *unused)
{
    (void)unused;
    struct connection *c = new_connection();
    CHECK_OK(socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_event, c));
    CHECK_OK(socket_on(e->connection, SOCKET_EVENT_DRAIN, on_event, c));
    CHECK_OK(socket_on(e->connection, SOCKET_EVENT_CLOSE, on_event, c));
}

static void on_record(const socket_event *e)
{
    if (e->type == SOCKET_EVENT_CONNECT) CHECK_OK(socket_subscribe(e->connection, (uint32_t)event_mask(), new_connection()));
    else on_event(e, e->user_data);
}

// Until a function is posted, which closes the loop.
static void *fetch_records(void *argument)
{
    static socket_event records[256];
    socket_loop loop = *(socket_loop *)argument;
    for (int64_t n; (n = socket_loop_poll(loop, records, 256, -1)) >= 0;) {
        int is_over = 0;
        for (int64_t i = 0; i < n; i++)
            if (records[i].type == SOCKET_EVENT_POST) is_over = 1;
            else on_record(&records[i]);
        if (is_over) CHECK_OK(socket_loop_close(loop));
    }
    return NULL;
}

static const char *text_of(const char *file)
{
    char path[400];
    snprintf(path, sizeof path, TLS_CERTIFICATES "/%s", file);
    FILE *f = fopen(path, "re");
    if (!f) FAIL("%s is missing", path);
    char *text = calloc(1, 1 << 16);
    CHECK(text != NULL && fread(text, 1, (1 << 16) - 1, f) > 0);
    fclose(f);
    return text;
}

static socket_tls_options secure(void)
{
    static const char *ca, *cert, *key;
    if (!ca) ca = text_of("ca.pem"), cert = text_of("server.pem"), key = text_of("server.key");
    socket_tls_options o = SOCKET_TLS_OPTIONS_INIT;
    o.ca = &ca;
    o.ca_count = 1;
    o.identity = (socket_tls_identity){cert, key, NULL};
    return o;
}

// As SECURITY.md says.
static int listen_to_strangers(socket_handle server, int with_tls)
{
    socket_listen_options o = SOCKET_LISTEN_OPTIONS_INIT;
    socket_tls_options tls = secure();
    int port;
    o.address.address = "127.0.0.1";
    if (with_tls) o.tls = &tls;
    if (with_tls) CHECK_OK(socket_set_option(server, SOCKET_OPTION_HANDSHAKE_TIMEOUT, 5000));
    CHECK_OK(socket_set_option(server, SOCKET_OPTION_IDLE_TIMEOUT, 60000));
    CHECK_OK(socket_set_option(server, SOCKET_OPTION_SEND_QUEUE_LIMIT, QUEUE_LIMIT));
    CHECK_OK(socket_listen(server, &o));
    CHECK_OK(socket_get_local_address(server, NULL, 0, &port, NULL));
    return port;
}

// ---- The measurement -------------------------------------------------------------------------

struct most {
    long kb;
    int fds;
};

// Waits for the answer and looks meanwhile.
static int watch(const struct helper *h, struct most *most)
{
    struct pollfd p = {.fd = h->answers, .events = POLLIN};
    do {
        long kb = resident_kb();
        int fds = count_fds();
        if (kb > most->kb) most->kb = kb;
        if (fds > most->fds) most->fds = fds;
    } while (poll(&p, 1, 20) == 0);
    return helper_answer(h);
}

static int measure_once(const char *mode, const char *what, char order, int ms, struct helper *flood, struct helper *clients)
{
    struct most most = {0};
    int count = 0;
    if (order) helper_begin(flood, order, ms);
    helper_begin(clients, SERVE, ms);
    int p99 = watch(clients, &most);
    if (order) count = watch(flood, &most);
    int slowest = helper_order(clients, SLOWEST, 0);
    printf("%-9s %-30s %7d times, polite p99 %7.2f ms, slowest %7.2f ms, up to %6ld KiB and %4d descriptors\n", mode, what, count,
           p99 / 1e3, slowest / 1e3, most.kb, most.fds);
    fflush(stdout);
    return p99;
}

static int failed;

static void measure(const char *mode, const char *what, char order, int ms, int bound, struct helper *flood, struct helper *clients)
{
    for (int i = 0; i < TRIES; i++)
        if (measure_once(mode, what, order, ms, flood, clients) <= bound) return;
    fprintf(stderr, "%s, %s: more than %d us, %d times\n", mode, what, bound, TRIES);
    failed = 1;
}

static void print_state(const char *mode, const char *when)
{
    printf("%-9s %-30s %6ld KiB resident, %4d descriptors\n", mode, when, resident_kb(), count_fds());
    fflush(stdout);
}

static void memory_is_back(long before)
{
    long most = before + before / 20 + ROOM_KB;
    long kb = anonymous_kb() > most ? memory_settle(most) : anonymous_kb();
    if (kb > most && !SOAK_ASAN) FAIL("%ld KiB after the attacks, %ld before", kb, before);
}

static void attack_all(const char *mode, int ms, int bound, struct helper *flood, struct helper *clients)
{
    int polite_ones = connections;
    measure(mode, "nobody", 0, ms, bound, flood, clients);
    struct baseline before = baseline_now();
    print_state(mode, "before the attacks");
    for (int i = 0; i < ATTACKS; i++) measure(mode, attacks[i].name, attacks[i].order, ms, bound, flood, clients);
    WAIT_STATE(connections == polite_ones);
    baseline_wait(&before);
    measure(mode, "nobody again", 0, ms, bound, flood, clients);
    memory_is_back(before.kb);
    print_state(mode, "after the attacks");
}

static void run_mode(int with_records, int ms, int bound, struct helper *flood, struct helper *clients)
{
    socket_loop loop = with_records ? CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS)) : 0;
    socket_handle servers[2] = {CHECK_OK(socket_construct(loop, SOCKET_KIND_TCP_SERVER)), CHECK_OK(socket_construct(loop, SOCKET_KIND_TLS_SERVER))};
    pthread_t thread;
    for (int i = 0; i < 2; i++) {
        if (with_records) CHECK_OK(socket_subscribe(servers[i], SOCKET_EVENT_MASK(SOCKET_EVENT_CONNECT), NULL));
        else CHECK_OK(socket_on(servers[i], SOCKET_EVENT_CONNECT, on_client, NULL));
        int port = listen_to_strangers(servers[i], i);
        helper_order(flood, i ? TLS_PORT : TCP_PORT, port);
        helper_order(clients, i ? TLS_PORT : TCP_PORT, port);
    }
    if (with_records) CHECK(pthread_create(&thread, NULL, fetch_records, &loop) == 0);
    helper_order(clients, JOIN, 0);
    WAIT_STATE(connections == POLITE);
    attack_all(with_records ? "records" : "callbacks", ms, bound, flood, clients);
    helper_order(clients, LEAVE, 0);
    WAIT_STATE(connections == 0);
    for (int i = 0; i < 2; i++) CHECK_OK(socket_release(servers[i]));
    if (with_records) CHECK_OK(socket_loop_post(loop, NULL, NULL));
    if (with_records) CHECK(pthread_join(thread, NULL) == 0);
}

int main(int argc, char **argv)
{
    int ms = (int)argument(argc, argv, 1, 2000), bound = (int)argument(argc, argv, 2, 10000);
    raise_files();
    struct helper flood = helper_process(serve_flood), clients = helper_process(serve_polite);
    warm_up();
    struct baseline before = baseline_now();
    run_mode(0, ms, bound, &flood, &clients);
    WAIT_STATE(stats_now().sockets == 0);
    run_mode(1, ms, bound, &flood, &clients);
    baseline_wait(&before);
    // The second one has the first one's pipe, too, which ends when both have closed it.
    helper_end(&clients);
    helper_end(&flood);
    return failed;
}
