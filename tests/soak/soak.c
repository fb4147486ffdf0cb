#define _GNU_SOURCE
#include "soak.h"

#include <dirent.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void (*soak_on_fail)(void);

_Noreturn void soak_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fprintf(stderr, "%s:%d: ", file, line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    if (soak_on_fail) soak_on_fail();
    fflush(stderr);
    if (getenv("SOAK_ABORT")) abort();
    _exit(1);
}

int64_t soak_ok(const char *file, int line, const char *text, int64_t result)
{
    if (result < 0) soak_fail(file, line, "%s: %s (%lld)", text, socket_strerror((int)result), (long long)result);
    return result;
}

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t now_ms(void) { return now_ns() / 1000000; }

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count;
} happening = {.lock = PTHREAD_MUTEX_INITIALIZER};

__attribute__((constructor)) static void use_monotonic_clock(void)
{
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&happening.changed, &a);
    pthread_condattr_destroy(&a);
}

void happened(void)
{
    pthread_mutex_lock(&happening.lock);
    happening.count++;
    pthread_cond_broadcast(&happening.changed);
    pthread_mutex_unlock(&happening.lock);
}

unsigned happenings(void)
{
    pthread_mutex_lock(&happening.lock);
    unsigned count = happening.count;
    pthread_mutex_unlock(&happening.lock);
    return count;
}

int await_happening(unsigned seen, int64_t until)
{
    struct timespec t = {until / 1000, until % 1000 * 1000000};
    pthread_mutex_lock(&happening.lock);
    while (happening.count == seen && pthread_cond_timedwait(&happening.changed, &happening.lock, &t) == 0) {}
    int more = happening.count != seen;
    pthread_mutex_unlock(&happening.lock);
    return more;
}

void pass_time(int64_t ns)
{
    struct timespec t = {ns / 1000000000, ns % 1000000000};
    nanosleep(&t, NULL);
}

// The kernel's view of the process and the library's counters change without telling anybody.
void look_again_later(void) { pass_time(200000); }

socket_stats stats_now(void)
{
    socket_stats s = SOCKET_STATS_INIT;
    CHECK_OK(socket_get_stats(&s));
    return s;
}

// A line of /proc/self/status.
static long status_kb(const char *name)
{
    char line[256];
    size_t length = strlen(name);
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "re");
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, name, length) == 0 && sscanf(line + length, ": %ld", &kb) == 1) break;
    fclose(f);
    CHECK(kb >= 0);
    return kb;
}

long anonymous_kb(void) { return status_kb("RssAnon"); }
long resident_kb(void) { return status_kb("VmRSS"); }

int count_fds(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    CHECK(d != NULL);
    while (readdir(d)) n++;
    closedir(d);
    return n - 3; // ., .. and the folder's own
}

int raise_files(void)
{
    struct rlimit r;
    CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0);
    struct rlimit enough = {30000, 30000};
    // as root
    if (r.rlim_max < enough.rlim_max && setrlimit(RLIMIT_NOFILE, &enough) == 0) r = enough;
    r.rlim_cur = r.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
    return r.rlim_max > 1 << 20 ? 1 << 20 : (int)r.rlim_max;
}

int64_t argument(int argc, char **argv, int index, int64_t otherwise)
{
    if (index >= argc) return otherwise;
    char *end;
    long long n = strtoll(argv[index], &end, 0);
    if (*end || n < 1) {
        fprintf(stderr, "%s: not a number: %s\n", argv[0], argv[index]);
        exit(2);
    }
    return n;
}

struct baseline baseline_now(void) { return (struct baseline){count_fds(), stats_now(), anonymous_kb()}; }

static int is_back(const struct baseline *b)
{
    socket_stats s = stats_now();
    return s.sockets <= b->stats.sockets && s.loops <= b->stats.loops && s.queued_bytes <= b->stats.queued_bytes &&
           s.tls_handshakes <= b->stats.tls_handshakes && s.tls_sessions <= b->stats.tls_sessions &&
           s.tls_contexts <= b->stats.tls_contexts && s.goroutines <= b->stats.goroutines && count_fds() <= b->fds;
}

void baseline_wait(const struct baseline *b)
{
    int64_t until = now_ms() + PATIENCE_MS;
    while (!is_back(b)) {
        if (now_ms() > until) {
            struct baseline now = baseline_now();
            baseline_print("before", b);
            baseline_print("now", &now);
            FAIL("something is left");
        }
        look_again_later();
    }
}

