import { joinBytes } from '../../gate/join-bytes.ts';
import type { Frame, FrameRun, RunBytes } from '../../ports/transport.ts';

/** FIN and opcode 1: a whole text message (RFC 6455, section 5.2). Servers do not mask. */
const FIN_TEXT = 0x81;

/** A message framed for WebSocket, made once however many connections it goes to. */
export function frameBytes(frame: Frame): Uint8Array {
  return (frame.wire ??= encodeText(frame.text));
}

/** The bytes of a run, made by the first connection that is written to: one buffer, or several to be written in one go. */
export function runBytes(run: FrameRun): RunBytes {
  return (run.wire ??= joinBytes(run.frames().map(frameBytes)));
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
