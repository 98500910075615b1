import { pack } from '@carillon/protocol';
import { joinBytes } from '../../gate/join-bytes.ts';
import { othersOf } from '../../gate/other-wires.ts';
import { binaryFrameIn, LONGEST_HEADER, textFrame } from '../../gate/websocket-frame.ts';
import type { Frame, FrameRun, RunBytes } from '../../ports/transport.ts';

/** A message framed for WebSocket, made once however many connections it goes to. */
export function frameBytes(frame: Frame): Uint8Array {
  return (frame.wire ??= textFrame(frame.text));
}

/** The same as a binary frame of MessagePack ([PACK1]), made where the first connection is owed it that speaks it. */
export function packedFrameBytes(frame: Frame): Uint8Array {
  // What a frame's text holds is JSON: the server made it.
  return (othersOf(frame).packed ??= binaryFrameIn(pack(JSON.parse(frame.text), LONGEST_HEADER)));
}

/** The bytes of a run, made by the first connection that is written to: one buffer, or several to be written in one go. */
export function runBytes(run: FrameRun): RunBytes {
  return (run.wire ??= joinBytes(run.frames().map(frameBytes)));
}

/** The bytes of a run for the connections that speak MessagePack. */
export function packedRunBytes(run: FrameRun): RunBytes {
  return (othersOf(run).packed ??= joinBytes(run.frames().map(packedFrameBytes)));
}
