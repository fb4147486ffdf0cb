#define _GNU_SOURCE
#include "random_ops.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

atomic_int peers_stop, plain_port;

static int plain_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(fd >= 0);
    return fd;
}

static void reset(int fd)
{
    struct linger l = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    close(fd);
}

// One thread accepts the library's clients and connects to its servers, and treats them badly.
void *peers(void *unused)
{
    (void)unused;
    sender = SENDER_PEER;
    struct peer {
        int fd, way, numbers;
        int64_t until;
        uint64_t key;
    } peer[PEERS];
    for (int i = 0; i < PEERS; i++) peer[i].fd = -1;
    int listener = plain_socket();
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    CHECK(bind(listener, (struct sockaddr *)&a, size) == 0 && listen(listener, 128) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&a, &size) == 0);
    plain_port = ntohs(a.sin_port);
    happened();
    uint64_t chance = mix(seed ^ 0x9ee75 ^ (uint64_t)epoch);
    static unsigned char buffer[65536];
    while (!peers_stop) {
        struct pollfd p = {.fd = listener, .events = POLLIN};
        poll(&p, 1, 2);
        for (int i = 0; i < PEERS; i++) {
            struct peer *q = &peer[i];
            chance = mix(chance);
            if (q->fd < 0) {
                int accepts = i % 3 != 0;
                *q = (struct peer){.fd = -1, .way = (int)(chance >> 8) % 8, .until = now_ms() + (int)(chance >> 16) % 250};
                if (accepts) {
                    q->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                } else if (chance % 4 == 0) {
                    // TLS servers get plain text
                    const int *ports = chance >> 40 & 3 ? server_ports : tls_server_ports;
                    a.sin_port = htons((uint16_t)ports[(chance >> 24) % LOOPS]);
                    q->fd = plain_socket();
                    if (connect(q->fd, (struct sockaddr *)&a, sizeof a) != 0 && errno != EINPROGRESS) {
                        close(q->fd);
                        q->fd = -1;
                    }
                    q->key = atomic_fetch_add(&next_key, 1) + 1;
                }
                continue;
            }
            // a client: sends frames that want an answer
            if (q->key && q->numbers < 4 && q->way != 1) {
                size_t n = chance % 5000;
                unsigned char *bytes = frame_bytes(NULL, q->key, (uint32_t)q->numbers, n, 1);
                struct pollfd w = {.fd = q->fd, .events = POLLOUT};
                if (poll(&w, 1, 0) == 1) {
                    ssize_t sent = send(q->fd, bytes, sizeof(struct frame) + n, MSG_NOSIGNAL);
                    // A frame that was cut in the middle is the last.
                    q->numbers = sent == (ssize_t)(sizeof(struct frame) + n) ? q->numbers + 1 : 4;
                }
                free(bytes);
            }
            ssize_t n = 0;
            int over = now_ms() > q->until;
            switch (q->way) {
            case 0: // reads and discards
            case 1:
            case 2:
                while ((n = recv(q->fd, buffer, sizeof buffer, 0)) > 0) {}
                if (n == 0 || errno != EAGAIN) over = 2;
                break;
            case 3: // sends everything back
            case 4:
                if (q->key) break;
                n = recv(q->fd, buffer, sizeof buffer, 0);
                if (n == 0 || (n < 0 && errno != EAGAIN)) over = 2;
                for (ssize_t at = 0; n > 0 && at < n;) {
                    ssize_t m = send(q->fd, buffer + at, (size_t)(n - at), MSG_NOSIGNAL);
                    if (m < 0) {
                        // The other one does not read, or is gone: a stream may end anywhere, but
                        // not go on with a gap.
                        over = 1;
                        q->way = 6;
                        break;
                    }
                    at += m;
                }
                break;
            case 5: // ends and reads on
                shutdown(q->fd, SHUT_WR);
                q->way = 0;
                q->numbers = 4;
                break;
            case 6: // stops reading, then resets
            case 7: // closes with bytes unread, which resets too
                break;
            }
            if (over == 2 || (over && q->way % 2 == 1)) {
                close(q->fd);
                q->fd = -1;
            } else if (over) {
                if (q->way == 0 || q->way == 2) {
                    close(q->fd);
                } else {
                    reset(q->fd);
                }
                q->fd = -1;
            }
        }
    }
    for (int i = 0; i < PEERS; i++)
        if (peer[i].fd >= 0) reset(peer[i].fd);
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) reset(fd);
    close(listener);
    return NULL;
}
