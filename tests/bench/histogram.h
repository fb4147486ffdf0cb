/* Log-linear histogram of nanoseconds: 64 steps per power of two (error below
 * 1.6 %), a fixed 30 KB, and a few instructions per recorded value. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <string.h>

#define HISTOGRAM_BITS 6
#define HISTOGRAM_STEPS (1u << HISTOGRAM_BITS)

struct histogram {
  uint64_t total;
  uint64_t counts[(64 - HISTOGRAM_BITS + 1) * HISTOGRAM_STEPS];
};

static inline void histogram_reset(struct histogram* h) {
  memset(h, 0, sizeof *h);
}

static inline void histogram_record(struct histogram* h, uint64_t value) {
  unsigned shift = 0;

  if (value >= 2 * HISTOGRAM_STEPS)
    shift = 63u - HISTOGRAM_BITS - (unsigned) __builtin_clzll(value);
  h->counts[shift * HISTOGRAM_STEPS + (value >> shift)]++;
  h->total++;
}

/* The middle of the step that holds the given fraction of all values. */
static inline double histogram_percentile(const struct histogram* h,
                                          double fraction) {
  double wanted = fraction * (double) h->total;
  uint64_t seen = 0;

  for (size_t i = 0; i < sizeof h->counts / sizeof h->counts[0]; i++) {
    seen += h->counts[i];
    if (h->counts[i] != 0 && (double) seen >= wanted) {
      size_t shift = i < 2 * HISTOGRAM_STEPS ? 0 : i / HISTOGRAM_STEPS - 1;
      uint64_t low = (uint64_t) (i - shift * HISTOGRAM_STEPS) << shift;
      return (double) low + (double) ((uint64_t) 1 << shift) / 2;
    }
  }
  return 0;
}

#endif
