import { afterEach, describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { createDocumentEngine } from '../../../src/adapters/yjs/engine.ts';
import type { PoolSettings } from '../../../src/adapters/yjs/pool.ts';
import { createTransients } from '../../../src/adapters/yjs/transients.ts';
import type { DocumentEngine, DocumentParts } from '../../../src/ports/document-engine.ts';
import { createVirtualClock } from '../../runtime/virtual-clock.ts';

const SETTINGS: PoolSettings = { workers: 1, jobMs: 10_000, queued: 3, memoryMb: 64 };

let engine: DocumentEngine | undefined;
afterEach(() => engine?.close());

function open(settings: Partial<PoolSettings> = {}): {
  engine: DocumentEngine;
  clock: ReturnType<typeof createVirtualClock>;
} {
  const clock = createVirtualClock();
  engine = createDocumentEngine({ ...SETTINGS, ...settings }, clock);
  return { engine, clock };
}

function small(): DocumentParts {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, 'some words');
  return { state: Y.encodeStateAsUpdate(doc), tail: [] };
}

/** Thousands who all typed at the beginning of an empty document: each is compared with all the others, for minutes. */
function slow(): DocumentParts {
  const tail: Uint8Array[] = [];
  for (let client = 1; client <= 60_000; client++)
    tail.push(Uint8Array.of(1, 1, ...varUint(client), 0, 4, 1, 1, 0x74, 1, 0x61, 0));
  return { state: null, tail };
}

function varUint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varUint(value >> 7)];
}

/** A document of maps in a list: a few bytes each, and hundreds in memory. */
function large(): DocumentParts {
  const count = 400_000;
  const unit = [7, 1, 1, 0x74, 1];
  return {
    state: Uint8Array.from([
      1,
      ...varUint(count),
      1,
      0,
      ...Array.from({ length: count }, () => unit).flat(),
      0,
    ]),
    tail: [],
  };
}

const UNAVAILABLE = { code: 'unavailable' };

describe('the threads of the engine', () => {
  it('end with a job that takes longer than its time; it is unavailable, and the next one has a new thread', async () => {
    const { engine: pool, clock } = open();
    const asked = pool.compact(slow());
    const next = pool.json(small());
    await clock.advance(SETTINGS.jobMs);
    await expect(asked).rejects.toMatchObject(UNAVAILABLE);
    expect(await next).toEqual({ ok: true, json: { text: 'some words' } });
    // The time of a job that was answered is over.
    expect(clock.timers).toBe(0);
  });

  it('end with a document that takes more memory than they may; it is unavailable, and the process goes on', async () => {
    const { engine: pool } = open({ memoryMb: 32 });
    await expect(pool.compact(large())).rejects.toMatchObject(UNAVAILABLE);
    expect(await pool.json(small())).toEqual({ ok: true, json: { text: 'some words' } });
  });

  it('take as many waiting jobs as they are told, and no more', async () => {
    const { engine: pool, clock } = open();
    const first = pool.compact(slow());
    const waiting = [1, 2, 3].map(() => pool.json(small()));
    await expect(pool.json(small())).rejects.toMatchObject(UNAVAILABLE);
    await clock.advance(SETTINGS.jobMs);
    await expect(first).rejects.toMatchObject(UNAVAILABLE);
    expect(await Promise.all(waiting)).toEqual(
      [1, 2, 3].map(() => ({ ok: true, json: { text: 'some words' } })),
    );
  });

  it('reject what is under way, what waits and what comes when they are closed', async () => {
    const { engine: pool } = open();
    const jobs = [pool.compact(slow()), pool.json(small())];
    const settled = Promise.allSettled(jobs);
    await pool.close();
    expect(await settled).toEqual(
      jobs.map(() => ({ status: 'rejected', reason: expect.objectContaining(UNAVAILABLE) })),
    );
    await expect(pool.json(small())).rejects.toMatchObject(UNAVAILABLE);
    expect(await pool.retained()).toBe(0);
  });

  it("leave the caller's bytes as they are, also those that lie in a buffer with others", async () => {
    const { engine: pool } = open();
    const { state } = small();
    const shared = Buffer.from(state as Uint8Array);
    const parts = { state: shared, tail: [shared.subarray(0, shared.length)] };
    const before = Buffer.from(shared);
    expect(await pool.compact(parts)).toMatchObject({ ok: true });
    expect(await pool.prune(parts, shared)).toEqual({ ok: true, update: null });
    expect(shared).toEqual(before);
  });
});

describe('the count of documents that are retained', () => {
  it('counts one that somebody holds, until they let go of it', async () => {
    const transients = createTransients();
    const held: { doc: Y.Doc | null } = { doc: null };
    transients.use(small(), (doc) => void (held.doc = doc));
    transients.use(small(), () => undefined);
    expect(await transients.retained()).toBe(1);
    expect(held.doc).not.toBeNull();
    held.doc = null;
    expect(await transients.retained()).toBe(0);
  });
});
