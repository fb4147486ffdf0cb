// What a peer may have a TLS connection do without sending data: TLS-19 to TLS-21, LOOP-6.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tls_pair.h"

// 1000 + the alert
enum { LIMIT = 32, UNEXPECTED_MESSAGE = 1010, RECORD_OVERFLOW = 1022, ILLEGAL_PARAMETER = 47 };

static int detail_has(struct probe *p, const char *text)
{
    char detail[300];
    CHECK(socket_get_error_detail(p->socket, detail, sizeof detail) > 0);
    return strstr(detail, text) != NULL;
}

// The alert that the peer gets behind what it has not read.
static int alert_for(struct tls_peer *peer)
{
    char c[512];
    for (;;) {
        ERR_clear_error();
        int n = SSL_read(peer->ssl, c, sizeof c);
        if (n > 0) continue;
        int error = SSL_get_error(peer->ssl, n);
        if (error == SSL_ERROR_SSL) return ERR_GET_REASON(ERR_peek_error());
        CHECK_EQ(error, SSL_ERROR_WANT_READ);
        peer_wait(peer->fd, POLLIN);
    }
}

static void send_ticket(struct tls_peer *peer)
{
    CHECK(SSL_new_session_ticket(peer->ssl) == 1 && SSL_do_handshake(peer->ssl) == 1);
}

static void ask_again(struct tls_peer *peer)
{
    CHECK(SSL_renegotiate(peer->ssl) == 1);
    SSL_do_handshake(peer->ssl);
}

// As many as are allowed, twice, with a byte between them; then one more.
static void check_limit(struct tls_pair *pair, void (*message)(struct tls_peer *), int first, int alert)
{
    struct probe *p = pair->probe;
    for (int round = 0; round < 2; round++) {
        for (int i = round == 0 ? first : 0; i < LIMIT; i++) message(&pair->peer);
        tls_peer_write(&pair->peer, "x", 1);
        WAIT(p->size == (uint64_t)round + 1);
    }
    for (int i = 0; i <= LIMIT; i++) message(&pair->peer);
    WAIT(p->count[SOCKET_EVENT_ERROR] == 1);
    CHECK_EQ(p->error[SOCKET_EVENT_ERROR], -SOCKET_ERROR_TLS_READ);
    if (pair->server == NULL) CHECK(detail_has(p, "more than 32 messages of the handshake without data"));
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    if (alert != 0) CHECK_EQ(alert_for(&pair->peer), alert);
    tls_pair_close(pair);
}

// TLS-21
LOOPS_TEST(key_updates_in_a_row_are_limited)
{
    for (int k = 0; k < 2; k++) {
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        check_limit(&pair, tls_peer_key_update, 0, UNEXPECTED_MESSAGE);
    }
}

// TLS-21: two come by themselves.
LOOPS_TEST(tickets_in_a_row_are_limited)
{
    struct tls_pair pair = tls_pair_new(SOCKET_KIND_TLS);
    check_limit(&pair, send_ticket, 2, UNEXPECTED_MESSAGE);
}

// TLS-21, with TLS 1.2, which has no alert for it.
LOOPS_TEST(wishes_to_negotiate_again_are_limited)
{
    struct tls_pair pair = tls_pair_new_flags(SOCKET_KIND_TLS, ALL_EVENTS, TLS_PEER_TLS12);
    check_limit(&pair, ask_again, 0, 0);
}

// TLS-21: nobody reads, so that no data comes between; the peer has gone on writing.
LOOPS_TEST(the_limit_holds_while_the_socket_closes)
{
    struct tls_pair pair = tls_pair_new(SOCKET_KIND_TLS);
    struct probe *p = pair.probe;
    CHECK_EQ(probe_close(p), 0);
    for (int i = 0; i < 100; i++) tls_peer_key_update(&pair.peer);
    tls_peer_drop(&pair.peer);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    tls_pair_close(&pair);
}

// Says hello in records of step bytes each, 0: in one.
static void say(int fd, const unsigned char *hello, int size, int step)
{
    unsigned char record[64] = {SSL3_RT_HANDSHAKE, 3, 1, 0};
    for (int at = 0; at < size; at += step) {
        if (step == 0) step = size;
        int n = size - at < step ? size - at : step;
        record[4] = (unsigned char)n;
        memcpy(record + 5, hello + at, (size_t)n);
        peer_write(fd, record, 5 + (size_t)n);
    }
}

