// random_ops [--seed S] [--seconds N] [--epochs N]: operations drawn by chance on sockets of two default loops, a hosted
// loop with callbacks and one with records, by several threads, against each other and against plain sockets that
// reset, stop reading or end early. Checked all the time: every accepted completion comes exactly once, in the order
// of the sends and never inside the call; events in the order of the contracts, one at a time for a socket, at
// most one close for each opening; every byte. After each epoch everything is released, or aborted by
// socket_shutdown and socket_loop_close, and handles, loops, descriptors, queued bytes and goroutines are as before.
//
// What a thread does in an epoch depends on the seed only; how threads interleave does not. A failure prints the seed
// and the epoch: --seed S --first EPOCH --epochs 1 repeats it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "soak.h"

enum {
    WORKERS = 3,
    SENDERS = WORKERS + 6, // workers, loops' threads, plain peers, scenarios
    SENDER_LOOP = WORKERS, // the threads of the four loops
    SENDER_PEER = WORKERS + 4,
    SLOTS = 16,           // objects of each worker
    RECENT = 32,          // connections that workers get hold of
    STEPS = 5000,         // of a worker in an epoch
    LOOPS = 3,            // default (two threads), hosted with callbacks, with records
    MAX_PAYLOAD = 200000,
    PEERS = 48,
    RECORDS = 61,
    MAX_PACKET = 1400,
};

static uint64_t seed;
static int epoch;
static socket_loop loops[LOOPS];
static atomic_int hosts_stop, peers_stop, workers_left, aborting;
static atomic_llong outstanding, posts_out;
static atomic_ullong did_ops, did_bytes, did_frames, did_packets, did_completions, did_closes, did_accepts, did_events[16];
static __thread int sender = -1;      // which of the senders this thread is
static __thread const void *in_call;  // the pending completion of the call this thread is in

// ---- Objects: what a socket's user_data points to ------------------------------------------

// A stream consists of frames, whole ones even if several threads send, each with the sender's number of it.
struct frame {
    uint32_t magic, size;
    uint16_t sender, wants_answer;
    uint32_t number;
    uint64_t key;
};
enum { MAGIC = 0x0f5a17e3 };

struct parser {
    unsigned char header[sizeof(struct frame)];
    size_t have, left, at;
    struct frame frame;
    uint64_t key;
    uint32_t next[SENDERS];
    uint8_t seen[SENDERS];
};

struct object {
    struct object *next, *previous; // of all there are
    socket_handle handle;
    int kind, loop;
    uint64_t key;
    atomic_int references;
    atomic_int library;  // 1 while the library may call listeners with it
    atomic_int running;  // in a callback
    atomic_int opens, closes;
    atomic_uint numbers[SENDERS]; // of frames accepted; written by the sender only
    unsigned sent_number[SENDERS], done_number[SENDERS]; // of completions; likewise, and the loop's thread
    int rank; // of the last event of this period
    int echoes;
    struct parser in;
};

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct object all_objects = {.next = &all_objects, .previous = &all_objects};
static atomic_ullong next_key;

static struct object *object_new(int kind, int loop)
{
    struct object *o = calloc(1, sizeof *o);
    CHECK(o != NULL);
    o->kind = kind;
    o->loop = loop;
    o->key = atomic_fetch_add(&next_key, 1) + 1;
    o->references = 1;
    o->library = 1;
    // There is no way to wait for the thread of the second default loop (socket_loop_post goes to the first), so a
    // late callback may look at those objects until the loops have been shut down.
    if (loop == 0) o->references++;
    pthread_mutex_lock(&all_lock);
    o->next = &all_objects;
    o->previous = all_objects.previous;
    o->next->previous = o->previous->next = o;
    pthread_mutex_unlock(&all_lock);
    return o;
}

static void unref(struct object *o)
{
    if (atomic_fetch_sub(&o->references, 1) != 1) return;
    pthread_mutex_lock(&all_lock);
    o->next->previous = o->previous;
    o->previous->next = o->next;
    pthread_mutex_unlock(&all_lock);
    memset(o, 0xdd, sizeof *o);
    free(o);
}

static void ref(struct object *o) { atomic_fetch_add(&o->references, 1); }

static void library_done(struct object *o)
{
    if (atomic_exchange(&o->library, 0)) unref(o);
}

// ---- Completions and posts ------------------------------------------------------------------

struct pending {
    uint32_t magic;
    int operation, sender;
    unsigned number;
    struct object *object; // NULL: a post or timer
    void (*function)(void *);
    void *argument;
    struct pending *next, *previous; // posts and timers: an ending loop drops them
};
static pthread_mutex_t posts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pending all_posts = {.next = &all_posts, .previous = &all_posts};
enum { ALIVE = 0x600dca11, DONE = 0xdeadca11 };

static struct pending *pending_new(struct object *o, int operation)
{
    struct pending *p = calloc(1, sizeof *p);
    CHECK(p != NULL);
    *p = (struct pending){.magic = ALIVE, .operation = operation, .sender = sender, .object = o};
    if (o) {
        ref(o);
        p->number = ++o->sent_number[sender];
    } else {
        pthread_mutex_lock(&posts_lock);
        p->next = &all_posts;
        p->previous = all_posts.previous;
        p->next->previous = p->previous->next = p;
        pthread_mutex_unlock(&posts_lock);
    }
    atomic_fetch_add(o ? &outstanding : &posts_out, 1);
    return p;
}

static void pending_end(struct pending *p)
{
    if (p->magic != ALIVE) FAIL("a completion (operation %d) came twice, or after its call had failed", p->operation);
    p->magic = DONE;
    atomic_fetch_sub(p->object ? &outstanding : &posts_out, 1);
    if (p->object) {
        unref(p->object);
    } else {
        pthread_mutex_lock(&posts_lock);
        p->next->previous = p->previous;
        p->previous->next = p->next;
        pthread_mutex_unlock(&posts_lock);
    }
    free(p);
}

static const char *kind_name(int kind)
{
    static const char *const names[] = {"?", "client", "server", "connection", "udp"};
    return names[kind];
}

