/* Memory of a server with many idle connections: its resident set is read at
 * 1,000 connections and at N, and the difference gives the cost of one. */
#include "load_connect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BASE_CONNECTIONS 1000
/* Any server of this project echoes, which is how accepting is confirmed. */
#define EXCHANGE_BYTES 16
#define POLL_MS 50
#define STABLE_POLLS 6
#define POLLS_MAX 200

struct memory {
  long rss_kb;
  long rss_anon_kb;
};

static struct memory read_memory(long pid) {
  struct memory memory = { -1, -1 };
  char path[64];
  char line[256];
  FILE* file;

  snprintf(path, sizeof path, "/proc/%ld/status", pid);
  file = fopen(path, "r");
  if (file == NULL)
    die(path);
  while (fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, "VmRSS:", 6) == 0)
      memory.rss_kb = atol(line + 6);
    else if (strncmp(line, "RssAnon:", 8) == 0)
      memory.rss_anon_kb = atol(line + 8);
  }
  fclose(file);
  if (memory.rss_kb < 0 || memory.rss_anon_kb < 0)
    fail("%s: no VmRSS or RssAnon", path);
  return memory;
}

/* The memory once it did not change for 300 ms; 10 seconds at most. */
static struct memory stable_memory(long pid) {
  struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
  struct memory last = read_memory(pid);
  int same = 0;

  for (int i = 0; i < POLLS_MAX && same < STABLE_POLLS; i++) {
    struct memory now;

    nanosleep(&pause, NULL);
    now = read_memory(pid);
    same = now.rss_kb == last.rss_kb && now.rss_anon_kb == last.rss_anon_kb
               ? same + 1
               : 0;
    last = now;
  }
  if (same < STABLE_POLLS)
    fail("the memory of process %ld does not settle", pid);
  return last;
}

int main(int argc, char** argv) {
  double connections = NAN, pid = NAN;
  const struct option_number options[] = {
    { "--connections", &connections }, { "--pid", &pid },
  };
  struct address server;
  struct memory base;
  struct memory full;
  size_t added;

  parse_load_args(argc, argv, &server, options,
                  sizeof options / sizeof options[0]);
  if (connections <= BASE_CONNECTIONS)
    fail("--connections must be more than %d", BASE_CONNECTIONS);
  added = (size_t) connections - BASE_CONNECTIONS;
  need_descriptors((size_t) connections + 32);
  alarm(120);

  free(connect_many(&server, BASE_CONNECTIONS, EXCHANGE_BYTES, EXCHANGE_BYTES));
  base = stable_memory((long) pid);
  free(connect_many(&server, added, EXCHANGE_BYTES, EXCHANGE_BYTES));
  full = stable_memory((long) pid);

  printf("{\"connections\": %.0f, \"rss_kb\": %ld, \"rss_anon_kb\": %ld, "
         "\"base_connections\": %d, \"base_rss_kb\": %ld, "
         "\"base_rss_anon_kb\": %ld, \"bytes_per_connection\": %.1f}\n",
         connections, full.rss_kb, full.rss_anon_kb, BASE_CONNECTIONS,
         base.rss_kb, base.rss_anon_kb,
         (double) (full.rss_anon_kb - base.rss_anon_kb) * 1024 / (double) added);
  return 0;
}
