// What the soak programs share. They look at the library from outside only: its functions, its
// counters and what the kernel says about the process. Everything waits for a condition with a
// deadline, nothing for a time.
//
// WAIT is for conditions that callbacks and other threads make true: they call happened(), and WAIT
// looks again. WAIT_STATE is for what nobody reports: the library's counters and what is in /proc.
#ifndef OHSOCKET_SOAK_H
#define OHSOCKET_SOAK_H

#include <ohsocket.h>
#include <stdint.h>

#ifdef __SANITIZE_ADDRESS__
enum { SOAK_ASAN = 1, PATIENCE_MS = 180000 };
#else
enum { SOAK_ASAN = 0, PATIENCE_MS = 60000 };
#endif

#define FAIL(...) soak_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition) \
    do { if (!(condition)) FAIL("false: %s", #condition); } while (0)
// The value of a call that must succeed.
#define CHECK_OK(call) soak_ok(__FILE__, __LINE__, #call, (int64_t)(call))
#define WAIT(condition) \
    do { \
        int64_t until_ = now_ms() + PATIENCE_MS; \
        for (unsigned seen_; seen_ = happenings(), !(condition); ) \
            if (!await_happening(seen_, until_)) FAIL("in vain: %s", #condition); \
    } while (0)
#define WAIT_STATE(condition) \
    do { \
        int64_t until_ = now_ms() + PATIENCE_MS; \
        for (; !(condition); look_again_later()) \
            if (now_ms() > until_) FAIL("in vain: %s", #condition); \
    } while (0)

_Noreturn void soak_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
int64_t soak_ok(const char *file, int line, const char *text, int64_t result);
// Printed by soak_fail before it ends the process, if set.
extern void (*soak_on_fail)(void);

int64_t now_ns(void);
int64_t now_ms(void);

void happened(void);                                // wakes every WAIT
unsigned happenings(void);                          // how many there were
int await_happening(unsigned seen, int64_t until);  // 0: none has come until then
void look_again_later(void);                        // for WAIT_STATE
// a pause that is a part of the load; nothing is waited for
void pass_time(int64_t ns);

socket_stats stats_now(void);
long anonymous_kb(void); // RssAnon: the memory the process has written to
long resident_kb(void);  // VmRSS: with what it has mapped of the library and of libc
int count_fds(void);
int raise_files(void); // RLIMIT_NOFILE up to the hard limit, which it returns
int64_t argument(int argc, char **argv, int index, int64_t otherwise);

// What must be the same before and after. baseline_wait waits for it.
struct baseline {
    int fds;
    socket_stats stats;
    long kb;
};
struct baseline baseline_now(void); // the first one after warm_up
void warm_up(void); // what the first socket and the first look-up leave behind is there afterwards
void baseline_wait(const struct baseline *b);
void baseline_print(const char *title, const struct baseline *b);

// The Go runtime collects garbage when some amount is there and gives memory back later. This opens
// and closes sockets until it has come down to kb, at most for PATIENCE_MS, and returns how much
// there is then.
long memory_settle(long kb);

uint64_t mix(uint64_t x); // a number that looks like chance, the same for the same x
void pattern_fill(void *to, uint64_t key, uint64_t offset, size_t size);
int pattern_matches(const void *data, uint64_t key, uint64_t offset, size_t size);

// A message listener that answers with the same bytes.
void send_back(const socket_event *e, void *unused);

// A server of the library on a free port of all local addresses.
int server_listen(socket_handle server, const char *address, int backlog);

#endif
