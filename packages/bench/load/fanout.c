#include "load.h"
#include <stdlib.h>
#include <string.h>

/* `~`, two digits of the publisher, eight of the change, `~`. */
#define MARK_LENGTH 12
#define STALL_SECONDS 30

static int followers;
static long *current;        /* by publisher: the change under way */
static int *delivered;       /* by publisher: how many followers have it */
static uint32_t *last;       /* by publisher and follower: the last change it had */
static double *sent_at;      /* by publisher */
static long deliveries, changes, due;
static bool sending;
static double *rounds;
static Histogram *far;       /* latencies of the far followers */
static size_t round_count, round_capacity;

static void publish(int publisher) {
  char text[512];
  long change = ++current[publisher];
  int length = snprintf(text, sizeof text, "%s~%02d%08ld~%s", options.prefix, publisher, change, options.suffix);
  delivered[publisher] = 0;
  sent_at[publisher] = now_seconds();
  due += followers;
  send_text(followers + publisher, text, (size_t)length);
}

static void completed(int publisher) {
  changes++;
  if (round_count < round_capacity) rounds[round_count++] = now_seconds() - sent_at[publisher];
  if (sending) publish(publisher);
}

static long digits(const char *text, int count) {
  long value = 0;
  for (int i = 0; i < count; i++) {
    if (text[i] < '0' || text[i] > '9') fail("a mark that this program did not make");
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

static void received(int connection, const char *text, size_t length) {
  const char *mark = memchr(text, '~', length);
  if (mark == NULL) return;
  if (text + length - mark < MARK_LENGTH) fail("half a mark");
  long publisher = digits(mark + 1, 2), change = digits(mark + 3, 8);
  if (connection >= followers) fail("publisher %d was sent a change", connection - followers);
  if (publisher >= options.publishers || change != current[publisher])
    fail("change %ld of publisher %ld came when it was not under way", change, publisher);
  uint32_t *before = &last[publisher * followers + connection];
  if (*before + 1 != change) fail("follower %d had change %u, then %ld", connection, *before, change);
  *before = (uint32_t)change;
  deliveries++;
  if (connection >= followers - options.far) note_latency(far, now_seconds() - sent_at[publisher]);
  if (++delivered[publisher] == followers) completed((int)publisher);
}

static void run_window(double seconds) {
  deliveries = changes = due = 0;
  round_count = 0;
  if (options.far > 0) clear_histogram(far);
  long bytes = bytes_received;
  double started = now_seconds(), moved = started;
  long before = 0;
  sending = true;
  for (int publisher = 0; publisher < options.publishers; publisher++) publish(publisher);
  while (sending || deliveries < due) {
    pump(100, received);
    double now = now_seconds();
    if (now - started >= seconds) sending = false;
    if (deliveries > before) moved = now;
    before = deliveries;
    if (now - moved > STALL_SECONDS) fail("%ld of %ld deliveries came, and no more", deliveries, due);
    if (closed_count > 0) fail("%ld connections were closed", closed_count);
  }
  double took = now_seconds() - started;
  double half = percentile(rounds, round_count, 0.5), most = percentile(rounds, round_count, 0.99);
  printf("{\"event\":\"measured\",\"seconds\":%.4f,\"changes\":%ld,\"deliveries\":%ld,\"bytes\":%ld,"
         "\"p50Ms\":%.4f,\"p99Ms\":%.4f",
         took, changes, deliveries, bytes_received - bytes, half * 1e3, most * 1e3);
  if (options.far > 0)
    printf(",\"farP50Ms\":%.3f,\"farP95Ms\":%.3f,\"farP99Ms\":%.3f", histogram_percentile_ms(far, 0.5),
           histogram_percentile_ms(far, 0.95), histogram_percentile_ms(far, 0.99));
  printf("}\n");
}

/* `go SECONDS`: each publisher sends its next change when all followers have had the one before; every follower must
   get every change once and in order. The window ends when all that was sent has come. */
void run_fanout(void) {
  open_all(NULL);
  followers = connection_count - options.publishers;
  if (followers <= 0 || options.publishers > 100) fail("%d publishers", options.publishers);
  if (options.far > followers) fail("%d far followers of %d", options.far, followers);
  if (options.far > 0) far = new_histogram();
  size_t publishers = (size_t)options.publishers;
  current = allocate(publishers, sizeof *current);
  delivered = allocate(publishers, sizeof *delivered);
  sent_at = allocate(publishers, sizeof *sent_at);
  last = allocate(publishers * (size_t)followers, sizeof *last);
  round_capacity = 1 << 20;
  rounds = allocate(round_capacity, sizeof *rounds);
  for (;;) {
    const char *line = wait_for_command(received);
    if (strncmp(line, "go ", 3) != 0) fail("no command %s", line);
    run_window(atof(line + 3));
  }
}
