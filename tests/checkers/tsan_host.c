// A host under ThreadSanitizer, which sees the host's memory but not how the library orders its own
// threads: what is written before a call, in a callback or before a post is read on another thread
// later, without a lock or an atomic. None of it is a race. With -DRACE one is: the sanitizer has
// to see that one.
#include <ohsocket.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 20, MESSAGES = 50, POSTS = 200 };

struct client {
    socket_connect_options to;
    size_t received;
};

// Plain: written on loops' threads, read on the main thread at the end.
static long received, completed, posted, ended;
static socket_handle server;

static void must(int64_t result)
{
    if (result >= 0) return;
    fprintf(stderr, "%s\n", socket_strerror((int)result));
    exit(1);
}

static void on_sent(socket_handle s, int error, void *text)
{
    (void)s;
    if (error == 0) completed += ((char *)text)[0] == 'x';
    free(text);
}

static void on_closed(const socket_event *e, void *client)
{
    (void)e;
    free(client);
    if (++ended == CLIENTS) must(socket_close(server, NULL, NULL));
}

static void on_echo(const socket_event *e, void *user_data)
{
    struct client *client = user_data;
    client->received += e->size;
    received += (long)e->size;
    if (client->received == MESSAGES) must(socket_close(e->socket, NULL, NULL));
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
}

static void on_connected(socket_handle s, int error, void *client)
{
    must(error);
    ((struct client *)client)->to.address.port = 0;
    for (int i = 0; i < MESSAGES; i++) {
        char *text = malloc(1);
        text[0] = 'x';
        must(socket_send(s, text, 1, on_sent, text));
    }
}

static void on_post(void *number)
{
    posted += *(int *)number;
    free(number);
}

static void *post_many(void *unused)
{
    for (int i = 0; i < POSTS; i++) {
        int *number = malloc(sizeof *number);
        *number = 1;
        must(socket_loop_post(0, on_post, number));
    }
    return unused;
}

#ifdef RACE
static void *disturb(void *unused)
{
    for (int i = 0; i < 1000; i++) *(volatile long *)&received += 0;
    return unused;
}
#endif

// A loop that one thread runs after another, with nothing but the library between them.
static void *run_once(void *loop)
{
    while (socket_loop_run(*(socket_loop *)loop, 1) == 0) continue;
    return NULL;
}

int main(void)
{
    socket_listen_options at = SOCKET_LISTEN_OPTIONS_INIT;
    at.address.address = "127.0.0.1";
    server = socket_construct_tcp_server();
    must(socket_on(server, SOCKET_EVENT_CONNECT, on_client, NULL));
    must(socket_listen(server, &at));
    int port;
    must(socket_get_local_address(server, NULL, 0, &port, NULL));
    pthread_t poster;
    pthread_create(&poster, NULL, post_many, NULL);
#ifdef RACE
    pthread_t disturber;
    pthread_create(&disturber, NULL, disturb, NULL);
#endif
    for (int i = 0; i < CLIENTS; i++) {
        socket_handle s = socket_construct_tcp();
        struct client *client = calloc(1, sizeof *client);
        client->to = (socket_connect_options)SOCKET_CONNECT_OPTIONS_INIT;
        client->to.address.address = "127.0.0.1";
        client->to.address.port = port;
        must(socket_on(s, SOCKET_EVENT_MESSAGE, on_echo, client));
        must(socket_on(s, SOCKET_EVENT_CLOSE, on_closed, client));
        must(socket_connect(s, &client->to, on_connected, client));
    }
    must(socket_run());
    pthread_join(poster, NULL);
#ifdef RACE
    pthread_join(disturber, NULL);
#endif
    must(socket_shutdown(10000)); // runs what is posted
    socket_loop loop = socket_loop_create(SOCKET_LOOP_CALLBACKS);
    for (int i = 0; i < 2; i++) {
        int *number = malloc(sizeof *number);
        pthread_t runner;
        *number = 1;
        must(socket_loop_post(loop, on_post, number));
        pthread_create(&runner, NULL, run_once, &loop);
        pthread_join(runner, NULL);
    }
    must(socket_loop_close(loop));
    printf("%ld bytes echoed, %ld sends completed, %ld posts, %ld closed\n", received, completed, posted, ended);
    return received == CLIENTS * MESSAGES && completed == CLIENTS * MESSAGES && posted == POSTS + 2 && ended == CLIENTS ? 0 : 1;
}
