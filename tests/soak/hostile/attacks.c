#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum {
    STALLED = 200, // hellos that are announced at a time
    UPDATES = 30,  // key updates in a row: 32 are allowed
    BATCH = 64,    // pieces that are written at once
    // bytes that are sent and never read back, more than the kernel and the queue hold
    FILL = 4 << 20,
};

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

const struct attack attacks[ATTACKS] = {
    {"key updates and data", key_updates, '1'},
    {"key updates that want answers", requested_updates, '2'},
    {"records of one byte", small_records, '3'},
    {"segments of one byte", small_writes, '4'},
    {"garbage handshakes", garbage_handshakes, '5'},
    {"stalled hellos", stalled_hellos, '6'},
    {"fill and reset", fill_and_reset, '7'},
};

int serve_flood(char order, int argument)
{
    for (int i = 0; i < ATTACKS; i++)
        if (attacks[i].order == order) return attacks[i].run(now_ms() + argument);
    return take_port(order, argument);
}

