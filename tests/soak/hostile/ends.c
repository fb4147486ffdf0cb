#define _GNU_SOURCE
#include "hostile.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

int tcp_port, tls_port;

int connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

void reset(int fd)
{
    struct linger at_once = {1, 0};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    close(fd);
}

// Sends a part or all; 0: the connection has failed.
int push(int fd, const char *p, size_t size, int64_t until)
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

void flush(struct end *e)
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

int flush_or_fail(struct end *e, int64_t until)
{
    char *p;
    long size = BIO_get_mem_data(e->out, &p);
    int pushed = push(e->fd, p, (size_t)size, until);
    BIO_reset(e->out);
    return pushed;
}

struct end connect_tls(void)
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

void leave(struct end *e)
{
    if (e->ssl) SSL_free(e->ssl);
    reset(e->fd);
}

int take_port(char order, int port)
{
    if (order == TCP_PORT) tcp_port = port;
    if (order == TLS_PORT) tls_port = port;
    return 0;
}
