// Servers that mean harm to our clients: TLS-1, TLS-20, BOUND-6. Each connect ends with an error
// and in time, other sockets of the loop go on meanwhile, and nothing is left.
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "tls_pair.h"

enum { LIMIT_MS = 1000, LATE_MS = 3000 * HARNESS_SLOWNESS };

// ---- The server: a thread with a plain socket ------------------------------------------------

struct villain {
    int listener, port, fd;
    void (*act)(struct villain *);
    const unsigned char *unit; // for flood: what comes again and again
    size_t size;
    unsigned char hello[2048]; // of the client, with the record's header
    pthread_t thread;
};

static int writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, PATIENCE_MS) == 1 && !(p.revents & (POLLERR | POLLHUP));
}

static void take_hello(struct villain *v)
{
    struct pollfd p = {.fd = v->fd, .events = POLLIN};
    CHECK_EQ(poll(&p, 1, PATIENCE_MS), 1);
    CHECK(recv(v->fd, v->hello, sizeof v->hello, 0) > 100);
}

static void *run_villain(void *argument)
{
    struct villain *v = argument;
    struct pollfd p = {.fd = v->listener, .events = POLLIN};
    CHECK_EQ(poll(&p, 1, PATIENCE_MS), 1);
    v->fd = accept(v->listener, NULL, NULL);
    CHECK(v->fd >= 0);
    take_hello(v);
    v->act(v);
    close(v->fd);
    return NULL;
}

// Until the client goes.
static void flood(struct villain *v)
{
    static unsigned char many[1 << 16];
    size_t size = 0;
    for (; size + v->size <= sizeof many; size += v->size) memcpy(many + size, v->unit, v->size);
    while (writable(v->fd) && send(v->fd, many, size, MSG_NOSIGNAL) > 0) continue;
}

static void drip(struct villain *v)
{
    // The header of a record and of a ServerHello, and then its bytes one at a time.
    static const unsigned char begin[] = {22, 3, 3, 0x20, 0, 2, 0, 0x1f, 0xfc, 3, 3};
    for (size_t i = 0; writable(v->fd); i++) {
        if (send(v->fd, i < sizeof begin ? &begin[i] : (const unsigned char *)"", 1, MSG_NOSIGNAL) != 1) return;
        pause_ms(5);
    }
}

