import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PostgresLog } from '../../src/adapters/sql/postgres/log.ts';
import type { AppendResult } from '../../src/ports/log.ts';
import { PLENTY, T0, appendOf } from '../../src/testing/log-subject.ts';
import {
  type Node,
  type PostgresUnderTest,
  emptyDatabase,
  openLog,
  openNode,
  startPostgresUnderTest,
} from './postgres-under-test.ts';

const NODES = 4;
const CHANNELS = 5;

let server: PostgresUnderTest;
let nodes: Node[];
let logs: PostgresLog[];
beforeAll(async () => {
  server = await startPostgresUnderTest();
  const url = await server.createMigrated();
  nodes = await Promise.all(Array.from({ length: NODES }, () => openNode(url)));
});
afterAll(async () => {
  for (const node of nodes) await node.close();
  await server.stop();
});
beforeEach(async () => {
  await emptyDatabase((nodes[0] as Node).postgres);
  logs = await Promise.all(nodes.map(({ postgres }) => openLog(postgres, { shared: true })));
});
afterEach(async () => {
  for (const log of logs) await log.close();
});

const logOf = (n: number): PostgresLog => logs[n % NODES] as PostgresLog;

/** As a program of schema 2 appends to a map: the columns of its day, by their places. */
const APPEND_OF_OLD = `
  INSERT INTO publications SELECT * FROM unnest(ARRAY[(SELECT id FROM channels)], ARRAY[2::bigint],
    ARRAY[${T0}::double precision], ARRAY[3::bigint], ARRAY[NULL]::double precision[], ARRAY['bob'],
    ARRAY['\\x006b'::bytea], ARRAY['"2"']);
  INSERT INTO entries SELECT * FROM unnest(ARRAY[(SELECT id FROM channels)], ARRAY['\\x006b'::bytea], ARRAY[2::bigint],
      ARRAY[${T0}::double precision], ARRAY[3::bigint], ARRAY[NULL]::double precision[],
      ARRAY[NULL]::double precision[], ARRAY['bob'], ARRAY['"2"'])
    ON CONFLICT (channel, key) DO UPDATE SET
      "offset" = excluded."offset", at_ms = excluded.at_ms, units = excluded.units, version = excluded.version,
      expires_at_ms = excluded.expires_at_ms, by_user = excluded.by_user, data = excluded.data;
  INSERT INTO channels (id, name, turn, top, floor, oldest_at_ms, units, keys, tombstones, ids,
      keep_count, keep_age_ms, keep_units, keep_keys, due_ms)
    SELECT id, name, turn, 2, floor, oldest_at_ms, units + 3, keys, tombstones, ids,
      keep_count, keep_age_ms, keep_units, keep_keys, due_ms FROM channels
    ON CONFLICT (id) DO UPDATE SET top = excluded.top, units = excluded.units`;

describe('beside a program of an older schema', () => {
  it('[PUB8] what it appends answers nothing, and the window of ids stays as it was', async () => {
    const retention = { ...PLENTY, onceMs: 86_400_000 };
    const once = { scope: 'alice', id: 'i', print: 'p' };
    const first = { channel: 'tasks:a', key: 'k', ref: 'm1', retention, once };
    await logOf(0).append(appendOf(first));
    await (nodes[0] as Node).postgres.transaction((within) => within.exec(APPEND_OF_OLD));
    const { epoch } = await logOf(1).top('tasks:a');
    expect(await logOf(1).read('tasks:a', { epoch, offset: 0 }, PLENTY, T0)).toMatchObject({
      publications: [
        { offset: 1, ref: 'm1' },
        { offset: 2, by: 'bob', key: 'k', data: '"2"', ref: null },
      ],
    });
    expect(await logOf(1).entry('tasks:a', 'k')).toMatchObject({ offset: 2, by: 'bob', data: '"2"' });
    for (let i = 1; i <= 3; i++)
      await logOf(2).append(appendOf({ channel: `other:${i}`, nowMs: T0 + i * 28_800_000 }));
    expect(await logOf(3).append(appendOf({ ...first, nowMs: T0 + 86_400_000 }))).toMatchObject({
      duplicate: { epoch, offset: 1 },
    });
    expect(await logOf(3).append(appendOf({ channel: 'tasks:a', key: 'k', ref: 'm3' }))).toMatchObject({
      publication: { offset: 3, ref: 'm3' },
    });
  });
});