static void enter(struct object *o, const char *what)
{
    if (atomic_exchange(&o->running, 1)) FAIL("two callbacks of one %s at a time (%s)", kind_name(o->kind), what);
}

static void leave(struct object *o) { atomic_store(&o->running, 0); }

static void completed(socket_handle socket, int error, struct pending *p)
{
    if (p->magic != ALIVE) FAIL("a completion came twice, or after its call had failed: magic %x", p->magic);
    if (p == in_call) FAIL("the completion of operation %d came inside its call", p->operation);
    struct object *o = p->object;
    if (o->handle != socket) FAIL("the completion of operation %d has another handle", p->operation);
    if (error > 0 || error == -SOCKET_ERROR_INTERNAL) FAIL("operation %d completed with %d", p->operation, error);
    if (p->operation == SOCKET_OPERATION_SEND) {
        if (p->number <= o->done_number[p->sender]) FAIL("the completions of sends are not in their order");
        o->done_number[p->sender] = p->number;
    }
    atomic_fetch_add(&did_completions, 1);
    pending_end(p);
}

static void on_completed(socket_handle socket, int error, void *user_data)
{
    struct object *o = ((struct pending *)user_data)->object;
    ref(o);
    enter(o, "completion");
    completed(socket, error, user_data);
    leave(o);
    unref(o);
}

// The result of a call: no code may mean a defect of the library.
static int result_of(int64_t result)
{
    if (result < 0 && (result == -SOCKET_ERROR_INTERNAL || result == -SOCKET_ERROR_FORKED || socket_error_category((int)result) == SOCKET_CATEGORY_INTERNAL))
        FAIL("a call returned %lld", (long long)result);
    return result < 0 ? -1 : 0;
}

// CALL makes a call that may promise a completion.
#define CALL(o, operation, wanted, expression) \
    ({ \
        struct pending *pending = (wanted) ? pending_new(o, operation) : NULL; \
        socket_completion completion = pending ? on_completed : NULL; \
        const void *outer_ = in_call; \
        (void)completion; \
        in_call = pending; \
        int64_t value_ = (expression); \
        in_call = outer_; \
        if (value_ < 0 && pending) pending_end(pending); \
        result_of(value_); \
    })

static void on_post(void *user_data)
{
    struct pending *p = user_data;
    if (p->magic != ALIVE) FAIL("posted work ran twice");
    void (*function)(void *) = p->function;
    void *argument = p->argument;
    pending_end(p);
    if (function) function(argument);
}

static int post(int loop, void (*function)(void *), void *argument)
{
    struct pending *p = pending_new(NULL, 0);
    p->function = function;
    p->argument = argument;
    int result = socket_loop_post(loops[loop], loop == 2 ? NULL : on_post, p);
    if (result < 0) pending_end(p);
    return result_of(result);
}

static void release_posted(void *o) { library_done(o); }

// Gives the handle back; the object when no listener of it can be running any more.
static void release(struct object *o)
{
    if (result_of(socket_release(o->handle)) < 0) return; // a connection may have done so itself
    if (o->loop == 0) return;
    if (post(o->loop, release_posted, o) < 0) CHECK(aborting);
}

// ---- Sending --------------------------------------------------------------------------------

static unsigned char *frame_bytes(struct object *o, uint64_t key, uint32_t number, size_t size, int wants_answer)
{
    (void)o;
    unsigned char *bytes = malloc(sizeof(struct frame) + size);
    CHECK(bytes != NULL);
    struct frame f = {MAGIC, (uint32_t)size, (uint16_t)sender, (uint16_t)wants_answer, number, key};
    memcpy(bytes, &f, sizeof f);
    pattern_fill(bytes + sizeof f, key * 31 + (uint64_t)sender * 7 + number, 0, size);
    return bytes;
}

static int send_frame(struct object *o, size_t size, int pieces, int wanted, int wants_answer)
{
    uint32_t number = o->numbers[sender];
    unsigned char *bytes = frame_bytes(o, o->key, number, size, wants_answer);
    size_t total = sizeof(struct frame) + size;
    int result;
    // The number may be seen by the receiver before the call returns.
    if (pieces < 2) {
        result = CALL(o, SOCKET_OPERATION_SEND, wanted, socket_send(o->handle, bytes, total, completion, pending));
    } else {
        socket_buffer buffers[8];
        size_t each = total / (size_t)pieces, at = 0;
        for (int i = 0; i < pieces; i++) {
            size_t n = i == pieces - 1 ? total - at : i % 3 == 1 ? 0 : each;
            buffers[i] = (socket_buffer){n ? bytes + at : NULL, n};
            at += n;
        }
        result = CALL(o, SOCKET_OPERATION_SEND, wanted, socket_sendv(o->handle, buffers, pieces, completion, pending));
    }
    if (result == 0) {
        o->numbers[sender] = number + 1;
        atomic_fetch_add(&did_frames, 1);
    }
    memset(bytes, 0xee, total < 64 ? total : 64); // the caller's again
    free(bytes);
    return result;
}

static void send_packet(struct object *o, int port, size_t size, int wanted)
{
    uint32_t number = o->numbers[sender]++;
    unsigned char *bytes = frame_bytes(o, o->key, number, size, 0);
    socket_address to = {"127.0.0.1", port, 0};
    if (port)
        CALL(o, SOCKET_OPERATION_SEND, wanted, socket_send_to(o->handle, &to, bytes, sizeof(struct frame) + size, completion, pending));
    else
        CALL(o, SOCKET_OPERATION_SEND, wanted, socket_send(o->handle, bytes, sizeof(struct frame) + size, completion, pending));
    memset(bytes, 0xee, sizeof(struct frame));
    free(bytes);
}

// ---- Receiving ------------------------------------------------------------------------------

static void answer(struct object *o, const struct frame *f)
{
    // Who cannot send now holds the answer back for ever: nobody counts them.
    send_frame(o, mix(f->number * 131 + f->size) % 3000, 0, f->number & 1, 0);
}

