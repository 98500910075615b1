#define _GNU_SOURCE
#include "load.h"
#include "random.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* `~`, 16 digits: the microsecond at which the change was sent, on the clock that all programs of the machine share,
   `~`. So any of several generators knows how long what it receives took. */
#define DIGITS 16
/* A person's next change comes no sooner: two within the server's conflation time would rightly be one. */
#define REST_SECONDS 1.0

static int *person_of;    /* by connection */
static int *audience_of;  /* by connection: deliveries that a change of its person has, at all generators together */
static double *changed_at; /* by person */
static int person_count;
static long deliveries, due, others;
static Histogram *latencies;

static void read_people(void) {
  FILE *file = fopen(options.people, "r");
  if (file == NULL) fail("%s: %s", options.people, strerror(errno));
  person_of = allocate((size_t)connection_count, sizeof *person_of);
  audience_of = allocate((size_t)connection_count, sizeof *audience_of);
  for (int i = 0; i < connection_count; i++) {
    if (fscanf(file, "%d %d", &person_of[i], &audience_of[i]) != 2) fail("%s: too short", options.people);
    if (person_of[i] >= person_count) person_count = person_of[i] + 1;
  }
  fclose(file);
  changed_at = allocate((size_t)person_count, sizeof *changed_at);
  for (int i = 0; i < person_count; i++) changed_at[i] = -REST_SECONDS;
}

static void received(int connection, const char *text, size_t length) {
  (void)connection;
  const char *mark = memchr(text, '~', length);
  if (mark == NULL || length < 9 || memcmp(text, "{\"t\":\"u\",", 9) != 0 || text + length - mark < DIGITS + 2) {
    others++;
    return;
  }
  deliveries++;
  note_latency(latencies, now_seconds() - (double)strtoull(mark + 1, NULL, 10) * 1e-6);
}

static void publish(double now) {
  int connection;
  do connection = (int)(next_random() % (uint64_t)connection_count);
  while (!is_open(connection) || now - changed_at[person_of[connection]] < REST_SECONDS);
  changed_at[person_of[connection]] = now;
  due += audience_of[connection];
  char text[512];
  int length = snprintf(text, sizeof text, "%s~%016llu~%s", options.prefix,
                        (unsigned long long)(now_seconds() * 1e6), options.suffix);
  send_text(connection, text, (size_t)length);
}

static void tell(void) {
  printf("{\"event\":\"figures\",\"due\":%ld,\"deliveries\":%ld,\"others\":%ld,\"maxMs\":%.3f,\"closed\":%ld,\"latencies\":",
         due, deliveries, others, histogram_percentile_ms(latencies, 1), closed_count);
  print_histogram(latencies);
  printf("}\n");
}

/* `go RATE SECONDS`: connections change at random and a steady rate, and `sent` tells when all are made; what the
   others' changes bring is counted until `figures` asks for it, which begins anew; `count` only asks. */
void run_crowd(void) {
  if (options.people == NULL) fail("--people is needed");
  open_all(NULL);
  read_people();
  latencies = new_histogram();
  seed_random((uint64_t)options.seed);
  for (;;) {
    const char *line = wait_for_command(received);
    double rate, seconds;
    if (strcmp(line, "count") == 0) {
      printf("{\"event\":\"count\",\"due\":%ld,\"deliveries\":%ld,\"closed\":%ld}\n", due, deliveries, closed_count);
    } else if (strcmp(line, "figures") == 0) {
      tell();
      clear_histogram(latencies);
      deliveries = due = others = 0;
    } else if (sscanf(line, "go %lf %lf", &rate, &seconds) == 2) {
      long total = (long)(rate * seconds), made = 0;
      double started = now_seconds(), late = 0;
      while (made < total) {
        double now = now_seconds(), next = started + (double)made / rate;
        if (now >= next) {
          if (now - next > late) late = now - next;
          publish(now);
          made++;
        }
        pump(next > now ? 1 : 0, received); /* at most 1 ms late, and no generator takes a core by waiting */
      }
      printf("{\"event\":\"sent\",\"changes\":%ld,\"seconds\":%.4f,\"lateMs\":%.3f}\n", made, now_seconds() - started, late * 1e3);
    } else fail("no command %s", line);
  }
}
