#define _GNU_SOURCE
#include "connection.h"
#include <stdlib.h>
#include <string.h>

#define REQUEST_BYTES (192 << 10)

static const char *path_of(Wire wire) { return wire == STREAM ? "/sse" : "/poll"; }

static void post(int index, Wire wire, const char *body, size_t length) {
  static char request[REQUEST_BYTES];
  send_bytes(index, request, write_post(request, sizeof request, path_of(wire), connections[index].port, body, length));
}

/* One request with all that a connection sends first. */
void begin_line(int index) {
  static char body[REQUEST_BYTES];
  Connection *connection = &connections[index];
  int length = snprintf(body, sizeof body, "{\"ms\":[%s]}", connection->opening);
  connection->next = 2;
  for (char *tab = body; (tab = strchr(tab, '\t')) != NULL; connection->next++) *tab = ',';
  post(index, connection->wire, body, (size_t)length);
}

static void named(Connection *connection, const char *text, size_t length) {
  if (connection->line == NULL) connection->line = allocate(LINE_NAME_BYTES, 1);
  read_line_name(text, length, connection->line);
}

static size_t refused(int index, const unsigned char *bytes, size_t length) {
  give_up(index, (const char *)bytes, (int)(length < 600 ? length : 600));
  return length;
}

size_t take_stream(int index, const unsigned char *bytes, size_t length, OnMessage on_message) {
  Connection *connection = &connections[index];
  size_t at = 0;
  if (connection->phase == UPGRADING) {
    Head head;
    at = read_head((const char *)bytes, length, &head);
    if (at == 0) return 0;
    if (head.status != 200) return refused(index, bytes, length);
    connection->phase = WAITING;
  }
  Event event;
  for (size_t size; (size = read_event((const char *)bytes + at, length - at, &event)) > 0; at += size) {
    if (event.data == NULL) continue;
    if (event.name[0] == 'l') named(connection, event.data, event.length);
    else if (event.name[0] == 'c') fail("stream %d was closed: %.*s", index, (int)event.length, event.data);
    else text_received(index, event.data, event.length, on_message);
  }
  return at;
}

static void poll_again(int index, long ack) {
  char body[LINE_NAME_BYTES + 64];
  int length = snprintf(body, sizeof body, "{\"line\":\"%s\",\"ack\":%ld}", connections[index].line, ack);
  post(index, POLL, body, (size_t)length);
}

/* Each answer is a batch, and is acknowledged by the next poll. */
size_t take_poll(int index, const unsigned char *bytes, size_t length, OnMessage on_message) {
  Connection *connection = &connections[index];
  Head head;
  size_t size = read_head((const char *)bytes, length, &head);
  if (size == 0 || head.body < 0 || length - size < (size_t)head.body) return 0;
  if (head.status != 200) {
    if (connection->phase != READY) return refused(index, bytes, length);
    fail("a poll of %d was refused: %.*s", index, (int)length, bytes);
  }
  const char *body = (const char *)bytes + size, *messages, *message;
  size_t left, message_length;
  if (connection->phase == UPGRADING) {
    named(connection, body, (size_t)head.body);
    connection->phase = WAITING;
  }
  long k = read_batch(body, (size_t)head.body, &messages, &left);
  while (next_message(&messages, &left, &message, &message_length)) text_received(index, message, message_length, on_message);
  poll_again(index, k);
  return size + (size_t)head.body;
}

/* What is sent goes over one connection for all lines, one request at a time, as over a proxy's. The server may close it
   while it is idle; then what was not answered is sent again over the next, for it is taken once ([HTTP3]). */

typedef struct Letter {
  struct Letter *next;
  Wire wire;
  size_t length;
  char body[];
} Letter;

static Letter *first, *last;

static void send_first(void) {
  if (first != NULL) post(connection_count, first->wire, first->body, first->length);
}

void begin_sender(void) {
  connections[connection_count].phase = READY;
  send_first();
}

void send_over_line(int index, const char *text, size_t length) {
  Connection *connection = &connections[index];
  Letter *letter = allocate(1, sizeof *letter + LINE_NAME_BYTES + length + 64);
  letter->wire = connection->wire;
  letter->length = (size_t)sprintf(letter->body, "{\"line\":\"%s\",\"n\":%ld,\"ms\":[%.*s]}", connection->line,
                                   connection->next++, (int)length, text);
  if (first != NULL) {
    last = last->next = letter;
    return;
  }
  first = last = letter;
  if (connections[connection_count].phase == CLOSED) open_one(connection_count);
  else if (connections[connection_count].phase == READY) send_first();
}

size_t take_sender(const unsigned char *bytes, size_t length) {
  Head head;
  size_t size = read_head((const char *)bytes, length, &head);
  if (size == 0 || head.body < 0 || length - size < (size_t)head.body) return 0;
  if (head.status != 200 || first == NULL) fail("what was sent was refused: %.*s", (int)length, bytes);
  Letter *answered = first;
  first = answered->next;
  free(answered);
  send_first();
  return size + (size_t)head.body;
}

void sender_closed(void) {
  if (first != NULL) open_one(connection_count);
}
