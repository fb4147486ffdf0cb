#define _GNU_SOURCE
#include "plain_peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "soak.h"

enum { WINDOW = 256, BATCH = 256, MOST = 1 << 17 };

struct peer {
    int fd, client;
    uint64_t key;
    size_t got;
};

// So many as have begun are used, of MOST. They are mapped, so that nothing of them stays behind in
// the process.
static struct peer *peers;
static int epfd = -1, listener = -1, server_port, target_port, begun, echoed, open_peers, ended;

static struct peer *add(int fd, int client)
{
    if (!peers) peers = mmap(NULL, MOST * sizeof *peers, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(peers != MAP_FAILED && begun < MOST);
    struct peer *p = &peers[begun++];
    *p = (struct peer){.fd = fd, .client = client, .key = (uint64_t)begun};
    open_peers++;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
    CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &e) == 0);
    return p;
}

static void drop(struct peer *p)
{
    CHECK(close(p->fd) == 0);
    p->fd = -1;
    open_peers--;
}

static void connect_one(void)
{
    // A blocking connect: the backlog takes it.
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)target_port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(begun % ADDRESSES));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) FAIL("plain client %d: %s", begun, strerror(errno));
    struct peer *p = add(fd, 1);
    char payload[PAYLOAD];
    pattern_fill(payload, p->key, 0, PAYLOAD);
    CHECK(send(fd, payload, PAYLOAD, MSG_NOSIGNAL) == PAYLOAD);
}

static void receive(struct peer *p)
{
    char bytes[PAYLOAD];
    ssize_t n = recv(p->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0) FAIL("plain peer %llu: %s", (unsigned long long)p->key, strerror(errno));
    if (n == 0) {
        if (p->got != PAYLOAD) FAIL("plain peer %llu was closed after %zu bytes", (unsigned long long)p->key, p->got);
        drop(p);
        ended++;
        return;
    }
    CHECK(p->got + (size_t)n <= PAYLOAD);
    if (p->client)
        CHECK(pattern_matches(bytes, p->key, p->got, (size_t)n));
    else
        CHECK(send(p->fd, bytes, (size_t)n, MSG_NOSIGNAL) == n);
    p->got += (size_t)n;
    if (p->got == PAYLOAD) echoed++;
}

// Waits for events and handles them.
static void look(const char *what)
{
    struct epoll_event e[BATCH];
    int n = epoll_wait(epfd, e, BATCH, PATIENCE_MS);
    if (n == 0) FAIL("in vain: %s; %d begun, %d echoed, %d open", what, begun, echoed, open_peers);
    for (int i = 0; i < n; i++) {
        if (e[i].data.ptr) {
            receive(e[i].data.ptr);
            continue;
        }
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) add(fd, 0);
    }
}

static int listen_anywhere(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t size = sizeof a;
    if (listener >= 0) return server_port;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(listener, 65535) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&a, &size) == 0);
    struct epoll_event e = {.events = EPOLLIN};
    CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, listener, &e) == 0);
    return server_port = ntohs(a.sin_port);
}

static void forget_closed(void)
{
    if (peers) CHECK(munmap(peers, MOST * sizeof *peers) == 0);
    peers = NULL;
    begun = echoed = ended = 0;
}

int plain_serve(char order, int argument)
{
    int n = 0;
    if (epfd < 0) {
        raise_files();
        epfd = epoll_create1(EPOLL_CLOEXEC);
        CHECK(epfd >= 0);
    }
    switch (order) {
    case PEERS_CONNECT_TO:
        target_port = argument;
        break;
    case PEERS_CONNECT:
        for (; n < argument; n++) {
            while (begun - echoed >= WINDOW) look("echoes");
            connect_one();
        }
        while (echoed < begun) look("echoes");
        break;
    case PEERS_LISTEN:
        return listen_anywhere();
    case PEERS_ECHO:
        while (echoed < argument) look("bytes to echo");
        break;
    case PEERS_CLOSE:
        for (struct peer *p = peers; p < peers + begun; p++)
            if (p->fd >= 0 && n++ % argument == 0) drop(p);
        break;
    case PEERS_GONE:
        while (open_peers > 0) look("the end of all connections");
        n = ended;
        forget_closed();
        return n;
    }
    return open_peers;
}