describe(`${NODES} nodes append to the same channels`, () => {
  it('[CHN4] offsets have no gap and none is given twice, and each node’s own keep their order', async () => {
    const each = 300;
    const results = await Promise.all(
      Array.from({ length: NODES * each }, async (_, i) => {
        // In several turns, so that the nodes' transactions overlap, over channels in another order each.
        for (let turn = 0; turn < Math.floor(i / 100); turn++) await Promise.resolve();
        const channel = `room:${(i * (1 + (i % NODES))) % CHANNELS}`;
        const result = await logOf(i).append(appendOf({ channel, data: `"${i}"` }));
        return { channel, node: i % NODES, data: `"${i}"`, result };
      }),
    );
    const epochs = new Set<string>();
    for (let n = 0; n < CHANNELS; n++) {
      const channel = `room:${n}`;
      const mine = results.filter((one) => one.channel === channel);
      const { epoch, offset } = await logOf(n).top(channel);
      epochs.add(epoch);
      expect(offset).toBe(mine.length);
      const read = await logOf(n + 1).read(channel, { epoch, offset: 0 }, PLENTY, T0);
      if (!read.ok) throw new Error(read.why);
      expect(read.publications.map((publication) => publication.offset)).toEqual(
        Array.from({ length: mine.length }, (_, i) => i + 1),
      );
      for (const { result, data } of mine) {
        const given = 'publication' in result ? result.publication.offset : 0;
        expect(read.publications[given - 1]?.data).toBe(data);
      }
      for (let node = 0; node < NODES; node++) {
        const offsets = mine
          .filter((one) => one.node === node)
          .map(({ result }) => ('publication' in result ? result.publication.offset : 0));
        expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
      }
    }
    expect(epochs.size).toBe(1);
  });

  it('[CHN4] nor where nothing is kept that could get into each other’s way', async () => {
    const results = await Promise.all(
      Array.from({ length: 400 }, async (_, i) => {
        for (let turn = 0; turn < i % 40; turn++) await Promise.resolve();
        const result = await logOf(i).append(
          appendOf({ channel: 'room:none', retention: { ...PLENTY, count: 0 }, data: `"${i}"` }),
        );
        return 'publication' in result ? result.publication.offset : 0;
      }),
    );
    expect(results.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, i) => i + 1));
  });

  it('[PUB2] an id publishes once, on whichever nodes it comes at the same time', async () => {
    const once = (id: number) => ({ scope: 'alice', id: String(id), print: 'p' });
    const results = await Promise.all(
      Array.from({ length: 200 }, async (_, i) =>
        logOf(i).append(appendOf({ channel: 'room:once', once: once(i % 25) })),
      ),
    );
    expect(results.filter((result) => 'publication' in result)).toHaveLength(25);
    expect(results.filter((result) => 'duplicate' in result)).toHaveLength(175);
    expect((await logOf(0).top('room:once')).offset).toBe(25);
  });

  it('[PUB3] of those that expect the same position one is taken', async () => {
    const before = await logOf(0).top('room:expect');
    const results: AppendResult[] = await Promise.all(
      Array.from({ length: NODES }, async (_, i) =>
        logOf(i).append(appendOf({ channel: 'room:expect', expect: before })),
      ),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  });

  it('[MAP4] each key that ran out is told once, whoever asks', async () => {
    const keys = 120;
    for (let i = 0; i < keys; i++)
      void logOf(i).append(
        appendOf({ channel: `tasks:${i % 7}`, kind: 'map', key: `k${i}`, ttlMs: 10 + (i % 5) }),
      );
    await Promise.all(logs.map((log) => log.probe()));
    const told: string[] = [];
    while (told.length < keys) {
      const rounds = await Promise.all(logs.map(async (log) => log.expire(T0 + 1_000, 13)));
      told.push(...rounds.flat().map(({ channel, publication }) => `${channel} ${publication.key}`));
    }
    expect(new Set(told).size).toBe(keys);
    expect(told).toHaveLength(keys);
    expect((await Promise.all(logs.map(async (log) => log.expire(T0 + 1_000, 100)))).flat()).toEqual([]);
  });

  it('channels that begin and are forgotten on several nodes at once never have an epoch twice', async () => {
    const given = new Map<string, Set<number>>();
    for (let round = 0; round < 15; round++) {
      const results = await Promise.all(
        Array.from({ length: 24 }, async (_, i) => {
          const channel = `room:${i % 3}`;
          if (i % 8 === 7) await logOf(i).forget(channel);
          const result = await logOf(i).append(appendOf({ channel, nowMs: T0 + round }));
          return 'publication' in result
            ? { channel, epoch: result.epoch, offset: result.publication.offset }
            : null;
        }),
      );
      for (const one of results) {
        if (one === null) throw new Error('it was refused');
        const at = `${one.channel} ${one.epoch}`;
        const offsets = given.get(at) ?? new Set<number>();
        expect(offsets.has(one.offset), `${at} ${one.offset} was given twice`).toBe(false);
        given.set(at, offsets.add(one.offset));
      }
    }
    for (const [at, offsets] of given) expect(Math.max(...offsets), at).toBe(offsets.size);
  });
});
