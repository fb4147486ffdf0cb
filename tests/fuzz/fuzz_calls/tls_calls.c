#include "fuzz_calls.h"

#include <string.h>

static const char *const words[] = {"", "localhost", "h2", "TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256:HIGH", "ECDSA+SHA256",
                                    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                                    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"};

static const char *any_word(void)
{
    unsigned n = u8();
    if (n < 120) return NULL;
    if (n < 220) return words[n % 8];
    char *p = memory((n & 31) + 1);
    for (unsigned i = 0; i < (n & 31); i++) p[i] = (char)u8();
    p[n & 31] = 0;
    return p;
}

// An array with what its number says it has; the number may be one that is refused without a look at it.
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
    o.server_name = any_word();
    o.skip_remote_validation = u8() % 3;
    o.is_bidirectional_authentication = u8() % 2;
    o.use_remote_cipher_prefer = u8() % 2;
    o.no_session_resumption = u8() % 2;
    return any_struct(&o, sizeof o, 0);
}

int64_t call_tls(void)
{
    socket_handle s = any_handle();
    size_t capacity = u8();
    char *text = memory(capacity);
    switch (u8() % 12) {
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
    default: return socket_tls_is_resumed(s);
    }
}
