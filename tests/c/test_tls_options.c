// Secure options and what a connection tells of itself: misuse of socket_tls_options, wrong kinds,
// getters with every kind of buffer, sessions, key log. TLS-2, TLS-4, TLS-8, TLS-9, TLS-12, LIFE-2.
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls_pair.h"

static struct probe *client, *server;

// What a change of good options does to both kinds of sockets, and to connect and listen.
static void expect_code(socket_tls_options *o, int code, const char *what)
{
    socket_connect_options to = connect_options("127.0.0.1", 9, 0);
    socket_listen_options where = listen_options("127.0.0.1", 0, 0);
    to.tls = where.tls = o;
    EXPECT_EQ(socket_tls_set_secure_options(client->socket, o), -code, "client: %s", what);
    EXPECT_EQ(socket_tls_set_secure_options(server->socket, o), -code, "server: %s", what);
    if (code == 0) return;
    EXPECT_EQ(socket_connect(client->socket, &to, probe_completion(SOCKET_OPERATION_CONNECT), client), -code, "connect: %s", what);
    EXPECT_EQ(socket_listen(server->socket, &where), -code, "listen: %s", what);
    EXPECT_EQ(state_of(client->socket) | state_of(server->socket), 0, "opened: %s", what);
}

#define EXPECT(member, value, code)          \
    do {                                     \
        socket_tls_options o_ = good;        \
        o_.member = value;                   \
        expect_code(&o_, code, #member " " #value); \
    } while (0)

// TLS-4, DONE-1: bad options are an error of the call, which has done nothing.
LOOPS_TEST(bad_options)
{
    static const char *holes[2] = {NULL, NULL}, *empty[1] = {""};
    static char many[5000];
    char *huge = malloc(2 << 20), *long_name = malloc(300);
    const char *ca[2] = {certificate_text("ca.pem"), NULL}, *garbage[1] = {"no certificate"}, *large[1], *alpn[1];
    socket_tls_identity half[1] = {{certificate_text("second.pem"), NULL, NULL}};
    CHECK(huge != NULL && long_name != NULL);
    memset(huge, '\n', (2 << 20) - 1);
    huge[(2 << 20) - 1] = 0;
    large[0] = huge;
    memset(long_name, 'x', 299);
    long_name[299] = 0;
    client = probe_new(SOCKET_KIND_TLS);
    server = probe_new(SOCKET_KIND_TLS_SERVER);
    socket_tls_options good = tls_server_options();
    good.ca = ca;
    good.ca_count = 1;
    expect_code(&good, 0, "good");

    CHECK_CODE(socket_tls_set_secure_options(client->socket, NULL), 401);
    EXPECT(struct_size, 0, 401);
    EXPECT(struct_size, 3, 401);
    EXPECT(struct_size, sizeof good - 1, 401);
    EXPECT(struct_size, 1 << 20, 401);
    EXPECT(protocols, 2 << 1, 401);
    EXPECT(protocols, ~0u, 401);
    EXPECT(use_remote_cipher_prefer, 2, 401);
    EXPECT(skip_remote_validation, 2, 401);
    EXPECT(skip_remote_validation, -1, 401);
    EXPECT(is_bidirectional_authentication, INT_MIN, 401);
    EXPECT(no_session_resumption, 2, 401);

    EXPECT(ca_count, -1, 401);
    EXPECT(ca_count, 1001, 401);
    EXPECT(ca_count, INT_MAX, 401);
    EXPECT(ca_count, 2, 401); // the second is NULL
    EXPECT(ca, holes, 401);
    EXPECT(ca, NULL, 401);
    EXPECT(ca, (const char *const *)((const char *)ca + 1), 401);
    EXPECT(ca, large, 401);
    EXPECT(ca, garbage, 2303504);
    EXPECT(ca, empty, 2303504);

    EXPECT(alpn_protocol_count, 1, 401);
    EXPECT(alpn_protocol_count, -1, 401);
    EXPECT(alpn_protocol_count, 101, 401);
    good.alpn_protocol_count = 1;
    alpn[0] = long_name;
    EXPECT(alpn_protocols, alpn, 401);
    EXPECT(alpn_protocols, empty, 401);
    EXPECT(alpn_protocols, holes, 401);
    good.alpn_protocol_count = 0;

    EXPECT(more_identity_count, 1, 401);
    EXPECT(more_identity_count, -1, 401);
    EXPECT(more_identity_count, INT_MAX, 401);
    good.more_identities = half;
    good.more_identity_count = 1;
    // a client shows the first only
    CHECK_EQ(socket_tls_set_secure_options(client->socket, &good), 0);
    CHECK_CODE(socket_tls_set_secure_options(server->socket, &good), 2303505); // without its key
    good.more_identity_count = 0;
    good.more_identities = (socket_tls_identity *)((char *)half + 4);
    EXPECT(more_identity_count, 1, 401);
    good.more_identities = NULL;

    EXPECT(identity.cert, huge, 401);
    EXPECT(identity.key, huge, 401);
    EXPECT(identity.cert, NULL, 2303504);
    EXPECT(identity.cert, "", 2303504);
    EXPECT(identity.cert, "no certificate", 2303504);
    EXPECT(identity.cert, "\xff\xfe\x80", 2303504);
    EXPECT(identity.cert, certificate_text("second.pem"), 2303504); // does not belong to the key
    EXPECT(identity.key, NULL, 2303505);
    EXPECT(identity.key, "no key", 2303505);
    // TLS-4: nobody is asked
    EXPECT(identity.key, certificate_text("client_encrypted.key"), 2303505);
    good.identity.password = "wrong";
    EXPECT(identity.key, certificate_text("client_encrypted.key"), 2303505);
    good.identity.password = NULL;

    EXPECT(cipher_suite, "NO-SUCH-SUITE", 2303505);
    EXPECT(cipher_suite, "\xff", 2303505);
    memset(many, 'A', sizeof many - 1);
    EXPECT(cipher_suite, many, 2303505);
    EXPECT(cipher_suite, huge, 401);
    EXPECT(signature_algorithms, "no+such", 2303505);
    EXPECT(signature_algorithms, huge, 401);
    EXPECT(groups, "no+such", 2303505);
    EXPECT(groups, "X25519:", 2303505);
    EXPECT(groups, huge, 401);
    const char *pins[1] = {"no pin"};
    EXPECT(pin_count, 1, 401); // and there are none
    EXPECT(pin_count, -1, 401);
    EXPECT(pin_count, 101, 401);
    good.pins = pins;
    EXPECT(pin_count, 1, 2303505);
    pins[0] = NULL;
    EXPECT(pin_count, 1, 401);
    good.pins = NULL;
    EXPECT(optional_client_certificate, 2, 401);
    good.is_bidirectional_authentication = 1;
    EXPECT(optional_client_certificate, 1, 401);
    good.is_bidirectional_authentication = 0;
    EXPECT(server_name, huge, 401);

    char text[300];
    CHECK(socket_get_error_detail(client->socket, text, sizeof text) > 0);
    CHECK(strstr(text, "server_name") != NULL);
    settle();
    CHECK_EQ(client->done[SOCKET_OPERATION_CONNECT], 0);
    expect_code(&good, 0, "good again");
    probe_release(client);
    probe_release(server);
    free(huge);
    free(long_name);
}

// The options are copied: what they point to may be changed and freed at once.
LOOPS_TEST(options_are_copied)
{
    int port;
    server = tls_server_new(&port);
    client = probe_new(SOCKET_KIND_TLS);
    char *pem = strdup(certificate_text("ca.pem")), *name = strdup("localhost"), *alpn = strdup("h2");
    const char **list = malloc(sizeof *list), **protocols = malloc(sizeof *protocols);
    CHECK(pem && name && alpn && list && protocols);
    socket_tls_options *o = malloc(sizeof *o);
    *o = (socket_tls_options)SOCKET_TLS_OPTIONS_INIT;
    *list = pem;
    *protocols = alpn;
    o->ca = list;
    o->ca_count = 1;
    o->server_name = name;
    o->alpn_protocols = protocols;
    o->alpn_protocol_count = 1;
    CHECK_EQ(socket_tls_set_secure_options(client->socket, o), 0);
    memset(pem, 'x', strlen(pem));
    memset(name, 'x', strlen(name));
    memset(alpn, 'x', strlen(alpn));
    memset(o, 0xff, sizeof *o);
    free(pem), free(name), free(alpn), free(list), free(protocols), free(o);
    CHECK_EQ(probe_connect(client, port), 0);
    struct probe *p = client;
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
    char text[32];
    CHECK_EQ(socket_tls_get_server_name(p->socket, text, sizeof text), 9);
    CHECK_STR(text, "localhost");
    probe_release(p);
    tls_server_close(server);
}

// Functions of another kind, and handles that are none. LIFE-2
LOOPS_TEST(wrong_kinds)
{
    static const int kinds[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_SERVER, SOCKET_KIND_UDP};
    socket_tls_options o = tls_server_options();
    socket_connect_options to = connect_options("127.0.0.1", 9, 0);
    socket_listen_options where = listen_options("127.0.0.1", 0, 0);
    char text[100];
    to.tls = where.tls = &o;
    for (int i = 0; i < 3; i++) {
        socket_handle s = CHECK_OK(socket_construct(test_loop, kinds[i]));
        CHECK_CODE(socket_tls_set_secure_options(s, &o), 2301095);
        CHECK_CODE(socket_tls_get_protocol(s, text, sizeof text), 2301095);
        CHECK_CODE(socket_tls_get_cipher_suite(s, text, sizeof text), 2301095);
        CHECK_CODE(socket_tls_get_signature_algorithms(s, text, sizeof text), 2301095);
        CHECK_CODE(socket_tls_get_group(s, text, sizeof text), 2301095);
        CHECK_CODE(socket_tls_get_remote_chain(s, 0, text, sizeof text), 2301095);
        CHECK_CODE(socket_tls_get_remote_chain(s, -1, text, sizeof text), 401);
        CHECK_CODE(socket_tls_get_alpn(s, text, sizeof text), 2301095);
        CHECK_CODE(socket_tls_get_server_name(s, text, sizeof text), 2301095);
        CHECK_CODE(socket_tls_get_certificate(s, text, sizeof text), 2301095);
        CHECK_CODE(socket_tls_get_remote_certificate(s, text, sizeof text), 2301095);
        CHECK_CODE(socket_tls_is_resumed(s), 2301095);
        CHECK_CODE(socket_connect(s, &to, NULL, NULL), 2301095);
        CHECK_CODE(socket_listen(s, &where), 2301095);
        CHECK_EQ(socket_release(s), 0);
        CHECK_CODE(socket_tls_set_secure_options(s, &o), 2301009);
        CHECK_CODE(socket_tls_get_protocol(s, text, sizeof text), 2301009);
        CHECK_CODE(socket_tls_get_remote_chain(s, -1, text, sizeof text), 2301009);
        CHECK_CODE(socket_tls_is_resumed(s), 2301009);
    }
    CHECK_CODE(socket_construct(test_loop, SOCKET_KIND_TLS_CONNECTION), 401);
    socket_handle s = CHECK_OK(socket_construct(test_loop, SOCKET_KIND_TLS));
    CHECK_EQ(socket_release(s), 0);
    CHECK_CODE(socket_tls_set_secure_options(s, &o), 2301009);
}

// TLS-9: options may be set at any time; a connect that is under way keeps those it began with.
LOOPS_TEST(options_of_a_socket_that_is_connecting)
{
    int port, listener = peer_listen(&port);
    struct probe *p = tls_client_new();
    socket_tls_options nobody = tls_client_options();
    const char *ca[1] = {certificate_text("unknown.pem")};
    nobody.ca = ca;
    CHECK_EQ(probe_connect(p, port), 0);
    CHECK_EQ(socket_tls_set_secure_options(p->socket, &nobody), 0);
    struct tls_peer peer = tls_peer_accept(listener);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
    CHECK_EQ(socket_tls_set_secure_options(p->socket, &nobody), 0);
    tls_peer_close(&peer);
    WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
    CHECK_EQ(probe_connect(p, port), 0);
    peer = tls_peer_new(peer_accept(listener), TLS_PEER_SERVER);
    tls_peer_shake(&peer);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 2);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -2303504);
    tls_peer_drop(&peer);
    probe_release(p);
    peer_close(listener);
}