static void check_frame_header(struct object *o, const struct frame *f)
{
    struct parser *in = &o->in;
    if (f->magic != MAGIC || f->size > MAX_PAYLOAD || f->sender >= SENDERS)
        FAIL("a %s has received a broken header: magic %x size %u sender %u", kind_name(o->kind), f->magic, f->size, f->sender);
    if (in->key && f->key != in->key) FAIL("bytes of another stream: key %llu, wanted %llu", (unsigned long long)f->key, (unsigned long long)in->key);
    in->key = f->key;
    if (in->seen[f->sender] && f->number != in->next[f->sender])
        FAIL("frame %u of sender %u, wanted %u", f->number, f->sender, in->next[f->sender]);
    in->seen[f->sender] = 1;
    in->next[f->sender] = f->number + 1;
}

static void parse(struct object *o, const unsigned char *data, size_t size)
{
    struct parser *in = &o->in;
    atomic_fetch_add(&did_bytes, size);
    while (size > 0) {
        if (in->left == 0) {
            size_t n = sizeof in->header - in->have;
            if (n > size) n = size;
            memcpy(in->header + in->have, data, n);
            in->have += n;
            data += n;
            size -= n;
            if (in->have < sizeof in->header) return;
            memcpy(&in->frame, in->header, sizeof in->frame);
            check_frame_header(o, &in->frame);
            in->have = 0;
            in->at = 0;
            in->left = in->frame.size;
        } else {
            size_t n = in->left < size ? in->left : size;
            struct frame *f = &in->frame;
            if (!pattern_matches(data, f->key * 31 + f->sender * 7ul + f->number, in->at, n))
                FAIL("wrong bytes in frame %u of sender %u at %zu", f->number, f->sender, in->at);
            in->at += n;
            in->left -= n;
            data += n;
            size -= n;
        }
        if (in->left == 0 && in->have == 0 && in->frame.wants_answer && o->echoes) answer(o, &in->frame);
    }
}

static void parse_packet(const socket_event *e)
{
    struct frame f;
    if (e->size < sizeof f) FAIL("a datagram of %zu bytes", e->size);
    memcpy(&f, e->data, sizeof f);
    if (f.magic != MAGIC || f.size + sizeof f != e->size) FAIL("a datagram was cut or mixed up");
    if (!pattern_matches((const char *)e->data + sizeof f, f.key * 31 + f.sender * 7ul + f.number, 0, f.size)) FAIL("wrong bytes in a datagram");
    if (!e->remote.address || e->remote.port < 1) FAIL("a datagram from nowhere");
    atomic_fetch_add(&did_packets, 1);
}

static void begin_connection(struct object *server, const socket_event *e);

static void event_happened(const socket_event *e, struct object *o)
{
    static const int ranks[] = {[SOCKET_EVENT_LISTENING] = 1, [SOCKET_EVENT_CONNECT] = 2, [SOCKET_EVENT_MESSAGE] = 3,
                                [SOCKET_EVENT_END] = 4, [SOCKET_EVENT_ERROR] = 5, [SOCKET_EVENT_CLOSE] = 6};
    if (e->type < SOCKET_EVENT_CONNECT || e->type > SOCKET_EVENT_LISTENING) FAIL("event %d", e->type);
    if (e->socket != o->handle) FAIL("event %d has another handle", e->type);
    atomic_fetch_add(&did_events[e->type], 1);
    int many = o->kind == SOCKET_KIND_UDP || o->kind == SOCKET_KIND_TCP_SERVER; // these go on after an error
    if (o->rank == 6) {
        // A new period. (The close event of the last one has come: its listener is never taken off.)
        if (o->opens <= o->closes) FAIL("%s: event %d after close", kind_name(o->kind), e->type);
        o->rank = 0;
        o->in = (struct parser){0};
    }
    if (e->type == SOCKET_EVENT_DRAIN) {
        if (o->rank >= 5 && !many) FAIL("drain after an error");
    } else if (!many || e->type != SOCKET_EVENT_ERROR) {
        int rank = ranks[e->type];
        if (many && rank == 2 && o->rank == 3) rank = 3; // UDP may be connected late
        int repeats = e->type == SOCKET_EVENT_MESSAGE || (o->kind == SOCKET_KIND_TCP_SERVER && e->type == SOCKET_EVENT_CONNECT) || (many && rank == 3);
        if (rank < o->rank || (rank == o->rank && !repeats)) FAIL("%s: event %d after one of rank %d", kind_name(o->kind), e->type, o->rank);
        o->rank = rank;
    }
    switch (e->type) {
    case SOCKET_EVENT_CONNECT:
        if (o->kind == SOCKET_KIND_TCP_SERVER) begin_connection(o, e);
        break;
    case SOCKET_EVENT_MESSAGE:
        CHECK(e->data != NULL);
        if (o->kind == SOCKET_KIND_UDP)
            parse_packet(e);
        else
            parse(o, e->data, e->size);
        break;
    case SOCKET_EVENT_ERROR:
        if (e->error >= 0 || e->error == -SOCKET_ERROR_INTERNAL) FAIL("error event with %d", e->error);
        break;
    case SOCKET_EVENT_CLOSE:
        atomic_fetch_add(&did_closes, 1);
        if (atomic_fetch_add(&o->closes, 1) + 1 > o->opens) FAIL("%s: %d close events for %d openings", kind_name(o->kind), o->closes, o->opens);
        break;
    }
}

static void on_event(const socket_event *e, void *user_data)
{
    struct object *o = user_data;
    enter(o, "event");
    socket_event copy = *e;
    event_happened(e, o);
    if (memcmp(&copy, e, sizeof copy) != 0) FAIL("an event was changed while its listener ran");
    leave(o);
    // A connection's last event.
    if (copy.type == SOCKET_EVENT_CLOSE && o->kind == SOCKET_KIND_TCP_CONNECTION) library_done(o);
}

static int listen_to(struct object *o, unsigned mask)
{
    mask |= SOCKET_EVENT_MASK(SOCKET_EVENT_CLOSE);
    if (o->loop == 2) return result_of(socket_subscribe(o->handle, mask, o));
    int result = 0;
    for (int type = SOCKET_EVENT_CONNECT; type <= SOCKET_EVENT_LISTENING; type++) {
        if (mask & SOCKET_EVENT_MASK(type))
            result |= result_of(socket_on(o->handle, type, on_event, o));
        else
            result |= result_of(socket_off(o->handle, type, on_event, o));
    }
    return result;
}

