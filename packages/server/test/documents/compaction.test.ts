import { describe, expect, it } from 'vitest';
import { createMemoryDocuments } from '../../src/adapters/memory/documents.ts';
import { createMemoryLog } from '../../src/adapters/memory/log.ts';
import type { Append, Log } from '../../src/ports/log.ts';
import type { DocumentEngine } from '../../src/ports/document-engine.ts';
import type { Telemetry } from '../../src/ports/telemetry.ts';
import { createCompaction } from '../../src/runtime/documents/compaction.ts';
import { readDocument } from '../../src/runtime/documents/reading-document.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';

const RETENTION = { count: Infinity, ageMs: Infinity, units: Infinity, keys: 0, onceMs: 0 };
const DOC = 'doc:1';

/** A log with so many updates of so many characters, and what compacts it. */
function scene(count: number, units: number, trim?: Log['trim']) {
  const log = createMemoryLog({ newEpoch: () => 'e1', limits: { ms: 1, perUser: 1 } as never });
  const store = createMemoryDocuments();
  const append: Append = {
    ...{ channel: DOC, kind: 'stream', retention: RETENTION, by: null, data: `"${'x'.repeat(units - 2)}"` },
    ...{ key: null, version: null, ref: null, eventMs: null, ttlMs: null, expect: null, once: null },
    ...{ lane: null, silent: null, nowMs: 0 },
  };
  for (let n = 0; n < count; n++) log.append(append);
  const compaction = createCompaction(DOC, {
    clock: createVirtualClock(),
    telemetry: { documentCompacted() {}, warn() {} } as unknown as Telemetry,
    log: trim === undefined ? log : { ...log, trim },
    store,
    engine: {
      compact: () => Promise.resolve({ ok: true, state: new Uint8Array([1]), vector: new Map() }),
    } as unknown as DocumentEngine,
    spec: { compactUpdates: 1 } as never,
    read: () => readDocument(DOC, log, store, RETENTION, () => 0),
    owners: () => new Map(),
    catchUp: () => Promise.resolve(),
    kept() {},
  });
  const first = (): number | undefined =>
    log.history(DOC, { offset: null, reverse: false, limit: 1, sinceMs: null }, RETENTION, 0).publications[0]
      ?.offset;
  return { compaction, first, log };
}

describe('behind a snapshot the log keeps what clients may go on from that were away for a moment', () => {
  it('so many updates', async () => {
    const { compaction, first } = scene(1_500, 10);
    await compaction.run();
    expect(first()).toBe(501);
  });

  it('no more of them than a mebibyte, however few that are', async () => {
    const { compaction, first } = scene(20, 100 * 1024);
    await compaction.run();
    // Ten of them are 1,000 KiB, the eleventh is beyond it.
    expect(first()).toBe(11);
  });

  it('what a trim that failed left behind goes with the next run, though nothing is to be compacted', async () => {
    let fails = true;
    const trims: number[] = [];
    const { compaction, log } = scene(1_500, 10, (_channel, upTo) => {
      if (fails) return Promise.reject(new Error('away'));
      trims.push(upTo.offset);
      return undefined;
    });
    await compaction.run();
    fails = false;
    await compaction.run();
    expect(trims).toEqual([500]);
    expect(log.top(DOC).offset).toBe(1_500);
  });
});
