/* Short connections, one after the other in each of some places: connect, one
 * message and its echo (which shows that the server has accepted it), end, wait
 * for the server's end, close. */
#ifndef BENCH_SHORT_LOAD_H
#define BENCH_SHORT_LOAD_H

#include "bench_util.h"
#include "transport.h"

/* Called when the first connection has been made and closed; may be NULL. */
typedef void (*short_load_ready)(void);

/* Measure `seconds` after `warmup` and print the result. */
void short_load_run(const struct address* server, const struct transport* transport,
                    double warmup, double seconds, double pid, short_load_ready ready);

#endif