typedef int (*text_getter)(socket_handle, char *, size_t);

// Each getter with NULL, no room, too little and just enough.
static void check_text(text_getter get, socket_handle s, const char *expected)
{
    char text[400];
    int size = (int)strlen(expected);
    CHECK_EQ(get(s, NULL, 0), size);
    CHECK_EQ(get(s, NULL, 100), size);
    memset(text, '!', sizeof text);
    CHECK_EQ(get(s, text, 0), size);
    CHECK_EQ(text[0], '!');
    CHECK_EQ(get(s, text, 1), size);
    CHECK_EQ(text[0], 0);
    CHECK_EQ(text[1], '!');
    CHECK_EQ(get(s, text, (size_t)size), size);
    if (size > 0) {
        CHECK_EQ(strncmp(text, expected, (size_t)size - 1), 0);
        CHECK_EQ(text[size - 1], 0);
    }
    CHECK_EQ(text[size], size == 0 ? 0 : '!');
    CHECK_EQ(get(s, text, (size_t)size + 1), size);
    CHECK_STR(text, expected);
    CHECK_EQ(get(s, text, SIZE_MAX), size);
    CHECK_STR(text, expected);
}

static void check_certificate(text_getter get, socket_handle s, int expected)
{
    char der[4096];
    memset(der, '!', sizeof der);
    CHECK_EQ(get(s, NULL, 0), expected);
    CHECK_EQ(get(s, NULL, sizeof der), expected);
    CHECK_EQ(get(s, der, (size_t)expected - 1), expected);
    CHECK_EQ(der[0], '!'); // half a certificate is of no use
    CHECK_EQ(get(s, der, (size_t)expected), expected);
    CHECK_EQ((unsigned char)der[0], 0x30);
    CHECK_EQ(der[expected], '!');
}

