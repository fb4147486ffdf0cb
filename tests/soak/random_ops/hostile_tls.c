#define _GNU_SOURCE
#include "random_ops.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

atomic_int hostile_port;
atomic_ullong did_attacks;

enum { BURST = 150, LONGEST_MS = 200 };

// The first ones fail in the handshake, the others come after it.
enum way { STRANGE, ANNOUNCES, DRIPS, REQUESTS, UPDATES, SMALL, TICKETS, CUTS, MIXES, WAYS };

struct villain {
    int fd, serves, count;
    enum way way;
    SSL *ssl; // NULL: it does not even try
    int64_t until;
    uint64_t chance;
    unsigned char *frame; // sent in records of a byte
    size_t size, at;
};

static SSL_CTX *client_context, *server_context;

static void make_contexts(void)
{
    if (client_context) return;
    CHECK((client_context = SSL_CTX_new(TLS_client_method())) != NULL);
    CHECK((server_context = SSL_CTX_new(TLS_server_method())) != NULL);
    CHECK(SSL_CTX_use_certificate_file(server_context, TLS_CERTIFICATES "/server.pem", SSL_FILETYPE_PEM) == 1);
    CHECK(SSL_CTX_use_PrivateKey_file(server_context, TLS_CERTIFICATES "/server.key", SSL_FILETYPE_PEM) == 1);
}

static int new_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(fd >= 0);
    return fd;
}

static int connect_to(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = new_socket();
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0 || errno == EINPROGRESS) return fd;
    close(fd);
    return -1;
}

static void give(int fd, const void *data, size_t size)
{
    if (send(fd, data, size, MSG_NOSIGNAL) < 0) return; // it has gone, or takes no more
}

static void strange_bytes(int fd, uint64_t chance)
{
    unsigned char bytes[700];
    pattern_fill(bytes, chance, 0, sizeof bytes);
    // a hello at first sight
    if (chance & 1) memcpy(bytes, "\x16\x03\x01\x00\xc0\x01\x00\x00\xbc\x03\x03", 11);
    if (chance & 2) memcpy(bytes, "\x15\x03\x03\x00\x02\x02\x28", 7);                  // an alert
    give(fd, bytes, 1 + (chance >> 8) % sizeof bytes);
}

// So many at a time that their errors do not fit one batch of records.
static void burst(uint64_t chance)
{
    int fds[BURST];
    for (int i = 0; i < BURST; i++) {
        fds[i] = connect_to(tls_server_ports[chance % LOOPS]);
        if (fds[i] >= 0) strange_bytes(fds[i], mix(chance + (uint64_t)i));
    }
    for (int i = 0; i < BURST; i++)
        if (fds[i] >= 0) close(fds[i]);
}

static void begin(struct villain *v, int fd, int serves, uint64_t chance)
{
    *v = (struct villain){.fd = fd, .serves = serves, .way = (enum way)((chance >> 8) % WAYS), .chance = chance,
                          .until = now_ms() + (int)(chance >> 16) % LONGEST_MS};
    atomic_fetch_add(&did_attacks, 1);
    if (v->way <= ANNOUNCES || (v->way == REQUESTS && serves)) return;
    CHECK((v->ssl = SSL_new(serves ? server_context : client_context)) != NULL);
    CHECK(SSL_set_fd(v->ssl, fd) == 1);
    if (chance >> 32 & 1) SSL_set_max_proto_version(v->ssl, TLS1_2_VERSION);
    if (serves) SSL_set_accept_state(v->ssl);
    else SSL_set_connect_state(v->ssl);
    if (v->way == SMALL && !serves) {
        v->size = sizeof(struct frame) + (chance >> 40) % 300;
        v->frame = frame_bytes(NULL, atomic_fetch_add(&next_key, 1) + 1, 0, v->size - sizeof(struct frame), 1);
    }
}

