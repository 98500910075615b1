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
