// A probe is attached to a socket of the library and writes down what happens to it. It checks by
// itself what always holds: events in their order, one callback at a time, never one inside
// another.
#ifndef OHSOCKET_TESTS_PROBE_H
#define OHSOCKET_TESTS_PROBE_H

#include "harness.h"

#include <stdio.h>

enum {
    EVENT_TYPES = 12,
    OPERATIONS = 5,
    PROBE_LETTERS = 128,
    PROBE_BYTES = 256, // kept of what was received
    PROBE_CLIENTS = 256,
    ALL_EVENTS = 0xfe, // connect to listening
};

struct probe {
    struct probe *next;
    socket_handle socket;
    int kind;
    unsigned mask; // what it listens to

    // What has happened, a letter each: C connect, M message, E end, D drain, X error, Z close, L
    // listening, and the completions c connect, s send, e end, z close. Of several M, D or s in a
    // row one is written.
    char order[PROBE_LETTERS + 1];
    int count[EVENT_TYPES]; // events by type
    int error[EVENT_TYPES]; // of the last one of the type
    int64_t at[EVENT_TYPES]; // when it came
    int done[OPERATIONS];   // completions by operation
    int done_error[OPERATIONS];
    uint64_t size; // bytes received
    unsigned char data[PROBE_BYTES];
    int remote_port; // of the last message
    int pattern;     // 1: what is received must be the pattern
    int rank;        // of the last event of this open period
    int reopened;    // by others: any event may begin a new open period

    struct probe *client[PROBE_CLIENTS]; // a server's, if it keeps them
    int clients;
    int keeps_clients;
    unsigned client_mask; // what their probes listen to

    // Called after writing it down, without the lock.
    void (*on_event)(struct probe *, const socket_event *);
    void (*on_done)(struct probe *, int operation, int error);
    void *context;

    int running; // inside a callback
    int thread;  // of the last callback
};

// The test's loop, 0 if it is the default loop, and how it is driven.
extern socket_loop test_loop;
extern enum loop_kind test_loop_kind;

void run_with_baseline(const struct test *t);
void pump(int timeout_ms); // runs the test's loop, which is a host-driven one
void probes_print(FILE *to);
void probes_start(void); // those there are now are not printed

struct probe *probe_new(int kind); // on the test's loop, listening to all events
struct probe *probe_new_masked(int kind, unsigned mask);
struct probe *probe_attach(socket_handle socket, int kind, unsigned mask);
void probe_listen(struct probe *p, unsigned mask); // from now on to these events only
void probe_release(struct probe *p);               // releases the handle; it must be valid

// The completion that writes an operation down in the probe given as its user_data, which need not
// be the socket's.
socket_completion probe_completion(int operation);
// The operations, with the probe's completion, at 127.0.0.1.
int probe_connect(struct probe *p, int port);
int probe_connect_to(struct probe *p, const char *address, int port, int timeout_ms);
int probe_send(struct probe *p, const void *data, size_t size);
int probe_send_pattern(struct probe *p, uint64_t offset, size_t size);
int probe_send_to(struct probe *p, int port, const void *data, size_t size);
int probe_end(struct probe *p);
int probe_close(struct probe *p);
int probe_bind(struct probe *p); // to a free port, which it returns
int probe_port(struct probe *p); // the local one
// what comes now is of a new open period, even if it is only its close
void probe_opened(struct probe *p);
void probe_closed(struct probe *p); // closes if it is open, waits for it and releases the handle

// A server on a free port, its clients each with a probe.
struct probe *server_new(int *port);
struct probe *server_new_masked(int *port, unsigned client_mask);

// A connection between us and a peer that is not ours; kind says which end of it we are.
struct pair {
    struct probe *probe;
    struct probe *server; // if we are a server's connection
    int peer;
};
struct pair pair_new(int kind);
struct pair pair_new_masked(int kind, unsigned mask);
void pair_close(struct pair *p); // whatever state it is in
// The codes of a server's connections are in the servers' range.
int code_for(int kind, int code);

void pattern_fill(void *to, uint64_t offset, size_t size);
int pattern_matches(const void *data, uint64_t offset, size_t size);

// Runs a function on the loop's thread.
void post(void (*function)(void *), void *argument);
void on_loop(void (*function)(void *), void *argument); // and waits for it
// The loop has looked for events at least once since.
void settle(void);
// Nothing happens and the loop knows it: it does not look for events over and over.
void check_quiet(void);
// The same as a question, to be asked again where what has been begun may still go on.
int is_quiet(void);
// The loop's thread does nothing between them.
void freeze(void);
void thaw(void);

int state_of(socket_handle socket); // bits: 1 bound, 2 connected, 4 close
int is_valid(socket_handle socket);
int option_of_fd(socket_handle socket, int level, int name);

socket_address address_of(const char *text, int port, int family);
socket_connect_options connect_options(const char *text, int port, int timeout_ms);
socket_listen_options listen_options(const char *text, int port, int backlog);

#endif
