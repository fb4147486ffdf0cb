/* What it costs a program to load the library and have a server:
 *
 *   library_start LIBRARY
 *
 * prints the times of dlopen and from there to the listening event. */
#include "bench_util.h"
#include "ohsocket.h"

#include <dlfcn.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

static sem_t listening;

static void on_listening(const socket_event* e, void* user_data) {
  (void) e;
  (void) user_data;
  sem_post(&listening);
}

/* POSIX lets an object pointer stand for a function; ISO C has no cast for it. */
static void find(void* library, const char* name, void* function) {
  void* found = dlsym(library, name);

  if (found == NULL)
    fail("%s", dlerror());
  memcpy(function, &found, sizeof found);
}

int main(int argc, char** argv) {
  socket_listen_options where = SOCKET_LISTEN_OPTIONS_INIT;
  uint64_t begin = now_ns();
  uint64_t loaded;
  uint64_t ready;
  socket_handle server;
  void* library;
  __typeof__(&socket_construct_tcp_server) construct;
  __typeof__(&socket_on) on;
  __typeof__(&socket_listen) listen_on;
  __typeof__(&socket_shutdown) shut_down;

  if (argc != 2)
    fail("usage: %s LIBRARY", argv[0]);
  library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL)
    fail("%s", dlerror());
  loaded = now_ns();
  find(library, "socket_construct_tcp_server", &construct);
  find(library, "socket_on", &on);
  find(library, "socket_listen", &listen_on);
  find(library, "socket_shutdown", &shut_down);
  sem_init(&listening, 0, 0);
  where.address.address = "127.0.0.1";
  server = construct();
  if (server < 0 || on(server, SOCKET_EVENT_LISTENING, on_listening, NULL) < 0 ||
      listen_on(server, &where) < 0)
    fail("no server");
  sem_wait(&listening);
  ready = now_ns();
  printf("{\"dlopen_ms\": %.3f, \"listening_ms\": %.3f, \"load_and_listen_ms\": %.3f}\n",
         (double) (loaded - begin) / 1e6, (double) (ready - loaded) / 1e6,
         (double) (ready - begin) / 1e6);
  return shut_down(1000) < 0;
}
