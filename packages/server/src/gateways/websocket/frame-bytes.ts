import type { Frame, FrameRun } from '../../ports/transport.ts';

/** FIN and opcode 1: a whole text message (RFC 6455, section 5.2). Servers do not mask. */
const FIN_TEXT = 0x81;

/** A message framed for WebSocket, made once however many connections it goes to. */
export function frameBytes(frame: Frame): Uint8Array {
  return (frame.wire ??= encodeText(frame.text));
}

/**
 * From this size on a frame is written as it is, beside the others of its run. Below it copying costs less than a piece
 * more in the write; above it the copies are also what memory fills with when many connections are owed the same replay,
 * each behind an answer of its own (docs/decisions/0013).
 */
export const OWN_PIECE_BYTES = 8 * 1024;

/** The bytes of a run, made by the first connection that is written to: one buffer, or several to be written in one go. */
export function runBytes(run: FrameRun): Uint8Array | readonly Uint8Array[] {
  return (run.wire ??= join(run.frames().map(frameBytes)));
}

function join(frames: readonly Uint8Array[]): Uint8Array | readonly Uint8Array[] {
  const only = frames[0];
  if (only !== undefined && frames.length === 1) return only;
  return frames.some(isLarge) ? pieces(frames) : Buffer.concat(frames);
}

function isLarge(bytes: Uint8Array): boolean {
  return bytes.length >= OWN_PIECE_BYTES;
}

/** Large frames as they are, what stands between them put together. */
function pieces(frames: readonly Uint8Array[]): readonly Uint8Array[] {
  const made: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  for (const bytes of frames) {
    if (!isLarge(bytes)) {
      small.push(bytes);
      continue;
    }
    if (small.length > 0) made.push(Buffer.concat(small));
    small = [];
    made.push(bytes);
  }
  if (small.length > 0) made.push(Buffer.concat(small));
  return made;
}

/** The payload length takes 7 bits, 7 and 16, or 7 and 64. */
function encodeText(text: string): Uint8Array {
  const length = Buffer.byteLength(text);
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(headerLength + length);
  bytes[0] = FIN_TEXT;
  if (headerLength === 2) bytes[1] = length;
  else if (headerLength === 4) {
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 127;
    bytes.writeUInt32BE(0, 2);
    bytes.writeUInt32BE(length, 6);
  }
  bytes.write(text, headerLength);
  return bytes;
}
