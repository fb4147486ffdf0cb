// socket_get_error_detail names the member of socket_tls_options that a call was refused for.
// TLS-4.
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tls_pair.h"

static void expect_detail(struct probe *p, const char *what)
{
    char text[512];
    CHECK(socket_get_error_detail(p->socket, text, sizeof text) > 0);
    EXPECT_EQ(strstr(text, what) != NULL, 1, "\"%s\" does not say \"%s\"", text, what);
}

#define REFUSED(member, value, text)                                        \
    do {                                                                    \
        socket_tls_options o_ = good;                                       \
        o_.member = value;                                                  \
        CHECK_CODE(socket_tls_set_secure_options(server->socket, &o_), 401); \
        expect_detail(server, text);                                        \
    } while (0)

LOOPS_TEST(what_is_wrong_with_options_is_named)
{
    static const char *holes[2] = {"h2", NULL}, *empty[1] = {""};
    socket_tls_identity more[1] = {{NULL, NULL, NULL}};
    char *huge = malloc(20000);
    CHECK(huge != NULL);
    memset(huge, 'x', 19999);
    huge[19999] = 0;
    struct probe *server = probe_new(SOCKET_KIND_TLS_SERVER);
    socket_tls_options good = tls_server_options();

    REFUSED(struct_size, 0, "struct_size");
    REFUSED(protocols, 4, "protocols is 0x4");
    REFUSED(ca_count, -1, "ca_count is -1");
    REFUSED(ca_count, INT_MAX, "ca_count is 2147483647");
    REFUSED(alpn_protocol_count, 1, "alpn_protocols is NULL");
    good.alpn_protocol_count = 2;
    REFUSED(alpn_protocols, holes, "alpn_protocols[1] is NULL");
    good.alpn_protocol_count = 1;
    REFUSED(alpn_protocols, empty, "alpn_protocols[0] is empty");
    good.alpn_protocol_count = 0;
    REFUSED(more_identity_count, 1, "more_identities is NULL");
    more[0].password = huge;
    good.more_identities = more;
    REFUSED(more_identity_count, 1, "more_identities[0].password is longer than 16384 bytes");
    REFUSED(cipher_suite, huge, "cipher_suite is longer");
    REFUSED(skip_remote_validation, 2, "skip_remote_validation is 2");
    REFUSED(no_session_resumption, -1, "no_session_resumption is -1");
    CHECK_EQ(socket_tls_set_secure_options(server->socket, &good), 0);
    free(huge);
    probe_release(server);
}

// A name that no certificate can have is refused by the call, not when the peer has been connected
// to.
LOOPS_TEST(a_server_name_is_checked_by_the_call)
{
    static const char *const bad[] = {"two words", ".example.org", "\xc3\xa9..example.org", "\xff.example.org", "."};
    struct probe *client = probe_new(SOCKET_KIND_TLS), *server = probe_new(SOCKET_KIND_TLS_SERVER);
    socket_connect_options to = connect_options("127.0.0.1", 9, 0);
    socket_tls_options o = tls_client_options(), s = tls_server_options();
    to.tls = &o;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.server_name = s.server_name = bad[i];
        CHECK_CODE(socket_tls_set_secure_options(client->socket, &o), 401);
        expect_detail(client, "secure options: server_name: ");
        CHECK_CODE(socket_connect(client->socket, &to, probe_completion(SOCKET_OPERATION_CONNECT), client), 401);
        expect_detail(client, "connect: server_name: ");
        // it means nothing to a server
        CHECK_EQ(socket_tls_set_secure_options(server->socket, &s), 0);
    }
    CHECK_EQ(client->done[SOCKET_OPERATION_CONNECT], 0);
    static const char *const good[] = {"localhost.", "\xc3\xa9.example.org"}; // TLS-16
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        o.server_name = good[i];
        CHECK_EQ(socket_tls_set_secure_options(client->socket, &o), 0);
    }
    probe_release(client);
    probe_release(server);
}
