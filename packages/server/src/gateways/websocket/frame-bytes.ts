import { pack } from '@carillon/protocol';
import { joinBytes } from '../../gate/join-bytes.ts';
import type { Frame, FrameRun, OtherWires, RunBytes } from '../../ports/transport.ts';

/** FIN and opcode 1: a whole text message (RFC 6455, section 5.2). Servers do not mask. */
const FIN_TEXT = 0x81;

/** FIN and opcode 2: a whole binary message. */
const FIN_BINARY = 0x82;

const LONGEST_HEADER = 10;

/** A message framed for WebSocket, made once however many connections it goes to. */
export function frameBytes(frame: Frame): Uint8Array {
  return (frame.wire ??= encodeText(frame.text));
}

/** The same as a binary frame of MessagePack ([PACK1]), made where the first connection is owed it that speaks it. */
export function packedFrameBytes(frame: Frame): Uint8Array {
  return (othersOf(frame).packed ??= encodePacked(frame.text));
}

/** The bytes of a run, made by the first connection that is written to: one buffer, or several to be written in one go. */
export function runBytes(run: FrameRun): RunBytes {
  return (run.wire ??= joinBytes(run.frames().map(frameBytes)));
}

/** The bytes of a run for the connections that speak MessagePack. */
export function packedRunBytes(run: FrameRun): RunBytes {
  return (othersOf(run).packed ??= joinBytes(run.frames().map(packedFrameBytes)));
}

function othersOf<Bytes>(shared: { others: OtherWires<Bytes> | undefined }): OtherWires<Bytes> {
  return (shared.others ??= { events: undefined, packed: undefined });
}

function encodeText(text: string): Uint8Array {
  const length = Buffer.byteLength(text);
  const headerLength = headerLengthOf(length);
  const bytes = Buffer.allocUnsafe(headerLength + length);
  writeHeader(bytes, FIN_TEXT, length);
  bytes.write(text, headerLength);
  return bytes;
}

function encodePacked(text: string): Uint8Array {
  // What a frame's text holds is JSON: the server made it.
  const packed = pack(JSON.parse(text), LONGEST_HEADER);
  const length = packed.length - LONGEST_HEADER;
  const bytes = Buffer.from(packed.buffer, LONGEST_HEADER - headerLengthOf(length));
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
