/* TCP echo on libuv. */
#include "uv_server.h"

int main(int argc, char** argv) {
  uv_server_run(argc, argv, NULL, uv_server_send);
  return 0;
}
