/* TLS: secure options and what was agreed on. */
#include "addon.h"

#include <stdlib.h>
#include <string.h>

/* A string of a call. Some are secrets. */
struct text {
    char *bytes;
    size_t size;
};

/* The strings of a call, wiped and freed together. */
struct texts {
    struct text *list;
    size_t count, capacity;
    bool failed;
};

static void free_texts(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        explicit_bzero(texts->list[i].bytes, texts->list[i].size);
        free(texts->list[i].bytes);
    }
    free(texts->list);
}

/* A string of its own, or NULL for what is no string. One with a NUL byte in it is a mistake. */
static const char *keep_text(napi_env env, struct texts *texts, napi_value value)
{
    size_t length = 0;
    char *text;

    if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok)
        return NULL;
    text = malloc(length + 1);
    if (text == NULL || texts->count == texts->capacity) {
        free(text);
        texts->failed = true;
        return NULL;
    }
    napi_get_value_string_utf8(env, value, text, length + 1, &length);
    texts->list[texts->count++] = (struct text) { text, length + 1 };
    texts->failed |= strlen(text) != length;
    return text;
}

static const char *keep_element(napi_env env, struct texts *texts, napi_value array, uint32_t index)
{
    napi_value value;

    if (napi_get_element(env, array, index, &value) != napi_ok) {
        texts->failed = true; /* a getter has thrown */
        return NULL;
    }
    return keep_text(env, texts, value);
}

static uint32_t length_of(napi_env env, napi_value array)
{
    uint32_t length = 0;

    napi_get_array_length(env, array, &length);
    return length;
}

/* How many of each the lists of a call have. */
struct counts {
    uint32_t ca, alpn, identities, pins;
};

static int set_secure(napi_env env, const napi_value *argv, struct texts *texts, const char **lists,
    socket_tls_identity *identities, const struct counts *counts)
{
    socket_tls_options options = SOCKET_TLS_OPTIONS_INIT;
    napi_typedarray_type type;
    size_t length = 0;
    void *data = NULL;
    const int32_t *flags;

    napi_get_typedarray_info(env, argv[4], &type, &length, &data, NULL, NULL);
    if (length != 6 || type != napi_int32_array)
        return -SOCKET_ERROR_PARAMETER;
    flags = data;
    options.protocols = (uint32_t) flags[0];
    options.use_remote_cipher_prefer = flags[1];
    options.skip_remote_validation = flags[2];
    options.is_bidirectional_authentication = flags[3];
    options.no_session_resumption = flags[4];
    options.optional_client_certificate = flags[5];
    options.identity.cert = keep_element(env, texts, argv[1], 0);
    options.identity.key = keep_element(env, texts, argv[1], 1);
    options.identity.password = keep_element(env, texts, argv[1], 2);
    options.cipher_suite = keep_element(env, texts, argv[1], 3);
    options.signature_algorithms = keep_element(env, texts, argv[1], 4);
    options.server_name = keep_element(env, texts, argv[1], 5);
    options.groups = keep_element(env, texts, argv[1], 6);
    for (uint32_t i = 0; i < counts->ca; i++)
        lists[i] = keep_element(env, texts, argv[2], i);
    for (uint32_t i = 0; i < counts->alpn; i++)
        lists[counts->ca + i] = keep_element(env, texts, argv[3], i);
    for (uint32_t i = 0; i < counts->pins; i++)
        lists[counts->ca + counts->alpn + i] = keep_element(env, texts, argv[6], i);
    for (uint32_t i = 0; i < counts->identities; i++) {
        identities[i].cert = keep_element(env, texts, argv[5], 3 * i);
        identities[i].key = keep_element(env, texts, argv[5], 3 * i + 1);
        identities[i].password = keep_element(env, texts, argv[5], 3 * i + 2);
    }
    options.ca = counts->ca > 0 ? lists : NULL;
    options.ca_count = (int32_t) counts->ca;
    options.alpn_protocols = counts->alpn > 0 ? lists + counts->ca : NULL;
    options.alpn_protocol_count = (int32_t) counts->alpn;
    options.pins = counts->pins > 0 ? lists + counts->ca + counts->alpn : NULL;
    options.pin_count = (int32_t) counts->pins;
    options.more_identities = counts->identities > 0 ? identities : NULL;
    options.more_identity_count = (int32_t) counts->identities;
    if (texts->failed)
        return -SOCKET_ERROR_PARAMETER;
    return socket_tls_set_secure_options(to_integer(env, argv[0]), &options);
}

/* setSecure(handle, [cert, key, password, cipherSuite, signatureAlgorithms, serverName, groups],
 * ca, alpn, Int32Array of protocols and flags, [cert, key, password of each further identity],
 * pins) */
