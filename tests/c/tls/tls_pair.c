#include "tls_pair.h"

#include <stdlib.h>
#include <string.h>

const int tls_streams[2] = {SOCKET_KIND_TLS, SOCKET_KIND_TLS_CONNECTION};

const char *certificate_text(const char *file)
{
    static struct {
        char name[40];
        char *text;
    } known[16];
    int i = 0;
    for (; i < 16 && known[i].text; i++)
        if (strcmp(known[i].name, file) == 0) return known[i].text;
    CHECK(i < 16);
    char path[400];
    snprintf(path, sizeof path, TLS_CERTIFICATES "/%s", file);
    FILE *f = fopen(path, "r");
    if (f == NULL) FAIL("%s is missing", path);
    char *text = calloc(1, 1 << 16);
    CHECK(text != NULL && fread(text, 1, (1 << 16) - 1, f) > 0);
    fclose(f);
    snprintf(known[i].name, sizeof known[i].name, "%s", file);
    return known[i].text = text;
}

socket_tls_options tls_server_options(void)
{
    socket_tls_options o = SOCKET_TLS_OPTIONS_INIT;
    o.identity.cert = certificate_text("server.pem");
    o.identity.key = certificate_text("server.key");
    return o;
}

socket_tls_options tls_client_options(void)
{
    static const char *ca[1];
    socket_tls_options o = SOCKET_TLS_OPTIONS_INIT;
    ca[0] = certificate_text("ca.pem");
    o.ca = ca;
    o.ca_count = 1;
    return o;
}

struct probe *tls_client_new_masked(unsigned mask)
{
    socket_tls_options o = tls_client_options();
    struct probe *p = probe_new_masked(SOCKET_KIND_TLS, mask);
    CHECK_EQ(socket_tls_set_secure_options(p->socket, &o), 0);
    return p;
}

struct probe *tls_client_new(void) { return tls_client_new_masked(ALL_EVENTS); }

int tls_listen(struct probe *server)
{
    socket_listen_options o = listen_options("127.0.0.1", 0, 0);
    CHECK_EQ(socket_listen(server->socket, &o), 0);
    return probe_port(server);
}

struct probe *tls_server_new_masked(int *port, unsigned client_mask)
{
    socket_tls_options o = tls_server_options();
    struct probe *server = probe_new_masked(SOCKET_KIND_TLS_SERVER, 0);
    server->keeps_clients = 1;
    server->client_mask = client_mask;
    probe_listen(server, ALL_EVENTS);
    CHECK_EQ(socket_tls_set_secure_options(server->socket, &o), 0);
    *port = tls_listen(server);
    return server;
}

struct probe *tls_server_new(int *port) { return tls_server_new_masked(port, ALL_EVENTS); }

void tls_server_close(struct probe *server)
{
    if (server->count[SOCKET_EVENT_CLOSE] == 0) {
        CHECK_EQ(socket_close(server->socket, NULL, NULL), 0);
        WAIT(server->count[SOCKET_EVENT_CLOSE] == 1);
    }
    probe_release(server);
}

struct tls_pair tls_pair_new_flags(int kind, unsigned mask, int flags)
{
    struct tls_pair pair = {0};
    int port;
    if (kind == SOCKET_KIND_TLS) {
        int listener = peer_listen(&port);
        struct probe *p = pair.probe = tls_client_new_masked(mask);
        CHECK_EQ(probe_connect(p, port), 0);
        pair.peer = tls_peer_new(peer_accept(listener), flags | TLS_PEER_SERVER);
        CHECK_EQ(tls_peer_shake(&pair.peer), TLS_PEER_DONE);
        WAIT(p->done[SOCKET_OPERATION_CONNECT] == 1);
        CHECK_EQ(p->done_error[SOCKET_OPERATION_CONNECT], 0);
        peer_close(listener);
    } else {
        struct probe *server = pair.server = tls_server_new_masked(&port, mask);
        pair.peer = tls_peer_new(peer_connect(port), flags);
        CHECK_EQ(tls_peer_shake(&pair.peer), TLS_PEER_DONE);
        WAIT(server->clients == 1);
        pair.probe = server->client[0];
        tls_peer_take_tickets(&pair.peer);
    }
    return pair;
}

struct tls_pair tls_pair_new_masked(int kind, unsigned mask) { return tls_pair_new_flags(kind, mask, 0); }
struct tls_pair tls_pair_new(int kind) { return tls_pair_new_masked(kind, ALL_EVENTS); }

void tls_pair_close(struct tls_pair *pair)
{
    struct probe *p = pair->probe;
    if (pair->peer.ssl) tls_peer_close(&pair->peer);
    if (pair->server) {
        socket_release(p->socket);
        tls_server_close(pair->server);
    } else {
        CHECK(is_valid(p->socket));
        probe_release(p);
    }
    POLL(!is_valid(p->socket));
}

struct tls_both tls_both_new(unsigned client_mask, unsigned connection_mask)
{
    struct tls_both b = {0};
    b.server = tls_server_new_masked(&b.port, connection_mask);
    b.client = tls_client_new_masked(client_mask);
    struct probe *client = b.client, *server = b.server;
    CHECK_EQ(probe_connect(client, b.port), 0);
    WAIT(client->done[SOCKET_OPERATION_CONNECT] == 1 && server->clients == 1);
    CHECK_EQ(client->done_error[SOCKET_OPERATION_CONNECT], 0);
    b.connection = server->client[0];
    return b;
}

void tls_both_close(struct tls_both *b)
{
    socket_release(b->client->socket);
    socket_release(b->connection->socket);
    tls_server_close(b->server);
}
