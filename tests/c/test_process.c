// The library in its host's process: fork, exec, exit, loading, faults. PROC-1, PROC-2, PROC-6.
// (Running and ending: test_run.c.)
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"
#include "probe.h"

static void function(void *unused) { (void)unused; }
static void listener(const socket_event *e, void *unused) { (void)e, (void)unused; }

// Everything a forked child may try, with handles that are valid in the parent; returns how many
// calls did not say
// 2300003. The five functions that need no thread of the library have to work.
static int try_everything(socket_handle s, socket_loop loop)
{
    socket_address a = address_of("127.0.0.1", 1, 0);
    socket_listen_options l = listen_options("127.0.0.1", 0, 0);
    socket_connect_options c = connect_options("127.0.0.1", 1, 0);
    socket_extra_options x = SOCKET_EXTRA_OPTIONS_INIT;
    socket_state_info state = SOCKET_STATE_INFO_INIT;
    socket_stats stats = SOCKET_STATS_INIT;
    socket_buffer b = {"x", 1};
    socket_event e[2];
    char text[64];
    const int64_t results[] = {
        socket_construct_tcp(), socket_construct_tcp_server(), socket_construct_udp(), socket_construct(0, SOCKET_KIND_TCP),
        socket_construct(loop, SOCKET_KIND_UDP), socket_bind(s, &a), socket_listen(s, &l), socket_connect(s, &c, NULL, NULL),
        socket_send(s, "x", 1, NULL, NULL), socket_sendv(s, &b, 1, NULL, NULL), socket_send_to(s, &a, "x", 1, NULL, NULL),
        socket_flush(s), socket_end(s, NULL, NULL), socket_close(s, NULL, NULL), socket_abort(s), socket_pause(s),
        socket_resume(s), socket_adopt(s, 0), socket_on(s, SOCKET_EVENT_MESSAGE, listener, NULL),
        socket_off(s, SOCKET_EVENT_MESSAGE, NULL, NULL), socket_subscribe(s, 2, NULL), socket_set_extra_options(s, &x),
        socket_set_option(s, SOCKET_OPTION_IDLE_TIMEOUT, 1), socket_get_option(s, SOCKET_OPTION_IDLE_TIMEOUT),
        socket_get_state(s, &state), socket_get_local_address(s, text, 64, NULL, NULL),
        socket_get_remote_address(s, text, 64, NULL, NULL), socket_get_fd(s), socket_get_send_queue_length(s),
        socket_get_kind(s), socket_get_client_id(s), socket_get_error_detail(s, text, 64), socket_release(s),
        socket_loop_create(SOCKET_LOOP_CALLBACKS), socket_loop_fd(loop), socket_loop_run(loop, -1),
        socket_loop_poll(loop, e, 2, -1), socket_loop_flush(loop), socket_loop_post(loop, function, NULL),
        socket_loop_set_timer(loop, 0, 0, function, NULL), socket_loop_clear_timer(loop, 1), socket_loop_close(loop),
        socket_set_dispatch_threads(2), socket_run(), socket_shutdown(1000), socket_set_compat(1), socket_get_stats(&stats),
        socket_set_total_queue_limit(1),
    };
    int wrong = 0;
    for (unsigned i = 0; i < sizeof results / sizeof *results; i++) {
        if (results[i] == -2300003) continue;
        fprintf(stderr, "in a forked child call %u returned %lld\n", i, (long long)results[i]);
        wrong++;
    }
    wrong += strcmp(socket_error_name(-2300003), "SOCKET_ERROR_FORKED") != 0 || socket_strerror(-2300003)[0] == 0;
    wrong += socket_error_category(-2300003) != SOCKET_CATEGORY_USAGE || strcmp(socket_version(), SOCKET_VERSION_STRING) != 0;
    return wrong;
}

static void exchange(struct pair *pair)
{
    struct probe *p = pair->probe;
    uint64_t before = p->size;
    char text[3];
    peer_write(pair->peer, "abc", 3);
    WAIT(p->size == before + 3);
    CHECK_EQ(probe_send(p, "def", 3), 0);
    peer_read(pair->peer, text, 3);
}

// PROC-1
TEST(a_forked_child_is_refused_and_the_parent_goes_on)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    for (int i = 0; i < 5; i++) {
        exchange(&pair);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) _exit(try_everything(pair.probe->socket, loop) == 0 ? 0 : 1);
        CHECK_EQ(wait_child(child), 0);
        exchange(&pair);
    }
    CHECK_EQ(socket_loop_close(loop), 0);
    pair_close(&pair);
}

