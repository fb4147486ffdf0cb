/* TLS 1.3 handshakes per second, each with one message and a clean end: full
 * ones, or (--resume 1) all but the first resumed. */
#include "short_load.h"
#include "tls_client.h"

#include <math.h>

int main(int argc, char** argv) {
  double seconds = NAN, warmup = 0.3, pid = 0, resume = 0;
  const struct option_number options[] = {
    { "--seconds", &seconds },
    { "--warmup", &warmup },
    { "--pid", &pid },
    { "--resume", &resume },
  };
  struct address server;

  parse_load_args(argc, argv, &server, options, sizeof options / sizeof options[0]);
  short_load_run(&server, &tls_transport, warmup, seconds, pid,
                 resume != 0 ? tls_client_resume : NULL);
  return 0;
}
