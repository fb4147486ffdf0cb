/* Request and reply: N connections, one message in flight on each. */
#ifndef BENCH_ECHO_LOAD_H
#define BENCH_ECHO_LOAD_H

#include "transport.h"

/* The whole program: arguments, connections, measurement, result. */
int echo_load_run(int argc, char** argv, const struct transport* transport);

#endif