// A HelloRetryRequest for P-256; the session identifier has to be the client's.
static size_t retry_request(const unsigned char *hello, unsigned char *to)
{
    static const unsigned char random[32] = {
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
        0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    static const unsigned char rest[] = {0x13, 0x01, 0, 0, 12, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 23};
    const unsigned char *session = hello + 43;
    size_t body = 2 + sizeof random + 1 + session[0] + sizeof rest;
    unsigned char head[] = {22, 3, 3, 0, (unsigned char)(body + 4), 2, 0, 0, (unsigned char)body, 3, 3}, *p = to;
    CHECK(body + 4 < 256);
    memcpy(p, head, sizeof head);
    memcpy(p += sizeof head, random, sizeof random);
    memcpy(p += sizeof random, session, 1u + session[0]);
    memcpy(p += 1 + session[0], rest, sizeof rest);
    return (size_t)(p + sizeof rest - to);
}

static void retry_again_and_again(struct villain *v)
{
    unsigned char request[256], answer[4096];
    size_t size = retry_request(v->hello, request);
    for (;;) {
        struct pollfd p = {.fd = v->fd, .events = POLLIN};
        if (send(v->fd, request, size, MSG_NOSIGNAL) != (ssize_t)size) return;
        if (poll(&p, 1, PATIENCE_MS) != 1 || recv(v->fd, answer, sizeof answer, 0) <= 0) return;
    }
}

// ---- The client ------------------------------------------------------------------------------

static struct villain villain_start(void (*act)(struct villain *))
{
    struct villain v = {.act = act};
    v.listener = peer_listen(&v.port);
    return v;
}

// Connects, sees another connection of the loop served meanwhile, and returns the error of the
// connect.
static int connect_to_villain(struct villain *v)
{
    struct pair other = pair_new(SOCKET_KIND_TCP);
    struct probe *client = tls_client_new();
    start_thread(&v->thread, run_villain, v);
    int64_t began = now_ms();
    CHECK_EQ(probe_connect_to(client, "127.0.0.1", v->port, LIMIT_MS), 0);
    for (uint64_t i = 1; i <= 20; i++) {
        peer_write(other.peer, "x", 1);
        WAIT(other.probe->size == i);
    }
    WAIT(client->done[SOCKET_OPERATION_CONNECT] == 1);
    int64_t took = now_ms() - began;
    if (took > LIMIT_MS + LATE_MS) FAIL("the connect took %lld ms", (long long)took);
    int error = client->done_error[SOCKET_OPERATION_CONNECT];
    CHECK(error < 0);
    probe_closed(client);
    pair_close(&other);
    join_thread(v->thread);
    peer_close(v->listener);
    return error;
}

static void check_flood(const unsigned char *unit, size_t size)
{
    struct villain v = villain_start(flood);
    v.unit = unit;
    v.size = size;
    connect_to_villain(&v);
}

// Requests to begin a handshake are passed over while there is one: only time ends that.
TEST(a_server_that_sends_hello_requests_without_end)
{
    enum { REQUESTS = 4000 };
    static unsigned char record[5 + 4 * REQUESTS] = {22, 3, 3, 4 * REQUESTS >> 8, (unsigned char)(4 * REQUESTS)};
    check_flood(record, sizeof record);
}

TEST(a_server_that_sends_small_hello_requests_without_end)
{
    static const unsigned char record[] = {22, 3, 3, 0, 4, 0, 0, 0, 0};
    check_flood(record, sizeof record);
}

TEST(a_server_that_sends_empty_records_without_end)
{
    static const unsigned char handshake[] = {22, 3, 3, 0, 0}, data[] = {23, 3, 3, 0, 0};
    check_flood(handshake, sizeof handshake);
    check_flood(data, sizeof data);
}

TEST(a_server_that_sends_warnings_or_changes_of_cipher_without_end)
{
    static const unsigned char warning[] = {21, 3, 3, 0, 2, 1, 90}, change[] = {20, 3, 3, 0, 1, 1};
    check_flood(warning, sizeof warning);
    check_flood(change, sizeof change);
}

TEST(a_server_that_announces_a_message_of_16_MiB)
{
    static unsigned char record[5 + 0x4000] = {22, 3, 3, 0x40, 0, 2, 0xff, 0xff, 0xff, 3, 3};
    check_flood(record, sizeof record);
}

TEST(a_server_that_drips)
{
    struct villain v = villain_start(drip);
    // the number in the range of TLS
    CHECK_EQ(connect_to_villain(&v), -SOCKET_ERROR_SERVER_TIMEDOUT);
}

TEST(a_server_that_asks_for_another_hello_again_and_again)
{
    struct villain v = villain_start(retry_again_and_again);
    CHECK(connect_to_villain(&v) != -SOCKET_ERROR_SERVER_TIMEDOUT);
}

// ---- A chain ---------------------------------------------------------------------------------

static void add_to_chain(SSL *ssl, int megabytes)
{
    X509 *certificate = SSL_get_certificate(ssl);
    int size = i2d_X509(certificate, NULL);
    for (int n = 0; n < megabytes << 20; n += size) CHECK_EQ(SSL_add1_chain_cert(ssl, certificate), 1);
}

// The chain is refused as soon as its length is announced.
TEST(a_server_with_a_chain_of_10_MB)
{
    int port, listener = peer_listen(&port);
    struct probe *client = tls_client_new();
    CHECK_EQ(probe_connect(client, port), 0);
    struct tls_peer peer = tls_peer_new(peer_accept(listener), TLS_PEER_SERVER);
    add_to_chain(peer.ssl, 10);
    CHECK(tls_peer_shake(&peer) != TLS_PEER_DONE);
    WAIT(client->done[SOCKET_OPERATION_CONNECT] == 1);
    int error = client->done_error[SOCKET_OPERATION_CONNECT];
    CHECK(error < 0 && error != -SOCKET_ERROR_SERVER_TIMEDOUT);
    tls_peer_drop(&peer);
    probe_closed(client);
    peer_close(listener);
}
