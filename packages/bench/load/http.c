#define _GNU_SOURCE
#include "load.h"
#include <stdlib.h>
#include <string.h>

size_t read_head(const char *bytes, size_t length, Head *head) {
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  size_t size = (size_t)(end + 4 - bytes);
  if (size < 16 || memcmp(bytes, "HTTP/1.1 ", 9) != 0) fail("no answer of HTTP/1.1: %.*s", (int)size, bytes);
  head->status = atoi(bytes + 9);
  head->body = -1;
  for (const char *line = bytes; line < end; line++) {
    line = memchr(line, '\n', (size_t)(end + 2 - line));
    if (line == NULL) break;
    if (!strncasecmp(line + 1, "content-length:", 15)) head->body = atol(line + 16);
  }
  return size;
}

size_t write_post(char *out, size_t room, const char *path, int port, const char *body, size_t length) {
  int head = snprintf(out, room, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
                      path, port, length);
  if (head < 0 || (size_t)head + length > room) fail("a request of %zu bytes", length);
  memcpy(out + head, body, length);
  return (size_t)head + length;
}

size_t read_event(const char *bytes, size_t length, Event *event) {
  const char *end = memmem(bytes, length, "\n\n", 2);
  if (end == NULL) return 0;
  *event = (Event){.name = "", .data = NULL};
  for (const char *line = bytes; line < end;) {
    const char *stop = memchr(line, '\n', (size_t)(end + 1 - line));
    size_t size = (size_t)(stop - line);
    if (size > 6 && !memcmp(line, "data: ", 6)) {
      if (event->data != NULL) fail("an event with two lines of data");
      event->data = line + 6;
      event->length = size - 6;
    } else if (size == 11 && !memcmp(line, "event: line", 11)) event->name = "line";
    else if (size == 12 && !memcmp(line, "event: close", 12)) event->name = "close";
    else if (line[0] != ':') fail("a line of no event: %.*s", (int)size, line);
    line = stop + 1;
  }
  return (size_t)(end + 2 - bytes);
}

/* The end of the JSON value that begins here. */
static const char *end_of_value(const char *at, const char *end) {
  int depth = 0;
  for (; at < end; at++) {
    if (*at == '"') {
      for (at++; at < end && *at != '"'; at++)
        if (*at == '\\') at++;
    } else if (*at == '{' || *at == '[') depth++;
    else if ((*at == '}' || *at == ']') && --depth == 0) return at + 1;
  }
  fail("a message without an end");
}

static const char *after(const char *text, size_t length, const char *name) {
  const char *found = memmem(text, length, name, strlen(name));
  if (found == NULL) fail("no %s in %.*s", name, (int)(length < 300 ? length : 300), text);
  return found + strlen(name);
}

void read_line_name(const char *text, size_t length, char *name) {
  const char *from = after(text, length, "\"line\":\""), *to = memchr(from, '"', length - (size_t)(from - text));
  if (to == NULL || to - from >= LINE_NAME_BYTES) fail("a line without a name");
  memcpy(name, from, (size_t)(to - from));
  name[to - from] = 0;
}

long read_batch(const char *body, size_t length, const char **messages, size_t *messages_length) {
  const char *list = after(body, length, ",\"ms\":[");
  *messages = list;
  const char *end = end_of_value(list - 1, body + length);
  *messages_length = (size_t)(end - 1 - list);
  if (memmem(end, (size_t)(body + length - end), "\"close\":", 8) != NULL) fail("a line was closed: %.*s", (int)length, body);
  return atol(after(body, length, "\"k\":"));
}

bool next_message(const char **from, size_t *left, const char **message, size_t *length) {
  if (*left == 0) return false;
  const char *end = end_of_value(*from, *from + *left);
  *message = *from;
  *length = (size_t)(end - *from);
  size_t taken = *length < *left ? *length + 1 : *length; /* and the comma behind it */
  *from += taken;
  *left -= taken;
  return true;
}
