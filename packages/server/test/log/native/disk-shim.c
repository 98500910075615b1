/*
 * Put in front of libc (LD_PRELOAD) in a process whose SQLite files are watched. Linux and other ELF systems.
 *
 * SHIM_TRACE names a file to which it adds a line for
 *   W <file> <n> <n> …   a write to a file whose name holds ".sqlite", with the numbers marked "#n#" in what was written
 *   s <file>             a sync of such a file begins
 *   S <file>             it has ended, and worked
 * Lines of one file opened with O_APPEND stand in the order in which they were written, whoever writes: the process under
 * test adds its own.
 *
 * While a file of the name in SHIM_FAULT exists and begins with 'w', writes to such files fail with ENOSPC; with 's', their
 * syncs fail with EIO.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int trace = -1;
static const char *fault;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off64_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);

__attribute__((constructor)) static void begin(void) {
  real_write = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  real_pwrite64 = (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  const char *path = getenv("SHIM_TRACE");
  if (path != NULL) trace = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  fault = getenv("SHIM_FAULT");
}

/* The file's name without its folder, or NULL where it is none that is watched. */
static const char *watched(int file, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, size - 1);
  if (length < 0) return NULL;
  path[length] = '\0';
  const char *name = strrchr(path, '/');
  name = name == NULL ? path : name + 1;
  return strstr(name, ".sqlite") == NULL ? NULL : name;
}

static int fails(char what) {
  if (fault == NULL) return 0;
  int file = open(fault, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char first = '\0';
  ssize_t got = read(file, &first, 1);
  close(file);
  return got == 1 && first == what;
}

static void say(const char *text, size_t length) {
  if (trace < 0) return;
  int before = errno;
  if (real_write(trace, text, length) < 0) abort();
  errno = before;
}

static void say_sync(char mark, const char *name) {
  char line[300];
  int length = snprintf(line, sizeof line, "%c %s\n", mark, name);
  say(line, (size_t)length);
}

static void say_write(const char *name, const char *bytes, size_t count) {
  if (trace < 0) return;
  /* A page of 4096 bytes holds fewer numbers than fit here. */
  char line[16384];
  size_t length = (size_t)snprintf(line, 300, "W %s", name);
  for (size_t i = 0; i < count && length < sizeof line - 32; i++) {
    if (bytes[i] != '#') continue;
    size_t digits = 0;
    while (i + 1 + digits < count && bytes[i + 1 + digits] >= '0' && bytes[i + 1 + digits] <= '9') digits++;
    if (digits == 0 || digits > 20 || i + 1 + digits >= count || bytes[i + 1 + digits] != '#') continue;
    line[length++] = ' ';
    memcpy(line + length, bytes + i + 1, digits);
    length += digits;
    i += digits + 1;
  }
  line[length++] = '\n';
  say(line, length);
}

ssize_t write(int file, const void *bytes, size_t count) {
  char path[4096];
  const char *name = watched(file, path, sizeof path);
  if (name == NULL) return real_write(file, bytes, count);
  if (fails('w')) return errno = ENOSPC, -1;
  say_write(name, bytes, count);
  return real_write(file, bytes, count);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
  char path[4096];
  const char *name = watched(file, path, sizeof path);
  if (name == NULL) return real_pwrite64(file, bytes, count, at);
  if (fails('w')) return errno = ENOSPC, -1;
  say_write(name, bytes, count);
  return real_pwrite64(file, bytes, count, at);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
  return pwrite64(file, bytes, count, at);
}

static int synced(int file, int (*sync)(int)) {
  char path[4096];
  const char *name = watched(file, path, sizeof path);
  if (name == NULL) return sync(file);
  if (fails('s')) return errno = EIO, -1;
  say_sync('s', name);
  int result = sync(file);
  if (result == 0) say_sync('S', name);
  return result;
}

int fdatasync(int file) { return synced(file, real_fdatasync); }

int fsync(int file) { return synced(file, real_fsync); }