static int get_certificate(socket_handle s, char *b, size_t n) { return socket_tls_get_certificate(s, b, n); }
static int get_remote(socket_handle s, char *b, size_t n) { return socket_tls_get_remote_certificate(s, b, n); }
static int get_chain(socket_handle s, char *b, size_t n) { return socket_tls_get_remote_chain(s, 0, b, n); }

LOOPS_TEST(getters_and_their_buffers)
{
    int port;
    static const char *const names[2] = {"h2", "http/1.1"};
    char suites[400];
    server = tls_server_new(&port);
    socket_tls_options o = tls_server_options();
    o.alpn_protocols = names + 1;
    o.alpn_protocol_count = 1;
    o.cipher_suite = "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256";
    o.groups = "P-521:X25519";
    CHECK_EQ(socket_tls_set_secure_options(server->socket, &o), 0);
    struct probe *p = probe_new(SOCKET_KIND_TLS);
    o = tls_client_options();
    o.alpn_protocols = names;
    o.alpn_protocol_count = 2;
    CHECK_EQ(socket_tls_set_secure_options(p->socket, &o), 0);
    CHECK_EQ(probe_connect_to(p, "localhost", port, PATIENCE_MS), 0);
    struct probe *s = server;
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1 && s->clients == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
    socket_handle ends[2] = {p->socket, s->client[0]->socket};
    for (int i = 0; i < 2; i++) {
        check_text(socket_tls_get_protocol, ends[i], "TLSv1.3");
        check_text(socket_tls_get_cipher_suite, ends[i], "TLS_AES_128_GCM_SHA256");
        check_text(socket_tls_get_alpn, ends[i], "http/1.1");
        check_text(socket_tls_get_server_name, ends[i], "localhost");
        check_text(socket_tls_get_group, ends[i], "x25519"); // the client's first
        CHECK_EQ(socket_tls_is_resumed(ends[i]), 0);
    }
    int n = (int)CHECK_OK(socket_tls_get_certificate(ends[1], NULL, 0));
    CHECK(n > 100);
    check_certificate(get_certificate, ends[1], n);
    check_certificate(get_remote, ends[0], n);
    check_certificate(get_certificate, s->socket, n);
    check_certificate(get_chain, ends[0], n);
    CHECK_EQ(socket_tls_get_remote_chain(ends[0], 1, NULL, 0), 0); // which is all
    CHECK_EQ(socket_tls_get_remote_chain(ends[0], INT_MAX, NULL, 0), 0);
    CHECK_EQ(socket_tls_get_remote_chain(ends[1], 0, NULL, 0), 0);
    CHECK_EQ(socket_tls_get_certificate(ends[0], NULL, 0), 0); // shown none
    CHECK_EQ(socket_tls_get_remote_certificate(ends[1], NULL, 0), 0);
    CHECK(socket_tls_get_signature_algorithms(ends[1], suites, sizeof suites) > 0);
    CHECK(strstr(suites, "ECDSA+SHA256") != NULL);
    check_text(socket_tls_get_protocol, s->socket, "TLSv1.3");
    char version[100];
    CHECK(socket_tls_library(version, sizeof version) > 8 && strncmp(version, "OpenSSL 3.", 10) == 0);
    CHECK_EQ(socket_tls_library(NULL, 0), strlen(version));
    probe_release(p);
    tls_server_close(server);
}

