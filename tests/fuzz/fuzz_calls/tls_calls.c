#define _GNU_SOURCE
#include "fuzz_calls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORDS = 16, FILES = 6 };

// Behind those that nothing can be made of are the texts of certificates.sh, in the order of files.
static const char *words[WORDS] = {"", "localhost", "h2", "TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256:HIGH", "ECDSA+SHA256",
                                   "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                                   "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "secret", "DEFAULT:@SECLEVEL=0"};
static const char *const files[FILES] = {"ca.pem", "server.pem", "server.key", "client.pem", "client.key", "client_encrypted.key"};
enum { CA = WORDS - FILES, SERVER, SERVER_KEY, CLIENT, CLIENT_KEY };

// Each in memory of its size.
void read_certificates(void)
{
    static char buffer[1 << 16];
    for (int i = 0; i < FILES; i++) {
        char path[400];
        snprintf(path, sizeof path, TLS_CERTIFICATES "/%s", files[i]);
        FILE *f = fopen(path, "re");
        if (!f) FAIL("%s is missing", path);
        size_t size = fread(buffer, 1, sizeof buffer, f);
        fclose(f);
        char *text = malloc(size + 1);
        CHECK(text != NULL && size > 0);
        memcpy(text, buffer, size);
        text[size] = 0;
        words[CA + i] = text;
    }
}

static socket_tls_options good_options(int server)
{
    socket_tls_options o = SOCKET_TLS_OPTIONS_INIT;
    o.identity = server ? (socket_tls_identity){words[SERVER], words[SERVER_KEY], NULL} : (socket_tls_identity){words[CLIENT], words[CLIENT_KEY], NULL};
    o.ca = &words[CA];
    o.ca_count = 1;
    return o;
}

static socket_handle made(int place, socket_loop loop, int kind, int listens)
{
    socket_handle s = handles[place] = CHECK_OK(socket_construct(loop, kind));
    socket_set_option(s, SOCKET_OPTION_CLOSE_TIMEOUT, 20);
    int records = loop && loop == loops[2];
    for (int type = 1; type <= 7 && listens && !records; type++) CHECK_OK(socket_on(s, type, on_event, NULL));
    if (listens && records) CHECK_OK(socket_subscribe(s, 0xfe, NULL));
    return s;
}

// A TLS server, on a default loop or one with records, two clients of it, one not on the default
// loop, and one of TCP.
void prepare_tls(unsigned what)
{
    if (!(what & 1)) return;
    socket_tls_options server = good_options(1), client = good_options(0);
    int listens = what >> 1 & 1;
    server.is_bidirectional_authentication = what >> 6 & 1;
    server.protocols = what >> 7 & 1; // 0: both
    socket_handle s = made(TLS_HANDLES, what & 4 ? loops[2] : 0, SOCKET_KIND_TLS_SERVER, 1);
    CHECK_OK(socket_tls_set_secure_options(s, &server));
    CHECK_OK(socket_set_option(s, SOCKET_OPTION_HANDSHAKE_TIMEOUT, 100));
    ports[3] = server_listen(s, "127.0.0.1", 0);
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    to.address.address = "127.0.0.1";
    to.address.port = ports[3];
    to.timeout_ms = 200;
    for (int i = 1; i < 4; i++) {
        if (!(what >> 2 & 1 << i)) continue;
        s = made(TLS_HANDLES + i, i == 2 ? loops[what & 4 ? 2 : 1] : 0, i == 3 ? SOCKET_KIND_TCP : SOCKET_KIND_TLS, listens);
        to.tls = i == 3 ? NULL : &client;
        atomic_fetch_add(&promised, 1);
        CHECK_OK(socket_connect(s, &to, on_completion, NULL));
    }
    int64_t until = now_ms() + 1000;
    socket_state_info state = SOCKET_STATE_INFO_INIT;
    while (what & 8 && !(what & 4) && now_ms() < until && socket_get_state(handles[TLS_HANDLES + 1], &state) == 0 && !state.is_connected && !state.is_close)
        look_again_later();
}