// ---- Connections of the servers -------------------------------------------------------------

static struct {
    pthread_mutex_t lock;
    struct object *object[RECENT];
} recent = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void begin_connection(struct object *server, const socket_event *e)
{
    uint64_t chance = mix(seed ^ mix((uint64_t)socket_get_client_id(e->connection)) ^ (uint64_t)server->loop << 32);
    atomic_fetch_add(&did_accepts, 1);
    CHECK(e->connection > 0);
    if (chance % 32 == 0) { // nobody ever asks for it
        CHECK_OK(socket_abort(e->connection));
        return;
    }
    if (chance % 32 == 1) {
        CHECK_OK(socket_release(e->connection));
        return;
    }
    struct object *o = object_new(SOCKET_KIND_TCP_CONNECTION, server->loop);
    o->handle = e->connection;
    o->opens = 1;
    o->echoes = 1;
    ref(o);
    CHECK(listen_to(o, 0xfe) == 0);
    if (chance % 32 == 2) socket_close(o->handle, NULL, NULL);
    if (chance % 32 == 3) socket_pause(o->handle);
    if (chance % 32 < 8) socket_set_option(o->handle, SOCKET_OPTION_ALLOW_HALF_OPEN, 1);
    if (chance % 32 == 8) socket_end(o->handle, NULL, NULL);
    // Half open ones that nobody closes must not stay for ever.
    socket_set_option(o->handle, SOCKET_OPTION_IDLE_TIMEOUT, 300);
    if (chance % 4 == 0) socket_set_option(o->handle, SOCKET_OPTION_CLOSE_TIMEOUT, 50 + (int64_t)(chance >> 8) % 500);
    pthread_mutex_lock(&recent.lock);
    struct object **place = &recent.object[(chance >> 16) % RECENT], *old = *place;
    *place = o;
    pthread_mutex_unlock(&recent.lock);
    if (old) unref(old);
}

static void forget_recent(void)
{
    pthread_mutex_lock(&recent.lock);
    for (int i = 0; i < RECENT; i++) {
        if (recent.object[i]) unref(recent.object[i]);
        recent.object[i] = NULL;
    }
    pthread_mutex_unlock(&recent.lock);
}

// ---- Where to connect and send --------------------------------------------------------------

static int server_ports[LOOPS], plain_port, dead_port, dead_fd;
static struct object *servers[LOOPS];
static atomic_int udp_ports[8];

// ---- The hosted loops' threads --------------------------------------------------------------

static void *host_callbacks(void *unused)
{
    (void)unused;
    sender = SENDER_LOOP + 2;
    while (!hosts_stop) {
        int n = socket_loop_run(loops[1], 20);
        if (n < 0) FAIL("socket_loop_run: %d", n);
    }
    return NULL;
}

static void handle_record(const socket_event *e)
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

static void *host_records(void *unused)
{
    (void)unused;
    sender = SENDER_LOOP + 3;
    static socket_event records[RECORDS];
    for (unsigned round = 0; !hosts_stop; round++) {
        // The capacity of batches changes, and how the thread waits.
        int capacity = round % 16 == 0 ? 1 : round % 3 == 0 ? 7 : RECORDS, wait = 20;
        if (round % 2) {
            struct pollfd p = {.fd = socket_loop_fd(loops[2]), .events = POLLIN};
            CHECK_OK(socket_loop_flush(loops[2]));
            poll(&p, 1, 20);
            wait = 0;
        }
        int n = socket_loop_poll(loops[2], records, capacity, wait);
        if (n < 0) FAIL("socket_loop_poll: %d", n);
        for (int i = 0; i < n; i++) handle_record(&records[i]);
    }
    return NULL;
}

// ---- Plain peers ----------------------------------------------------------------------------

static int plain_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(fd >= 0);
    return fd;
}

static void reset(int fd)
{
    struct linger l = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    close(fd);
}

// One thread accepts the library's clients and connects to its servers, and treats them badly.
static void *peers(void *unused)
{
    (void)unused;
    sender = SENDER_PEER;
    struct peer {
        int fd, way, numbers;
        int64_t until;
        uint64_t key;
    } peer[PEERS];
    for (int i = 0; i < PEERS; i++) peer[i].fd = -1;
    int listener = plain_socket();
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    CHECK(bind(listener, (struct sockaddr *)&a, size) == 0 && listen(listener, 128) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&a, &size) == 0);
    plain_port = ntohs(a.sin_port);
    uint64_t chance = mix(seed ^ 0x9ee75 ^ (uint64_t)epoch);
    static unsigned char buffer[65536];
    while (!peers_stop) {
        struct pollfd p = {.fd = listener, .events = POLLIN};
        poll(&p, 1, 2);
        for (int i = 0; i < PEERS; i++) {
            struct peer *q = &peer[i];
            chance = mix(chance);
            if (q->fd < 0) {
                int accepts = i % 3 != 0;
                *q = (struct peer){.fd = -1, .way = (int)(chance >> 8) % 8, .until = now_ms() + (int)(chance >> 16) % 250};
                if (accepts) {
                    q->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                } else if (chance % 4 == 0) {
                    a.sin_port = htons((uint16_t)server_ports[(chance >> 24) % LOOPS]);
                    q->fd = plain_socket();
                    if (connect(q->fd, (struct sockaddr *)&a, sizeof a) != 0 && errno != EINPROGRESS) {
                        close(q->fd);
                        q->fd = -1;
                    }
                    q->key = atomic_fetch_add(&next_key, 1) + 1;
                }
                continue;
            }
            if (q->key && q->numbers < 4 && q->way != 1) { // a client: sends frames that want an answer
                size_t n = chance % 5000;
                unsigned char *bytes = frame_bytes(NULL, q->key, (uint32_t)q->numbers, n, 1);
                struct pollfd w = {.fd = q->fd, .events = POLLOUT};
                if (poll(&w, 1, 0) == 1) {
                    ssize_t sent = send(q->fd, bytes, sizeof(struct frame) + n, MSG_NOSIGNAL);
                    // A frame that was cut in the middle is the last.
                    q->numbers = sent == (ssize_t)(sizeof(struct frame) + n) ? q->numbers + 1 : 4;
                }
                free(bytes);
            }
            ssize_t n = 0;
            int over = now_ms() > q->until;
            switch (q->way) {
            case 0: // reads and discards
            case 1:
            case 2:
                while ((n = recv(q->fd, buffer, sizeof buffer, 0)) > 0) {}
                if (n == 0 || errno != EAGAIN) over = 2;
                break;
            case 3: // sends everything back
            case 4:
                if (q->key) break;
                n = recv(q->fd, buffer, sizeof buffer, 0);
                if (n == 0 || (n < 0 && errno != EAGAIN)) over = 2;
                for (ssize_t at = 0; n > 0 && at < n;) {
                    ssize_t m = send(q->fd, buffer + at, (size_t)(n - at), MSG_NOSIGNAL);
                    if (m < 0) {
                        // The other one does not read, or is gone: a stream may end anywhere, but not go on with a gap.
                        over = 1;
                        q->way = 6;
                        break;
                    }
                    at += m;
                }
                break;
            case 5: // ends and reads on
                shutdown(q->fd, SHUT_WR);
                q->way = 0;
                q->numbers = 4;
                break;
            case 6: // stops reading, then resets
            case 7: // closes with bytes unread, which resets too
                break;
            }
            if (over == 2 || (over && q->way % 2 == 1)) {
                close(q->fd);
                q->fd = -1;
            } else if (over) {
                if (q->way == 0 || q->way == 2) {
                    close(q->fd);
                } else {
                    reset(q->fd);
                }
                q->fd = -1;
            }
        }
    }
    for (int i = 0; i < PEERS; i++)
        if (peer[i].fd >= 0) reset(peer[i].fd);
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) reset(fd);
    close(listener);
    return NULL;
}

