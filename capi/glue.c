/* What has to happen outside of Go: before the Go runtime starts, in a forked child, and for the
 * functions that must work without the runtime. */
#include "glue.h"

#include <pthread.h>
#include <signal.h>

#include "../include/ohsocket.h"

int ohs_forked;
__thread char ohs_thread_mark;
char ohs_order;
struct rlimit ohs_files;
int ohs_files_known;

static sigset_t host_mask;
static int mask_is_saved;

/* ---- Loading ------------------------------------------------------------------------------ */

/* The Go runtime starts its first thread in a constructor without priority; all its later threads
 * take over the signal mask of that one, which takes over that of the thread that loads the
 * library. So whatever is blocked around that constructor is blocked on every thread of the
 * library, and the kernel delivers the host's signals to threads of the host: to sigwait and
 * signalfd, and to handlers that rely on the thread they run on. Left open are the signals that
 * mean a fault of the thread itself and those that the runtime uses. */
static const int open_signals[] = {
    SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF, SIGURG, SIGPIPE,
};

/* The Go runtime passes a fault of C code to the handler that was there before its own; with none
 * it takes the fault for Go's, prints all goroutines and ends the process by SIGABRT or SIGQUIT.
 * With this one the instruction faults again, now with the default action: exit status and core
 * dump are those of a program without the library. */
static void default_fault(int signal_number) { signal(signal_number, SIG_DFL); }

static void leave_faults_to_default(void) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE};
    struct sigaction action;
    size_t i;

    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (sigaction(faults[i], NULL, &action) != 0 || action.sa_handler != SIG_DFL) continue;
        action.sa_handler = default_fault;
        action.sa_flags = SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        sigaction(faults[i], &action, NULL);
    }
}

/* A thread of the child calls into Go as any other would, but the threads it would wait for do not
 * exist there. */
static void forked(void) { ohs_forked = 1; }

/* Runs before the constructor of the Go runtime: 101 is the first priority that is not the
 * compiler's. */
__attribute__((constructor(101))) static void before_go(void) {
    sigset_t mask;
    size_t i;

    ohs_files_known = getrlimit(RLIMIT_NOFILE, &ohs_files) == 0;
    pthread_atfork(NULL, NULL, forked);
    leave_faults_to_default();
    sigfillset(&mask);
    for (i = 0; i < sizeof(open_signals) / sizeof(open_signals[0]); i++) sigdelset(&mask, open_signals[i]);
    mask_is_saved = pthread_sigmask(SIG_BLOCK, &mask, &host_mask) == 0;
}

/* Runs after the constructor of the Go runtime: among those without priority the order is that of
 * the link line, on which Go's object file stands first. tests/abi_check.sh looks at the result. */
__attribute__((constructor)) static void after_go(void) {
    if (mask_is_saved) pthread_sigmask(SIG_SETMASK, &host_mask, NULL);
}

/* Called when the Go packages are initialised. Go raises the soft limit on open files to the hard
 * one less 1, in the whole process and for all its children; programs that use select() or close
 * all descriptors up to the limit break. If the limit is neither what it was nor what Go makes of
 * it, the host has set it meanwhile. */
void ohs_restore_files(void) {
    struct rlimit now;

    if (!ohs_files_known || getrlimit(RLIMIT_NOFILE, &now) != 0) return;
    if (now.rlim_cur == ohs_files.rlim_cur || now.rlim_cur + 1 < now.rlim_max) return;
    now.rlim_cur = ohs_files.rlim_cur;
    setrlimit(RLIMIT_NOFILE, &now);
}

extern void __lsan_register_root_region(const void *, size_t) __attribute__((weak));

/* Go's heap grows upwards from a place that is chosen when the process begins, by areas of 64 MiB.
 * At the time of this call it is in the first or the second. What it grows by later lies in the
 * region too: the sanitizer scans what is readable of it, and that only when it looks for leaks. */
void ohs_show_heap(uintptr_t object) {
    const uintptr_t area = (uintptr_t)64 << 20, region = (uintptr_t)1 << 40;

    if (__lsan_register_root_region == NULL) return;
    __lsan_register_root_region((const void *)((object & ~(area - 1)) - area), region);
}

/* ---- Errors and version ------------------------------------------------------------------- */

static const ohs_error unknown_error = {
    -1, SOCKET_CATEGORY_INTERNAL, "SOCKET_ERROR_UNKNOWN", "Unknown error"};

static const ohs_error *find_error(int code) {
    size_t low = 0, high = ohs_error_count;

    if (code < 0) code = code == INT32_MIN ? INT32_MAX : -code;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ohs_errors[middle].code == code) return &ohs_errors[middle];
        if (ohs_errors[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return &unknown_error;
}

const char *socket_strerror(int code) { return find_error(code)->text; }

const char *socket_error_name(int code) { return find_error(code)->name; }

int socket_error_category(int code) { return find_error(code)->category; }

const char *socket_version(void) { return SOCKET_VERSION_STRING; }

int socket_version_number(void) { return SOCKET_VERSION_HEX; }
