/* Sends every byte or datagram back, for peers that are not ours.
 *
 *   echo server             prints its port; serves one client, in the library's own thread
 *   echo client PORT        connects and does the same from that side
 *   echo loop-server        as server, on a loop in record mode
 *   echo udp-server COUNT   prints its port; ends after COUNT datagrams
 *   echo udp-client PORT    sends datagrams of many sizes and expects each back
 *
 * The exit status tells whether all went well. What the peer has not taken yet is bounded: reading
 * pauses while more than HIGH bytes wait, and goes on under LOW. */
#include <ohsocket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HIGH = 4 << 20, LOW = 1 << 20 };

static int status = 1;

static void fail(const char *what, int64_t code)
{
    fprintf(stderr, "echo: %s: %lld %s\n", what, (long long)code, socket_strerror((int)code));
    _Exit(1);
}

static int64_t must(const char *what, int64_t result)
{
    if (result < 0) fail(what, result);
    return result;
}

static void print_port(socket_handle s)
{
    int port;
    must("local address", socket_get_local_address(s, NULL, 0, &port, NULL));
    printf("%d\n", port);
    fflush(stdout);
}

static void sent(socket_handle s, int error, void *user_data)
{
    (void)user_data;
    must("a send", error);
    if (socket_get_send_queue_length(s) < LOW) socket_resume(s);
}

static void echo_bytes(const socket_event *e)
{
    must("send", socket_send(e->socket, e->data, e->size, e->user_data ? SOCKET_RECORD : sent, NULL));
    if (socket_get_send_queue_length(e->socket) > HIGH) must("pause", socket_pause(e->socket));
}

static void on_message(const socket_event *e, void *user_data) { (void)user_data; echo_bytes(e); }

static void on_error(const socket_event *e, void *user_data)
{
    (void)user_data;
    fail("the connection", e->error);
}

static void on_close(const socket_event *e, void *user_data)
{
    socket_handle server = *(socket_handle *)user_data;
    status = e->error == 0 ? 0 : 1;
    if (server) socket_close(server, NULL, NULL);
}

static void listen_to(socket_handle s, void *user_data)
{
    must("on", socket_on(s, SOCKET_EVENT_MESSAGE, on_message, NULL));
    must("on", socket_on(s, SOCKET_EVENT_ERROR, on_error, NULL));
    must("on", socket_on(s, SOCKET_EVENT_CLOSE, on_close, user_data));
    must("limit", socket_set_option(s, SOCKET_OPTION_CLOSE_TIMEOUT, 60000));
}

static void on_client(const socket_event *e, void *user_data) { listen_to(e->connection, user_data); }

static void listen_somewhere(socket_handle server)
{
    socket_listen_options o = SOCKET_LISTEN_OPTIONS_INIT;
    o.address.address = "127.0.0.1";
    must("listen", socket_listen(server, &o));
    print_port(server);
}

static void serve(void)
{
    static socket_handle server;
    server = must("construct", socket_construct_tcp_server());
    must("on", socket_on(server, SOCKET_EVENT_CONNECT, on_client, &server));
    listen_somewhere(server);
    must("run", socket_run());
}

static void connected(socket_handle s, int error, void *user_data)
{
    (void)s, (void)user_data;
    must("connect", error);
}

static void connect_to(int port)
{
    static socket_handle none;
    socket_connect_options o = SOCKET_CONNECT_OPTIONS_INIT;
    socket_handle s = must("construct", socket_construct_tcp());
    o.address.address = "127.0.0.1";
    o.address.port = port;
    listen_to(s, &none);
    must("connect", socket_connect(s, &o, connected, NULL));
    must("run", socket_run());
}

