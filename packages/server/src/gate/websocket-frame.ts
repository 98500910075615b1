/** FIN and opcode 1: a whole text message (RFC 6455, section 5.2). Servers do not mask. */
const FIN_TEXT = 0x81;

/** FIN and opcode 2: a whole binary message. */
const FIN_BINARY = 0x82;

/** The most that a header takes: room for it can be left before the payload is known. */
export const LONGEST_HEADER = 10;

export function textFrame(text: string): Uint8Array {
  const length = Buffer.byteLength(text);
  const headerLength = headerLengthOf(length);
  const bytes = Buffer.allocUnsafe(headerLength + length);
  writeHeader(bytes, FIN_TEXT, length);
  bytes.write(text, headerLength);
  return bytes;
}

/** @param room the payload behind `LONGEST_HEADER` bytes that are free; the frame is a part of it */
export function binaryFrameIn(room: Uint8Array): Uint8Array {
  const length = room.length - LONGEST_HEADER;
  const offset = room.byteOffset + LONGEST_HEADER - headerLengthOf(length);
  const bytes = Buffer.from(room.buffer, offset, room.byteOffset + room.length - offset);
  writeHeader(bytes, FIN_BINARY, length);
  return bytes;
}

/** Goes before a binary message of so many bytes. */
export function binaryHeader(length: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(headerLengthOf(length));
  writeHeader(bytes, FIN_BINARY, length);
  return bytes;
}

/** The payload length takes 7 bits, 7 and 16, or 7 and 64. */
function headerLengthOf(length: number): 2 | 4 | 10 {
  if (length < 126) return 2;
  return length < 65_536 ? 4 : LONGEST_HEADER;
}

function writeHeader(bytes: Buffer, first: number, length: number): void {
  bytes[0] = first;
  if (length < 126) bytes[1] = length;
  else if (length < 65_536) {
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 127;
    bytes.writeUInt32BE(0, 2);
    bytes.writeUInt32BE(length, 6);
  }
}
