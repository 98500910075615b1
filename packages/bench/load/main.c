#include "load.h"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

Options options = {.path = "/", .at_once = 64, .first_address = 1, .ready = "", .publishers = 1, .prefix = "", .suffix = "", .answer = "", .settle = 10, .seed = 1};

static void set(const char *name, const char *value) {
  if (!strcmp(name, "--port")) options.port = atoi(value);
  else if (!strcmp(name, "--path")) options.path = value;
  else if (!strcmp(name, "--plan")) options.plan = value;
  else if (!strcmp(name, "--ready")) options.ready = value;
  else if (!strcmp(name, "--at-once")) options.at_once = atoi(value);
  else if (!strcmp(name, "--spread")) options.spread = atof(value);
  else if (!strcmp(name, "--hold-fire")) options.hold_fire = atoi(value) != 0;
  else if (!strcmp(name, "--tolerant")) options.tolerant = atoi(value) != 0;
  else if (!strcmp(name, "--first-address")) options.first_address = atoi(value);
  else if (!strcmp(name, "--far")) options.far = atoi(value);
  else if (!strcmp(name, "--people")) options.people = value;
  else if (!strcmp(name, "--keep")) options.keep = value;
  else if (!strcmp(name, "--out")) options.out = value;
  else if (!strcmp(name, "--ping")) options.ping = value;
  else if (!strcmp(name, "--pong")) options.pong = value;
  else if (!strcmp(name, "--publishers")) options.publishers = atoi(value);
  else if (!strcmp(name, "--prefix")) options.prefix = value;
  else if (!strcmp(name, "--suffix")) options.suffix = value;
  else if (!strcmp(name, "--answer")) options.answer = value;
  else if (!strcmp(name, "--followers")) options.followers = value;
  else if (!strcmp(name, "--settle")) options.settle = atof(value);
  else if (!strcmp(name, "--seed")) options.seed = atol(value);
  else fail("no option %s", name);
}

int main(int count, char **arguments) {
  if (count < 2 || count % 2 != 0) fail("usage: load MODE [--option value]...");
  const char *mode = arguments[1];
  for (int i = 2; i < count; i += 2) set(arguments[i], arguments[i + 1]);
  if (options.plan == NULL || options.port == 0) fail("--plan and --port are needed");
  if ((options.keep == NULL) != (options.out == NULL)) fail("--keep and --out go together");
  if ((options.ping == NULL) != (options.pong == NULL)) fail("--ping and --pong go together");

  setvbuf(stdout, NULL, _IOLBF, 0);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  if (!strcmp(mode, "hold")) run_hold();
  else if (!strcmp(mode, "fanout")) run_fanout();
  else if (!strcmp(mode, "graph")) run_graph();
  else if (!strcmp(mode, "probe")) run_probe();
  else if (!strcmp(mode, "calls")) run_calls();
  else if (!strcmp(mode, "crowd")) run_crowd();
  else fail("no mode %s", mode);
  return 0;
}