static void serve_records(void)
{
    enum { CAPACITY = 256 };
    static socket_event records[CAPACITY];
    const uint32_t all = SOCKET_EVENT_MASK(SOCKET_EVENT_MESSAGE) | SOCKET_EVENT_MASK(SOCKET_EVENT_CLOSE) |
                         SOCKET_EVENT_MASK(SOCKET_EVENT_ERROR) | SOCKET_EVENT_MASK(SOCKET_EVENT_CONNECT);
    socket_loop loop = must("loop", socket_loop_create(SOCKET_LOOP_RECORDS));
    socket_handle server = must("construct", socket_construct(loop, SOCKET_KIND_TCP_SERVER)), client = 0;
    must("subscribe", socket_subscribe(server, all, records));
    listen_somewhere(server);
    while (status != 0) {
        int n = (int)must("poll", socket_loop_poll(loop, records, CAPACITY, -1));
        for (int i = 0; i < n; i++) {
            const socket_event *e = &records[i];
            switch (e->type) {
            case SOCKET_EVENT_CONNECT:
                client = e->connection;
                must("subscribe", socket_subscribe(client, all, records));
                must("limit", socket_set_option(client, SOCKET_OPTION_CLOSE_TIMEOUT, 60000));
                break;
            case SOCKET_EVENT_MESSAGE: echo_bytes(e); break;
            case SOCKET_EVENT_COMPLETION: sent(e->socket, e->error, NULL); break;
            case SOCKET_EVENT_ERROR: fail("the connection", e->error); break;
            case SOCKET_EVENT_CLOSE: status = e->error == 0 ? 0 : 1; break;
            }
        }
        must("flush", socket_loop_flush(loop));
    }
    must("close", socket_loop_close(loop));
    while (socket_loop_poll(loop, records, CAPACITY, 0) >= 0) continue;
}

static int datagrams_left;

static void on_datagram(const socket_event *e, void *user_data)
{
    (void)user_data;
    must("send_to", socket_send_to(e->socket, &e->remote, e->data, e->size, NULL, NULL));
    if (--datagrams_left > 0) return;
    status = 0;
    must("close", socket_close(e->socket, NULL, NULL));
}

static void serve_datagrams(int count)
{
    socket_address a = {"127.0.0.1", 0, 0};
    socket_handle s = must("construct", socket_construct_udp());
    datagrams_left = count;
    must("bind", socket_bind(s, &a));
    print_port(s);
    must("on", socket_on(s, SOCKET_EVENT_MESSAGE, on_datagram, NULL));
    must("run", socket_run());
}

static const size_t sizes[] = {1, 2, 100, 1400, 1472, 1473, 4000, 8000};
enum { SIZES = sizeof sizes / sizeof *sizes, ROUNDS = 25 };
static unsigned char datagram[8000];
static int answered;

static void send_next(socket_handle s)
{
    size_t size = sizes[answered % SIZES];
    for (size_t i = 0; i < size; i++) datagram[i] = (unsigned char)(i * 7 + (size_t)answered);
    must("send", socket_send(s, datagram, size, NULL, NULL));
}

static void on_answer(const socket_event *e, void *user_data)
{
    (void)user_data;
    if (e->size != sizes[answered % SIZES] || memcmp(e->data, datagram, e->size) != 0) fail("a wrong answer", 0);
    if (++answered < SIZES * ROUNDS) {
        send_next(e->socket);
        return;
    }
    status = 0;
    must("close", socket_close(e->socket, NULL, NULL));
}

static void ask(socket_handle s, int error, void *user_data)
{
    (void)user_data;
    must("connect", error);
    send_next(s);
}

static void send_datagrams(int port)
{
    socket_connect_options o = SOCKET_CONNECT_OPTIONS_INIT;
    socket_handle s = must("construct", socket_construct_udp());
    o.address.address = "127.0.0.1";
    o.address.port = port;
    must("on", socket_on(s, SOCKET_EVENT_MESSAGE, on_answer, NULL));
    must("on", socket_on(s, SOCKET_EVENT_ERROR, on_error, NULL));
    must("connect", socket_connect(s, &o, ask, NULL));
    must("run", socket_run());
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int number = argc > 2 ? atoi(argv[2]) : 0;
    if (strcmp(what, "server") == 0)
        serve();
    else if (strcmp(what, "loop-server") == 0)
        serve_records();
    else if (strcmp(what, "client") == 0)
        connect_to(number);
    else if (strcmp(what, "udp-server") == 0)
        serve_datagrams(number);
    else if (strcmp(what, "udp-client") == 0)
        send_datagrams(number);
    return status;
}
