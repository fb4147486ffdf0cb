// What the parts of random_ops share; main.c says what it is.
#ifndef OHSOCKET_RANDOM_OPS_H
#define OHSOCKET_RANDOM_OPS_H

#include <pthread.h>
#include <stdatomic.h>

#include "../soak.h"

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
    RELAYS = 16,
    VILLAINS = 18,
};

static inline int is_server(int kind) { return kind == SOCKET_KIND_TCP_SERVER || kind == SOCKET_KIND_TLS_SERVER; }
static inline int is_connection(int kind) { return kind == SOCKET_KIND_TCP_CONNECTION || kind == SOCKET_KIND_TLS_CONNECTION; }
static inline int is_tls(int kind) { return kind == SOCKET_KIND_TLS || kind == SOCKET_KIND_TLS_SERVER || kind == SOCKET_KIND_TLS_CONNECTION; }

// ---- epochs.c: one run of everything ----

extern uint64_t seed;
extern int epoch;
extern socket_loop loops[LOOPS];
extern atomic_int aborting;
extern struct object *tls_servers[LOOPS];
void run_epoch(const struct baseline *before);

// ---- objects.c: what a socket's user_data points to ----

// A stream consists of frames, whole ones even if several threads send, each with the sender's
// number of it.
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

struct slot;

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
    // of completions; likewise, and the loop's thread
    unsigned sent_number[SENDERS], done_number[SENDERS];
    int rank; // of the last event of this period
    int echoes;
    int dismisses;      // a server whose clients nobody wants
    // a TLS client that must never be connected: it verifies by an authority, or a name, nobody has
    int distrusts;
    // a TCP client that becomes a TLS one, and meets those only that expect it: 1 in its connect
    // event, 2 when a worker says so
    int upgrades;
    atomic_int carried; // its connection has been taken over
    struct slot *slot;  // of a client that upgrades
    struct parser in;
};

extern pthread_mutex_t all_lock;
extern struct object all_objects;
extern atomic_ullong next_key;
extern __thread int sender; // which of the senders this thread is
struct object *object_new(int kind, int loop);
void unref(struct object *o);
void ref(struct object *o);
void library_done(struct object *o);

// ---- completions.c: each comes once; posts and timers ----

enum { ALIVE = 0x600dca11, DONE = 0xdeadca11 };

struct pending {
    uint32_t magic;
    int operation, sender;
    unsigned number;
    struct object *object; // NULL: a post or timer
    void (*function)(void *);
    void *argument;
    struct pending *next, *previous; // posts and timers: an ending loop drops them
};

extern struct pending all_posts;
extern atomic_llong outstanding, posts_out;
extern atomic_ullong did_completions;
extern __thread const void *in_call; // the pending completion of the call this thread is in
struct pending *pending_new(struct object *o, int operation);
void pending_end(struct pending *p);
const char *kind_name(int kind);
void enter(struct object *o, const char *what);
void leave(struct object *o);
void completed(socket_handle socket, int error, struct pending *p);
void on_completed(socket_handle socket, int error, void *user_data);
int result_of(int64_t result);
void on_post(void *user_data);
int post(int loop, void (*function)(void *), void *argument);
void release(struct object *o);

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

// ---- frames.c: what is sent and received ----

extern atomic_ullong did_bytes, did_frames, did_packets;
unsigned char *frame_bytes(struct object *o, uint64_t key, uint32_t number, size_t size, int wants_answer);
int send_frame(struct object *o, size_t size, int pieces, int wanted, int wants_answer);
void send_packet(struct object *o, int port, size_t size, int wanted);
void parse(struct object *o, const unsigned char *data, size_t size);
void parse_packet(const socket_event *e);

// ---- events.c: in their order, one at a time ----

extern atomic_ullong did_closes, did_events[16];
void on_event(const socket_event *e, void *user_data);
int listen_to(struct object *o, unsigned mask);

// ---- connections.c: of the servers ----

extern atomic_ullong did_accepts;
void begin_connection(struct object *server, const socket_event *e);
void forget_recent(void);
struct object *recent_get(unsigned i);

// ---- hosted_loops.c: their threads, and loops that are closed under their sockets ----

void *host_callbacks(void *unused);
void handle_record(const socket_event *e);
void *host_records(void *unused);
void stop_hosts(void);
void scenario_loop(uint64_t chance);

// ---- bad_peers.c: plain sockets that reset, stop reading or end early ----

extern atomic_int peers_stop, plain_port;
void *peers(void *unused);

// ---- sockets.c: of the workers, and the calls on them ----

struct slot {
    pthread_mutex_t lock;
    struct object *object;
};

extern struct slot slots[WORKERS][SLOTS];
extern int server_ports[LOOPS], tls_server_ports[LOOPS], dead_port; // where to connect
extern atomic_int udp_ports[8];            // and to send
struct object *slot_get(struct slot *s);
struct object *slot_take(struct slot *s);
void construct(struct slot *s, uint64_t chance);
void do_bind(struct object *o, uint64_t chance);
void do_connect(struct object *o, uint64_t chance);
void do_options(struct object *o, uint64_t chance);
void do_getters(struct object *o);

// ---- tls.c: secure options, and connections that become TLS ----

extern atomic_ullong did_handshakes, did_upgrades, did_resumptions;
void read_certificates(void);
int do_secure(struct object *o, uint64_t chance); // sets secure options
int tls_listen(struct object *server, uint64_t chance);
void do_tls_getters(struct object *o);
void upgrade(struct object *o);

// ---- hostile_tls.c: peers of TLS servers and clients that break every rule ----

extern atomic_int hostile_port;
extern atomic_ullong did_attacks;
void *hostile_tls(void *unused);

// ---- relay.c: between TLS clients and servers, cutting, changing and holding up what it passes on
// ----

extern atomic_int relay_port;
void *relays(void *unused);

// ---- steps.c: what a worker does ----

extern atomic_ullong did_ops;
void *work(void *number);

// ---- report.c: what to say when something is wrong ----

void print_seed(void);

#endif