// ---- Workers --------------------------------------------------------------------------------

static struct slot {
    pthread_mutex_t lock;
    struct object *object;
} slots[WORKERS][SLOTS];

static struct object *slot_get(struct slot *s)
{
    pthread_mutex_lock(&s->lock);
    struct object *o = s->object;
    if (o) ref(o);
    pthread_mutex_unlock(&s->lock);
    return o;
}

static struct object *slot_take(struct slot *s)
{
    pthread_mutex_lock(&s->lock);
    struct object *o = s->object;
    s->object = NULL;
    pthread_mutex_unlock(&s->lock);
    return o;
}

static void construct(struct slot *s, uint64_t chance)
{
    struct object *old = slot_take(s);
    if (old) {
        release(old);
        unref(old);
    }
    int loop = (int)(chance % LOOPS), kind = chance >> 8 & 3 ? SOCKET_KIND_TCP : SOCKET_KIND_UDP;
    if ((chance >> 8 & 31) == 1) kind = SOCKET_KIND_TCP_SERVER;
    struct object *o = object_new(kind, loop);
    o->handle = CHECK_OK(socket_construct(loops[loop], kind));
    ref(o);
    CHECK(listen_to(o, chance >> 16 & 7 ? 0xfe : (unsigned)(chance >> 24) & 0xfe) == 0);
    pthread_mutex_lock(&s->lock);
    s->object = o;
    pthread_mutex_unlock(&s->lock);
}

static void do_bind(struct object *o, uint64_t chance)
{
    socket_address a = {chance & 1 ? "127.0.0.1" : chance & 2 ? "localhost" : "0.0.0.0", 0, 0};
    o->opens++;
    if (o->kind == SOCKET_KIND_TCP_SERVER) {
        socket_listen_options l = SOCKET_LISTEN_OPTIONS_INIT;
        l.address = a;
        if (result_of(socket_listen(o->handle, &l)) < 0) o->opens--;
        return;
    }
    if (result_of(socket_bind(o->handle, &a)) < 0) {
        o->opens--;
        return;
    }
    int port;
    if (o->kind == SOCKET_KIND_UDP && result_of(socket_get_local_address(o->handle, NULL, 0, &port, NULL)) == 0)
        udp_ports[(chance >> 8) % 8] = port;
}

static void do_connect(struct object *o, uint64_t chance)
{
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    to.timeout_ms = 1 + (int)(chance >> 40) % 1000;
    to.address.address = (chance & 15) == 0 ? "localhost" : (chance & 15) == 1 ? "::1" : "127.0.0.1";
    switch (chance >> 4 & 7) {
    case 0: to.address.port = dead_port; break;
    case 1:
    case 2:
    case 3: to.address.port = plain_port; break;
    default: to.address.port = server_ports[(chance >> 8) % LOOPS];
    }
    if (o->kind == SOCKET_KIND_UDP && udp_ports[chance >> 8 & 7]) to.address.port = udp_ports[chance >> 8 & 7];
    o->opens++;
    if (CALL(o, SOCKET_OPERATION_CONNECT, chance >> 12 & 7, socket_connect(o->handle, &to, completion, pending)) < 0) o->opens--;
}

static void do_options(struct object *o, uint64_t chance)
{
    static const int64_t most[] = {0, 1 << 18, 1000, 800, 1, 100, 100, 10, 1, 1, 1};
    socket_extra_options e = SOCKET_EXTRA_OPTIONS_INIT;
    int option = 1 + (int)(chance % 10);
    if (chance >> 8 & 1) {
        int64_t value = (int64_t)(chance >> 16) % (most[option] + 1);
        if (option == SOCKET_OPTION_IDLE_TIMEOUT && value < 50) value = 0;
        if (result_of(socket_set_option(o->handle, option, value)) == 0) result_of(socket_get_option(o->handle, option));
        return;
    }
    e.fields = (uint32_t)(chance >> 16) & (o->kind == SOCKET_KIND_UDP ? 0x170 : 0xbf) & ~(uint32_t)SOCKET_EXTRA_OOB_INLINE;
    e.keep_alive = chance >> 30 & 1;
    e.tcp_no_delay = chance >> 31 & 1;
    e.linger_on = (chance >> 32 & 7) == 0;
    e.linger_ms = chance >> 33 & 1 ? 0 : (int)(chance >> 40) % 300;
    e.receive_buffer_size = (int)(chance >> 36) % 300000;
    e.send_buffer_size = (int)(chance >> 37) % 300000;
    e.socket_timeout_ms = 50 + (int)(chance >> 40) % 1000;
    result_of(socket_set_extra_options(o->handle, &e));
}

