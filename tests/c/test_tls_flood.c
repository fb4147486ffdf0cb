// What clients that never finish a handshake cost goes back to the system when they have gone.
// BOUND-7, TLS-1.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "peer.h"
#include "tls_pair.h"

enum { FLOOD = 1200 };

static long resident_kb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f != NULL && fscanf(f, "%*d %ld", &pages) == 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

// TLS-19: what a hello may announce is bounded, and so is what it costs.
TEST(hellos_that_are_announced_cost_little)
{
    enum { CLIENTS = 400, MOST_KB = 110 };
    static const unsigned char announced[] = {SSL3_RT_HANDSHAKE, 3, 1, 0, 4, SSL3_MT_CLIENT_HELLO, 0, 255, 255};
    int fds[CLIENTS], port;
    struct probe *server = tls_server_new(&port);
    long before = resident_kb();
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = peer_connect(port);
        peer_write(fds[i], announced, sizeof announced);
    }
    POLL(stats_now().tls_handshakes == CLIENTS);
    POLL(is_quiet()); // the last hellos have been read
    long each = (resident_kb() - before) / CLIENTS;
    printf("%d hellos that are announced: %ld KiB each\n", CLIENTS, each);
#ifndef __SANITIZE_ADDRESS__
    CHECK(each <= MOST_KB);
#endif
    for (int i = 0; i < CLIENTS; i++) close(fds[i]);
    POLL(stats_now().tls_handshakes == 0);
    tls_server_close(server);
}

static void stall_and_go(int count, long room_kb)
{
    static int fds[FLOOD];
    // A ClientHello as OpenSSL makes it, so that the server has answered before it waits.
    unsigned char hello[4096];
    struct rlimit files;
    int port, size;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    CHECK(files.rlim_max > 2 * FLOOD + 100);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    BIO *out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
    SSL_set_connect_state(ssl);
    CHECK(SSL_do_handshake(ssl) != 1);
    CHECK((size = BIO_read(out, hello, sizeof hello)) > 0);
    SSL_free(ssl);
    SSL_CTX_free(context);

    struct probe *server = tls_server_new(&port);
    long before = resident_kb();
    for (int i = 0; i < count; i++) {
        fds[i] = peer_connect(port);
        CHECK_EQ(write(fds[i], hello, (size_t)size), size);
    }
    for (int i = 0; i < count; i++) peer_wait(fds[i], POLLIN); // it has answered
    CHECK_EQ(stats_now().tls_handshakes, count);
    CHECK_EQ(server->clients, 0);
    printf("%d handshakes that stall: %.0f KiB each\n", count, (double)(resident_kb() - before) / count);
    for (int i = 0; i < count; i++) close(fds[i]);
    WAIT(server->count[SOCKET_EVENT_ERROR] > 0);
#ifdef __SANITIZE_ADDRESS__ // which keeps what was freed
    (void)room_kb;
#else
    int64_t until = now_ms() + PATIENCE_MS;
    while (resident_kb() > before + room_kb) {
        if (now_ms() > until) check_failed(__FILE__, __LINE__, "%ld KiB are resident, %ld were", resident_kb(), before);
        pause_ms(20);
    }
#endif
    tls_server_close(server);
}

// BOUND-7
TEST(clients_that_stall_leave_no_memory_behind) { stall_and_go(FLOOD, 12 << 10); }

// BOUND-7: so do a few hundred of them, from 128 on.
TEST(few_clients_that_stall_leave_no_memory_behind) { stall_and_go(FLOOD / 4, 6 << 10); }