// PROC-1: a forked child that lives on holds the descriptors; our close is still seen by the peer.
TEST(a_close_is_seen_though_a_child_holds_the_descriptor)
{
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    struct probe *p = pair.probe;
    int gate[2];
    CHECK_EQ(pipe(gate), 0);
    pid_t child = fork();
    if (child == 0) {
        char c;
        close(gate[1]);
        _exit(read(gate[0], &c, 1) == 0 ? 0 : 1);
    }
    close(gate[0]);
    CHECK_EQ(probe_close(p), 0);
    peer_read_end(pair.peer);
    peer_close(pair.peer);
    pair.peer = -1;
    WAIT(p->done[SOCKET_OPERATION_CLOSE] == 1);
    check_quiet();
    struct probe *server = server_new(&(int){0});
    int port = probe_port(server);
    close(gate[1]);
    CHECK_EQ(wait_child(child), 0);
    probe_closed(server);
    CHECK(port > 0);
    pair_close(&pair);
}

CHILD(child_has_no_sockets)
{
    DIR *d = opendir("/proc/self/fd");
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char path[300], target[300] = {0};
        snprintf(path, sizeof path, "/proc/self/fd/%s", e->d_name);
        if (readlink(path, target, sizeof target - 1) > 0 && (strncmp(target, "socket:", 7) == 0 || strncmp(target, "anon_inode:", 11) == 0))
            FAIL("descriptor %s is %s", e->d_name, target);
    }
    closedir(d);
}

// PROC-2: with every kind of descriptor the library has open.
TEST(an_execed_child_inherits_nothing)
{
    int port;
    struct full_listener full = peer_listen_full();
    struct pair a = pair_new(SOCKET_KIND_TCP), b = pair_new(SOCKET_KIND_TCP_CONNECTION);
    struct probe *udp = probe_new(SOCKET_KIND_UDP), *server = server_new(&port), *connecting = probe_new(SOCKET_KIND_TCP);
    probe_bind(udp);
    CHECK_EQ(probe_connect(connecting, full.port), 0);
    socket_loop loops[2] = {CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS)), CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS))};
    settle();
    CHECK_EQ(wait_child(start_child("child_has_no_sockets", NULL)), 0);
    CHECK_EQ(socket_loop_close(loops[0]), 0);
    CHECK_EQ(socket_loop_close(loops[1]), 0);
    CHECK_EQ(socket_loop_close(loops[1]), 0);
    CHECK_EQ(socket_abort(connecting->socket), 0);
    probe_release(connecting);
    probe_closed(udp);
    probe_closed(server);
    pair_close(&a);
    pair_close(&b);
    peer_close_full(&full);
}

// PROC-2
TEST(no_write_raises_sigpipe)
{
    signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < 50; i++) {
        struct pair pair = pair_new(SOCKET_KIND_TCP);
        struct probe *p = pair.probe;
        freeze(); // so that it is the write that meets the reset
        if (i % 2) peer_end(pair.peer); // then the kernel says EPIPE at once
        peer_reset(pair.peer);
        pair.peer = -1;
        socket_buffer b[2] = {{"x", 1}, {"y", 1}};
        if (i / 2 % 2) socket_sendv(p->socket, b, 2, NULL, NULL); // only the first write is made
        for (int k = 0; k < 5; k++) socket_send(p->socket, "x", 1, NULL, NULL);
        thaw();
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        pair_close(&pair);
    }
}

static int running_traffic;

static void echo(struct probe *p, const socket_event *e)
{
    if (e->type != SOCKET_EVENT_MESSAGE) return;
    CHECK_EQ(socket_send(p->socket, e->data, e->size, NULL, NULL), 0);
    __atomic_add_fetch(&running_traffic, 1, __ATOMIC_RELAXED);
}

// Connections of the library to itself that send back and forth for ever.
static void start_traffic(void)
{
    int port;
    struct probe *server = server_new(&port);
    for (int i = 0; i < 8; i++) {
        struct probe *p = probe_new(SOCKET_KIND_TCP);
        p->on_event = echo;
        CHECK_EQ(probe_connect(p, port), 0);
        WAIT(server->clients == i + 1);
        server->client[i]->on_event = echo;
        CHECK_EQ(probe_send(p, "round and round", 15), 0);
    }
    POLL(__atomic_load_n(&running_traffic, __ATOMIC_RELAXED) > 1000);
}

static void exit_in_a_callback(void *unused)
{
    (void)unused;
    exit(7);
}