static void end(struct villain *v)
{
    struct linger l = {1, 0};
    if (v->chance & 1) setsockopt(v->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    if (v->ssl) SSL_free(v->ssl); // without close_notify
    free(v->frame);
    close(v->fd);
    v->fd = -1;
}

static void before_the_handshake(struct villain *v)
{
    // A record of 1 KiB with the beginning of a hello of 48 KiB; a request to begin, as a server
    // has it.
    static const unsigned char announced[] = {22, 3, 1, 4, 0, 1, 0, 0xc0, 0}, request[] = {22, 3, 3, 0, 4, 0, 0, 0, 0};
    if (v->way == REQUESTS) give(v->fd, request, sizeof request);
    else if (v->way == STRANGE && v->count < 3) strange_bytes(v->fd, mix(v->chance + (uint64_t)v->count));
    else if (v->way == ANNOUNCES && v->count == 0) give(v->fd, announced, sizeof announced);
}

// What it gets is taken at times only.
static void after_the_handshake(struct villain *v)
{
    char read[4096];
    if (v->chance >> 33 & 1) SSL_read(v->ssl, read, sizeof read);
    switch (v->way) {
    case UPDATES: // at times more than may come in a row
        if (SSL_version(v->ssl) != TLS1_3_VERSION) SSL_renegotiate(v->ssl);
        for (int i = 0; i < 5 && SSL_version(v->ssl) == TLS1_3_VERSION; i++) {
            SSL_key_update(v->ssl, v->chance >> 34 & 1 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
            SSL_do_handshake(v->ssl);
        }
        break;
    case TICKETS:
        if (v->serves && SSL_version(v->ssl) == TLS1_3_VERSION && SSL_new_session_ticket(v->ssl) == 1) SSL_do_handshake(v->ssl);
        break;
    case SMALL:
        while (v->at < v->size && SSL_write(v->ssl, v->frame + v->at, 1) == 1) v->at++;
        break;
    case CUTS: // the first bytes of a record
        if (v->count < 100) give(v->fd, "\x17\x03\x03\x00\x40", 1 + (v->chance >> 35) % 5);
        v->count = 100;
        break;
    case MIXES: strange_bytes(v->fd, v->chance); break;
    default: break;
    }
}

static void act(struct villain *v)
{
    if (!v->ssl) {
        before_the_handshake(v);
    } else if (SSL_is_init_finished(v->ssl)) {
        after_the_handshake(v);
    } else if (v->way == DRIPS && v->count % 3 == 2) {
        give(v->fd, "", 1); // between two parts of its hello, or behind it
    } else if (v->way != DRIPS || v->count > 3) {
        SSL_do_handshake(v->ssl);
    }
    v->count++;
    if (now_ms() > v->until) end(v);
}

// One thread.
void *hostile_tls(void *unused)
{
    (void)unused;
    sender = SENDER_PEER; // its streams have keys of their own
    static struct villain villains[VILLAINS];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    sigset_t pipe;
    int listener = new_socket();
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE); // of SSL_write
    CHECK(pthread_sigmask(SIG_BLOCK, &pipe, NULL) == 0);
    make_contexts();
    CHECK(bind(listener, (struct sockaddr *)&a, size) == 0 && listen(listener, 128) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&a, &size) == 0);
    for (int i = 0; i < VILLAINS; i++) villains[i].fd = -1;
    hostile_port = ntohs(a.sin_port);
    happened();
    uint64_t chance = mix(seed ^ 0x4057 ^ (uint64_t)epoch);
    while (!peers_stop) {
        for (int i = 0; i < VILLAINS; i++) {
            struct villain *v = &villains[i];
            chance = mix(chance);
            if (v->fd >= 0) {
                act(v);
                continue;
            }
            int fd = i % 3 ? accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)
                           : connect_to(tls_server_ports[(chance >> 48) % LOOPS]);
            if (fd >= 0) begin(v, fd, i % 3 != 0, chance);
        }
        if (chance % 100 == 0) burst(chance >> 8);
        poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, 3);
    }
    for (int i = 0; i < VILLAINS; i++)
        if (villains[i].fd >= 0) end(&villains[i]);
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) close(fd);
    close(listener);
    return NULL;
}
