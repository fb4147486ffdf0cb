#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.h"

enum { CHUNK = 1 << 16 };

void peer_wait(int fd, short events)
{
    int64_t until = now_ms() + PATIENCE_MS;
    for (;;) {
        int64_t left = until - now_ms();
        if (left <= 0) {
            probes_print(stderr);
            FAIL("the peer waited in vain to %s", events & POLLIN ? "read" : "write");
        }
        struct pollfd p[2] = {{.fd = fd, .events = events}, {.fd = -1, .events = POLLIN}};
        if (test_loop) p[1].fd = socket_loop_fd(test_loop);
        if (poll(p, 2, (int)left) < 0) {
            CHECK(errno == EINTR);
            continue;
        }
        if (p[0].revents != 0) return;
        if (p[1].revents != 0) pump(0);
    }
}

static socklen_t sockaddr_of(const char *address, int port, struct sockaddr_storage *to)
{
    memset(to, 0, sizeof *to);
    struct sockaddr_in *in = (struct sockaddr_in *)to;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
    if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        return sizeof *in;
    }
    CHECK_EQ(inet_pton(AF_INET6, address, &in6->sin6_addr), 1);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((uint16_t)port);
    return sizeof *in6;
}

static int open_bound(const char *address, int port, int type)
{
    struct sockaddr_storage a;
    socklen_t size = sockaddr_of(address, port, &a);
    int fd = socket(a.ss_family, type | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    if (bind(fd, (struct sockaddr *)&a, size) != 0) FAIL("bind %s: %s", address, strerror(errno));
    return fd;
}

int peer_port(int fd)
{
    struct sockaddr_storage a;
    socklen_t size = sizeof a;
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    return ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port : ((struct sockaddr_in6 *)&a)->sin6_port);
}

int peer_listen_at(const char *address, int *port, int backlog)
{
    int fd = open_bound(address, 0, SOCK_STREAM);
    CHECK_EQ(listen(fd, backlog), 0);
    *port = peer_port(fd);
    return fd;
}

int peer_listen(int *port) { return peer_listen_at("127.0.0.1", port, 128); }

struct full_listener peer_listen_full(void)
{
    struct full_listener f = {.count = 0};
    f.listener = peer_listen_at("127.0.0.1", &f.port, 0);
    // Of a listening socket these are the length and the limit of its queue; the limit may be
    // exceeded by one.
    for (struct tcp_info i = peer_tcp_info(f.listener); i.tcpi_unacked <= i.tcpi_sacked; i = peer_tcp_info(f.listener)) {
        CHECK(f.count < 8);
        f.clients[f.count++] = peer_connect(f.port);
    }
    return f;
}

void peer_unfill(struct full_listener *f)
{
    for (; f->count > 0; f->count--) {
        close(peer_accept(f->listener));
        close(f->clients[f->count - 1]);
    }
}

void peer_close_full(struct full_listener *f)
{
    peer_unfill(f);
    close(f->listener);
}

int peer_unused_port(void)
{
    // Bound but not listening; closed at once, and the kernel does not give it out again soon.
    int fd = open_bound("127.0.0.1", 0, SOCK_STREAM);
    int port = peer_port(fd);
    close(fd);
    return port;
}

int peer_accept(int listener)
{
    peer_wait(listener, POLLIN);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static void connect_fd(int fd, const char *address, int port)
{
    struct sockaddr_storage a;
    socklen_t size = sockaddr_of(address, port, &a);
    if (connect(fd, (struct sockaddr *)&a, size) == 0) return;
    int error = errno;
    if (error == EINTR) { // it goes on without us
        socklen_t length = sizeof error;
        peer_wait(fd, POLLOUT);
        CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length), 0);
    }
    if (error != 0) FAIL("connect: %s", strerror(error));
}

void peer_connect_with(int fd, int port) { connect_fd(fd, "127.0.0.1", port); }

int peer_connect_from(const char *address, int port)
{
    int fd = open_bound(address, 0, SOCK_STREAM);
    connect_fd(fd, strchr(address, ':') ? "::1" : "127.0.0.1", port);
    return fd;
}

int peer_connect(int port) { return peer_connect_from("127.0.0.1", port); }

int peer_udp_at(const char *address, int *port)
{
    int fd = open_bound(address, 0, SOCK_DGRAM);
    *port = peer_port(fd);
    return fd;
}

