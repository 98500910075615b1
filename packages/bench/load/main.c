#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios.h"

static char **read_lines(const char *path, int count) {
  FILE *file = fopen(path, "r");
  if (!file) fail("cannot read %s", path);
  char **lines = calloc(count, sizeof(char *));
  for (int i = 0; i < count; i++) {
    size_t size = 0;
    ssize_t n = getline(&lines[i], &size, file);
    if (n < 0) fail("%s has fewer than %d lines", path, count);
    while (n > 0 && (lines[i][n - 1] == '\n' || lines[i][n - 1] == '\r')) lines[i][--n] = 0;
  }
  fclose(file);
  return lines;
}

static double longest_answer;
static int answered;

static void probed(client *who, const char *text, size_t length, size_t wire_bytes) {
  (void)who, (void)text, (void)length, (void)wire_bytes;
  answered = 1;
}

void probe(client_set *set, const char *arguments) {
  double until = now_seconds() + atof(arguments);
  const char *text = "{\"t\":\"nothing\"}";
  long count = 0;
  longest_answer = 0;
  while (now_seconds() < until) {
    double asked = now_seconds();
    answered = 0;
    client_send(&set->all[0], text, strlen(text));
    while (!answered) clients_poll(set, 1000, 0, probed);
    double took = now_seconds() - asked;
    if (took > longest_answer) longest_answer = took;
    count++;
  }
  printf("{\"probes\":%ld,\"longestMs\":%.3f}\n", count, longest_answer * 1e3);
}

static int is(const char *line, const char *command, const char **rest) {
  size_t n = strlen(command);
  if (strncmp(line, command, n) || (line[n] != ' ' && line[n] != 0)) return 0;
  *rest = line[n] ? line + n + 1 : "";
  return 1;
}

int main(int count, char **arguments) {
  client_set set = {.path = "/", .concurrency = 64, .per_address = 20000};
  const char *greetings = NULL;
  for (int i = 1; i + 1 < count; i += 2) {
    const char *name = arguments[i], *value = arguments[i + 1];
    if (!strcmp(name, "--port")) set.port = atoi(value);
    else if (!strcmp(name, "--path")) set.path = value;
    else if (!strcmp(name, "--connections")) set.count = atoi(value);
    else if (!strcmp(name, "--greetings")) greetings = value;
    else if (!strcmp(name, "--ready")) set.ready = value;
    else if (!strcmp(name, "--concurrency")) set.concurrency = atoi(value);
    else if (!strcmp(name, "--per-address")) set.per_address = atoi(value);
    else fail("unknown option %s", name);
  }
  clients_init(&set);
  if (greetings) set.greetings = read_lines(greetings, set.count);
  static char line[65536];
  const char *rest;
  // Between commands the connections are not read: what takes long must not be waited out here.
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\r\n")] = 0;
    if (is(line, "open", &rest)) printf("{\"opened\":%d,\"seconds\":%.4f}\n", set.count, clients_open(&set, 0));
    else if (is(line, "resume", &rest)) printf("{\"opened\":%d,\"seconds\":%.4f}\n", set.count, clients_open(&set, 1));
    else if (is(line, "drop", &rest)) clients_drop(&set), printf("{}\n");
    else if (is(line, "wait", &rest)) {
      clients_poll(&set, atof(rest) * 1000, 1, NULL);
      printf("{\"live\":%d}\n", clients_live(&set));
    } else if (is(line, "gone", &rest)) {
      while (clients_live(&set) > 0) clients_poll(&set, 100, 0, NULL);
      printf("{}\n");
    } else if (is(line, "fan-out", &rest)) fan_out(&set, rest);
    else if (is(line, "graph", &rest)) graph(&set, rest);
    else if (is(line, "probe", &rest)) probe(&set, rest);
    else if (is(line, "quit", &rest)) return 0;
    else fail("unknown command: %s", line);
    fflush(stdout);
  }
  return 0;
}
