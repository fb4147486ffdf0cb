/* A TLS server for the tests: tls_server [OPTION...]. It prints `port N`, then one line for each
 * thing that happens, the last is what the library still holds. Options beside those of
 * settings_take:
 *
 *   --echo             sends everything back (the default)
 *   --sink             takes everything and says nothing
 *   --http             answers a request with a page that has the request's first line
 *   --greeting TEXT    says TEXT first
 *   --bytes N          sends N bytes while it receives, in portions of --portion N (65536)
 *   --queue N          sends N bytes in one send and closes at once
 *   --half-open        goes on sending when the client has ended
 *   --handshake MS     what a client has for its handshake
 *   --keylog FILE      the secrets of the connections go there
 *
 * Commands on standard input: `options OPTION...` new secure options, complete, for the clients
 * that come from now on; `close` no more clients; `exit` the process ends, in the middle of
 * whatever is going on; the end of it: everything ends. */
#define _GNU_SOURCE /* getline */
#include <stdlib.h>
#include <string.h>

#include "program.h"

static struct settings settings;
static int64_t bytes, queue, portion = 65536;
static int sink, http, half_open;
static const char *greeting;

struct client {
    int64_t id;
    socket_handle socket;
    struct stream in;
    struct pump pump;
    unsigned char *held; /* refused by a full queue */
    size_t held_size;
    int ended, pumped, closed;
};

static void free_client(struct client *c)
{
    if (c->closed && c->pumped) {
        free(c->held);
        free(c);
    }
}

static void on_pumped(struct pump *pump, int error)
{
    struct client *c = pump->owner;
    char what[64];

    snprintf(what, sizeof what, "client %lld sent", (long long)c->id);
    stream_say(what, &pump->out);
    (void)error; /* the connection's error event has it */
    c->pumped = 1;
    free_client(c);
}

static void answer_http(struct client *c, const char *request, size_t size)
{
    char page[2048];
    const char *line_end = memchr(request, '\r', size);
    int length = line_end == NULL ? 0 : (int)(line_end - request);

    if (length > 1024)
        length = 1024;
    length = snprintf(page, sizeof page,
                      "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%.*s", length, length, request);
    socket_send(c->socket, page, (size_t)length, NULL, NULL);
    socket_close(c->socket, NULL, NULL);
}

static void on_drain(const socket_event *e, void *user_data)
{
    struct client *c = user_data;

    if (c->held == NULL)
        return;
    socket_send(e->socket, c->held, c->held_size, NULL, NULL);
    free(c->held);
    c->held = NULL;
    if (c->ended)
        socket_close(e->socket, NULL, NULL);
    else
        socket_resume(e->socket);
}

static void on_message(const socket_event *e, void *user_data)
{
    struct client *c = user_data;

    c->in.size += (int64_t)e->size;
    sha256_add(&c->in.hash, e->data, e->size);
    if (http) {
        answer_http(c, e->data, e->size);
    } else if (!sink && bytes == 0 && socket_send(e->socket, e->data, e->size, NULL, NULL) == -SOCKET_ERROR_SERVER_AGAIN) {
        c->held = malloc(e->size);
        c->held_size = e->size;
        memcpy(c->held, e->data, e->size);
        socket_pause(e->socket);
        socket_set_option(e->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1);
    }
}

static void on_end(const socket_event *e, void *user_data)
{
    struct client *c = user_data;

    say("client %lld end", (long long)c->id);
    c->ended = 1;
    if (half_open && c->held == NULL && bytes == 0)
        socket_close(e->socket, NULL, NULL);
}

static void on_error(const socket_event *e, void *user_data)
{
    struct client *c = user_data;
    char what[64];

    snprintf(what, sizeof what, "client %lld error", (long long)c->id);
    say_failure(what, e->socket, e->error);
}

static void on_close(const socket_event *e, void *user_data)
{
    struct client *c = user_data;
    char what[64];

    snprintf(what, sizeof what, "client %lld received", (long long)c->id);
    stream_say(what, &c->in);
    say("client %lld closed code=%d", (long long)c->id, -e->error);
    c->closed = 1;
    free_client(c);
}

static void send_queue(struct client *c)
{
    unsigned char *all = malloc((size_t)queue);
    char what[64];

    stream_begin(&c->pump.out, 2, queue);
    stream_make(&c->pump.out, all, (size_t)queue);
    socket_send(c->socket, all, (size_t)queue, NULL, NULL);
    free(all);
    snprintf(what, sizeof what, "client %lld sent", (long long)c->id);
    stream_say(what, &c->pump.out);
    socket_close(c->socket, NULL, NULL);
}