// In compat mode a connection tells all suites that are enabled, as the API's own does.
LOOPS_TEST(compat_all_suites)
{
    char text[4000];
    int port;
    server = tls_server_new(&port);
    CHECK_EQ(socket_set_compat(1), 0);
    struct probe *p = tls_client_new();
    CHECK_EQ(socket_set_compat(0), 1);
    CHECK_EQ(probe_connect(p, port), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
    int n = (int)CHECK_OK(socket_tls_get_cipher_suite(p->socket, text, sizeof text));
    CHECK_EQ(n, strlen(text));
    CHECK(strstr(text, "TLS_AES_256_GCM_SHA384:") != NULL && strstr(text, ":ECDHE-") != NULL);
    probe_release(p);
    tls_server_close(server);
}

static int resumes(int port, struct probe *at, const socket_tls_options *o, const char *address)
{
    struct probe *p = probe_new(SOCKET_KIND_TLS);
    int before = at->clients;
    CHECK_EQ(socket_tls_set_secure_options(p->socket, o), 0);
    CHECK_EQ(probe_connect_to(p, address, port, PATIENCE_MS), 0);
    WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1 && at->clients == before + 1);
    CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
    struct probe *connection = at->client[before];
    CHECK_EQ(socket_send(connection->socket, "x", 1, NULL, NULL), 0);
    WAIT(p->size == 1); // the tickets have come before it
    int resumed = socket_tls_is_resumed(p->socket);
    CHECK_EQ(socket_tls_is_resumed(connection->socket), resumed);
    CHECK_EQ(probe_close(p), 0);
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1 && connection->count[SOCKET_EVENT_CLOSE] == 1);
    probe_release(p);
    return resumed;
}

