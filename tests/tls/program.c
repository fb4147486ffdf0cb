#define _GNU_SOURCE /* memmem */
#include "program.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void stop(const char *what, const char *which)
{
    fprintf(stderr, "%s: %s\n", what, which);
    exit(2);
}

char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0, capacity = 0, n;

    if (file == NULL)
        stop("cannot be opened", path);
    do {
        if (size + 1 >= capacity && (text = realloc(text, capacity = 2 * capacity + 4096)) == NULL)
            stop("out of memory", path);
        n = fread(text + size, 1, capacity - size - 1, file);
        size += n;
    } while (n > 0);
    fclose(file);
    text[size] = '\0';
    return text;
}

int64_t number(const char *text)
{
    char *end;
    long long value = strtoll(text, &end, 10);

    if (*text == '\0' || *end != '\0')
        stop("not a number", text);
    return value;
}

static uint32_t protocols(const char *text)
{
    if (strcmp(text, "1.2") == 0)
        return SOCKET_PROTOCOL_TLS12;
    if (strcmp(text, "1.3") == 0)
        return SOCKET_PROTOCOL_TLS13;
    if (strcmp(text, "both") == 0)
        return SOCKET_PROTOCOL_TLS12 | SOCKET_PROTOCOL_TLS13;
    stop("not a version", text);
}

int settings_take(struct settings *settings, char **argv, int *i)
{
    socket_tls_options *tls = &settings->tls;
    const char *name = argv[*i], *value = argv[*i + 1];

    if (tls->struct_size == 0)
        *tls = (socket_tls_options)SOCKET_TLS_OPTIONS_INIT;
    *i += 1;
    if (strcmp(name, "--client-order") == 0) {
        tls->use_remote_cipher_prefer = 1;
        return 1;
    }
    if (strcmp(name, "--no-verify") == 0) {
        tls->skip_remote_validation = 1;
        return 1;
    }
    if (strcmp(name, "--two-way") == 0) {
        tls->is_bidirectional_authentication = 1;
        return 1;
    }
    if (strcmp(name, "--no-resumption") == 0) {
        tls->no_session_resumption = 1;
        return 1;
    }
    if (value == NULL) {
        *i -= 1;
        return 0;
    }
    *i += 1;
    if (strcmp(name, "--protocols") == 0) {
        tls->protocols = protocols(value);
    } else if (strcmp(name, "--cert") == 0) {
        tls->identity.cert = read_file(value);
    } else if (strcmp(name, "--key") == 0) {
        tls->identity.key = read_file(value);
    } else if (strcmp(name, "--password") == 0) {
        tls->identity.password = value;
    } else if (strcmp(name, "--more") == 0 && tls->more_identity_count < MOST && argv[*i] != NULL) {
        socket_tls_identity *more = &settings->more[tls->more_identity_count++];
        more->cert = read_file(value);
        more->key = read_file(argv[(*i)++]);
        tls->more_identities = settings->more;
    } else if (strcmp(name, "--ca") == 0 && tls->ca_count < MOST) {
        settings->ca[tls->ca_count++] = read_file(value);
        tls->ca = settings->ca;
    } else if (strcmp(name, "--suite") == 0) {
        tls->cipher_suite = value;
    } else if (strcmp(name, "--sigalgs") == 0) {
        tls->signature_algorithms = value;
    } else if (strcmp(name, "--alpn") == 0 && tls->alpn_protocol_count < MOST) {
        settings->alpn[tls->alpn_protocol_count++] = value;
        tls->alpn_protocols = settings->alpn;
    } else if (strcmp(name, "--name") == 0) {
        tls->server_name = value;
    } else {
        *i -= 2;
        return 0;
    }
    return 1;
}

void say(const char *format, ...)
{
    va_list arguments;
    char line[4096];
    int size;

    va_start(arguments, format);
    size = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (size > (int)sizeof line - 2)
        size = (int)sizeof line - 2;
    line[size++] = '\n';
    flockfile(stdout);
    fwrite(line, 1, (size_t)size, stdout);
    fflush(stdout);
    funlockfile(stdout);
}

void say_failure(const char *what, socket_handle socket, int error)
{
    char text[1024] = "";

    socket_get_error_detail(socket, text, sizeof text);
    say("%s code=%d text=%s", what, -error, text);
}

static void certificate_hash(int (*get)(socket_handle, void *, size_t), socket_handle socket, char text[65])
{
    unsigned char der[16384];
    struct sha256 hash;
    int size = get(socket, der, sizeof der);

    strcpy(text, "none");
    if (size <= 0)
        return;
    sha256_begin(&hash);
    sha256_add(&hash, der, (size_t)size);
    sha256_end(&hash, text);
}

