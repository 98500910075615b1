#define _GNU_SOURCE
#include "connection.h"
#include <string.h>

static void send_frame(int index, int opcode, const char *payload, size_t length) {
  static unsigned char frame[65536 + 14];
  send_bytes(index, frame, write_frame(frame, opcode, payload, length));
}

void send_websocket(int index, const char *text, size_t length) { send_frame(index, 1, text, length); }

void begin_websocket(int index) {
  char request[512];
  /* The key of the example in RFC 6455, section 1.3. */
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                        options.path, connections[index].port);
  send_bytes(index, request, (size_t)length);
}

/* Returns how many bytes the answer to the upgrade takes, 0 while it is not whole. */
static size_t upgraded(int index, const unsigned char *bytes, size_t length) {
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  if (length < 12 || memcmp(bytes, "HTTP/1.1 101", 12) != 0) {
    give_up(index, (const char *)bytes, (int)(length < 300 ? length : 300));
    return length;
  }
  connections[index].phase = WAITING;
  /* A tab ends a message and begins the next. */
  for (const char *opening = connections[index].opening; opening != NULL;) {
    const char *tab = strchr(opening, '\t');
    send_websocket(index, opening, tab == NULL ? strlen(opening) : (size_t)(tab - opening));
    opening = tab == NULL ? NULL : tab + 1;
  }
  return (size_t)((const unsigned char *)end + 4 - bytes);
}

static void frame_received(int index, const Frame *frame, OnMessage on_message) {
  switch (frame->opcode) {
    case 0x1:
      text_received(index, frame->payload, frame->length, on_message);
      return;
    case 0x8:
      if (connections[index].phase != READY && !options.tolerant)
        fail("connection %d was sent away: %.*s", index, (int)frame->length - 2, frame->payload + 2);
      return;
    case 0x9:
      send_frame(index, 0xa, frame->payload, frame->length);
      return;
    default:
      fail("connection %d: a frame with opcode %d", index, frame->opcode);
  }
}

size_t take_websocket(int index, const unsigned char *bytes, size_t length, OnMessage on_message) {
  if (connections[index].phase == UPGRADING) return upgraded(index, bytes, length);
  size_t at = 0;
  Frame frame;
  while (read_frame(bytes + at, length - at, &frame)) {
    frame_received(index, &frame, on_message);
    at += frame.total;
  }
  return at;
}