static void do_getters(struct object *o)
{
    char text[64];
    int port, family;
    socket_state_info state = SOCKET_STATE_INFO_INIT;
    result_of(socket_get_local_address(o->handle, text, sizeof text, &port, &family));
    result_of(socket_get_remote_address(o->handle, text, sizeof text, &port, &family));
    result_of(socket_get_state(o->handle, &state));
    result_of(socket_get_error_detail(o->handle, text, sizeof text));
    result_of(socket_get_fd(o->handle));
    int64_t queued = socket_get_send_queue_length(o->handle);
    if (queued < 0) CHECK(queued == -SOCKET_ERROR_BADF);
    CHECK(queued < (int64_t)1 << 31);
}

// A loop of one's own: two sockets of it talk, and then it is closed under them. Every completion comes before the
// end of socket_loop_close, or of the polling after it.
static void scenario_loop(uint64_t chance)
{
    int records = chance & 1, index = records ? 2 : 1;
    socket_loop loop = CHECK_OK(socket_loop_create(records ? SOCKET_LOOP_RECORDS : SOCKET_LOOP_CALLBACKS));
    struct object *o[3];
    static const int kinds[3] = {SOCKET_KIND_TCP_SERVER, SOCKET_KIND_TCP, SOCKET_KIND_UDP};
    for (int i = 0; i < 3; i++) {
        o[i] = object_new(kinds[i], index);
        o[i]->handle = CHECK_OK(socket_construct(loop, kinds[i]));
        // The server's connections would have no owner here.
        unsigned mask = i == 0 && chance & 2 ? 0xfe & ~SOCKET_EVENT_MASK(SOCKET_EVENT_CONNECT) : i == 0 ? SOCKET_EVENT_MASK(SOCKET_EVENT_LISTENING) : 0xfe;
        CHECK(listen_to(o[i], mask) == 0);
        o[i]->opens = 1;
    }
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    to.address.address = "127.0.0.1";
    to.address.port = server_listen(o[0]->handle, "127.0.0.1", 0);
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
    CHECK_OK(socket_loop_close(loop));
    for (int n; records && (n = socket_loop_poll(loop, batch, 5, 20)) != -SOCKET_ERROR_BADF;) {
        CHECK_OK(n);
        for (int j = 0; j < n; j++) handle_record(&batch[j]);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(socket_release(o[i]->handle) == -SOCKET_ERROR_BADF);
        if (o[i]->references != 1) FAIL("the loop is closed and a completion has not come");
        library_done(o[i]);
    }
}

static void do_loop_work(uint64_t chance)
{
    int loop = (int)(chance % LOOPS);
    if (chance >> 8 & 1) {
        post(loop, NULL, NULL);
        return;
    }
    struct pending *p = pending_new(NULL, 0);
    int64_t timer = socket_loop_set_timer(loops[loop], (int64_t)(chance >> 16) % 30, 0, loop == 2 ? NULL : on_post, p);
    CHECK_OK(timer);
    // A timer of an hour is always cleared in time.
    static char never;
    timer = CHECK_OK(socket_loop_set_timer(loops[loop], 3600000, (int64_t)(chance >> 24) % 10, loop == 2 ? NULL : on_post, &never));
    CHECK_OK(socket_loop_clear_timer(loops[loop], timer));
    CHECK(socket_loop_clear_timer(loops[loop], timer) == -SOCKET_ERROR_PARAMETER);
}

static size_t size_by(uint64_t chance)
{
    switch (chance & 7) {
    case 0: return 0;
    case 1: return (chance >> 8) % MAX_PAYLOAD;
    case 2: return 16384 - sizeof(struct frame) + (chance >> 8) % 3 - 1; // around the size of a block
    case 3: return (chance >> 8) % 30000;
    default: return (chance >> 8) % 600;
    }
}

// Every step draws the same numbers, whatever the state of things is.
static void step(int worker, const uint64_t r[5])
{
    atomic_fetch_add(&did_ops, 1);
    unsigned what = (unsigned)(r[0] % 100);
    struct slot *own = &slots[worker][r[1] % SLOTS];
    if (what < 12) {
        construct(own, r[2]);
        struct object *o = slot_get(own);
        if (o) {
            if (o->kind != SOCKET_KIND_TCP && r[3] & 3) do_bind(o, r[4]);
            if (o->kind == SOCKET_KIND_TCP ? r[3] & 3 : (r[3] & 12) == 12) do_connect(o, r[4]);
            unref(o);
        }
        return;
    }
    if (what == 12 && (r[2] & 3) == 0) {
        scenario_loop(r[3]);
        return;
    }
    if (what < 16) {
        do_loop_work(r[2]);
        return;
    }
    struct object *o = NULL;
    switch (r[1] >> 8 & 7) {
    case 0: // somebody else's
        o = slot_get(&slots[(r[1] >> 16) % WORKERS][(r[1] >> 24) % SLOTS]);
        break;
    case 1: // a server's
        pthread_mutex_lock(&recent.lock);
        if ((o = recent.object[(r[1] >> 16) % RECENT])) ref(o);
        pthread_mutex_unlock(&recent.lock);
        break;
    default:
        o = slot_get(own);
    }
    if (!o) return;
    if (what < 52) {
        if (o->kind == SOCKET_KIND_UDP)
            send_packet(o, r[3] & 1 ? 0 : r[3] & 2 ? dead_port : udp_ports[r[3] >> 8 & 7], r[2] % MAX_PACKET, r[3] >> 16 & 1);
        else
            send_frame(o, size_by(r[2]), (int)(r[3] % 8), r[3] >> 16 & 1, (r[3] >> 17 & 3) == 0);
    } else if (what < 58) {
        do_connect(o, r[2]);
    } else if (what < 62) {
        do_bind(o, r[2]);
    } else if (what < 66) {
        CALL(o, SOCKET_OPERATION_CLOSE, r[2] & 1, socket_close(o->handle, completion, pending));
    } else if (what < 68) {
        CALL(o, SOCKET_OPERATION_END, r[2] & 1, socket_end(o->handle, completion, pending));
    } else if (what < 70) {
        result_of(socket_abort(o->handle));
    } else if (what < 72) {
        release(o);
    } else if (what < 75) {
        result_of(socket_pause(o->handle));
    } else if (what < 80) {
        result_of(socket_resume(o->handle));
    } else if (what < 84) {
        listen_to(o, (unsigned)r[2] & 0xfe);
    } else if (what < 88) {
        listen_to(o, 0xfe);
    } else if (what < 92) {
        do_options(o, r[2]);
    } else if (what < 95) {
        do_getters(o);
    } else if (what < 97) {
        result_of(socket_flush(o->handle));
    } else if (what == 97) { // a burst
        for (int i = 0; i < 20 && o->kind != SOCKET_KIND_UDP; i++) send_frame(o, (r[2] >> i) % 2000, 0, i & 1, 0);
    } else {
        usleep((unsigned)(r[2] % 2000));
    }
    unref(o);
}

