// A host under LeakSanitizer, with the library as it is installed. Most of what the library
// allocates, and what the host has given it, only Go memory refers to. None of it is a leak.
//
// lsan_host WAY: how the program ends. "shutdown" closes everything and calls socket_shutdown,
// "loop" does the same on a loop of its own and closes that one, "open" returns from main while
// sockets are open. "lost" leaks 1234 bytes on purpose.
#include <ohsocket.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// PROC-7
enum { CLIENTS = 6, PATIENCE_MS = 20000 };

static socket_tls_options trusted = SOCKET_TLS_OPTIONS_INIT;
static socket_handle server;
static int answered, closed, open_to_the_end;
static socket_loop loop; // 0: the default ones

static void must(int64_t result)
{
    if (result >= 0) return;
    fprintf(stderr, "%s\n", socket_strerror((int)result));
    exit(2);
}

static char *read_file(const char *name)
{
    char path[1000];
    char *text = calloc(1, 16384);
    snprintf(path, sizeof path, "%s/%s", TLS_CERTIFICATES, name);
    FILE *f = fopen(path, "r");
    if (f == NULL || fread(text, 1, 16383, f) == 0) exit(2);
    fclose(f);
    return text;
}

// The library alone knows where this lies.
static void on_freed(const socket_event *e, void *text)
{
    (void)e;
    free(text);
    closed++;
}

static void on_request(const socket_event *e, void *unused)
{
    (void)unused;
    must(socket_send(e->socket, e->data, e->size, NULL, NULL));
}

static void on_client(const socket_event *e, void *unused)
{
    (void)unused;
    must(socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_request, NULL));
    must(socket_on(e->connection, SOCKET_EVENT_CLOSE, on_freed, strdup("a connection's")));
}

static void on_answer(const socket_event *e, void *unused)
{
    (void)unused;
    answered++;
    if (!open_to_the_end) must(socket_close(e->socket, NULL, NULL));
}

static void on_connected(socket_handle s, int error, void *text)
{
    must(error);
    must(socket_send(s, text, strlen(text), NULL, NULL));
    free(text);
}

static socket_handle make(int kind)
{
    socket_handle s = socket_construct(loop, kind);
    must(s);
    return s;
}

static int listen_somewhere(void)
{
    socket_tls_options own = SOCKET_TLS_OPTIONS_INIT;
    socket_listen_options at = SOCKET_LISTEN_OPTIONS_INIT;
    char *certificate = read_file("server.pem"), *key = read_file("server.key");
    int port;
    own.identity.cert = certificate;
    own.identity.key = key;
    at.address.address = "127.0.0.1";
    at.tls = &own;
    server = make(SOCKET_KIND_TLS_SERVER);
    must(socket_on(server, SOCKET_EVENT_CONNECT, on_client, NULL));
    must(socket_listen(server, &at));
    must(socket_get_local_address(server, NULL, 0, &port, NULL));
    free(certificate);
    free(key);
    return port;
}

static void connect_client(int port, const char *ca)
{
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    socket_handle s = make(SOCKET_KIND_TLS);
    to.address.address = "127.0.0.1";
    to.address.port = port;
    to.tls = &trusted;
    trusted.ca = &ca;
    trusted.ca_count = 1;
    must(socket_on(s, SOCKET_EVENT_MESSAGE, on_answer, NULL));
    must(socket_on(s, SOCKET_EVENT_CLOSE, on_freed, strdup("a client's")));
    must(socket_connect(s, &to, on_connected, strdup("Is anybody there?")));
}

static void ignore(void *unused) { (void)unused; }

static void wait_for(const int *count, int wanted)
{
    for (int i = 0; *(const volatile int *)count < wanted; i++) {
        if (i == PATIENCE_MS) exit(3);
        if (loop != 0) must(socket_loop_run(loop, 1));
        else poll(NULL, 0, 1);
    }
}

// What only the library refers to, and the stacks of threads forget, is made here.
static __attribute__((noinline)) void serve(void)
{
    int port = listen_somewhere();
    char *ca = read_file("ca.pem");
    for (int i = 0; i < CLIENTS; i++) connect_client(port, ca);
    wait_for(&answered, CLIENTS);
    if (!open_to_the_end) wait_for(&closed, 2 * CLIENTS);
    if (open_to_the_end) must(socket_loop_set_timer(loop, 3600000, 0, ignore, strdup("a timer's")));
    free(ca);
}

static __attribute__((noinline)) void lose(void)
{
    char *volatile lost = malloc(1234);
    lost[0] = 1;
    lost = NULL;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    open_to_the_end = strcmp(way, "open") == 0;
    if (strcmp(way, "loop") == 0) must(loop = socket_loop_create(SOCKET_LOOP_CALLBACKS));
    serve();
    if (strcmp(way, "lost") == 0) lose();
    if (loop != 0) must(socket_loop_close(loop));
    if (!open_to_the_end) must(socket_shutdown(PATIENCE_MS));
    printf("%d answers, %d closed\n", answered, closed);
    return 0;
}
