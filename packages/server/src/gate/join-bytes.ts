import type { RunBytes } from '../ports/transport.ts';

/**
 * From this size on a frame is written as it is, beside the others of its run. Below it copying costs less than a piece
 * more in the write; above it the copies are also what memory fills with when many connections are owed the same replay,
 * each behind an answer of its own (docs/decisions/0013).
 */
export const OWN_PIECE_BYTES = 8 * 1024;

/** The frames of a run as one buffer, or several to be written in one go. */
export function joinBytes(frames: readonly Uint8Array[]): RunBytes {
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
