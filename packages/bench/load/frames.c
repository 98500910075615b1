#include "load.h"
#include <string.h>

/* RFC 6455, section 5.2. Servers do not mask. */
bool read_frame(const unsigned char *bytes, size_t length, Frame *frame) {
  if (length < 2) return false;
  size_t header = 2;
  uint64_t size = bytes[1] & 0x7f;
  if (size == 126) {
    if (length < 4) return false;
    size = ((uint64_t)bytes[2] << 8) | bytes[3];
    header = 4;
  } else if (size == 127) {
    if (length < 10) return false;
    size = 0;
    for (int i = 0; i < 8; i++) size = (size << 8) | bytes[2 + i];
    header = 10;
  }
  if (bytes[1] & 0x80) fail("a masked frame from the server");
  if (length - header < size) return false;
  frame->opcode = bytes[0] & 0x0f;
  frame->payload = (const char *)bytes + header;
  frame->length = size;
  frame->total = header + size;
  return true;
}

size_t write_frame(unsigned char *out, int opcode, const char *payload, size_t length) {
  /* Any key will do, as long as the server has to unmask. */
  static const unsigned char key[4] = {0x37, 0xfa, 0x21, 0x3d};
  size_t at = 0;
  out[at++] = (unsigned char)(0x80 | opcode);
  if (length < 126) {
    out[at++] = (unsigned char)(0x80 | length);
  } else if (length < 65536) {
    out[at++] = 0x80 | 126;
    out[at++] = (unsigned char)(length >> 8);
    out[at++] = (unsigned char)length;
  } else {
    fail("a message of %zu bytes", length);
  }
  memcpy(out + at, key, 4);
  at += 4;
  for (size_t i = 0; i < length; i++) out[at + i] = (unsigned char)payload[i] ^ key[i & 3];
  return at + length;
}
