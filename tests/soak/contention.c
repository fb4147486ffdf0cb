// contention [SENDS] [MICROSECONDS]: how long socket_send takes on a second thread while the
// socket's loop is busy with echoes on other sockets and a third thread sends as well. Fails if the
// 99th percentile is over the given number of microseconds.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "soak.h"

enum { PAIRS = 4, SMALL = 100, BUSY = 4096 };

static atomic_int stop, connected, refused, drains;
static atomic_ullong received;
static socket_handle target;

static void on_busy(const socket_event *e, void *unused)
{
    (void)unused;
    if (!stop) socket_send(e->socket, e->data, e->size, NULL, NULL);
}

static void on_sink(const socket_event *e, void *unused)
{
    (void)unused;
    atomic_fetch_add(&received, e->size);
}

static void on_client(const socket_event *e, void *listener)
{
    CHECK_OK(socket_on(e->connection, SOCKET_EVENT_MESSAGE, listener ? on_sink : on_busy, NULL));
}

static void on_connected(socket_handle socket, int error, void *busy)
{
    static const char bytes[BUSY];
    if (error) FAIL("connect: %s", socket_strerror(error));
    if (busy) CHECK_OK(socket_send(socket, bytes, sizeof bytes, NULL, NULL));
    atomic_fetch_add(&connected, 1);
    happened();
}

static socket_handle client_of(int port, int busy)
{
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    to.address.address = "127.0.0.1";
    to.address.port = port;
    socket_handle s = CHECK_OK(socket_construct_tcp());
    CHECK_OK(socket_on(s, SOCKET_EVENT_MESSAGE, on_busy, NULL));
    CHECK_OK(socket_connect(s, &to, on_connected, busy ? &stop : NULL));
    return s;
}

static void on_drain(const socket_event *e, void *unused)
{
    (void)e;
    (void)unused;
    atomic_fetch_add(&drains, 1);
    happened();
}

static void *send_too(void *unused)
{
    static const char bytes[SMALL];
    (void)unused;
    while (!stop) {
        socket_send(target, bytes, sizeof bytes, NULL, NULL);
        pass_time(1000000);
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    int sends = (int)argument(argc, argv, 1, 50000);
    int64_t bound_us = argument(argc, argv, 2, 200);
    static const char bytes[SMALL];
    socket_handle busy_server = CHECK_OK(socket_construct_tcp_server()), sink = CHECK_OK(socket_construct_tcp_server());
    CHECK_OK(socket_on(busy_server, SOCKET_EVENT_CONNECT, on_client, NULL));
    CHECK_OK(socket_on(sink, SOCKET_EVENT_CONNECT, on_client, &stop));
    int busy_port = server_listen(busy_server, "127.0.0.1", 0);
    for (int i = 0; i < PAIRS; i++) client_of(busy_port, 1);
    target = client_of(server_listen(sink, "127.0.0.1", 0), 0);
    CHECK_OK(socket_on(target, SOCKET_EVENT_DRAIN, on_drain, NULL));
    WAIT(connected == PAIRS + 1);
    pthread_t t;
    CHECK(pthread_create(&t, NULL, send_too, NULL) == 0);

    uint32_t *ns = calloc((size_t)sends, sizeof *ns);
    CHECK(ns != NULL);
    socket_stats before = stats_now();
    int64_t start = now_ns();
    for (int i = 0; i < sends;) {
        int drained = drains;
        int64_t from = now_ns();
        int result = socket_send(target, bytes, sizeof bytes, NULL, NULL);
        int64_t took = now_ns() - from;
        if (result == -SOCKET_ERROR_AGAIN) {
            refused++;
            WAIT(drains != drained);
            continue;
        }
        CHECK_OK(result);
        ns[i++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
        // A send now and then, not a flood.
        for (int64_t until = now_ns() + 10000; now_ns() < until;) {}
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    socket_stats after = stats_now();
    stop = 1;
    pthread_join(t, NULL);
    qsort(ns, (size_t)sends, sizeof *ns, by_value);
    double p99 = ns[(size_t)sends * 99 / 100] / 1e3;
    printf("%d sends beside a loop that handles %.0f messages a second: p50 %.1f us, p99 %.1f us, p99.9 %.1f us, longest %.1f us; "
           "%d refused\n", sends, (double)(after.messages_received - before.messages_received) / seconds, ns[sends / 2] / 1e3, p99,
           ns[(size_t)sends * 999 / 1000] / 1e3, ns[sends - 1] / 1e3, refused);
    CHECK_OK(socket_shutdown(10000));
    // the loop was busy
    CHECK(after.messages_received - before.messages_received > (uint64_t)sends / 20);
    if (p99 > (double)bound_us) FAIL("p99 is %.1f us, allowed are %lld", p99, (long long)bound_us);
    return 0;
}
