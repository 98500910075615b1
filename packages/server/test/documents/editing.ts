import { expect } from 'vitest';
import type { DocumentSnapshot, DocumentStore } from '../../src/ports/documents.ts';
import type { Log, Position, Retention } from '../../src/ports/log.ts';
import { PLENTY, T0, appendOf } from '../../src/testing/log-subject.ts';

export const DOC = 'doc:1';

/** As documents are kept. */
export const FOR_EVER: Retention = { ...PLENTY, count: Infinity, ageMs: Infinity, units: Infinity };

/** What stays in the log behind a snapshot. */
const TAIL = 5;

/** Updates between two snapshots. */
const UPDATES = 20;

/** The state of a document at an offset: another one at each, large enough to lie in several parts. */
export function stateAt(offset: number): Uint8Array {
  return new Uint8Array(600_000 + offset).fill(offset % 251);
}

export function snapshotOf(position: Position): DocumentSnapshot {
  const { offset } = position;
  return { position, vector: new Map([[1, offset]]), owners: '[[1,"alice"]]', state: stateAt(offset) };
}

/**
 * Goes on with a document: appends updates, puts a snapshot of all of them in the place of the one before, trims the log behind it.
 *
 * @param done told of each offset that is in a snapshot which was acknowledged
 */
export async function edit(
  log: Log,
  store: DocumentStore,
  rounds: number,
  done: (offset: number) => void,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const update = appendOf({ channel: DOC, retention: FOR_EVER });
    await Promise.all(Array.from({ length: UPDATES }, async () => log.append(update)));
    const top = await log.top(DOC);
    const before = (await store.head(DOC))?.position ?? null;
    if (!(await store.put(DOC, snapshotOf(top), before))) throw new Error('another snapshot is kept');
    done(top.offset);
    await log.trim(DOC, { epoch: top.epoch, offset: top.offset - TAIL });
  }
}

/** Whatever came in between: a whole snapshot, none older than was acknowledged, and a log without a gap behind it. */
export async function isWhole(log: Log, store: DocumentStore, acknowledged: number): Promise<void> {
  const [snapshot, head] = [await store.snapshot(DOC), await store.head(DOC)];
  if (snapshot === null) {
    expect(acknowledged).toBe(0);
    return;
  }
  const { position, vector, state } = snapshot;
  expect(position.offset).toBeGreaterThanOrEqual(acknowledged);
  expect(vector).toEqual(new Map([[1, position.offset]]));
  expect(Buffer.compare(state, stateAt(position.offset))).toBe(0);
  expect(head).toMatchObject({ position, bytes: state.byteLength });
  const top = await log.top(DOC);
  const read = await log.read(DOC, { ...position, epoch: top.epoch }, FOR_EVER, T0);
  expect(read).toMatchObject({ ok: true, publications: { length: top.offset - position.offset } });
}
