#include "load.h"
#include <string.h>

static long online, offline, others;

static void received(int connection, const char *text, size_t length) {
  (void)connection;
  if (contains(text, length, "{\"t\":\"o\",")) online++;
  else if (contains(text, length, "{\"t\":\"x\",")) offline++;
  else others++;
}

/* Connects everybody and keeps them, answering heartbeats. `count` tells how many are left, and what they were sent. */
void run_hold(void) {
  open_all(received);
  for (;;) {
    const char *line = wait_for_command(received);
    if (strcmp(line, "count") != 0) fail("no command %s", line);
    printf("{\"event\":\"count\",\"closed\":%ld,\"bytes\":%ld,\"online\":%ld,\"offline\":%ld,\"others\":%ld}\n",
           closed_count, bytes_received, online, offline, others);
  }
}
