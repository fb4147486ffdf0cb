/* An HTTPS client: it gets one page and writes its body to standard output.
 *
 *   https_get www.example.org 443 /
 *   https_get localhost 8443 /index.html root.pem
 *
 * Without CA_FILE the certificates of the system say whom to trust. The end of a page is found as
 * HTTP/1.1 has it: by its length, by its chunks, or, if it has neither, by the end of the
 * connection. Then it counts that TLS tells a real end from a connection that somebody has cut:
 * that is an error event. */
#define _GNU_SOURCE /* strcasestr */
#include "tls_example.h"

static const char help[] =
    "https_get HOST PORT PATH [CA_FILE]\n"
    "Writes the page at https://HOST:PORT/PATH to standard output. CA_FILE takes the place of the system's certificates.";

enum { HEAD_LIMIT = 65536 };

/* What comes next. */
enum part { HEAD, BODY_OF_LENGTH, BODY_TO_THE_END, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, WHOLE };

struct page {
    enum part part;
    char head[HEAD_LIMIT + 1]; /* the head, then a line of a size or a trailer */
    size_t head_size;
    unsigned long long left; /* bytes of the body, or of the chunk */
    int failed;
};

static void fail(struct page *page, socket_handle tls, const char *why)
{
    fprintf(stderr, "%s\n", why);
    page->failed = 1;
    socket_close(tls, NULL, NULL);
}

/* Adds a byte to the line that is being read, and reports whether it is complete. */
static int line_ends(struct page *page, char byte)
{
    if (page->head_size < HEAD_LIMIT)
        page->head[page->head_size++] = byte;
    page->head[page->head_size] = '\0';
    return byte == '\n';
}

static void read_head(struct page *page, socket_handle tls)
{
    const char *field;
    int status = 0;

    if (sscanf(page->head, "HTTP/1.%*1[01] %3d", &status) != 1) {
        fail(page, tls, "this is not HTTP/1.1");
        return;
    }
    fprintf(stderr, "%.*s\n", (int) strcspn(page->head, "\r\n"), page->head);
    page->failed = status != 200;
    page->part = BODY_TO_THE_END;
    if (strcasestr(page->head, "\nTransfer-Encoding: chunked") != NULL) {
        page->part = CHUNK_SIZE;
    } else if ((field = strcasestr(page->head, "\nContent-Length:")) != NULL) {
        page->left = strtoull(field + strlen("\nContent-Length:"), NULL, 10);
        page->part = page->left > 0 ? BODY_OF_LENGTH : WHOLE;
    }
    page->head_size = 0;
}

/* Writes what of the bytes belongs to the body or the chunk, and returns its number. */
static size_t write_body(struct page *page, const char *bytes, size_t size)
{
    size_t n = size > page->left ? (size_t) page->left : size;

    fwrite(bytes, 1, n, stdout);
    page->left -= n;
    return n;
}

/* Reads a part of the page and returns how many bytes it was. */
static size_t read_part(struct page *page, socket_handle tls, const char *bytes, size_t size)
{
    switch (page->part) {
    case HEAD:
        if (page->head_size == HEAD_LIMIT)
            fail(page, tls, "the head of the page is too long");
        if (line_ends(page, *bytes) && strstr(page->head, "\r\n\r\n") != NULL)
            read_head(page, tls);
        return 1;
    case BODY_OF_LENGTH:
        size = write_body(page, bytes, size);
        if (page->left == 0)
            page->part = WHOLE;
        return size;
    case BODY_TO_THE_END:
        fwrite(bytes, 1, size, stdout);
        return size;
    case CHUNK_SIZE:
        if (line_ends(page, *bytes)) {
            page->left = strtoull(page->head, NULL, 16);
            page->part = page->left > 0 ? CHUNK : TRAILER;
            page->head_size = 0;
        }
        return 1;
    case CHUNK:
        size = write_body(page, bytes, size);
        if (page->left == 0)
            page->part = CHUNK_END;
        return size;
    case CHUNK_END:
        if (line_ends(page, *bytes)) {
            page->part = CHUNK_SIZE;
            page->head_size = 0;
        }
        return 1;
    case TRAILER:
        if (line_ends(page, *bytes)) {
            if (strcmp(page->head, "\r\n") == 0)
                page->part = WHOLE;
            page->head_size = 0;
        }
        return 1;
    case WHOLE:
        break;
    }
    return size;
}

static void on_message(const socket_event *e, void *user_data)
{
    struct page *page = user_data;
    const char *bytes = e->data;
    size_t left = e->size;

    while (left > 0 && page->part != WHOLE) {
        size_t n = read_part(page, e->socket, bytes, left);

        bytes += n;
        left -= n;
    }
    if (page->part == WHOLE)
        socket_close(e->socket, NULL, NULL);
}

/* The server has ended properly. Only a page without a length ends so. */
static void on_end(const socket_event *e, void *user_data)
{
    struct page *page = user_data;

    if (page->part == BODY_TO_THE_END)
        page->part = WHOLE;
    else if (page->part != WHOLE)
        fail(page, e->socket, "the page is not complete");
}

static void on_error(const socket_event *e, void *user_data)
{
    struct page *page = user_data;

    if (page->part == WHOLE)
        return; /* many servers end without saying so once all is said */
    report_detail("connection", e->socket, e->error);
    page->failed = 1;
}

static void on_connected(socket_handle tls, int error, void *user_data)
{
    struct page *page = user_data;
    char protocol[16], suite[64], alpn[256];

    if (error < 0) {
        report_detail("connect", tls, error);
        page->failed = 1;
        return;
    }
    socket_tls_get_protocol(tls, protocol, sizeof protocol);
    socket_tls_get_cipher_suite(tls, suite, sizeof suite);
    socket_tls_get_alpn(tls, alpn, sizeof alpn);
    fprintf(stderr, "%s, %s, %s\n", protocol, suite, *alpn ? alpn : "no application protocol");
}

int main(int argc, char **argv)
{
    static const char *const protocols[] = { "http/1.1" };
    static struct page page;
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    socket_tls_options secure = SOCKET_TLS_OPTIONS_INIT;
    char *ca = NULL, request[4096];
    socket_handle tls;
    int size;

    check_arguments(argc, argv, 3, 4, help);
    to.address = parse_address(argv[1], argv[2]);
    size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\nConnection: close\r\n\r\n",
                    argv[3], argv[1]);
    if (argv[3][0] != '/' || strpbrk(argv[3], " \r\n") != NULL || size >= (int) sizeof request) {
        fprintf(stderr, "%s is not a path\n", argv[3]);
        return 1;
    }
    if (argc > 4) {
        ca = read_text(argv[4]);
        secure.ca = (const char *const *) &ca;
        secure.ca_count = 1;
    }
    secure.alpn_protocols = protocols;
    secure.alpn_protocol_count = 1;
    to.tls = &secure;

    tls = check("construct", socket_construct_tls());
    check("on", socket_on(tls, SOCKET_EVENT_MESSAGE, on_message, &page));
    check("on", socket_on(tls, SOCKET_EVENT_END, on_end, &page));
    check("on", socket_on(tls, SOCKET_EVENT_ERROR, on_error, &page));
    check_detail("connect", tls, socket_connect(tls, &to, on_connected, &page));
    /* waits for the handshake */
    check("send", socket_send(tls, request, (size_t) size, NULL, NULL));
    free(ca);
    check("run", socket_run());
    socket_release(tls);
    return page.failed || fflush(stdout) != 0;
}
