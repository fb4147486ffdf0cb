/* Loads the library, which this program is not linked with, from several threads at once with
 * RTLD_LOCAL, uses it and closes it again: dlopen_threads PATH. */
#include <dlfcn.h>
#include <ohsocket.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 8, ROUNDS = 200 };

static const char *path;
static pthread_barrier_t together;

static void *find(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    if (symbol == NULL) {
        fprintf(stderr, "dlopen_threads: %s\n", dlerror());
        exit(1);
    }
    return symbol;
}

static void *load_and_use(void *unused)
{
    pthread_barrier_wait(&together);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "dlopen_threads: %s\n", dlerror());
        exit(1);
    }
    socket_handle (*construct)(void) = (socket_handle(*)(void))find(library, "socket_construct_udp");
    int (*bind_it)(socket_handle, const socket_address *) = (int (*)(socket_handle, const socket_address *))find(library, "socket_bind");
    int (*release)(socket_handle) = (int (*)(socket_handle))find(library, "socket_release");
    for (int i = 0; i < ROUNDS; i++) {
        socket_address a = {"127.0.0.1", 0, 0};
        socket_handle s = construct();
        if (s <= 0 || bind_it(s, &a) != 0 || release(s) != 0) {
            fprintf(stderr, "dlopen_threads: a call failed\n");
            exit(1);
        }
    }
    dlclose(library);
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    if (argc < 2) return 2;
    path = argv[1];
    pthread_barrier_init(&together, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, load_and_use, NULL) != 0) return 1;
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    if (dlopen(path, RTLD_NOW | RTLD_NOLOAD) == NULL) { /* it stays */
        fprintf(stderr, "dlopen_threads: the library has been unloaded\n");
        return 1;
    }
    return 0;
}
