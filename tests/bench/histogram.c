#include "histogram.h"

#include <stdio.h>

double histogram_percentile(const struct histogram* h, double fraction) {
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

/* Ten points for each further nine of 0.9, 0.99, ...: what a plot of the tail
 * on a logarithmic axis needs, as far as there are values to place there. */
static void print_distribution(const struct histogram* h) {
  const char* separator = "";
  double tail = 1;

  printf("\"distribution\": [");
  while (tail * (double) h->total >= 1) {
    for (int i = 0; i < 10; i++) {
      double fraction = 1 - tail * (1 - 0.09 * i);

      printf("%s[%.8g, %.2f]", separator, fraction,
             histogram_percentile(h, fraction) / 1e3);
      separator = ", ";
    }
    tail /= 10;
  }
  printf("%s[1, %.2f]]", separator, (double) h->max / 1e3);
}

void histogram_print(const struct histogram* h) {
  printf("\"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, \"max_us\": %.2f, ",
         histogram_percentile(h, 0.5) / 1e3, histogram_percentile(h, 0.99) / 1e3,
         histogram_percentile(h, 0.999) / 1e3, (double) h->max / 1e3);
  print_distribution(h);
}
