import type { Soon } from '../../ports/log.ts';

/**
 * Bytes of a part of a state: what is read, or sent over a line, without a pause. A little less than a power of two: with what a
 * store says about it, it takes that much and not the next size that an allocator has (Redis: a quarter more).
 */
export const PART_BYTES = 255 * 1024;

/** Parts read at once: about a millisecond of the event loop. */
const PARTS_AT_ONCE = 4;

/** A read that is overtaken so often by snapshots that replace what it reads is given up. */
const READ_TRIES = 20;

/** How many parts a state of so many bytes has. One without content has none. */
export function partCount(bytes: number): number {
  return Math.ceil(bytes / PART_BYTES);
}

/** A state in parts, none of them a copy. */
export function partsOf(state: Uint8Array): Uint8Array[] {
  return Array.from({ length: partCount(state.byteLength) }, (_, part) =>
    state.subarray(part * PART_BYTES, (part + 1) * PART_BYTES),
  );
}

/** Where a state lies. What names it (`state`) is never given again, so that who finds its parts has found that one. */
export type StatePlace = { readonly state: number | string; readonly bytes: number };

/** How to read a row and the parts of its state, in their order. */
export type StateSource<Row extends StatePlace> = {
  row(): Soon<Row | undefined>;
  /** Fewer than asked for where the state was replaced, or where it ends. */
  parts(state: Row['state'], from: number, limit: number): Soon<readonly Uint8Array[]>;
};

/**
 * A row with its state, both of one moment, though they are read one after the other: where the state was replaced in between some
 * part of it is gone, and the row is read again.
 */
export async function readWhole<Row extends StatePlace, T>(
  source: StateSource<Row>,
  give: (row: Row, state: Uint8Array) => T,
): Promise<T | null> {
  for (let tries = 0; tries < READ_TRIES; tries++) {
    const row = await source.row();
    if (row === undefined) return null;
    const state = await readState(source, row);
    if (state !== null) return give(row, state);
  }
  throw new Error(`what is read was replaced ${READ_TRIES} times meanwhile`);
}

async function readState<Row extends StatePlace>(
  source: StateSource<Row>,
  { state, bytes }: Row,
): Promise<Uint8Array | null> {
  const found = new Uint8Array(bytes);
  let filled = 0;
  for (let from = 0; filled < bytes; from += PARTS_AT_ONCE) {
    const limit = Math.min(PARTS_AT_ONCE, partCount(bytes) - from);
    for (const content of await source.parts(state, from, limit)) {
      found.set(content, filled);
      filled += content.byteLength;
    }
    if (filled < Math.min(bytes, (from + limit) * PART_BYTES)) return null;
  }
  return found;
}