static void *work(void *number)
{
    int worker = (int)(intptr_t)number;
    sender = worker;
    uint64_t state = mix(seed ^ mix((uint64_t)epoch * WORKERS + (uint64_t)worker));
    for (int i = 0; i < STEPS; i++) {
        uint64_t r[5];
        for (int j = 0; j < 5; j++) r[j] = state = mix(state);
        step(worker, r);
    }
    atomic_fetch_sub(&workers_left, 1);
    return NULL;
}

// ---- Epochs ---------------------------------------------------------------------------------

static void name_default_thread(void *number) { sender = SENDER_LOOP + (int)(intptr_t)number; }

static atomic_int named;

static void name_by_event(const socket_event *e, void *unused)
{
    (void)e;
    (void)unused;
    name_default_thread((void *)(intptr_t)(atomic_fetch_add(&named, 1)));
}

// The default loops' threads learn which senders they are: new sockets go to the loops in turn.
static void name_default_threads(void)
{
    socket_handle s[2];
    socket_address any = {"127.0.0.1", 0, 0};
    named = 0;
    for (int i = 0; i < 2; i++) {
        s[i] = CHECK_OK(socket_construct_udp());
        CHECK_OK(socket_on(s[i], SOCKET_EVENT_LISTENING, name_by_event, NULL));
        CHECK_OK(socket_bind(s[i], &any));
        WAIT(named == i + 1);
    }
    for (int i = 0; i < 2; i++) CHECK_OK(socket_release(s[i]));
}

static void join(pthread_t t) { CHECK(pthread_join(t, NULL) == 0); }

static void start(pthread_t *t, void *(*body)(void *), int number) { CHECK(pthread_create(t, NULL, body, (void *)(intptr_t)number) == 0); }

static void release_all(void)
{
    for (int w = 0; w < WORKERS; w++)
        for (int i = 0; i < SLOTS; i++) {
            struct object *o = slot_take(&slots[w][i]);
            if (!o) continue;
            release(o);
            unref(o);
        }
}

static void close_connections(void)
{
    pthread_mutex_lock(&all_lock);
    for (struct object *o = all_objects.next; o != &all_objects; o = o->next)
        if (o->kind == SOCKET_KIND_TCP_CONNECTION) result_of(socket_close(o->handle, NULL, NULL));
    pthread_mutex_unlock(&all_lock);
}

// The library is done with everything: so are we. Objects of hosted loops must be gone by themselves if nothing
// was aborted.
static void drop_all_objects(int gentle)
{
    while (all_objects.next != &all_objects) {
        struct object *o = all_objects.next;
        if (gentle && o->loop != 0)
            FAIL("a %s of loop %d is left: handle %llx, %d references, %d openings, %d close events, last rank %d", kind_name(o->kind), o->loop,
                 (unsigned long long)o->handle, o->references, o->opens, o->closes, o->rank);
        ref(o);
        library_done(o);
        if (o->references != 1 + (o->loop == 0)) FAIL("%s: %d references after the end", kind_name(o->kind), o->references);
        if (o->loop == 0) unref(o);
        unref(o);
    }
}

static void drain_records(void)
{
    socket_event records[RECORDS];
    int n;
    while ((n = socket_loop_poll(loops[2], records, RECORDS, 100)) != -SOCKET_ERROR_BADF) {
        CHECK_OK(n);
        for (int i = 0; i < n; i++) handle_record(&records[i]);
    }
}

static void run_epoch(const struct baseline *before)
{
    pthread_t workers[WORKERS], hosts[2], peer;
    int gentle = epoch % 3 != 2; // otherwise all is aborted while it is open
    loops[1] = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    loops[2] = CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS));
    hosts_stop = peers_stop = aborting = plain_port = 0;
    sender = SENDER_PEER + 1;
    name_default_threads();
    start(&hosts[0], host_callbacks, 0);
    start(&hosts[1], host_records, 0);
    for (int i = 0; i < LOOPS; i++) {
        servers[i] = object_new(SOCKET_KIND_TCP_SERVER, i);
        servers[i]->handle = CHECK_OK(socket_construct(loops[i], SOCKET_KIND_TCP_SERVER));
        servers[i]->opens = 1;
        CHECK(listen_to(servers[i], 0xfe) == 0);
        server_ports[i] = server_listen(servers[i]->handle, "127.0.0.1", 0);
    }
    start(&peer, peers, 0);
    WAIT(plain_port);
    workers_left = WORKERS;
    for (int i = 0; i < WORKERS; i++) start(&workers[i], work, i);
    for (int i = 0; i < WORKERS; i++) join(workers[i]);
    peers_stop = 1;
    join(peer);
    if (gentle) {
        release_all();
        for (int i = 0; i < LOOPS; i++) release(servers[i]);
        // The servers' connections that nobody has closed: half-open ones, and those that do not read.
        close_connections();
        WAIT(stats_now().sockets == 0 && outstanding == 0 && posts_out == 0);
        // A released client may still be sending.
        WAIT(stats_now().queued_bytes == 0);
    }
    aborting = 1;
    hosts_stop = 1;
    join(hosts[0]);
    join(hosts[1]);
    CHECK_OK(socket_shutdown(30000));
    CHECK_OK(socket_loop_close(loops[1]));
    CHECK_OK(socket_loop_close(loops[2]));
    drain_records();
    if (outstanding) FAIL("%lld completions have not come", (long long)outstanding);
    // Nothing is called any more: what is left are handles the loops have taken back.
    for (int w = 0; w < WORKERS; w++)
        for (int i = 0; i < SLOTS; i++) {
            struct object *o = slot_take(&slots[w][i]);
            if (!o) continue;
            CHECK(socket_release(o->handle) == -SOCKET_ERROR_BADF);
            library_done(o);
            unref(o);
        }
    forget_recent();
    drop_all_objects(gentle);
    // What was posted to a loop that ended never runs.
    while (all_posts.next != &all_posts) pending_end(all_posts.next);
    baseline_wait(before);
}

