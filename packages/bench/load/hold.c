#include "load.h"
#include <string.h>

/* Connects everybody and keeps them, answering heartbeats. `count` tells how many are left. */
void run_hold(void) {
  open_all(NULL);
  for (;;) {
    const char *line = wait_for_command(NULL);
    if (strcmp(line, "count") != 0) fail("no command %s", line);
    printf("{\"event\":\"count\",\"closed\":%ld,\"bytes\":%ld}\n", closed_count, bytes_received);
  }
}
