// What the host's LeakSanitizer is told. PROC-7. (With the sanitizer itself:
// tests/checkers/lsan_host.c.)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

// The sanitizer looks for pointers in these, besides where it looks anyway.
static struct region {
    uintptr_t begin, end;
} regions[4096];
static atomic_uint region_count;

// The library finds this one; where there is a sanitizer it is told too. The sanitizer calls it,
// too, before it has made its own memory, and again from inside of dlsym.
__attribute__((no_sanitize_address)) void __lsan_register_root_region(const void *begin, size_t size)
{
    static __thread int inside;
    if (inside) return;
    inside = 1;
    void (*next)(const void *, size_t) = (void (*)(const void *, size_t))dlsym(RTLD_NEXT, "__lsan_register_root_region");
    unsigned i = region_count++;
    if (i < sizeof regions / sizeof *regions) regions[i] = (struct region){(uintptr_t)begin, (uintptr_t)begin + size};
    if (next != NULL) next(begin, size);
    inside = 0;
}

// Says whether a pointer is in readable memory of a region.
static int region_has(int memory, const struct region *r, const struct region *mapped, const void *pointer)
{
    static uintptr_t words[8192];
    uintptr_t at = r->begin > mapped->begin ? r->begin : mapped->begin, end = r->end < mapped->end ? r->end : mapped->end;
    while (at < end) {
        ssize_t n = pread(memory, words, end - at < sizeof words ? end - at : sizeof words, (off_t)at);
        if (n <= 0) break;
        for (size_t i = 0; i < (size_t)n / sizeof *words; i++)
            if (words[i] == (uintptr_t)pointer) return 1;
        at += (size_t)n;
    }
    return 0;
}

static int is_seen(const void *pointer)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC), seen = 0;
    char line[512], access;
    struct region mapped;
    CHECK(maps != NULL && memory >= 0);
    while (!seen && fgets(line, sizeof line, maps) != NULL) {
        CHECK(sscanf(line, "%lx-%lx %c", &mapped.begin, &mapped.end, &access) == 3);
        for (unsigned i = 0; access == 'r' && i < region_count && !seen; i++) seen = region_has(memory, &regions[i], &mapped, pointer);
    }
    fclose(maps);
    close(memory);
    return seen;
}

static void on_event(const socket_event *e, void *unused) { (void)e, (void)unused; }
static void on_timer(void *unused) { (void)unused; }

// PROC-7: what only the library refers to lies where the sanitizer looks.
BARE_TEST(what_the_library_holds_for_its_host_is_no_leak)
{
    char *of_listener = malloc(100), *of_timer = malloc(100), *of_nobody = malloc(100);
    socket_handle s = CHECK_OK(socket_construct_udp());
    CHECK(region_count > 0 && region_count < sizeof regions / sizeof *regions);
    CHECK_EQ(socket_on(s, SOCKET_EVENT_MESSAGE, on_event, of_listener), 0);
    int64_t timer = CHECK_OK(socket_loop_set_timer(0, 3600000, 0, on_timer, of_timer));
    CHECK(is_seen(of_listener));
    CHECK(is_seen(of_timer));
    CHECK(!is_seen(of_nobody));
    CHECK_EQ(socket_loop_clear_timer(0, timer), 0);
    CHECK_EQ(socket_release(s), 0);
    free(of_listener);
    free(of_timer);
    free(of_nobody);
}