static void print_seed(void)
{
    fprintf(stderr, "random_ops: seed %llu, epoch %d; repeat it with --seed %llu --first %d --epochs 1\n", (unsigned long long)seed, epoch,
            (unsigned long long)seed, epoch);
    struct baseline now = {.fds = count_fds(), .kb = anonymous_kb()};
    now.stats.struct_size = sizeof now.stats;
    socket_get_stats(&now.stats);
    baseline_print("now", &now);
    printf("%lld completions and %lld posts have not come\n", (long long)outstanding, (long long)posts_out);
    // Handles that are left, whoever has them: slots and generations from the first.
    for (int64_t generation = 1, found = 0; generation < 200 && found < 10; generation++)
        for (int64_t slot = 0; slot < 3000; slot++) {
            socket_handle h = generation << 20 | slot;
            int kind = socket_get_kind(h), local = 0, remote = 0;
            if (kind < 0) continue;
            found++;
            socket_get_local_address(h, NULL, 0, &local, NULL);
            socket_get_remote_address(h, NULL, 0, &remote, NULL);
            socket_state_info state = SOCKET_STATE_INFO_INIT;
            socket_get_state(h, &state);
            int unread = -1;
            ioctl(socket_get_fd(h), FIONREAD, &unread);
            printf("left: %s %llx, bound %d connected %d close %d, port %d, peer's port %d, %d bytes unread, idle timeout %lld, half open %lld\n",
                   kind_name(kind), (unsigned long long)h, state.is_bound, state.is_connected, state.is_close, local, remote, unread,
                   (long long)socket_get_option(h, SOCKET_OPTION_IDLE_TIMEOUT), (long long)socket_get_option(h, SOCKET_OPTION_ALLOW_HALF_OPEN));
        }
    if (pthread_mutex_trylock(&all_lock) != 0) return;
    int shown = 0;
    for (struct object *o = all_objects.next; o != &all_objects && shown < 40; o = o->next) {
        if (o->references <= 1 + (o->loop == 0) - !o->library && o->closes >= o->opens) continue;
        socket_state_info state = SOCKET_STATE_INFO_INIT;
        int valid = socket_get_state(o->handle, &state) == 0;
        printf("%s %llx of loop %d: %d references, %d openings, %d closes, last rank %d, %svalid, bound %d connected %d close %d, %lld queued, "
               "completions asked/come", kind_name(o->kind), (unsigned long long)o->handle, o->loop, o->references, o->opens, o->closes, o->rank,
               valid ? "" : "in", state.is_bound, state.is_connected, state.is_close, (long long)socket_get_send_queue_length(o->handle));
        for (int i = 0; i < SENDERS; i++)
            if (o->sent_number[i]) printf(" %u/%u", o->sent_number[i], o->done_number[i]);
        printf("\n");
        shown++;
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int64_t seconds = 30, first = 0, epochs = INT32_MAX;
    seed = (uint64_t)now_ns();
    for (int i = 1; i < argc; i += 2) {
        int64_t value = argument(argc, argv, i + 1, 1);
        if (strcmp(argv[i], "--seed") == 0)
            seed = (uint64_t)value;
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = value;
        else if (strcmp(argv[i], "--first") == 0)
            first = value;
        else if (strcmp(argv[i], "--epochs") == 0)
            epochs = value;
        else {
            fprintf(stderr, "usage: random_ops [--seed S] [--seconds N] [--first EPOCH] [--epochs N]\n");
            return 2;
        }
    }
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    soak_on_fail = print_seed;
    for (int w = 0; w < WORKERS; w++)
        for (int i = 0; i < SLOTS; i++) pthread_mutex_init(&slots[w][i].lock, NULL);
    // A port that nobody listens at, for both protocols.
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    dead_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(dead_fd >= 0 && bind(dead_fd, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(dead_fd, (struct sockaddr *)&a, &size) == 0);
    dead_port = ntohs(a.sin_port);
    CHECK_OK(socket_set_dispatch_threads(2));
    warm_up();
    CHECK_OK(socket_shutdown(10000));
    struct baseline before = baseline_now(), now;
    int64_t until = now_ms() + seconds * 1000;
    int done = 0;
    for (epoch = (int)first; now_ms() < until && done < epochs; epoch++, done++) {
        int64_t from = now_ms();
        run_epoch(&before);
        if (done % 50 == 0 || getenv("SOAK_VERBOSE")) {
            char title[64];
            now = baseline_now();
            snprintf(title, sizeof title, "epoch %d (%lld ms)", epoch, (long long)(now_ms() - from));
            baseline_print(title, &now);
        }
    }
    now = baseline_now();
    baseline_print("at the end", &now);
    printf("%d epochs: %llu operations, %llu completions, %llu accepted, %llu closes, %llu frames, %llu MiB, %llu datagrams, "
           "%llu errors, %llu drains\n", done, (unsigned long long)did_ops, (unsigned long long)did_completions,
           (unsigned long long)did_accepts, (unsigned long long)did_closes, (unsigned long long)did_frames,
           (unsigned long long)did_bytes >> 20, (unsigned long long)did_packets, (unsigned long long)did_events[SOCKET_EVENT_ERROR],
           (unsigned long long)did_events[SOCKET_EVENT_DRAIN]);
    return 0;
}
