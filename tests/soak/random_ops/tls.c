#include "random_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

atomic_ullong did_handshakes, did_upgrades, did_resumptions;

// The texts of what tests/c/tls/certificates.sh has made.
static struct {
    const char *ca, *unknown;
    socket_tls_identity server, second, client, stranger, locked;
} made;

static const char *text_of(const char *file)
{
    char path[400];
    snprintf(path, sizeof path, TLS_CERTIFICATES "/%s", file);
    FILE *f = fopen(path, "re");
    if (!f) FAIL("%s is missing", path);
    char *text = calloc(1, 1 << 16);
    CHECK(text != NULL && fread(text, 1, (1 << 16) - 1, f) > 0);
    fclose(f);
    return text;
}

void read_certificates(void)
{
    made.ca = text_of("ca.pem");
    made.unknown = text_of("unknown.pem");
    made.server = (socket_tls_identity){text_of("server.pem"), text_of("server.key"), NULL};
    made.second = (socket_tls_identity){text_of("second.pem"), text_of("second.key"), NULL};
    made.client = (socket_tls_identity){text_of("client.pem"), text_of("client.key"), NULL};
    made.stranger = (socket_tls_identity){text_of("stranger.pem"), text_of("stranger.key"), NULL};
    made.locked = (socket_tls_identity){made.client.cert, text_of("client_encrypted.key"), "secret"};
}

static const char *const protocols[] = {"one", "two", "three"};

static void choose_for_client(socket_tls_options *o, uint64_t chance)
{
    switch (chance & 7) {
    case 3: break; // nothing to show
    case 1: o->identity = made.stranger; break;
    case 2: o->identity = made.locked; break;
    default: o->identity = made.client;
    }
    // looked at with an encrypted key only
    if ((chance >> 3 & 15) == 1) o->identity.password = "wrong";
    o->server_name = chance >> 7 & 1 ? "localhost" : NULL;
    o->skip_remote_validation = (chance >> 8 & 7) == 1;
}

static void choose_for_server(socket_tls_options *o, uint64_t chance)
{
    o->identity = chance & 1 ? made.server : made.second;
    if ((chance >> 1 & 15) == 1) o->identity = made.stranger;
    // of another certificate: refused
    if ((chance >> 5 & 15) == 1) o->identity.key = made.client.key;
    if ((chance >> 9 & 7) == 1) {
        o->more_identities = &made.second;
        o->more_identity_count = 1;
    }
    o->is_bidirectional_authentication = (chance >> 12 & 3) == 1;
    o->use_remote_cipher_prefer = chance >> 14 & 1;
}

// Of chance 0 come good options. Whatever it says, what the object distrusts it goes on
// distrusting.
static socket_tls_options options_of(const struct object *object, uint64_t chance)
{
    static const char *const *const trusted = &made.ca, *const *const untrusted = &made.unknown;
    socket_tls_options o = SOCKET_TLS_OPTIONS_INIT;
    if (chance >> 41 & 1) chance = 0; // so that many are the same, and sessions are resumed
    if (object->kind == SOCKET_KIND_TLS) choose_for_client(&o, chance);
    else choose_for_server(&o, chance);
    o.ca = trusted;
    o.ca_count = 1;
    if ((chance >> 16 & 15) == 1) o.ca = untrusted;
    o.protocols = (uint32_t)(chance >> 20 & 3); // 0: both
    if ((chance >> 22 & 3) == 1) {
        o.alpn_protocols = protocols;
        o.alpn_protocol_count = 1 + (int)((chance >> 24) % 3);
        if ((chance >> 26 & 7) == 1) o.alpn_protocols = &protocols[2], o.alpn_protocol_count = 1;
    }
    if ((chance >> 29 & 15) == 1) o.cipher_suite = "ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_128_GCM_SHA256";
    if ((chance >> 33 & 15) == 1) o.signature_algorithms = "ECDSA+SHA256";
    if ((chance >> 42 & 15) == 1) o.groups = chance >> 46 & 1 ? "P-256:X25519" : "X25519:P-256";
    o.no_session_resumption = (chance >> 37 & 3) == 1;
    if (object->distrusts) {
        o.skip_remote_validation = 0;
        if (object->key & 1) o.ca = &made.client.cert; // which has signed nothing
        else o.server_name = "elsewhere";
    }
    return o;
}

