// TLS sockets in their host's process: what they leave to other programs, and what of outside has a
// say. PROC-2, TLS-2, TLS-12.
#define _GNU_SOURCE
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tls_pair.h"

CHILD(child_has_no_sockets)
{
    DIR *d = opendir("/proc/self/fd");
    CHECK(d != NULL);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char path[300], target[300] = {0};
        snprintf(path, sizeof path, "/proc/self/fd/%s", e->d_name);
        if (readlink(path, target, sizeof target - 1) > 0 && (strncmp(target, "socket:", 7) == 0 || strncmp(target, "anon_inode:", 11) == 0))
            FAIL("descriptor %s is %s", e->d_name, target);
    }
    closedir(d);
}

// PROC-2: with connections of both kinds, in the handshake and taken over, a server, and secrets
// being logged.
TEST(an_execed_child_inherits_nothing)
{
    char log[] = "/tmp/ohsocket_keylog_XXXXXX";
    int fd = mkstemp(log), port, listener = peer_listen(&port);
    CHECK(fd >= 0);
    close(fd);
    CHECK_EQ(socket_tls_set_keylog(log), 0);
    struct tls_pair a = tls_pair_new(SOCKET_KIND_TLS), b = tls_pair_new(SOCKET_KIND_TLS_CONNECTION);
    struct probe *connecting = tls_client_new();
    CHECK_EQ(probe_connect(connecting, port), 0);
    int unanswered = peer_accept(listener), stalled = peer_connect(probe_port(b.server));
    struct pair plain = pair_new(SOCKET_KIND_TCP);
    socket_handle over = CHECK_OK(socket_construct_tls_over(plain.probe->socket));
    POLL(stats_now().tls_handshakes == 1);
    // The peers here are the host's: they are not for other programs either.
    CHECK_EQ(wait_child(start_child("child_has_no_sockets", NULL)), 0);
    CHECK_EQ(socket_release(over), 0);
    pair_close(&plain);
    CHECK_EQ(socket_abort(connecting->socket), 0);
    probe_release(connecting);
    peer_close(unanswered);
    peer_close(stalled);
    peer_close(listener);
    tls_pair_close(&a);
    tls_pair_close(&b);
    CHECK_EQ(socket_tls_set_keylog(NULL), 0);
    unlink(log);
}

// PROC-2: records, and close_notify, that meet a connection whose peer has gone.
TEST(no_write_raises_sigpipe)
{
    for (int i = 0; i < 40; i++) {
        struct tls_pair pair = tls_pair_new(tls_streams[i % 2]);
        struct probe *p = pair.probe;
        signal(SIGPIPE, SIG_DFL);
        freeze(); // so that it is the write that meets the reset
        if (i % 4 < 2) peer_end(pair.peer.fd); // then the kernel says EPIPE at once
        tls_peer_reset(&pair.peer);
        if (i % 8 < 4)
            for (int k = 0; k < 5; k++) socket_send(p->socket, "x", 1, NULL, NULL);
        else
            socket_close(p->socket, NULL, NULL);
        thaw();
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        tls_pair_close(&pair);
    }
}

// Only this one of the variables, whatever the tests were started with.
static void set_store(const char *variable, const char *value)
{
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
    CHECK_EQ(setenv(variable, value, 1), 0);
}

// Connects without options, to a server with this certificate.
static void connect_by_the_store(int flags, int code)
{
    int port, listener = peer_listen(&port);
    struct probe *p = probe_new(SOCKET_KIND_TLS);
    CHECK_EQ(probe_connect_to(p, "localhost", port, PATIENCE_MS), 0);
    struct tls_peer peer = tls_peer_new(peer_accept(listener), TLS_PEER_SERVER | flags);
    tls_peer_shake(&peer);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -code);
    tls_peer_close(&peer);
    if (code == 0) WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    probe_release(p);
    peer_close(listener);
}

// TLS-2, TLS-12: what the environment says when the first connect needs it; it is read once.
LOOPS_TEST(the_store_is_where_SSL_CERT_FILE_says)
{
    set_store("SSL_CERT_FILE", TLS_CERTIFICATES "/ca.pem");
    connect_by_the_store(0, 0);
    connect_by_the_store(TLS_PEER_STRANGER, 2303504);
    set_store("SSL_CERT_FILE", TLS_CERTIFICATES "/unknown.pem");
    connect_by_the_store(TLS_PEER_STRANGER, 2303504);
    connect_by_the_store(0, 0);
}