int peer_udp(int *port) { return peer_udp_at("127.0.0.1", port); }

void peer_write(int fd, const void *data, size_t size)
{
    for (const char *p = data; size > 0;) {
        ssize_t n = send(fd, p, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            peer_wait(fd, POLLOUT);
            continue;
        }
        if (n < 0) FAIL("the peer's write failed: %s", strerror(errno));
        p += n;
        size -= (size_t)n;
    }
}

void peer_write_pattern(int fd, uint64_t offset, size_t size)
{
    static __thread char chunk[CHUNK];
    while (size > 0) {
        size_t n = size < CHUNK ? size : CHUNK;
        pattern_fill(chunk, offset, n);
        peer_write(fd, chunk, n);
        offset += n;
        size -= n;
    }
}

// One read; -1 with errno if it failed.
static ssize_t read_some(int fd, void *to, size_t size)
{
    peer_wait(fd, POLLIN);
    return recv(fd, to, size, 0);
}

void peer_read(int fd, void *to, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = read_some(fd, (char *)to + got, size - got);
        if (n <= 0) FAIL("the peer read %zu of %zu bytes: %s", got, size, n == 0 ? "end" : strerror(errno));
        got += (size_t)n;
    }
}

void peer_read_pattern(int fd, uint64_t offset, size_t size)
{
    static __thread char chunk[CHUNK];
    while (size > 0) {
        size_t n = size < CHUNK ? size : CHUNK;
        peer_read(fd, chunk, n);
        CHECK(pattern_matches(chunk, offset, n));
        offset += n;
        size -= n;
    }
}

uint64_t peer_read_pattern_to_end(int fd, uint64_t offset)
{
    static __thread char chunk[CHUNK];
    uint64_t total = 0;
    for (;;) {
        ssize_t n = read_some(fd, chunk, CHUNK);
        if (n < 0) FAIL("the peer read %llu bytes: %s", (unsigned long long)total, strerror(errno));
        if (n == 0) return total;
        CHECK(pattern_matches(chunk, offset + total, (size_t)n));
        total += (uint64_t)n;
    }
}

void peer_read_end(int fd)
{
    char c;
    ssize_t n = read_some(fd, &c, 1);
    if (n != 0) FAIL("the peer read %s instead of the end", n > 0 ? "a byte" : strerror(errno));
}

void peer_read_reset(int fd)
{
    static __thread char chunk[CHUNK];
    ssize_t n;
    while ((n = read_some(fd, chunk, CHUNK)) > 0) continue;
    if (n == 0) FAIL("the peer read a clean end instead of a reset");
    CHECK_EQ(errno, ECONNRESET);
}

int peer_readable(int fd)
{
    int n = 0;
    CHECK_EQ(ioctl(fd, FIONREAD, &n), 0);
    return n;
}

void peer_send_to(int fd, int port, const void *data, size_t size)
{
    struct sockaddr_storage a;
    socklen_t length = sockaddr_of("127.0.0.1", port, &a);
    CHECK_EQ(sendto(fd, data, size, 0, (struct sockaddr *)&a, length), size);
}

size_t peer_receive(int fd, void *to, size_t capacity, int *port)
{
    struct sockaddr_in a = {0};
    socklen_t size = sizeof a;
    peer_wait(fd, POLLIN);
    ssize_t n = recvfrom(fd, to, capacity, 0, (struct sockaddr *)&a, &size);
    if (n < 0) FAIL("the peer received no datagram: %s", strerror(errno));
    if (port) *port = ntohs(a.sin_port);
    return (size_t)n;
}

void peer_end(int fd) { CHECK_EQ(shutdown(fd, SHUT_WR), 0); }

void peer_reset(int fd)
{
    struct linger l = {.l_onoff = 1, .l_linger = 0};
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
    close(fd);
}

void peer_close(int fd) { close(fd); }

struct tcp_info peer_tcp_info(int fd)
{
    struct tcp_info i;
    socklen_t size = sizeof i;
    memset(&i, 0, sizeof i);
    CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &size), 0);
    return i;
}

void set_int_option(int fd, int level, int name, int value)
{
    CHECK_EQ(setsockopt(fd, level, name, &value, sizeof value), 0);
}