void baseline_print(const char *title, const struct baseline *b)
{
    fprintf(stdout, "%-28s %6llu handles %3llu loops %6d fds %4llu goroutines %8llu queued %7ld KiB (%llu buffers, %llu Go heap), %llu/%llu/%llu of TLS\n", title,
           (unsigned long long)b->stats.sockets, (unsigned long long)b->stats.loops, b->fds,
           (unsigned long long)b->stats.goroutines, (unsigned long long)b->stats.queued_bytes, b->kb,
           (unsigned long long)b->stats.buffer_bytes >> 10, (unsigned long long)b->stats.go_heap_bytes >> 10,
           (unsigned long long)b->stats.tls_handshakes, (unsigned long long)b->stats.tls_sessions, (unsigned long long)b->stats.tls_contexts);
    fflush(stdout);
}

static void count_completion(socket_handle socket, int error, void *user_data)
{
    (void)socket;
    (void)error;
    __atomic_fetch_add((int *)user_data, 1, __ATOMIC_SEQ_CST);
    happened();
}

// Connects to a port that nobody listens at.
static void connect_in_vain(const char *address, int times)
{
    static int done; // lives as long as a completion can come
    socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
    uint64_t others = stats_now().sockets; // of a test that goes on
    socket_handle placeholder = CHECK_OK(socket_construct_tcp());
    socket_address any = {"127.0.0.1", 0, 0};
    CHECK_OK(socket_bind(placeholder, &any));
    CHECK_OK(socket_get_local_address(placeholder, NULL, 0, &to.address.port, NULL));
    to.address.address = address;
    done = 0;
    for (int i = 0; i < times; i++) {
        socket_handle s = CHECK_OK(socket_construct_tcp());
        CHECK_OK(socket_connect(s, &to, count_completion, &done));
        WAIT(__atomic_load_n(&done, __ATOMIC_SEQ_CST) >= i - 63);
        CHECK_OK(socket_release(s));
    }
    WAIT(__atomic_load_n(&done, __ATOMIC_SEQ_CST) == times);
    CHECK_OK(socket_release(placeholder));
    WAIT_STATE(stats_now().sockets == others);
}

void warm_up(void) { connect_in_vain("localhost", 1); }

long memory_settle(long kb)
{
    int64_t until = now_ms() + PATIENCE_MS;
    long now;
    while ((now = anonymous_kb()) > kb && now_ms() < until) connect_in_vain("127.0.0.1", 500);
    return now;
}

uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

// Each word of eight bytes looks like chance, so that bytes of any other place or key do not match.
static uint64_t pattern_word(uint64_t key, uint64_t offset) { return mix(key * UINT64_C(0xd1342543de82ef95) + (offset >> 3)); }

static unsigned char pattern_byte(uint64_t word, uint64_t offset) { return (unsigned char)(word >> (offset & 7) * 8); }

void pattern_fill(void *to, uint64_t key, uint64_t offset, size_t size)
{
    unsigned char *p = to;
    uint64_t word = pattern_word(key, offset);
    for (size_t i = 0; i < size; i++, offset++) {
        if ((offset & 7) == 0) word = pattern_word(key, offset);
        p[i] = pattern_byte(word, offset);
    }
}

int pattern_matches(const void *data, uint64_t key, uint64_t offset, size_t size)
{
    const unsigned char *p = data;
    uint64_t word = pattern_word(key, offset);
    for (size_t i = 0; i < size; i++, offset++) {
        if ((offset & 7) == 0) word = pattern_word(key, offset);
        if (p[i] != pattern_byte(word, offset)) return 0;
    }
    return 1;
}

void send_back(const socket_event *e, void *unused)
{
    (void)unused;
    CHECK_OK(socket_send(e->socket, e->data, e->size, NULL, NULL));
}

int server_listen(socket_handle server, const char *address, int backlog)
{
    socket_listen_options o = SOCKET_LISTEN_OPTIONS_INIT;
    int port;
    o.address.address = address;
    o.backlog = backlog;
    CHECK_OK(socket_listen(server, &o));
    CHECK_OK(socket_get_local_address(server, NULL, 0, &port, NULL));
    return port;
}
