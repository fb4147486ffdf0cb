/* TCP request and reply, see echo_load.h. */
#include "echo_load.h"

int main(int argc, char** argv) {
  return echo_load_run(argc, argv, &plain_transport);
}