static void on_client(const socket_event *e, void *user_data)
{
    struct client *c = calloc(1, sizeof *c);
    char what[64];

    (void)user_data;
    c->id = socket_get_client_id(e->connection);
    c->socket = c->pump.socket = e->connection;
    snprintf(what, sizeof what, "client %lld connected", (long long)c->id);
    say_agreed(what, c->socket);
    stream_begin(&c->in, 0, 0);
    stream_begin(&c->pump.out, 2, bytes);
    c->pump.portion = (size_t)portion;
    c->pump.window = 8;
    c->pump.done = on_pumped;
    c->pump.owner = c;
    c->pumped = bytes == 0;
    socket_on(c->socket, SOCKET_EVENT_MESSAGE, on_message, c);
    socket_on(c->socket, SOCKET_EVENT_DRAIN, on_drain, c);
    socket_on(c->socket, SOCKET_EVENT_END, on_end, c);
    socket_on(c->socket, SOCKET_EVENT_ERROR, on_error, c);
    socket_on(c->socket, SOCKET_EVENT_CLOSE, on_close, c);
    if (half_open)
        socket_set_option(c->socket, SOCKET_OPTION_ALLOW_HALF_OPEN, 1);
    if (greeting != NULL)
        socket_send(c->socket, greeting, strlen(greeting), NULL, NULL);
    if (queue > 0)
        send_queue(c);
    else if (bytes > 0)
        pump_start(&c->pump);
}

/* The failed handshake of a client. */
static void on_failure(const socket_event *e, void *user_data)
{
    (void)user_data;
    say_failure("failed", e->socket, e->error);
}

static void on_server_closed(const socket_event *e, void *user_data)
{
    (void)user_data;
    say("closed code=%d", -e->error);
}

/* Splits a line into words and takes them as secure options. */
static void renew(socket_handle server, char *line)
{
    char *words[64] = { NULL };
    int count = 0, result;

    for (char *word = strtok(line, " \n"); word != NULL && count < 62; word = strtok(NULL, " \n"))
        words[count++] = word;
    memset(&settings, 0, sizeof settings);
    for (int i = 0; i < count;)
        if (!settings_take(&settings, words, &i)) {
            say("no such option: %s", words[i]);
            return;
        }
    result = socket_tls_set_secure_options(server, &settings.tls);
    say_failure("renewed", server, result);
}

int main(int argc, char **argv)
{
    socket_listen_options where = SOCKET_LISTEN_OPTIONS_INIT;
    socket_handle server;
    int64_t handshake = 0;
    const char *keylog = NULL;
    char *line = NULL;
    size_t capacity = 0;
    int result, port;

    settings.tls = (socket_tls_options)SOCKET_TLS_OPTIONS_INIT;
    for (int i = 1; i < argc;) {
        const char *name = argv[i], *value = argv[i + 1];

        if (settings_take(&settings, argv, &i))
            continue;
        i++;
        if (strcmp(name, "--echo") == 0)
            continue;
        if (strcmp(name, "--sink") == 0) {
            sink = 1;
        } else if (strcmp(name, "--http") == 0) {
            http = 1;
        } else if (strcmp(name, "--half-open") == 0) {
            half_open = 1;
        } else if (value != NULL) {
            i++;
            if (strcmp(name, "--greeting") == 0)
                greeting = value;
            else if (strcmp(name, "--bytes") == 0)
                bytes = number(value);
            else if (strcmp(name, "--portion") == 0)
                portion = number(value);
            else if (strcmp(name, "--queue") == 0)
                queue = number(value);
            else if (strcmp(name, "--handshake") == 0)
                handshake = number(value);
            else if (strcmp(name, "--keylog") == 0)
                keylog = value;
            else
                return fprintf(stderr, "%s: no such option\n", name), 2;
        } else {
            return fprintf(stderr, "%s: no such option\n", name), 2;
        }
    }
    remember_start();
    if (keylog != NULL)
        say("keylog code=%d", -socket_tls_set_keylog(keylog));
    server = socket_construct_tls_server();
    where.address.address = "127.0.0.1";
    where.tls = &settings.tls;
    if (handshake > 0)
        socket_set_option(server, SOCKET_OPTION_HANDSHAKE_TIMEOUT, handshake);
    socket_on(server, SOCKET_EVENT_CONNECT, on_client, NULL);
    socket_on(server, SOCKET_EVENT_ERROR, on_failure, NULL);
    socket_on(server, SOCKET_EVENT_CLOSE, on_server_closed, NULL);
    result = socket_listen(server, &where);
    if (result < 0) {
        say_failure("refused", server, result);
    } else {
        socket_get_local_address(server, NULL, 0, &port, NULL);
        say("port %d", port);
        while (getline(&line, &capacity, stdin) > 0) {
            if (strncmp(line, "options ", 8) == 0)
                renew(server, line + 8);
            else if (strcmp(line, "close\n") == 0)
                socket_close(server, NULL, NULL);
            else if (strcmp(line, "exit\n") == 0)
                exit(0);
            else
                say("no such command: %s", line);
        }
        free(line);
    }
    if (keylog != NULL)
        socket_tls_set_keylog(NULL);
    say_end();
    return 0;
}
