#include "load.h"
#include <stdlib.h>
#include <string.h>

#define STALL_SECONDS 30

static long *current; /* by connection: the call under way */
static double *sent_at;
static long calls, under_way;
static bool sending;
static double *rounds;
static size_t round_count, round_capacity;

static void call(int connection) {
  char text[512];
  int length = snprintf(text, sizeof text, "%s%ld%s", options.prefix, ++current[connection], options.suffix);
  sent_at[connection] = now_seconds();
  under_way++;
  send_text(connection, text, (size_t)length);
}

/* An answer begins with `answer`, then the number of its call. */
static void received(int connection, const char *text, size_t length) {
  size_t head = strlen(options.answer);
  if (length <= head || memcmp(text, options.answer, head) != 0)
    fail("connection %d was sent %.*s", connection, (int)(length < 200 ? length : 200), text);
  if (atol(text + head) != current[connection]) fail("an answer to another call: %.*s", (int)length, text);
  if (round_count < round_capacity) rounds[round_count++] = now_seconds() - sent_at[connection];
  calls++;
  under_way--;
  if (sending) call(connection);
}

static void run_window(double seconds) {
  calls = 0;
  round_count = 0;
  double started = now_seconds(), moved = started;
  long before = 0;
  sending = true;
  for (int connection = 0; connection < connection_count; connection++) call(connection);
  while (sending || under_way > 0) {
    pump(100, received);
    double now = now_seconds();
    if (now - started >= seconds) sending = false;
    if (calls > before) moved = now;
    before = calls;
    if (now - moved > STALL_SECONDS) fail("%ld calls are not answered", under_way);
    if (closed_count > 0) fail("%ld connections were closed", closed_count);
  }
  double took = now_seconds() - started;
  double half = percentile(rounds, round_count, 0.5), most = percentile(rounds, round_count, 0.99);
  printf("{\"event\":\"measured\",\"seconds\":%.4f,\"calls\":%ld,\"p50Ms\":%.4f,\"p99Ms\":%.4f}\n", took, calls,
         half * 1e3, most * 1e3);
}

/* `go SECONDS`: each connection calls again when it has its answer. The window ends when all calls are answered. */
void run_calls(void) {
  open_all(NULL);
  current = allocate((size_t)connection_count, sizeof *current);
  sent_at = allocate((size_t)connection_count, sizeof *sent_at);
  round_capacity = 1 << 20;
  rounds = allocate(round_capacity, sizeof *rounds);
  for (;;) {
    const char *line = wait_for_command(received);
    if (strncmp(line, "go ", 3) != 0) fail("no command %s", line);
    run_window(atof(line + 3));
  }
}
