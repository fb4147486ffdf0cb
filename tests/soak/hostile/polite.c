#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    ECHO = 64,
    PAUSE_NS = 2000000, // between two rounds
    MOST_WAITS = 1 << 20,
};

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

int serve_polite(char order, int argument)
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

