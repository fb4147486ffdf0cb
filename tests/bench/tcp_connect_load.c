/* Connections per second, each with one message and a clean end. */
#include "short_load.h"

#include <math.h>

int main(int argc, char** argv) {
  double seconds = NAN, warmup = 0.3, pid = 0;
  const struct option_number options[] = {
    { "--seconds", &seconds }, { "--warmup", &warmup }, { "--pid", &pid },
  };
  struct address server;

  parse_load_args(argc, argv, &server, options, sizeof options / sizeof options[0]);
  short_load_run(&server, &plain_transport, warmup, seconds, pid, NULL);
  return 0;
}