void send_strangers(unsigned count)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)ports[3]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socket_state_info state = SOCKET_STATE_INFO_INIT;
    if (socket_get_state(handles[TLS_HANDLES], &state) < 0 || !state.is_bound || ports[3] == 0) return;
    for (unsigned i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        CHECK(fd >= 0);
        // Whoever finds the backlog full has lost.
        if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) send(fd, "strange", i % 8, MSG_NOSIGNAL);
        close(fd);
    }
}

static const char *any_word(void)
{
    unsigned n = u8();
    if (n < 120) return NULL;
    if (n < 220) return words[n % WORDS];
    char *p = memory((n & 31) + 1);
    for (unsigned i = 0; i < (n & 31); i++) p[i] = (char)u8();
    p[n & 31] = 0;
    return p;
}

// An array with what its number says it has; the number may be one that is refused without a look
// at it.
static const char *const *any_words(int32_t *count)
{
    unsigned n = u8();
    const char **list = memory(4 * sizeof *list);
    for (int i = 0; i < 4; i++) list[i] = any_word();
    *count = n < 200 ? 0 : n < 250 ? (int32_t)(n % 5) : n < 253 ? -(int32_t)n : 1 << 20;
    return n == 249 ? NULL : list;
}

const void *any_tls_options(void)
{
    socket_tls_options o = SOCKET_TLS_OPTIONS_INIT;
    socket_tls_identity *more = memory(2 * sizeof *more);
    for (int i = 0; i < 2; i++) more[i] = (socket_tls_identity){any_word(), any_word(), any_word()};
    o.protocols = u8() < 230 ? u8() % 4 : u32();
    o.identity = (socket_tls_identity){any_word(), any_word(), any_word()};
    o.more_identities = more;
    o.more_identity_count = u8() < 220 ? 0 : (int32_t)(u8() % 4) - 1;
    if (o.more_identity_count > 2) o.more_identity_count = 2;
    o.ca = any_words(&o.ca_count);
    o.alpn_protocols = any_words(&o.alpn_protocol_count);
    o.cipher_suite = any_word();
    o.signature_algorithms = any_word();
    o.groups = any_word();
    o.pins = any_words(&o.pin_count);
    o.server_name = any_word();
    o.skip_remote_validation = u8() % 3;
    o.is_bidirectional_authentication = u8() % 2;
    o.use_remote_cipher_prefer = u8() % 2;
    o.no_session_resumption = u8() % 2;
    o.optional_client_certificate = u8() % 2;
    return any_struct(&o, sizeof o, 0);
}

int64_t call_tls(void)
{
    socket_handle s = any_handle();
    size_t capacity = u8();
    char *text = memory(capacity);
    switch (u8() % 14) {
    case 0:
    case 1:
    case 2: return socket_tls_set_secure_options(s, any_tls_options());
    case 3: {
        socket_handle h = socket_construct_tls_over(s);
        if (h < 0) return h;
        unsigned i = u8() % HANDLES;
        socket_abort(handles[i]);
        socket_release(handles[i]);
        handles[i] = h;
        return socket_set_option(h, SOCKET_OPTION_CLOSE_TIMEOUT, 20);
    }
    case 4: return socket_tls_get_certificate(s, text, capacity);
    case 5: return socket_tls_get_remote_certificate(s, text, capacity);
    case 6: return socket_tls_get_protocol(s, text, capacity);
    case 7: return socket_tls_get_cipher_suite(s, text, capacity);
    case 8: return socket_tls_get_signature_algorithms(s, text, capacity);
    case 9: return socket_tls_get_alpn(s, text, capacity);
    case 10: return socket_tls_get_server_name(s, text, capacity);
    case 11: return socket_tls_get_group(s, text, capacity);
    case 12: return socket_tls_get_remote_chain(s, (int)u32(), text, capacity);
    default: return socket_tls_is_resumed(s);
    }
}
