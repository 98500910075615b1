import { afterEach, describe, expect, it } from 'vitest';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { Position, Publication, PublishingLog } from '../../src/ports/log.ts';
import { PLENTY, T0, appendOf, taken, takenMany } from '../../src/testing/log-subject.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { openLossyLine } from './log-lost-answers.ts';
import { openLogNode } from './log-nodes.ts';
import {
  AT_ONCE,
  allOf,
  everythingIsThereOnce,
  noPositionTwice,
  publishAll,
  publishUntilItFails,
  unknownOf,
} from './log-publishers.ts';

const PREFIX = 'faults:';

describe('the log when Redis fails', () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  async function start(options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> {
    const server = await startRedis(options);
    closing.push(() => server.stop());
    return server;
  }

  async function node(
    port: number,
    commandTimeoutMs = 5_000,
  ): Promise<{ log: PublishingLog; link: RedisLink }> {
    const link = await openLink(port, { prefix: PREFIX, commandTimeoutMs });
    closing.push(() => link.close());
    return openLogNode(link, { prefix: PREFIX });
  }

  it('[PUB2] killed with appends in flight: repeated with their ids, each is there exactly once', async () => {
    const server = await start({ durable: true });
    const { log } = await node(server.port);
    const fates = await publishUntilItFails(log, (count) => {
      if (count === 500) void server.kill9();
    });
    const inFlight = unknownOf(fates);
    expect(inFlight, 'appends in flight when it was killed').toHaveLength(AT_ONCE);
    const before = [...fates.values()].find((fate) => fate !== null) as { epoch: string };
    await server.restart();
    const again = (await node(server.port)).log;
    expect((await again.top('chat:0')).epoch).not.toBe(before.epoch);
    await everythingIsThereOnce(again, fates);
  });

  it('[PUB2] answers that were lost: repeated with their ids, they are duplicates', async () => {
    const server = await start();
    const line = await openLossyLine(server.port);
    closing.push(() => line.close());
    const { log } = await node(line.port);
    let lost: Promise<void> | undefined;
    const fates = await publishUntilItFails(log, (count) => {
      // As many as the streams' publishers have under way at the least, each answered by some forty bytes.
      if (count === 500) lost = line.lose(75 * 30).then(() => line.cut());
    });
    await lost;
    expect(unknownOf(fates), 'appends in flight when the answers were lost').toHaveLength(AT_ONCE);
    const found = await everythingIsThereOnce((await node(server.port)).log, fates);
    expect(found, 'appended, and not answered').toBeGreaterThan(50);
  });

  it('that hangs (SIGSTOP): appends are refused in bounded time, and repeated when it goes on each is there once', async () => {
    const server = await start();
    const { log } = await node(server.port, 1_500);
    const fates = await publishUntilItFails(log, (count) => {
      if (count === 300) server.pause();
    });
    expect(unknownOf(fates), 'appends in flight when it was stopped').toHaveLength(AT_ONCE);
    server.resume();
    await everythingIsThereOnce((await node(server.port)).log, fates);
  });

  /** Every way to ask tells the new epoch to somebody who holds a position of the old one. */
  async function isTold(log: PublishingLog, old: Position): Promise<Position> {
    const top = await log.top('chat:1');
    expect(top.epoch).not.toBe(old.epoch);
    expect(await log.read('chat:1', old, PLENTY, T0)).toEqual({ ok: false, why: 'epoch', top });
    const query = { offset: null, reverse: true, limit: 1, sinceMs: null };
    expect((await log.history('chat:1', query, PLENTY, T0)).top).toEqual(top);
    expect((await log.entries('chat:1', null, 1)).top).toEqual(top);
    return top;
  }

  it('[REC1] restarted from an older snapshot: a new epoch, and no offset twice under one', async () => {
    const server = await start();
    const { log } = await node(server.port);
    const first = await publishAll(log, 2);
    const kept = await log.top('chat:1');
    await server.run('SAVE');
    const second = await publishUntilItFails(log, (count) => {
      if (count === 400) void server.kill9();
    });
    expect(unknownOf(second), 'appends in flight when it was killed').toHaveLength(AT_ONCE);
    const old = { ...kept, offset: kept.offset + 1 };
    await server.restart();
    const again = (await node(server.port)).log;
    expect(await again.append(appendOf({ expect: old }))).toMatchObject({ code: 'conflict' });
    const top = await isTold(again, old);
    expect(top.offset, 'as the snapshot has it').toBe(kept.offset);
    const third = await publishAll(again, 3);
    noPositionTwice([first, second, third]);
    // What is in the snapshot is history still, its ids are known, and its positions count on.
    for (const [n, fate] of first)
      expect(third.get(n)).toMatchObject({
        duplicate: { offset: (fate as { publication: Publication }).publication.offset },
      });
    const all = [...(await allOf(again)).values()].flat();
    expect(all).toHaveLength(3 * AT_ONCE);
  });

  it('each method is the first to find out, and tells the same new epoch from then on', async () => {
    const server = await start({ durable: true });
    const methods: readonly ((log: PublishingLog, old: Position) => Promise<Position>)[] = [
      async (log) => log.top('chat:1'),
      async (log, old) => (await log.read('chat:1', old, PLENTY, T0)).top,
      async (log) =>
        (await log.history('chat:1', { offset: 1, reverse: false, limit: 1, sinceMs: null }, PLENTY, T0)).top,
      async (log) => (await log.entries('chat:1', null, 1)).top,
      async (log) => {
        const { epoch, publication } = await taken(log);
        return { epoch, offset: publication.offset };
      },
      async (log) => {
        const { epoch, publication } = await taken(log, { key: 'k', ttlMs: 1 });
        return { epoch, offset: publication.offset };
      },
      async (log) => {
        const [expired] = await log.expire(T0 + 10, 10);
        return { epoch: expired!.epoch, offset: expired!.publication.offset };
      },
    ];
    await takenMany((await node(server.port)).log, 3);
    const epochs = new Set<string>();
    for (const method of methods) {
      const before = await (await node(server.port)).log.top('chat:1');
      epochs.add(before.epoch);
      await server.restart();
      const { log } = await node(server.port);
      const told = await method(log, before);
      expect(epochs.has(told.epoch)).toBe(false);
      expect(await log.top('chat:1')).toEqual(told);
      expect(told.offset).toBeGreaterThanOrEqual(before.offset);
    }
  });

  it('[REC1] a replica that lagged is promoted: a new epoch, and no offset twice under one', async () => {
    const primary = await start({ settings: [['repl-diskless-sync-delay', '0']] });
    const replica = await start();
    const nobody = await start();
    const { log, link } = await node(primary.port);
    const first = await publishAll(log, 2);
    const kept = await log.top('chat:1');
    await replica.run('REPLICAOF', '127.0.0.1', String(primary.port));
    expect(await link.command(null, 'WAIT', '1', '0')).toBe(1);
    // Cut off from its primary, it hears of nothing more.
    await replica.run('REPLICAOF', '127.0.0.1', String(nobody.port));
    const second = await publishUntilItFails(log, (count) => {
      if (count === 400) void primary.kill9();
    });
    expect(unknownOf(second), 'appends in flight when the primary was killed').toHaveLength(AT_ONCE);
    await replica.run('REPLICAOF', 'NO', 'ONE');
    const promoted = (await node(replica.port)).log;
    const top = await isTold(promoted, { ...kept, offset: kept.offset + 1 });
    expect(top.offset, 'as the replica has it').toBe(kept.offset);
    noPositionTwice([first, second, await publishAll(promoted, 3)]);
  });

  it('emptied (FLUSHALL): a new epoch at offset 0, and nothing of before is taken for known', async () => {
    const server = await start();
    const { log, link } = await node(server.port);
    await taken(log, { once: { scope: 'a', id: 'x', print: 'p' } });
    await taken(log, { channel: 'tasks:a', key: 'k', ttlMs: 1_000 });
    const old = await log.top('chat:1');
    let inFlight = AT_ONCE;
    const flooded = Promise.all(
      Array.from({ length: AT_ONCE }, async (_, i) => {
        await log.append(appendOf({ data: String(i) }));
        inFlight--;
      }),
    );
    const emptied = link.command(null, 'FLUSHALL');
    expect(inFlight, 'appends in flight when it was emptied').toBe(AT_ONCE);
    await emptied;
    await flooded;
    const top = await isTold(log, old);
    expect(top.offset).toBe(0);
    expect(await taken(log, { once: { scope: 'a', id: 'x', print: 'p' } })).toMatchObject({
      epoch: top.epoch,
      publication: { offset: 1 },
    });
    expect(await log.expire(T0 + 5_000, 10)).toEqual([]);
    expect(await log.entries('tasks:a', null, 10)).toMatchObject({ entries: [] });
    await taken(log, { channel: 'tasks:a', key: 'k', ttlMs: 1_000 });
    expect(await log.expire(T0 + 5_000, 10)).toHaveLength(1);
  });
});
