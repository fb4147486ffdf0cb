// What the parts of fuzz_calls share; main.c says what it is.
#ifndef OHSOCKET_FUZZ_CALLS_H
#define OHSOCKET_FUZZ_CALLS_H

#include <stdatomic.h>

#include "../../soak/soak.h"

enum {
    INPUT_SIZE = 2048,
    MAX_CALLS = 300,
    HANDLES = 12,    // those from TLS_HANDLES on are what prepare_tls makes
    TLS_HANDLES = 8,
    CONNECTIONS = 32,
    LOOPS = 3,     // 0 stands for the default ones
    TIMERS = 8,
    BYTES = 1 << 16,
    MAX_KNOWN = 4096,
    INPUT_LIMIT_MS = PATIENCE_MS / 2,
};

// ---- arguments.c: what the bytes of an input mean ----

struct input {
    uint32_t size;
    unsigned char data[INPUT_SIZE];
};

extern const struct input *input;
extern size_t at; // of the next byte of it
unsigned u8(void);
unsigned u16(void);
uint32_t u32(void);
uint64_t u64(void);

// What the calls work on.
extern socket_handle handles[HANDLES];
extern _Atomic socket_handle connections[CONNECTIONS];
extern socket_loop loops[LOOPS];
extern int ports[4]; // that something was bound to
extern unsigned char bytes[BYTES];
extern int in_namespace; // no packet leaves the machine

// Memory of exactly this size, until the end of the input.
void *memory(size_t size);
void free_memory(void);

socket_handle any_handle(void);
socket_loop any_loop(void);
void *any_user_data(void);
socket_address any_address(int goes_out);
// A struct that begins with its size, of the size it says it has.
void *any_struct(const void *from, size_t right, int is_output);
const void *any_data(size_t *size);

// ---- callbacks.c: what the library calls ----

extern atomic_ullong promised, kept; // completions
extern atomic_ullong reentry;        // what callbacks do depends on how many there have been
extern atomic_int loose;             // callbacks call nothing
extern atomic_uint connection_turn;
void on_completion(socket_handle socket, int error, void *user_data);
void on_event(const socket_event *e, void *user_data);
void on_function(void *user_data);
void take_records(const socket_event *records, int n);

// ---- socket_calls.c, loop_calls.c, library_calls.c: the calls, by number ----

enum { OPERATIONS = 56 };
int64_t call_socket(unsigned operation);  // 0 to 31
int64_t call_loop(unsigned operation);    // 32 to 47, 55
int64_t call_library(unsigned operation); // 48 to 54
int64_t call_tls(void);
const void *any_tls_options(void);
void read_certificates(void);
void prepare_tls(unsigned what); // by the bits of the second byte
// So many clients of the TLS server whose handshakes fail: more than a batch of records holds.
void send_strangers(unsigned count);

extern int64_t timers[TIMERS];
extern int timer_loop[TIMERS];
extern int record_loop_closed, dropped; // a second close drops the records that are left

// ---- run.c: one input ----

extern struct input *last; // shared with a file
extern char current_name[300];
extern atomic_llong started_ms;
extern atomic_int current_call; // -1: closing everything
extern unsigned call_counts[OPERATIONS][2];
// Says whether a call has returned something new.
int run_input(const struct input *in, const struct baseline *before, unsigned number);

// ---- corpus.c: the inputs that are known, and their mutation ----

void add_known(const struct input *in);
void read_file(const char *path, struct input *to);
void save(const char *folder, const struct input *in);
void mutate(struct input *in, uint64_t *chance);

// ---- namespace.c ----

// Runs the program in a network of its own, with nothing in it but the loopback interface.
void enter_namespace(char **argv);

#endif
