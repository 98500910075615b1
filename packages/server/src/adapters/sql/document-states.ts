import type { Soon } from '../../ports/log.ts';
import { PART_BYTES } from './document-tables.ts';

/** Parts read at once: about a millisecond of the event loop. */
const PARTS_AT_ONCE = 4;

/** A read that is overtaken so often by snapshots that replace what it reads is given up. */
const READ_TRIES = 20;

type HasState = { readonly state: number; readonly bytes: number };

/** How to read a row and the parts of its state, in their order. Numbers of states are never given again. */
export type StateSource<Row> = {
  row(): Soon<Row | undefined>;
  parts(state: number, from: number, limit: number): Soon<readonly { readonly content: Buffer }[]>;
};

/**
 * A row with its state, both of one moment, though they are read one after the other: where the state was replaced in between some
 * part of it is gone, and the row is read again.
 */
export async function readWhole<Row extends HasState, T>(
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

async function readState<Row>(
  source: StateSource<Row>,
  { state, bytes }: HasState,
): Promise<Uint8Array | null> {
  const found = new Uint8Array(bytes);
  let filled = 0;
  for (let part = 0; filled < bytes; part += PARTS_AT_ONCE) {
    for (const { content } of await source.parts(state, part, PARTS_AT_ONCE)) {
      found.set(content, filled);
      filled += content.byteLength;
    }
    if (filled < Math.min(bytes, (part + PARTS_AT_ONCE) * PART_BYTES)) return null;
  }
  return found;
}
