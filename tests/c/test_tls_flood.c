// What clients that never finish a handshake cost goes back to the system when they have gone. BOUND-7, TLS-1.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "peer.h"
#include "tls_pair.h"

enum { FLOOD = 1200, ROOM_KB = 12 << 10 };

static long resident_kb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f != NULL && fscanf(f, "%*d %ld", &pages) == 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

// BOUND-7
TEST(clients_that_stall_leave_no_memory_behind)
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
    for (int i = 0; i < FLOOD; i++) {
        fds[i] = peer_connect(port);
        CHECK_EQ(write(fds[i], hello, (size_t)size), size);
    }
    for (int i = 0; i < FLOOD; i++) peer_wait(fds[i], POLLIN); // it has answered
    CHECK_EQ(stats_now().tls_handshakes, FLOOD);
    CHECK_EQ(server->clients, 0);
    printf("%d handshakes that stall: %.0f KiB each\n", FLOOD, (double)(resident_kb() - before) / FLOOD);
    for (int i = 0; i < FLOOD; i++) close(fds[i]);
    WAIT(server->count[SOCKET_EVENT_ERROR] > 0);
#ifndef __SANITIZE_ADDRESS__ // which keeps what was freed
    int64_t until = now_ms() + PATIENCE_MS;
    while (resident_kb() > before + ROOM_KB) {
        if (now_ms() > until) check_failed(__FILE__, __LINE__, "%ld KiB are resident, %ld were", resident_kb(), before);
        pause_ms(20);
    }
#endif
    tls_server_close(server);
}