// TLS-8
LOOPS_TEST(sessions_are_resumed_with_equal_options_only)
{
    for (uint32_t version = SOCKET_PROTOCOL_TLS12; version <= SOCKET_PROTOCOL_TLS13; version++) {
        int port, other_port;
        struct probe *s = tls_server_new(&port), *other = tls_server_new(&other_port);
        const char *two[2] = {certificate_text("ca.pem"), certificate_text("unknown.pem")};
        socket_tls_options o = tls_client_options(), different = o, unverified = o, never = o;
        o.protocols = different.protocols = unverified.protocols = never.protocols = version;
        different.ca = two;
        different.ca_count = 2;
        unverified.skip_remote_validation = 1;
        never.no_session_resumption = 1;
        CHECK_EQ(resumes(port, s, &unverified, "localhost"), 0);
        CHECK_EQ(resumes(port, s, &unverified, "localhost"), 0); // was not verified: not kept
        CHECK_EQ(resumes(port, s, &o, "localhost"), 0);
        CHECK_EQ(resumes(port, s, &o, "localhost"), 1);
        CHECK_EQ(resumes(port, s, &o, "127.0.0.1"), 0); // another name
        CHECK_EQ(resumes(other_port, other, &o, "localhost"), 0); // another port
        CHECK_EQ(resumes(port, s, &different, "localhost"), 0);
        CHECK_EQ(resumes(port, s, &never, "localhost"), 0);
        CHECK_EQ(resumes(port, s, &never, "localhost"), 0);
        CHECK_EQ(resumes(port, s, &o, "localhost"), 1);
        tls_server_close(s);
        tls_server_close(other);
    }
}

