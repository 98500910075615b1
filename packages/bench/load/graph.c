#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios.h"

// Latencies up to this are told apart, in steps of 10 µs.
#define LONGEST_MS 20000
#define STEPS_A_MS 100
// How long deliveries may still come after the last change.
#define TAIL_SECONDS 10

typedef struct {
  int *followers;
  // For each follower, the last change it was told of.
  int *told;
  int count;
  long list_bytes;
} person;

typedef struct {
  double due;
  int by, received;
} change;

static person *people;
static change *changes;
static int sent;
static long deliveries, strangers, repeated, delivery_bytes;
static unsigned histogram[LONGEST_MS * STEPS_A_MS + 1];
static double batch_time;

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void read_people(const char *path, int count) {
  FILE *file = fopen(path, "r");
  if (!file) fail("cannot read %s", path);
  people = calloc(count, sizeof(person));
  char *line = NULL;
  size_t size = 0;
  for (int i = 0; i < count; i++) {
    if (getline(&line, &size, file) < 0) fail("%s ends after %d lines", path, i);
    person *who = &people[i];
    char *at = line;
    who->list_bytes = strtol(at, &at, 10);
    int room = 0;
    for (;;) {
      char *next;
      int follower = strtol(at, &next, 10);
      if (next == at) break;
      at = next;
      if (who->count == room) who->followers = realloc(who->followers, (room = room * 2 + 8) * sizeof(int));
      who->followers[who->count++] = follower;
    }
    qsort(who->followers, who->count, sizeof(int), compare);
    who->told = malloc(who->count * sizeof(int));
    for (int k = 0; k < who->count; k++) who->told[k] = -1;
  }
  free(line);
  fclose(file);
}

static void delivered(client *to, const char *text, size_t length, size_t wire_bytes) {
  const char *mark = memchr(text, '~', length);
  if (mark == NULL) return;
  int number = atoi(mark + 1);
  if (number < 0 || number >= sent) {
    strangers++;
    return;
  }
  change *what = &changes[number];
  person *by = &people[what->by];
  int *at = bsearch(&to->number, by->followers, by->count, sizeof(int), compare);
  if (at == NULL) {
    strangers++;
    return;
  }
  int *told = &by->told[at - by->followers];
  if (*told == number) {
    repeated++;
    return;
  }
  *told = number;
  what->received++;
  deliveries++;
  delivery_bytes += wire_bytes;
  long step = (batch_time - what->due) * 1000 * STEPS_A_MS;
  histogram[step < 0 ? 0 : step > LONGEST_MS * STEPS_A_MS ? LONGEST_MS * STEPS_A_MS : step]++;
}

static double percentile(double share) {
  long wanted = deliveries * share, seen = 0;
  for (int i = 0; i <= LONGEST_MS * STEPS_A_MS; i++)
    if ((seen += histogram[i]) > wanted) return i / (double)STEPS_A_MS;
  return 0;
}

void graph(client_set *set, const char *arguments) {
  char path[1024];
  double rate, seconds;
  unsigned seed;
  if (sscanf(arguments, "%1023s %lf %lf %u", path, &rate, &seconds, &seed) != 4)
    fail("graph: wrong arguments: %s", arguments);
  read_people(path, set->count);
  int *order = malloc(set->count * sizeof(int)), total = rate * seconds;
  srand(seed);
  for (int i = 0; i < set->count; i++) order[i] = i;
  for (int i = set->count - 1; i > 0; i--) {
    int k = rand() % (i + 1), kept = order[i];
    order[i] = order[k];
    order[k] = kept;
  }
  changes = calloc(total, sizeof(change));
  long expected = 0, list_bytes = 0;
  double start = now_seconds(), last = start;
  while (sent < total || (deliveries < expected && now_seconds() - last < TAIL_SECONDS)) {
    double now = now_seconds();
    while (sent < total && start + sent / rate <= now) {
      int by = order[sent % set->count];
      char text[64];
      // Latency counts from when the change was due: a load that lags must not flatter the server.
      changes[sent] = (change){.due = start + sent / rate, .by = by};
      int length = sprintf(text, "{\"t\":\"statusUpdate\",\"a\":\"~%08d\"}", sent);
      sent++;
      client_send(&set->all[by], text, length);
      expected += people[by].count;
      list_bytes += people[by].list_bytes;
      last = now;
    }
    batch_time = now_seconds();
    clients_poll(set, sent < total && rate > 500 ? 0 : 1, 0, delivered);
  }
  double elapsed = last - start;
  // Whatever should not come at all gets its chance to be seen.
  clients_poll(set, 500, 1, delivered);
  int inexact = 0;
  for (int i = 0; i < sent; i++) inexact += changes[i].received != people[changes[i].by].count;
  printf("{\"changes\":%d,\"seconds\":%.3f,\"expected\":%ld,\"deliveries\":%ld,\"inexactChanges\":%d,\"strangers\":%ld,"
         "\"repeated\":%ld,\"p50Ms\":%.2f,\"p95Ms\":%.2f,\"p99Ms\":%.2f,\"maxMs\":%.2f,\"deliveryBytes\":%ld,"
         "\"listBytes\":%ld,\"live\":%d}\n",
         sent, elapsed, expected, deliveries, inexact, strangers, repeated, percentile(0.5), percentile(0.95),
         percentile(0.99), percentile(0.9999999), delivery_bytes, list_bytes, clients_live(set));
}