int do_secure(struct object *o, uint64_t chance)
{
    socket_tls_options options = options_of(o, chance);
    return result_of(socket_tls_set_secure_options(o->handle, &options));
}

int tls_listen(struct object *server, uint64_t chance)
{
    socket_tls_options secure = options_of(server, chance);
    socket_listen_options l = SOCKET_LISTEN_OPTIONS_INIT;
    int port;
    secure.identity = made.server;
    l.address.address = "127.0.0.1";
    l.tls = &secure;
    if (socket_listen(server->handle, &l) < 0) {
        char text[300] = "";
        socket_get_error_detail(server->handle, text, sizeof text);
        FAIL("a TLS server does not listen: %s", text);
    }
    CHECK_OK(socket_get_local_address(server->handle, NULL, 0, &port, NULL));
    return port;
}

void do_tls_getters(struct object *o)
{
    char text[2048];
    int64_t n = socket_tls_get_protocol(o->handle, text, sizeof text);
    if (result_of(n) == 0 && strcmp(text, "TLSv1.2") != 0 && strcmp(text, "TLSv1.3") != 0) FAIL("the protocol is \"%s\"", text);
    n = socket_tls_get_alpn(o->handle, text, sizeof text);
    if (result_of(n) == 0 && n > 0 && strcmp(text, "one") != 0 && strcmp(text, "two") != 0 && strcmp(text, "three") != 0) FAIL("ALPN is \"%s\"", text);
    result_of(socket_tls_get_cipher_suite(o->handle, text, sizeof text));
    result_of(socket_tls_get_signature_algorithms(o->handle, text, sizeof text));
    result_of(socket_tls_get_server_name(o->handle, text, sizeof text));
    result_of(socket_tls_get_group(o->handle, text, sizeof text));
    result_of(socket_tls_get_remote_chain(o->handle, 1, text, sizeof text));
    result_of(socket_tls_get_certificate(o->handle, text, sizeof text));
    n = socket_tls_get_remote_certificate(o->handle, text, sizeof text);
    if (result_of(n) == 0 && o->kind == SOCKET_KIND_TLS && n < 100) FAIL("the server's certificate has %lld bytes", (long long)n);
    n = socket_tls_is_resumed(o->handle);
    if (n < 0) return;
    atomic_fetch_add(&did_resumptions, (unsigned long long)n);
}

// Makes a TLS client of a connected TCP one, on any thread, and puts it into the other's place.
void upgrade(struct object *o)
{
    socket_handle handle;
    if (atomic_exchange(&o->carried, 1)) return;
    if (result_of(handle = socket_construct_tls_over(o->handle)) < 0) {
        o->carried = 0; // it has something queued already, is being closed or is not connected
        return;
    }
    struct object *tls = object_new(SOCKET_KIND_TLS, o->loop);
    uint64_t chance = mix(seed ^ tls->key);
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    atomic_fetch_add(&did_upgrades, 1);
    tls->handle = handle;
    tls->opens = 2;
    tls->distrusts = (chance >> 60 & 7) == 0;
    listen_to(tls, 0xfe);
    to.address.address = "127.0.0.1";
    to.address.port = dead_port; // not looked at
    to.timeout_ms = 1 + (int)(chance >> 8) % 1000;
    if (do_secure(tls, chance) == 0 || do_secure(tls, 0) == 0)
        CALL(tls, SOCKET_OPERATION_CONNECT, 1, socket_connect(handle, &to, completion, pending));
    send_frame(tls, (chance >> 20) % 3000, 0, 1, 1);
    struct slot *slot = o->slot;
    int placed = 0;
    pthread_mutex_lock(&slot->lock);
    if (slot->object == o) {
        ref(tls);
        slot->object = tls;
        placed = 1;
    }
    pthread_mutex_unlock(&slot->lock);
    if (placed) {
        release(o);
        unref(o);
    } else {
        release(tls);
    }
}