// TLS-12: secrets are logged after the call only, to a file that nobody else can read.
LOOPS_TEST(key_log)
{
    char path[] = "/tmp/ohsocket-keys-XXXXXX", text[8000];
    int fd = mkstemp(path), port;
    CHECK(fd >= 0 && unlink(path) == 0);
    CHECK_CODE(socket_tls_set_keylog(""), 401);
    CHECK_CODE(socket_tls_set_keylog("/no/such/directory/keys"), 2301002);
    CHECK_CODE(socket_tls_set_keylog("/tmp"), 2301021);
    CHECK_EQ(setenv("SSLKEYLOGFILE", path, 1), 0);
    struct tls_both b = tls_both_new(ALL_EVENTS, ALL_EVENTS);
    tls_both_close(&b);
    CHECK(access(path, F_OK) != 0); // no environment variable does it
    CHECK_EQ(socket_tls_set_keylog(path), 0);
    struct probe *s = tls_server_new(&port);
    socket_tls_options o = tls_client_options();
    o.no_session_resumption = 1; // a context of its own
    resumes(port, s, &o, "localhost");
    CHECK_EQ(socket_tls_set_keylog(NULL), 0);
    struct stat status;
    CHECK_EQ(stat(path, &status), 0);
    CHECK_EQ(status.st_mode & 0777, 0600);
    close(fd);
    fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    ssize_t n = read(fd, text, sizeof text - 1);
    CHECK(n > 0);
    text[n] = 0;
    CHECK(strstr(text, "CLIENT_TRAFFIC_SECRET_0 ") != NULL);
    resumes(port, s, &o, "localhost");
    CHECK_EQ(read(fd, text, sizeof text), 0);
    close(fd);
    CHECK_EQ(unlink(path), 0);
    tls_server_close(s);
}

// TLS-2: the name or address that was asked for; nothing but skip_remote_validation turns it off.
LOOPS_TEST(names_are_verified)
{
    struct {
        const char *address, *server_name;
        int skips, code;
    } cases[] = {
        {"127.0.0.1", NULL, 0, 0},         {"localhost", NULL, 0, 0},          {"127.0.0.1", "localhost", 0, 0},
        {"127.0.0.1", "LOCALHOST.", 0, 0}, {"127.0.0.1", "example.org", 0, 2303504},
        {"127.0.0.1", "127.0.0.2", 0, 2303504}, {"127.0.0.1", "::1", 0, 0},    {"127.0.0.1", "example.org", 1, 0},
    };
    int port;
    server = tls_server_new(&port);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct probe *p = probe_new(SOCKET_KIND_TLS);
        socket_tls_options o = tls_client_options();
        o.server_name = cases[i].server_name;
        o.skip_remote_validation = cases[i].skips;
        CHECK_EQ(socket_tls_set_secure_options(p->socket, &o), 0);
        CHECK_EQ(probe_connect_to(p, cases[i].address, port, PATIENCE_MS), 0);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        EXPECT_EQ(p->done_error[SOCKET_OPERATION_CONNECT], -cases[i].code, "%s %s", cases[i].address, cases[i].server_name);
        CHECK_EQ(p->count[SOCKET_EVENT_CONNECT], cases[i].code == 0);
        probe_release(p);
    }
    tls_server_close(server);
}
