/* What every benchmark program needs: errors, addresses, options, clocks. */
#ifndef BENCH_UTIL_H
#define BENCH_UTIL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
  struct sockaddr_storage storage;
  socklen_t length;
};

/* A `--name NUMBER` option; a value of NAN before parsing means "required". */
struct option_number {
  const char* name;
  double* value;
};

/* Print "PROGRAM: message" on stderr and exit 1; die() adds errno. */
void fail(const char* format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void die(const char* what) __attribute__((noreturn));

void* must_alloc(size_t count, size_t size);

/* Numeric addresses only: a benchmark must not wait for a name server. */
void parse_address(const char* host, const char* port, struct address* out);

/* Parse HOST PORT followed by options; exits 1 on anything unexpected. */
void parse_load_args(int argc, char** argv, struct address* server,
                     const struct option_number* options, size_t count);

/* The one line the driver waits for: `listening ADDRESS PORT`. */
void announce(const struct sockaddr* addr, socklen_t length);

/* Bind (and for SOCK_STREAM listen on) HOST PORT, non-blocking, and announce. */
int open_server(const char* host, const char* port, int type);

/* Block SIGTERM and SIGINT and return a descriptor readable once one came. */
int open_stop_signal(void);

void set_nodelay(int fd);

uint64_t now_ns(void);

/* CPU seconds (user + system, all threads) the process used; 0 if pid is 0. */
double process_cpu_seconds(long pid);

#endif
