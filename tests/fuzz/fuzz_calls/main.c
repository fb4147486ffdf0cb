// fuzz_calls [--seed S] [--seconds N] [--save DIR] [--last FILE] FILE|DIR...
//
// Reads each input as a sequence of calls of the library with arguments of any kind: stale handles,
// handles of another kind, sizes of any size, options and addresses of any bytes. Pointers are NULL
// or valid, and what they point to is as large as the library is told and not larger, so that a
// sanitizer sees every byte too many. After each input everything is closed, every promised
// completion must have come, and nothing may be left.
//
// First the files are run; then, for N seconds, what mutation makes of them. An input that makes a
// call return what it has not returned yet is kept for mutation (--save writes the new ones). The
// input that is being run is in the file of --last, also after a crash.
//
// No packet leaves the machine: the program runs itself in a network namespace that has only the
// loopback interface. Where it may not, addresses to connect to are those of a table.
#define _GNU_SOURCE
#include "fuzz_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void say_input(void)
{
    fprintf(stderr, "fuzz_calls: call %d of input %s", current_call, current_name);
    for (uint32_t i = 0; i < input->size; i++) fprintf(stderr, "%s%02x", i % 32 ? "" : "\n  ", input->data[i]);
    fprintf(stderr, "\n");
}

// Ends the process if an input takes too long. Nothing wakes it while inputs are run.
static void *watch(void *unused)
{
    (void)unused;
    for (;;) {
        int64_t begun = started_ms, until = (begun ? begun : now_ms()) + INPUT_LIMIT_MS + 30000;
        while (now_ms() < until) await_happening(happenings(), until);
        if (begun && started_ms == begun) FAIL("an input takes too long: call %d", current_call);
    }
    return NULL;
}

static void map_last(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && ftruncate(fd, sizeof *last) == 0);
    last = mmap(NULL, sizeof *last, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(last != MAP_FAILED);
    close(fd);
}

static unsigned run_file(const struct baseline *before, unsigned number)
{
    static struct input in;
    read_file(current_name, &in);
    run_input(&in, before, number);
    add_known(&in);
    return number;
}

// Runs a file, or all files of a folder; returns how many inputs there have been.
static unsigned run_files(const char *path, const struct baseline *before, unsigned count)
{
    struct stat st;
    struct dirent **list = NULL;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        snprintf(current_name, sizeof current_name, "%s", path);
        return run_file(before, count + 1);
    }
    int n = scandir(path, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (list[i]->d_name[0] != '.') {
            snprintf(current_name, sizeof current_name, "%.200s/%.90s", path, list[i]->d_name);
            count = run_file(before, count + 1);
        }
        free(list[i]);
    }
    free(list);
    return count;
}

int main(int argc, char **argv)
{
    int64_t seconds = 0;
    uint64_t chance = (uint64_t)now_ns();
    const char *saved = NULL;
    char *files[100];
    int file_count = 0;
    enter_namespace(argv);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0)
            chance = (uint64_t)argument(argc, argv, ++i, 1);
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = argument(argc, argv, ++i, 1);
        else if (strcmp(argv[i], "--save") == 0 && i + 1 < argc)
            saved = argv[++i];
        else if (strcmp(argv[i], "--last") == 0 && i + 1 < argc)
            map_last(argv[++i]);
        else if (file_count < 100)
            files[file_count++] = argv[i];
    }
    pthread_t t;
    CHECK(pthread_create(&t, NULL, watch, NULL) == 0);
    pattern_fill(bytes, 1, 0, sizeof bytes);
    warm_up();
    read_certificates();
    CHECK_OK(socket_shutdown(10000));
    struct baseline before = baseline_now();
    soak_on_fail = say_input;
    static struct input in;
    input = &in;
    unsigned count = 0;
    for (int i = 0; i < file_count; i++) count = run_files(files[i], &before, count);
    printf("%u inputs of the corpus\n", count);
    fflush(stdout);
    if (seconds) {
        printf("seed %llu\n", (unsigned long long)chance);
        fflush(stdout);
    }
    int found = 0;
    int64_t until = now_ms() + seconds * 1000;
    for (count = 0; now_ms() < until; count++) {
        snprintf(current_name, sizeof current_name, "%u of this seed", count);
        mutate(&in, &chance);
        if (!run_input(&in, &before, count)) continue;
        add_known(&in);
        found++;
        if (saved) save(saved, &in);
    }
    started_ms = 0;
    if (seconds) printf("%u inputs by mutation, %d of them with something new\n", count, found);
    for (unsigned i = 0; getenv("FUZZ_CALLS_COUNTS") && i < OPERATIONS; i++) printf("call %2u: %8u ok %8u refused\n", i, call_counts[i][1], call_counts[i][0]);
    CHECK_OK(socket_shutdown(10000));
    baseline_wait(&before);
    return 0;
}
