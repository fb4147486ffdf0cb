// churn [COUNT]: COUNT connections, each opened, used and closed in one of several ways, WINDOW at
// a time. Memory, descriptors, handles and goroutines must be the same at the end as after the
// first tenth.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "soak.h"

enum { WINDOW = 64, WAYS = 6, PAYLOAD = 4000, SLACK_KB = 4 << 10 };

struct client {
    atomic_int busy;
    int way, number;
    socket_handle socket;
    size_t got;
};

static struct client clients[WINDOW];
static atomic_int done;
static int port;

static void close_connection(const socket_event *e, void *user_data)
{
    (void)user_data;
    CHECK_OK(socket_close(e->socket, NULL, NULL));
}

static void on_bytes(const socket_event *e, void *user_data)
{
    int result = socket_send(e->socket, e->data, e->size, NULL, NULL);
    if (result < 0 && socket_error_category(result) != SOCKET_CATEGORY_CLOSED) FAIL("echo: %s", socket_strerror(result));
    if (((const unsigned char *)e->data)[0] == 1) close_connection(e, user_data);
}

static void on_client(const socket_event *e, void *unused)
{
    (void)unused;
    CHECK_OK(socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_bytes, NULL));
}

static void leave(struct client *c)
{
    CHECK_OK(socket_release(c->socket));
    atomic_fetch_add(&done, 1);
    atomic_store(&c->busy, 0);
    happened();
}

static void on_close(const socket_event *e, void *user_data)
{
    (void)e;
    leave(user_data);
}

static void on_answer(const socket_event *e, void *user_data)
{
    struct client *c = user_data;
    c->got += e->size;
    if (c->way == 2) CHECK_OK(socket_close(e->socket, NULL, NULL));
    if (c->way == 3) socket_abort(e->socket);
}

static void on_connected(socket_handle socket, int error, void *user_data)
{
    struct client *c = user_data;
    static const char zeros[PAYLOAD];
    if (c->way == 5) { // to where nobody listens
        CHECK(error == -SOCKET_ERROR_CONNREFUSED);
        leave(c);
        return;
    }
    if (error) FAIL("connect: %s", socket_strerror(error));
    switch (c->way) {
    case 0: // the client closes, nothing was sent
        CHECK_OK(socket_close(socket, NULL, NULL));
        break;
    case 1: // the server closes after its answer
        CHECK_OK(socket_send(socket, "\1", 1, NULL, NULL));
        break;
    case 2: // closed, aborted by the client while the answer comes
    case 3:
        CHECK_OK(socket_send(socket, zeros, PAYLOAD, NULL, NULL));
        break;
    case 4: // half closed
        CHECK_OK(socket_send(socket, zeros, PAYLOAD, NULL, NULL));
        CHECK_OK(socket_end(socket, NULL, NULL));
        break;
    }
}

static void begin(struct client *c, int number, int dead)
{
    char address[32];
    c->number = number;
    c->way = number % WAYS;
    c->got = 0;
    c->busy = 1;
    c->socket = CHECK_OK(socket_construct_tcp());
    CHECK_OK(socket_on(c->socket, SOCKET_EVENT_MESSAGE, on_answer, c));
    CHECK_OK(socket_on(c->socket, SOCKET_EVENT_CLOSE, on_close, c));
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    // Of 127/8, so that no pair of addresses runs out of ports.
    snprintf(address, sizeof address, "127.0.%d.%d", number >> 8 & 255, 1 + (number & 63));
    to.address.address = address;
    to.address.port = c->way == 5 ? dead : port;
    to.timeout_ms = PATIENCE_MS;
    CHECK_OK(socket_connect(c->socket, &to, on_connected, c));
}

static struct client *free_client(void)
{
    for (int i = 0; i < WINDOW; i++)
        if (!clients[i].busy) return &clients[i];
    return NULL;
}

int main(int argc, char **argv)
{
    int count = (int)argument(argc, argv, 1, 100000);
    CHECK_OK(socket_set_dispatch_threads(2));
    warm_up();
    socket_handle server = CHECK_OK(socket_construct_tcp_server());
    CHECK_OK(socket_on(server, SOCKET_EVENT_CONNECT, on_client, NULL));
    port = server_listen(server, "0.0.0.0", 0);
    socket_handle placeholder = CHECK_OK(socket_construct_tcp());
    socket_address any = {"0.0.0.0", 0, 0};
    int dead;
    CHECK_OK(socket_bind(placeholder, &any));
    CHECK_OK(socket_get_local_address(placeholder, NULL, 0, &dead, NULL));

    struct baseline before = {0};
    int64_t start = now_ns();
    for (int i = 0; i < count; i++) {
        if (i == count / 10) {
            WAIT(done == i);
            WAIT_STATE(stats_now().sockets == 2);
            before = baseline_now();
            baseline_print("after the first tenth", &before);
        }
        struct client *c;
        WAIT((c = free_client()) != NULL);
        begin(c, i, dead);
    }
    WAIT(done == count);
    baseline_wait(&before);
    struct baseline after = baseline_now();
    baseline_print("at the end", &after);
    double seconds = (double)(now_ns() - start) / 1e9;
    long most = before.kb + before.kb / 20 + SLACK_KB;
    long kb = SOAK_ASAN ? 0 : after.kb > most ? memory_settle(most) : after.kb;
    if (kb > most) FAIL("%ld KiB after %d connections, %ld after %d", kb, count, before.kb, count / 10);
    printf("%d connections in %.1f s: %.0f a second\n", count, seconds, count / seconds);
    CHECK_OK(socket_release(server));
    CHECK_OK(socket_release(placeholder));
    WAIT_STATE(stats_now().sockets == 0);
    return 0;
}
