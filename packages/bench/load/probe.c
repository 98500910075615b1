#define _GNU_SOURCE
#include "load.h"
#include <stdlib.h>
#include <string.h>

#define INTERVAL_SECONDS 0.002
#define MAX_PROBES (1 << 20)

static double *sent_at, *took;
static long sent, answered;

static void received(int connection, const char *text, size_t length) {
  (void)connection;
  const char *question = memmem(text, length, "\"q\":", 4);
  if (question == NULL) fail("an answer that is no echo: %.*s", (int)length, text);
  long number = atol(question + 4);
  if (number != answered || number >= sent) fail("echo %ld instead of %ld", number, answered);
  took[answered++] = now_seconds() - sent_at[number];
}

static void ask(void) {
  char text[64];
  if (sent == MAX_PROBES) fail("more than %d probes", MAX_PROBES);
  int length = snprintf(text, sizeof text, "{\"t\":\"hb\",\"q\":%ld}", sent);
  sent_at[sent++] = now_seconds();
  send_text(0, text, (size_t)length);
}

/* `go`: asks for an echo every 2 ms, whatever is still unanswered, until `stop`; tells how long the answers took. */
void run_probe(void) {
  open_all(NULL);
  sent_at = allocate(MAX_PROBES, sizeof *sent_at);
  took = allocate(MAX_PROBES, sizeof *took);
  for (;;) {
    const char *line = wait_for_command(received);
    if (strcmp(line, "go") != 0) fail("no command %s", line);
    sent = answered = 0;
    double next = now_seconds(), slipped = 0;
    bool asking = true;
    while (asking || answered < sent) {
      double now = now_seconds();
      if (asking && now >= next) {
        /* This program's own lateness: what the machine itself adds. */
        if (now - next > slipped) slipped = now - next;
        ask();
        next = now + INTERVAL_SECONDS;
      }
      pump(next - now > 0.001 ? 1 : 0, received);
      const char *stop = next_command();
      if (stop != NULL) asking = false;
      if (closed_count > 0) fail("the connection was closed");
    }
    size_t count = (size_t)answered;
    double half = percentile(took, count, 0.5), most = percentile(took, count, 0.99), longest = percentile(took, count, 1);
    printf("{\"event\":\"probed\",\"probes\":%ld,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"maxMs\":%.3f,\"slippedMs\":%.3f}\n",
           answered, half * 1e3, most * 1e3, longest * 1e3, slipped * 1e3);
  }
}
