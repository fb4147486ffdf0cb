#define _GNU_SOURCE
#include "random_ops.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

atomic_int relay_port;

enum way { PASSES_ON, ENDS, RESETS, CHANGES, HOLDS_UP, WAYS };

struct passage {
    int from, to;
    size_t size, at;
    int ended;
    unsigned char bytes[16384];
};

struct relay {
    int fd[2]; // the client's and the server's, -1: free
    enum way way;
    int64_t left; // bytes until it happens
    int64_t until;
    struct passage passage[2];
};

static void close_relay(struct relay *r, int with_reset)
{
    struct linger l = {1, 0};
    for (int i = 0; i < 2; i++) {
        if (with_reset) setsockopt(r->fd[i], SOL_SOCKET, SO_LINGER, &l, sizeof l);
        close(r->fd[i]);
        r->fd[i] = -1;
    }
}

static void open_relay(struct relay *r, int listener, uint64_t chance)
{
    // in the first record, the handshake, behind it, in data
    static const int64_t reach[] = {1, 600, 3000, 200000};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(server >= 0);
    a.sin_port = htons((uint16_t)tls_server_ports[chance % LOOPS]);
    if (connect(server, (struct sockaddr *)&a, sizeof a) != 0) CHECK(errno == EINPROGRESS);
    r->fd[0] = client;
    r->fd[1] = server;
    r->way = (chance >> 8) % (WAYS + 2) < WAYS ? (enum way)((chance >> 8) % (WAYS + 2)) : PASSES_ON;
    r->left = 1 + (int64_t)((chance >> 16) % (uint64_t)reach[chance >> 4 & 3]);
    r->until = now_ms() + 100 + (int64_t)(chance >> 48) % 500;
    for (int i = 0; i < 2; i++) {
        r->passage[i].from = r->fd[i];
        r->passage[i].to = r->fd[!i];
        r->passage[i].size = r->passage[i].at = 0;
        r->passage[i].ended = 0;
    }
}

// Passes on what there is. 1: this relay is over.
static int pass_on(struct relay *r, struct passage *p)
{
    if (p->at == p->size && !p->ended) {
        ssize_t n = recv(p->from, p->bytes, sizeof p->bytes, 0);
        if (n < 0) return errno != EAGAIN && errno != ENOTCONN;
        p->at = 0;
        p->size = (size_t)n;
        if (n == 0) {
            p->ended = 1;
            shutdown(p->to, SHUT_WR);
        }
        if (r->way != PASSES_ON && r->left > 0 && (r->left -= n) <= 0) {
            switch (r->way) {
            case CHANGES: p->bytes[n + r->left - 1] ^= 1; break;
            case ENDS:
                p->size = (size_t)(n + r->left); // of the last record a part
                p->ended = 1;
                break;
            default: p->size = (size_t)(n + r->left);
            }
            if (r->way == RESETS) return 1;
        }
    }
    if (r->way == HOLDS_UP && r->left <= 0) return 0;
    while (p->at < p->size) {
        ssize_t n = send(p->to, p->bytes + p->at, p->size - p->at, MSG_NOSIGNAL);
        if (n < 0) return errno != EAGAIN && errno != ENOTCONN;
        p->at += (size_t)n;
        if (p->at == p->size && p->ended) shutdown(p->to, SHUT_WR);
    }
    return r->passage[0].ended && r->passage[1].ended;
}

// One thread.
void *relays(void *unused)
{
    (void)unused;
    static struct relay relay[RELAYS];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&a, size) == 0 && listen(listener, 128) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&a, &size) == 0);
    for (int i = 0; i < RELAYS; i++) relay[i].fd[0] = -1;
    relay_port = ntohs(a.sin_port);
    happened();
    uint64_t chance = mix(seed ^ 0x4e1a9 ^ (uint64_t)epoch);
    while (!peers_stop) {
        struct pollfd polled[2 * RELAYS + 1] = {{.fd = listener, .events = POLLIN}};
        int count = 1;
        for (int i = 0; i < RELAYS; i++) {
            struct relay *r = &relay[i];
            if (r->fd[0] < 0) {
                open_relay(r, listener, chance = mix(chance));
            } else if (pass_on(r, &r->passage[0]) || pass_on(r, &r->passage[1]) || now_ms() > r->until) {
                close_relay(r, r->way == RESETS);
            }
            for (int k = 0; k < 2 && r->fd[0] >= 0; k++) polled[count++] = (struct pollfd){.fd = r->fd[k], .events = POLLIN};
        }
        poll(polled, (nfds_t)count, 1);
    }
    for (int i = 0; i < RELAYS; i++)
        if (relay[i].fd[0] >= 0) close_relay(&relay[i], 1);
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) close(fd);
    close(listener);
    return NULL;
}
