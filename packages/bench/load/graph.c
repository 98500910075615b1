#define _GNU_SOURCE
#include "load.h"
#include "random.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* `~`, six digits of the person, eight of the change, `~`. */
#define MARK_LENGTH 16
/* A person's next change comes no sooner: two within the server's conflation time would rightly be one. */
#define REST_SECONDS 1.0

typedef struct {
  int person;
  int got;
  double sent_at;
  uint8_t *had; /* by the follower's place in its person's list */
} Change;

static int *first;    /* by person: where its followers begin in `follower` */
static int *follower; /* ascending within a person */
static Change *changes;
static long change_count;
static double *latencies;
static size_t latency_count;
static long deliveries, duplicates, strangers, others, bytes, due;
static double *changed_at;

static void read_followers(void) {
  FILE *file = fopen(options.followers, "r");
  if (file == NULL) fail("%s: %s", options.followers, strerror(errno));
  int person, one, before = -1, capacity = 1 << 16, count = 0;
  first = allocate((size_t)connection_count + 1, sizeof *first);
  follower = allocate((size_t)capacity, sizeof *follower);
  while (fscanf(file, "%d %d", &person, &one) == 2) {
    if (person < before || person >= connection_count || one >= connection_count) fail("%s: not sorted", options.followers);
    while (before < person) first[++before] = count;
    if (count == capacity) {
      capacity *= 2;
      follower = realloc(follower, (size_t)capacity * sizeof *follower);
      if (follower == NULL) fail("out of memory");
    }
    follower[count++] = one;
  }
  while (before < connection_count) first[++before] = count;
  fclose(file);
}

/* The place of a connection among the followers of a person, or -1. */
static int place_of(int person, int connection) {
  int low = first[person], high = first[person + 1];
  while (low < high) {
    int middle = (low + high) / 2;
    if (follower[middle] < connection) low = middle + 1;
    else high = middle;
  }
  return low < first[person + 1] && follower[low] == connection ? low - first[person] : -1;
}

static void received(int connection, const char *text, size_t length) {
  const char *mark = memchr(text, '~', length);
  if (mark == NULL || length < 9 || memcmp(text, "{\"t\":\"u\",", 9) != 0) {
    others++;
    return;
  }
  if (text + length - mark < MARK_LENGTH) fail("half a mark");
  char digits[9] = {0};
  memcpy(digits, mark + 1, 6);
  int person = atoi(digits);
  memcpy(digits, mark + 7, 8);
  long number = atol(digits);
  if (number >= change_count || changes[number].person != person) fail("a change that was not made");
  Change *change = &changes[number];
  int place = place_of(person, connection);
  if (place < 0) {
    strangers++;
    return;
  }
  if (change->had[place]) {
    duplicates++;
    return;
  }
  change->had[place] = 1;
  change->got++;
  deliveries++;
  bytes += (long)length + (length < 126 ? 2 : length < 65536 ? 4 : 10);
  latencies[latency_count++] = now_seconds() - change->sent_at;
}

static void publish(double now) {
  int person;
  do person = (int)(next_random() % (uint64_t)connection_count);
  while (now - changed_at[person] < REST_SECONDS);
  changed_at[person] = now;
  Change *change = &changes[change_count];
  int count = first[person + 1] - first[person];
  *change = (Change){.person = person, .had = allocate((size_t)count, 1)};
  due += count;
  latencies = realloc(latencies, (size_t)(due + 1) * sizeof *latencies);
  if (latencies == NULL) fail("out of memory");
  char text[512];
  int length = snprintf(text, sizeof text, "%s~%06d%08ld~%s", options.prefix, person, change_count, options.suffix);
  change_count++;
  change->sent_at = now_seconds();
  send_text(person, text, (size_t)length);
}

static void run_window(double rate, double seconds) {
  long total = (long)(rate * seconds);
  changes = allocate((size_t)total, sizeof *changes);
  change_count = 0;
  latency_count = 0;
  deliveries = duplicates = strangers = others = bytes = due = 0;
  double started = now_seconds(), late = 0;
  while (change_count < total) {
    double now = now_seconds(), next = started + (double)change_count / rate;
    if (now >= next) {
      if (now - next > late) late = now - next;
      publish(now);
    }
    pump(next - now > 0.001 ? 1 : 0, received);
  }
  double took = now_seconds() - started;
  for (double limit = now_seconds() + options.settle; deliveries < due && now_seconds() < limit;) pump(10, received);
  /* Everything has come, or is late enough to count as missing. Now time for what should not come. */
  for (double limit = now_seconds() + options.settle / 10; now_seconds() < limit;) pump(10, received);

  long exact = 0;
  for (long i = 0; i < total; i++) {
    int person = changes[i].person;
    if (changes[i].got == first[person + 1] - first[person]) exact++;
    free(changes[i].had);
  }
  free(changes);
  double p50 = percentile(latencies, latency_count, 0.5), p95 = percentile(latencies, latency_count, 0.95);
  double p99 = percentile(latencies, latency_count, 0.99), longest = percentile(latencies, latency_count, 1);
  printf("{\"event\":\"measured\",\"seconds\":%.4f,\"changes\":%ld,\"exact\":%ld,\"due\":%ld,\"deliveries\":%ld,"
         "\"duplicates\":%ld,\"strangers\":%ld,\"others\":%ld,\"bytes\":%ld,\"p50Ms\":%.4f,\"p95Ms\":%.4f,"
         "\"p99Ms\":%.4f,\"maxMs\":%.4f,\"lateMs\":%.3f,\"closed\":%ld}\n",
         took, total, exact, due, deliveries, duplicates, strangers, others, bytes, p50 * 1e3, p95 * 1e3, p99 * 1e3,
         longest * 1e3, late * 1e3, closed_count);
}

/* `go RATE SECONDS`: random people change at a steady rate; every change is checked against the graph, follower by
   follower. */
void run_graph(void) {
  if (options.followers == NULL) fail("--followers is needed");
  open_all(NULL);
  read_followers();
  changed_at = allocate((size_t)connection_count, sizeof *changed_at);
  for (int person = 0; person < connection_count; person++) changed_at[person] = -REST_SECONDS;
  seed_random((uint64_t)options.seed);
  for (;;) {
    const char *line = wait_for_command(NULL);
    double rate, seconds;
    if (sscanf(line, "go %lf %lf", &rate, &seconds) != 2) fail("no command %s", line);
    run_window(rate, seconds);
  }
}
