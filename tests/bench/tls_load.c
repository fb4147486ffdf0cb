/* TLS 1.3 request and reply, see echo_load.h. */
#include "echo_load.h"
#include "tls_client.h"

int main(int argc, char** argv) {
  return echo_load_run(argc, argv, &tls_transport);
}
