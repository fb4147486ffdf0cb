/* What the TLS examples share: files, what the library says of a failure, and what a handshake has
 * come to. */
#ifndef TLS_EXAMPLE_H
#define TLS_EXAMPLE_H

#include "example.h"

/* Reads a text file: PEM. The library copies what it is given, so it can be freed after the
 * call. */
static inline char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0, n;

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    do {
        text = must_alloc(text, size + 4097);
        n = fread(text + size, 1, 4096, file);
        size += n;
    } while (n > 0);
    fclose(file);
    text[size] = '\0';
    return text;
}

/* Says what failed, and why in the words of the library: which certificate, which option. */
static inline void report_detail(const char *what, socket_handle socket, int64_t error)
{
    char detail[512] = "";

    report(what, error);
    if (socket_get_error_detail(socket, detail, sizeof detail) > 0)
        fprintf(stderr, "  %s\n", detail);
}

static inline int64_t check_detail(const char *what, socket_handle socket, int64_t result)
{
    if (result < 0) {
        report_detail(what, socket, result);
        exit(1);
    }
    return result;
}

/* Prints bytes as PEM, 48 of them a line. */
static inline void print_pem(const unsigned char *bytes, int size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    puts("-----BEGIN CERTIFICATE-----");
    for (int i = 0; i < size; i += 3) {
        int left = size - i;
        unsigned group = (unsigned) bytes[i] << 16;

        if (left > 1)
            group |= (unsigned) bytes[i + 1] << 8;
        if (left > 2)
            group |= bytes[i + 2];
        putchar(digits[group >> 18]);
        putchar(digits[group >> 12 & 63]);
        putchar(left > 1 ? digits[group >> 6 & 63] : '=');
        putchar(left > 2 ? digits[group & 63] : '=');
        if (i % 48 == 45 || left <= 3)
            putchar('\n');
    }
    puts("-----END CERTIFICATE-----");
}

/* Prints what both sides have agreed on. */
static inline void print_agreed(socket_handle socket)
{
    char protocol[16] = "", suite[64] = "", alpn[256] = "", algorithms[1024] = "";

    socket_tls_get_protocol(socket, protocol, sizeof protocol);
    socket_tls_get_cipher_suite(socket, suite, sizeof suite);
    socket_tls_get_alpn(socket, alpn, sizeof alpn);
    socket_tls_get_signature_algorithms(socket, algorithms, sizeof algorithms);
    printf("protocol: %s\ncipher suite: %s\napplication protocol: %s\nsignature algorithms: %s\n", protocol, suite, alpn,
           algorithms);
    fflush(stdout);
}

/* Prints the peer's certificate in PEM, if it has shown one. */
static inline void print_remote_certificate(socket_handle socket)
{
    int size = socket_tls_get_remote_certificate(socket, NULL, 0);

    if (size > 0) {
        unsigned char *der = must_alloc(NULL, (size_t) size);

        if (socket_tls_get_remote_certificate(socket, der, (size_t) size) == size)
            print_pem(der, size);
        free(der);
    }
    fflush(stdout);
}

#endif