// TLS-19: a hello from 64 KiB on is refused at once, however it comes.
LOOPS_TEST(long_hellos_are_refused)
{
    static const unsigned char too_long[] = {SSL3_MT_CLIENT_HELLO, 1, 0, 0}, longest[] = {SSL3_MT_CLIENT_HELLO, 0, 255, 255};
    static const unsigned char alert[] = {SSL3_RT_ALERT, 3, 3, 0, 2, SSL3_AL_FATAL, ILLEGAL_PARAMETER};
    int port;
    struct probe *server = tls_server_new(&port);
    for (int step = 0; step < 4; step++) {
        unsigned char answer[sizeof alert];
        int errors = server->count[SOCKET_EVENT_ERROR], fd = peer_connect(port);
        say(fd, too_long, sizeof too_long, step);
        peer_read(fd, answer, sizeof answer);
        CHECK(memcmp(answer, alert, sizeof alert) == 0);
        WAIT(server->count[SOCKET_EVENT_ERROR] == errors + 1);
        CHECK_EQ(server->error[SOCKET_EVENT_ERROR], -SOCKET_ERROR_TLS_SYSTEM_CALL);
        CHECK(detail_has(server, "the client's hello is longer than 65535 bytes"));
        peer_close(fd);

        fd = peer_connect(port);
        say(fd, longest, sizeof longest, step);
        POLL(stats_now().tls_handshakes == 1);
        settle();
        CHECK_EQ(peer_readable(fd), 0);
        CHECK_EQ(server->count[SOCKET_EVENT_ERROR], errors + 1);
        peer_close(fd);
        WAIT(server->count[SOCKET_EVENT_ERROR] == errors + 2);
    }
    tls_server_close(server);
}

// TLS-19: what clients really say may be long.
LOOPS_TEST(a_hello_with_a_long_list_is_accepted)
{
    static unsigned char list[60000];
    int port;
    struct probe *server = tls_server_new(&port);
    struct tls_peer peer = tls_peer_new(peer_connect(port), 0);
    for (size_t i = 0; i < sizeof list; i += 100) memset(list + i, 'a', 100), list[i] = 99;
    CHECK_EQ(SSL_set_alpn_protos(peer.ssl, list, sizeof list), 0);
    CHECK_EQ(tls_peer_shake(&peer), TLS_PEER_DONE);
    WAIT(server->clients == 1);
    tls_peer_close(&peer);
    tls_server_close(server);
}

struct flood {
    int posted;
    uint64_t seen;
};

static void look(void *user_data)
{
    struct probe *p = user_data;
    struct flood *f = p->context;
    if (f->seen == 0) f->seen = p->size;
}

static void post_look(struct probe *p, const socket_event *e)
{
    struct flood *f = p->context;
    if (e->type == SOCKET_EVENT_MESSAGE && !f->posted++) CHECK_EQ(socket_loop_post(socket_get_loop(p->socket), look, p), 0);
}

static int in_flight(int fd)
{
    int n;
    CHECK_EQ(ioctl(fd, SIOCOUTQ, &n), 0);
    return n;
}

// TLS-20, LOOP-6: records of one byte arrive all, in order, and others have their turn between
// them, though all of them are in the receive buffer when reading begins.
CALLBACKS_TEST(small_records_let_others_have_their_turn)
{
    enum { RECORDS = 6000, ROOM = 1 << 20 };
    static struct flood floods[2]; // the last call may still be running
    for (int k = 0; k < 2; k++) {
        struct flood *f = &floods[k];
        struct tls_pair pair = tls_pair_new(tls_streams[k]);
        struct probe *p = pair.probe;
        p->pattern = 1;
        p->context = f;
        p->on_event = post_look;
        set_int_option((int)CHECK_OK(socket_get_fd(p->socket)), SOL_SOCKET, SO_RCVBUF, ROOM);
        freeze();
        for (int i = 0; i < RECORDS; i++) tls_peer_write_pattern(&pair.peer, (uint64_t)i, 1);
        POLL(in_flight(pair.peer.fd) == 0);
        thaw();
        WAIT(p->size == RECORDS && f->seen > 0);
        CHECK(f->seen < RECORDS);
        tls_pair_close(&pair);
    }
}
