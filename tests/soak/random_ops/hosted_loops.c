#include "random_ops.h"

#include <poll.h>

// Hosts wait without limit: a loop that forgets to wake up is not rescued by time. Each is stopped
// by work that is posted to its loop.
static _Thread_local int stopped;

static void stop(void *unused)
{
    (void)unused;
    stopped = 1;
}

void stop_hosts(void)
{
    CHECK(post(1, stop, NULL) == 0);
    CHECK(post(2, stop, NULL) == 0);
}

void *host_callbacks(void *unused)
{
    (void)unused;
    sender = SENDER_LOOP + 2;
    while (!stopped) {
        int n = socket_loop_run(loops[1], -1);
        if (n < 0) FAIL("socket_loop_run: %d", n);
    }
    return NULL;
}

void handle_record(const socket_event *e)
{
    switch (e->type) {
    case SOCKET_EVENT_COMPLETION: {
        struct pending *p = e->user_data;
        if (p->magic != ALIVE || p->operation != e->operation) FAIL("the completion record of operation %d", e->operation);
        completed(e->socket, e->error, p);
        break;
    }
    case SOCKET_EVENT_POST:
    case SOCKET_EVENT_TIMER:
        on_post(e->user_data);
        break;
    default:
        on_event(e, e->user_data);
    }
}

void *host_records(void *unused)
{
    (void)unused;
    sender = SENDER_LOOP + 3;
    static socket_event records[RECORDS];
    for (unsigned round = 0; !stopped; round++) {
        // The capacity of batches changes, and how the thread waits.
        int capacity = round % 16 == 0 ? 1 : round % 3 == 0 ? 7 : RECORDS, wait = -1;
        if (round % 2) {
            struct pollfd p = {.fd = socket_loop_fd(loops[2]), .events = POLLIN};
            CHECK_OK(socket_loop_flush(loops[2]));
            poll(&p, 1, -1);
            wait = 0;
        }
        int n = socket_loop_poll(loops[2], records, capacity, wait);
        if (n < 0) FAIL("socket_loop_poll: %d", n);
        for (int i = 0; i < n; i++) handle_record(&records[i]);
    }
    return NULL;
}

struct meddler {
    struct object **objects;
    uint64_t chance;
};

// Another thread's calls on the sockets of a loop that ends.
static void *meddle(void *argument)
{
    struct meddler *m = argument;
    uint64_t r = m->chance;
    for (int i = 0; i < 30; i++) {
        struct object *o = m->objects[(r = mix(r)) % 3];
        switch (r >> 8 & 7) {
        case 0: result_of(socket_release(o->handle)); break;
        case 1: result_of(socket_close(o->handle, NULL, NULL)); break;
        case 2: result_of(socket_pause(o->handle)); break;
        case 3: result_of(socket_resume(o->handle)); break;
        default: do_options(o, mix(r));
        }
    }
    return NULL;
}

// A loop of one's own: two sockets of it talk, and then it is closed under them. Every completion
// comes before the end of socket_loop_close, or of the polling after it.
void scenario_loop(uint64_t chance)
{
    int records = chance & 1, index = records ? 2 : 1;
    socket_loop loop = CHECK_OK(socket_loop_create(records ? SOCKET_LOOP_RECORDS : SOCKET_LOOP_CALLBACKS));
    struct object *o[3];
    static const int all[2][3] = {{SOCKET_KIND_TCP_SERVER, SOCKET_KIND_TCP, SOCKET_KIND_UDP}, {SOCKET_KIND_TLS_SERVER, SOCKET_KIND_TLS, SOCKET_KIND_UDP}};
    int secure = chance >> 2 & 1;
    const int *kinds = all[secure];
    for (int i = 0; i < 3; i++) {
        o[i] = object_new(kinds[i], index);
        o[i]->handle = CHECK_OK(socket_construct(loop, kinds[i]));
        // The server's connections would have no owner here.
        unsigned mask = i == 0 && chance & 2 ? 0xfe & ~SOCKET_EVENT_MASK(SOCKET_EVENT_CONNECT) : i == 0 ? SOCKET_EVENT_MASK(SOCKET_EVENT_LISTENING) : 0xfe;
        if (secure && i == 0) mask = 0xfe; // otherwise there would be no handshakes
        o[i]->dismisses = 1;
        CHECK(listen_to(o[i], mask) == 0);
        o[i]->opens = 1;
        if (secure && i == 1 && do_secure(o[i], chance) < 0) CHECK(do_secure(o[i], 0) == 0);
    }
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    to.address.address = "127.0.0.1";
    to.address.port = secure ? tls_listen(o[0], chance) : server_listen(o[0]->handle, "127.0.0.1", 0);
    socket_address any = {"127.0.0.1", 0, 0};
    CHECK_OK(socket_bind(o[2]->handle, &any));
    CHECK(CALL(o[1], SOCKET_OPERATION_CONNECT, 1, socket_connect(o[1]->handle, &to, completion, pending)) == 0);
    socket_event batch[5];
    int rounds = (int)(chance >> 8) % 6;
    for (int i = 0; i < rounds; i++) {
        send_frame(o[1], (chance >> 16) % MAX_PAYLOAD, (int)(chance >> 4) % 4, 1, 0);
        send_packet(o[2], dead_port, 100, 1);
        if (i == 4) CALL(o[1], SOCKET_OPERATION_CLOSE, 1, socket_close(o[1]->handle, completion, pending));
        if (records) {
            int n = socket_loop_poll(loop, batch, 5, i);
            CHECK_OK(n);
            for (int j = 0; j < n; j++) handle_record(&batch[j]);
        } else {
            CHECK_OK(socket_loop_run(loop, i));
        }
    }
    if (chance >> 60 & 1) CHECK_OK(socket_release(o[1]->handle));
    struct meddler meddler = {o, chance};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, meddle, &meddler) == 0);
    CHECK_OK(socket_loop_close(loop));
    for (int n; records && (n = socket_loop_poll(loop, batch, 5, 20)) != -SOCKET_ERROR_BADF;) {
        CHECK_OK(n);
        for (int j = 0; j < n; j++) handle_record(&batch[j]);
    }
    CHECK(pthread_join(thread, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        CHECK(socket_release(o[i]->handle) == -SOCKET_ERROR_BADF);
        if (o[i]->references != 1) FAIL("the loop is closed and a completion has not come");
        library_done(o[i]);
    }
}
