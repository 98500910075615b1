#include "load.h"
#include <string.h>

/* What takes longer counts as this. */
#define LONGEST_MICROS (4 << 20)

struct Histogram {
  long total;
  double longest;
  uint32_t counts[LONGEST_MICROS + 1];
};

Histogram *new_histogram(void) { return allocate(1, sizeof(Histogram)); }

void clear_histogram(Histogram *histogram) { memset(histogram, 0, sizeof *histogram); }

void note_latency(Histogram *histogram, double seconds) {
  double micros = seconds * 1e6;
  histogram->total++;
  if (seconds > histogram->longest) histogram->longest = seconds;
  histogram->counts[micros < 0 ? 0 : micros < LONGEST_MICROS ? (int)micros : LONGEST_MICROS]++;
}

/* The whole (a share of 1) is the longest itself, however long. */
double histogram_percentile_ms(const Histogram *histogram, double share) {
  if (share >= 1) return histogram->longest * 1e3;
  long wanted = (long)(share * (double)histogram->total), seen = 0;
  for (int micros = 0; micros <= LONGEST_MICROS; micros++) {
    seen += histogram->counts[micros];
    if (seen > wanted) return micros / 1e3;
  }
  return 0;
}

void print_histogram(const Histogram *histogram) {
  const char *between = "";
  putchar('[');
  for (int from = 0; from <= LONGEST_MICROS;) {
    int width = from < 100 ? 1 : from / 100;
    long count = 0;
    for (int micros = from; micros < from + width && micros <= LONGEST_MICROS; micros++) count += histogram->counts[micros];
    if (count > 0) {
      printf("%s[%d,%ld]", between, from + width / 2, count);
      between = ",";
    }
    from += width;
  }
  putchar(']');
}
