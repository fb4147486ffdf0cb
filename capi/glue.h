/* What the generated wrappers and the Go side share with glue.c. Not installed. */
#ifndef OHS_GLUE_H
#define OHS_GLUE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#define OHS_HIDDEN __attribute__((visibility("hidden")))

/* 1 in a process that was forked after the library was loaded. */
extern OHS_HIDDEN int ohs_forked;
#define OHS_FORKED __builtin_expect(ohs_forked, 0)

/* Its address identifies the thread. Initial-exec: reading it is one instruction; the Go runtime
 * needs that model of the library anyway. */
extern OHS_HIDDEN __thread char ohs_thread_mark __attribute__((tls_model("initial-exec")));
static inline uintptr_t ohs_thread_id(void) { return (uintptr_t)&ohs_thread_mark; }

/* A call happens before the callbacks that it causes, and those before the calls that wait for
 * them. The host's ThreadSanitizer sees nothing of how Go orders them and is told here; without it
 * both are NULL. */
extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));
extern OHS_HIDDEN char ohs_order;
static inline void ohs_before(void) {
    if (__builtin_expect(__tsan_release != NULL, 0)) __tsan_release(&ohs_order);
}
static inline void ohs_after(void) {
    if (__builtin_expect(__tsan_acquire != NULL, 0)) __tsan_acquire(&ohs_order);
}

/* The host's LeakSanitizer looks for pointers where C has them. Much of what C has allocated here,
 * and of what the host has given the library, only Go's heap refers to: without a word about where
 * that is, all of it would be reported as lost. Without the sanitizer this does nothing. */
OHS_HIDDEN void ohs_show_heap(uintptr_t object);

/* RLIMIT_NOFILE as it was when the library was loaded. ohs_files_known is 0 if it could not be
 * read. */
extern OHS_HIDDEN struct rlimit ohs_files;
extern OHS_HIDDEN int ohs_files_known;
OHS_HIDDEN void ohs_restore_files(void);

/* An entry of the table of errors, which is in wrappers_gen.c. */
typedef struct ohs_error {
    int code, category;
    const char *name, *text;
} ohs_error;
extern OHS_HIDDEN const ohs_error ohs_errors[];
extern OHS_HIDDEN const size_t ohs_error_count;

#endif