void say_agreed(const char *what, socket_handle socket)
{
    char protocol[16] = "", suite[64] = "", alpn[256] = "", algorithms[1024] = "", name[256] = "", local[65], remote[65];

    socket_tls_get_protocol(socket, protocol, sizeof protocol);
    socket_tls_get_cipher_suite(socket, suite, sizeof suite);
    socket_tls_get_alpn(socket, alpn, sizeof alpn);
    socket_tls_get_signature_algorithms(socket, algorithms, sizeof algorithms);
    socket_tls_get_server_name(socket, name, sizeof name);
    certificate_hash(socket_tls_get_certificate, socket, local);
    certificate_hash(socket_tls_get_remote_certificate, socket, remote);
    say("%s protocol=%s suite=%s alpn=%s resumed=%d name=%s local=%s remote=%s sigalgs=%s", what, protocol, suite, alpn,
        socket_tls_is_resumed(socket), name, local, remote, algorithms);
}

void stream_begin(struct stream *stream, uint64_t seed, int64_t size)
{
    stream->state = seed * 0x9e3779b97f4a7c15u + 1;
    stream->left = size;
    stream->size = 0;
    sha256_begin(&stream->hash);
}

size_t stream_make(struct stream *stream, void *to, size_t size)
{
    unsigned char *bytes = to;

    if ((int64_t)size > stream->left)
        size = (size_t)stream->left;
    for (size_t i = 0; i < size; i += 8) {
        stream->state ^= stream->state << 13;
        stream->state ^= stream->state >> 7;
        stream->state ^= stream->state << 17;
        memcpy(bytes + i, &stream->state, size - i < 8 ? size - i : 8);
    }
    sha256_add(&stream->hash, bytes, size);
    stream->left -= (int64_t)size;
    stream->size += (int64_t)size;
    return size;
}

void stream_say(const char *what, struct stream *stream)
{
    struct sha256 hash = stream->hash;
    char text[65];

    sha256_end(&hash, text);
    say("%s bytes=%lld sha256=%s", what, (long long)stream->size, text);
}

static void on_portion(socket_handle socket, int error, void *user_data)
{
    struct pump *pump = user_data;

    (void)socket;
    pump->under_way--;
    if (error < 0)
        pump->out.left = 0;
    if (pump->out.left > 0) {
        pump_start(pump);
    } else if (pump->under_way == 0) {
        free(pump->buffer);
        pump->buffer = NULL;
        pump->done(pump, error);
    }
}

void pump_start(struct pump *pump)
{
    if (pump->buffer == NULL && (pump->buffer = malloc(pump->portion)) == NULL)
        stop("out of memory", "pump");
    while (pump->under_way < pump->window && (pump->out.left > 0 || pump->under_way == 0)) {
        size_t size = stream_make(&pump->out, pump->buffer, pump->portion);
        int result = socket_send(pump->socket, pump->buffer, size, on_portion, pump);

        if (result < 0) {
            if (pump->under_way == 0) {
                free(pump->buffer);
                pump->buffer = NULL;
                pump->done(pump, result);
            }
            pump->out.left = 0;
            return;
        }
        pump->under_way++;
    }
}

static int descriptors_at_start;

/* Sockets and files. Not what has no name: the runtime opens an epoll set with its first timer, for
 * ever, and those of loops are gone when the loops are. */
static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[300], target[300];
        ssize_t size;

        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        size = readlink(path, target, sizeof target);
        count += size > 0 && memmem(target, (size_t)size, "anon_inode", 10) == NULL;
    }
    closedir(folder);
    return count;
}

void remember_start(void)
{
    socket_stats stats = SOCKET_STATS_INIT;

    /* waits until the runtime has started, which keeps files of its own */
    socket_get_stats(&stats);
    descriptors_at_start = descriptors();
}

void say_end(void)
{
    socket_stats stats = SOCKET_STATS_INIT;
    int result = socket_shutdown(5000);

    if (result < 0)
        say("shutdown code=%d", -result);
    socket_get_stats(&stats);
    say("live sockets=%d loops=%d queued=%lld sessions=%d contexts=%d internal_errors=%d descriptors=%d", (int)stats.sockets,
        (int)stats.loops, (long long)stats.queued_bytes, (int)stats.tls_sessions, (int)stats.tls_contexts,
        (int)stats.internal_errors, descriptors() - descriptors_at_start);
}