LOOPS_TEST(the_store_is_where_SSL_CERT_DIR_says)
{
    char directory[] = "/tmp/ohsocket_store_XXXXXX", path[100];
    CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/any-name", directory);
    CHECK_EQ(symlink(TLS_CERTIFICATES "/unknown.pem", path), 0);
    set_store("SSL_CERT_DIR", directory);
    connect_by_the_store(TLS_PEER_STRANGER, 0);
    connect_by_the_store(0, 2303504);
    unlink(path);
    rmdir(directory);
}

// TLS-2: without a store nobody is accepted, and it is found again when it is there.
LOOPS_TEST(a_store_that_is_missing)
{
    set_store("SSL_CERT_FILE", "/nowhere");
    for (int i = 0; i < 2; i++) {
        int port, listener = peer_listen(&port);
        struct probe *p = probe_new(SOCKET_KIND_TLS);
        char text[400];
        CHECK_EQ(probe_connect_to(p, "localhost", port, PATIENCE_MS), 0);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2303505);
        CHECK_OK(socket_get_error_detail(p->socket, text, sizeof text));
        CHECK(strstr(text, "SSL_CERT_FILE") != NULL);
        probe_release(p);
        peer_close(listener);
    }
    set_store("SSL_CERT_FILE", TLS_CERTIFICATES "/ca.pem");
    connect_by_the_store(0, 0);
}

// TLS-2: a server that asks for certificates and names no authority takes those of the store.
LOOPS_TEST(a_server_verifies_by_the_store)
{
    int port;
    set_store("SSL_CERT_FILE", TLS_CERTIFICATES "/ca.pem");
    struct probe *server = tls_server_new(&port);
    socket_tls_options o = tls_server_options();
    o.is_bidirectional_authentication = 1;
    CHECK_EQ(socket_tls_set_secure_options(server->socket, &o), 0);
    struct tls_peer peer = tls_peer_new(peer_connect(port), TLS_PEER_IDENTITY);
    CHECK_EQ(tls_peer_shake(&peer), TLS_PEER_DONE);
    WAIT(server->clients == 1);
    tls_peer_close(&peer);
    peer = tls_peer_new(peer_connect(port), TLS_PEER_IDENTITY | TLS_PEER_STRANGER);
    tls_peer_shake(&peer);
    WAIT(server->count[SOCKET_EVENT_ERROR] == 1);
    CHECK_EQ(server->error[SOCKET_EVENT_ERROR], -2303504);
    CHECK_EQ(server->clients, 1);
    tls_peer_close(&peer);
    tls_server_close(server);
}

// What a configuration that forbids it would not let happen; both ends are the library's.
CHILD(child_speaks_TLS_12)
{
    struct tls_both b = {0};
    b.server = tls_server_new(&b.port);
    socket_tls_options o = tls_server_options();
    o.protocols = SOCKET_PROTOCOL_TLS12;
    CHECK_EQ(socket_tls_set_secure_options(b.server->socket, &o), 0);
    b.client = tls_client_new();
    CHECK_EQ(probe_connect(b.client, b.port), 0);
    WAIT(b.client->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(b.client->done_error[SOCKET_OPERATION_CONNECT], 0);
    WAIT(b.server->clients == 1);
    char version[20];
    CHECK_OK(socket_tls_get_protocol(b.client->socket, version, sizeof version));
    CHECK_STR(version, "TLSv1.2");
    b.connection = b.server->client[0];
    tls_both_close(&b);
}

// TLS-12: of openssl.cnf nothing counts, whether it makes sense or not.
TEST(a_configuration_of_OpenSSL_has_no_say)
{
    static const char *const texts[] = {
        "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMinProtocol = TLSv1.3\nCipherString = @SECLEVEL=5\n",
        "openssl_conf = a\n[a]\nproviders = b\n[b]\nnone = c\n[c]\nmodule = /nowhere.so\nactivate = 1\n",
        "openssl_conf = a\n[a]\nalg_section = b\n[b]\ndefault_properties = fips=yes\n",
        "nothing [ that = anybody\ncan read",
    };
    char path[] = "/tmp/ohsocket_openssl_XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK_EQ(setenv("OPENSSL_CONF", path, 1), 0);
    CHECK_EQ(setenv("OPENSSL_MODULES", "/nowhere", 1), 0);
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        CHECK_EQ(ftruncate(fd, 0), 0);
        CHECK_EQ(pwrite(fd, texts[i], strlen(texts[i]), 0), (ssize_t)strlen(texts[i]));
        CHECK_EQ(wait_child(start_child("child_speaks_TLS_12", NULL)), 0);
    }
    close(fd);
    unlink(path);
}