CHILD(child_ends_with_traffic)
{
    start_traffic();
    if (strcmp(test_argument, "return") == 0) return;
    if (strcmp(test_argument, "exit") == 0) exit(5);
    if (strcmp(test_argument, "_exit") == 0) _exit(6);
    post(exit_in_a_callback, NULL);
    for (;;) pause_ms(1000);
}

// A process ends as it wants to while the library is at work.
BARE_TEST(a_process_exits_with_traffic)
{
    static const struct {
        const char *how;
        int code;
    } ways[] = {{"return", 0}, {"exit", 5}, {"_exit", 6}, {"callback", 7}};
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 8 / HARNESS_SLOWNESS; k++) {
            int code = wait_child(start_child("child_ends_with_traffic", ways[i].how));
            if (code != ways[i].code) FAIL("exit by %s: %d", ways[i].how, code);
        }
    }
}

static void *open_library(void *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
    socket_handle (*construct)(void) = (socket_handle(*)(void))dlsym(library, "socket_construct_udp");
    int (*release)(socket_handle) = (int (*)(socket_handle))dlsym(library, "socket_release");
    for (int i = 0; i < 100; i++) CHECK_EQ(release(CHECK_OK(construct())), 0);
    CHECK_EQ(dlclose(library), 0);
    return NULL;
}

// Opened again and closed by several threads it stays loaded. (Without being linked:
// tests/interop.)
TEST(threads_open_and_close_the_library)
{
    Dl_info info;
    pthread_t threads[8];
    CHECK(dladdr((void *)(uintptr_t)socket_construct_udp, &info) != 0);
    for (int i = 0; i < 8; i++) start_thread(&threads[i], open_library, (void *)(uintptr_t)info.dli_fname);
    for (int i = 0; i < 8; i++) join_thread(threads[i]);
}

#ifdef __SANITIZE_ADDRESS__
// It would report the faults below itself.
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0"; }
#endif

// Makes the fault that the argument names, as a mistake of the host does.
__attribute__((no_sanitize("undefined"))) static void make_fault(void *kind)
{
    static volatile int zero;
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (strcmp(kind, "segv") == 0 || strcmp(kind, "handled") == 0) {
        *(volatile int *)(size_t)(zero + 16) = 1;
    } else if (strcmp(kind, "fpe") == 0) {
        zero = 1000 / zero; // (1 / zero would be made without a division)
    } else {
        FILE *empty = tmpfile();
        *(volatile char *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(empty), 0) = 1;
    }
}

static void handle_fault(int signal)
{
    _exit(signal == SIGSEGV ? 42 : 43);
}

// Before the library is loaded, which the program is linked with.
static void before_loading(int argc, char **argv, char **environment)
{
    (void)environment;
    if (argc < 3 || strcmp(argv[2], "handled") != 0) return;
    struct sigaction action = {.sa_handler = handle_fault};
    sigaction(SIGSEGV, &action, NULL);
}
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **, char **) = before_loading;

CHILD(child_faults_in_a_callback)
{
    CHECK_EQ(socket_loop_post(0, make_fault, (void *)test_argument), 0);
    probe_bind(probe_new(SOCKET_KIND_UDP));
    socket_run();
}

CHILD(child_faults_in_a_callback_of_its_loop)
{
    socket_loop loop = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    CHECK_EQ(socket_loop_post(loop, make_fault, (void *)test_argument), 0);
    socket_loop_run(loop, -1);
}

CHILD(child_faults_outside)
{
    CHECK_EQ(socket_release(CHECK_OK(socket_construct_tcp())), 0);
    make_fault((void *)test_argument);
}

// PROC-6: wherever the host makes a fault, its process ends as one without the library does.
BARE_TEST(a_fault_of_the_host_ends_it_by_that_signal)
{
    static const char *const children[] = {"child_faults_in_a_callback", "child_faults_in_a_callback_of_its_loop", "child_faults_outside"};
    static const struct {
        const char *name;
        int signal;
    } faults[] = {{"segv", SIGSEGV}, {"bus", SIGBUS}, {"fpe", SIGFPE}};
    for (int c = 0; c < 3; c++) {
        for (int f = 0; f < 3; f++)
            EXPECT_EQ(wait_child(start_child(children[c], faults[f].name)), 128 + faults[f].signal, "%s: %s", children[c], faults[f].name);
        EXPECT_EQ(wait_child(start_child(children[c], "handled")), 42, "%s: the handler that was there before", children[c]);
    }
}