static napi_value set_secure_options(napi_env env, napi_callback_info info)
{
    enum { TEXTS = 7, MOST = 1000 };
    napi_value argv[7];
    struct counts counts;
    const char **lists;
    socket_tls_identity *identities;
    struct texts texts = { 0 };
    int result = -SOCKET_ERROR_PARAMETER;

    get_arguments(env, info, argv, 7);
    counts.pins = length_of(env, argv[6]);
    counts.ca = length_of(env, argv[2]);
    counts.alpn = length_of(env, argv[3]);
    counts.identities = length_of(env, argv[5]) / 3;
    if (counts.ca > MOST || counts.alpn > MOST || counts.identities > MOST || counts.pins > MOST)
        return from_integer(env, result);
    texts.capacity = TEXTS + counts.ca + counts.alpn + counts.pins + 3 * counts.identities;
    texts.list = calloc(texts.capacity, sizeof *texts.list);
    lists = calloc(texts.capacity, sizeof *lists);
    identities = calloc(counts.identities + 1, sizeof *identities);
    if (texts.list != NULL && lists != NULL && identities != NULL)
        result = set_secure(env, argv, &texts, lists, identities, &counts);
    free_texts(&texts);
    free(lists);
    free(identities);
    return from_integer(env, result);
}

/* constructOver(handle): a TLS client of a connected TCP client. */
static napi_value construct_over(napi_env env, napi_callback_info info)
{
    napi_value argv[1];

    get_arguments(env, info, argv, 1);
    return from_integer(env, socket_construct_tls_over(to_integer(env, argv[0])));
}

/* getCertificate(handle, remote): its DER as an ArrayBuffer, or a result that is no success or
 * 0. */
static napi_value get_certificate(napi_env env, napi_callback_info info)
{
    int (*get)(socket_handle, void *, size_t);
    napi_value argv[2], buffer;
    void *data = NULL;
    int size;

    get_arguments(env, info, argv, 2);
    get = to_integer(env, argv[1]) != 0 ? socket_tls_get_remote_certificate : socket_tls_get_certificate;
    size = get(to_integer(env, argv[0]), NULL, 0);
    if (size <= 0 || napi_create_arraybuffer(env, (size_t) size, &data, &buffer) != napi_ok)
        return from_integer(env, size);
    get(to_integer(env, argv[0]), data, (size_t) size);
    return buffer;
}

/* getRemoteChain(handle, index): as getCertificate. */
static napi_value get_remote_chain(napi_env env, napi_callback_info info)
{
    napi_value argv[2], buffer;
    void *data = NULL;
    int index, size;

    get_arguments(env, info, argv, 2);
    index = (int) to_integer(env, argv[1]);
    size = socket_tls_get_remote_chain(to_integer(env, argv[0]), index, NULL, 0);
    if (size <= 0 || napi_create_arraybuffer(env, (size_t) size, &data, &buffer) != napi_ok)
        return from_integer(env, size);
    socket_tls_get_remote_chain(to_integer(env, argv[0]), index, data, (size_t) size);
    return buffer;
}

/* getAgreed(handle, what): a text, or a negative result. */
static napi_value get_agreed(napi_env env, napi_callback_info info)
{
    static int (*const getters[])(socket_handle, char *, size_t) = {
        socket_tls_get_protocol, socket_tls_get_cipher_suite, socket_tls_get_signature_algorithms,
        socket_tls_get_alpn, socket_tls_get_server_name, socket_tls_get_group,
    };
    char text[16 * 1024] = "";
    napi_value argv[2];
    size_t what;
    int result;

    get_arguments(env, info, argv, 2);
    what = (size_t) to_integer(env, argv[1]);
    if (what >= sizeof getters / sizeof *getters)
        return from_integer(env, -SOCKET_ERROR_PARAMETER);
    result = getters[what](to_integer(env, argv[0]), text, sizeof text);
    return result < 0 ? from_integer(env, result) : from_text(env, text);
}

/* isResumed(handle) */
static napi_value is_resumed(napi_env env, napi_callback_info info)
{
    napi_value argv[1];

    get_arguments(env, info, argv, 1);
    return from_integer(env, socket_tls_is_resumed(to_integer(env, argv[0])));
}

/* setKeylog(path): "" ends it. */
static napi_value set_keylog(napi_env env, napi_callback_info info)
{
    char path[4096]; /* as long as one may be, PATH_MAX */
    napi_value argv[1];

    get_arguments(env, info, argv, 1);
    if (!to_text(env, argv[0], path, sizeof path))
        return from_integer(env, -SOCKET_ERROR_PARAMETER);
    return from_integer(env, socket_tls_set_keylog(path[0] != '\0' ? path : NULL));
}

void export_tls(struct state *state, napi_value exports)
{
    static const struct export list[] = {
        { "setSecure", set_secure_options }, { "constructOver", construct_over },
        { "getCertificate", get_certificate }, { "getRemoteChain", get_remote_chain }, { "getAgreed", get_agreed }, { "isResumed", is_resumed },
        { "setKeylog", set_keylog },
    };

    add_exports(state, exports, list, sizeof list / sizeof *list);
}
