import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { Log } from '../../src/ports/log.ts';
import { T0, taken } from '../../src/testing/log-subject.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { listenTo, openLogNode, tappedLink } from './log-nodes.ts';
import { interleavings, stepper } from './log-steps.ts';

describe('keys that run out, of several nodes', () => {
  let server: RedisServer;
  let links: readonly RedisLink[];
  let prefix: string;
  beforeAll(async () => {
    server = await startRedis();
    links = await Promise.all([0, 1, 2].map(() => openLink(server.port)));
  });
  afterAll(async () => {
    await Promise.all(links.map((link) => link.close()));
    await server.stop();
  });
  beforeEach(() => {
    prefix = `t${randomUUID().slice(0, 8)}:`;
  });

  const index = () => createKeys(prefix).cluster('expiries');
  const open = (link = links[0]!, nowMs = () => T0) => openLogNode(link, { prefix, nowMs }).log;

  it('[MAP4] each is deleted once, and published once, by whichever nodes ask at the same time', async () => {
    const nodes = links.map((link) => open(link));
    const listener = await listenTo(server.port, createKeys(prefix).channel('channel:tasks:0'));
    for (let i = 0; i < 60; i++)
      await taken(nodes[i % 3]!, { channel: `tasks:${i % 5}`, key: `k${i}`, ttlMs: 10 + i });
    const told = await Promise.all(nodes.map(async (log) => log.expire(T0 + 1_000, 1_000)));
    const keys = told.flat().map(({ channel, publication }) => `${channel} ${publication.key}`);
    expect(keys).toHaveLength(60);
    expect(new Set(keys).size).toBe(60);
    expect(
      told
        .flat()
        .map(({ publication }) => publication.offset)
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 60 }, (_, i) => 13 + Math.floor(i / 5)));
    await listener.count(24);
    expect(listener.heard.map(({ header }) => header['offset'])).toEqual(
      Array.from({ length: 24 }, (_, i) => i + 1),
    );
    listener.close();
    expect(await server.run('EXISTS', index())).toBe(0);
  });

  it('those of a node that died are deleted by the others, who ask every second', async () => {
    const link = await openLink(server.port);
    const dying = open(link);
    await taken(dying, { channel: 'tasks:a', key: 'a', ttlMs: 5_000 });
    await link.close();
    const other = open(links[1]);
    expect(other.nextExpiryMs(), 'it has never asked').toBeLessThanOrEqual(T0);
    expect(await other.expire(T0 + 1, 10)).toEqual([]);
    expect(other.nextExpiryMs()).toBe(T0 + 1_001);
    expect(await other.expire(T0 + 5_500, 10)).toMatchObject([{ publication: { key: 'a', offset: 2 } }]);
  });

  it('a node that waits for a key of its own asks when that runs out, and at the latest in a second', async () => {
    const log = open();
    await log.expire(T0, 10);
    await taken(log, { channel: 'tasks:a', key: 'a', ttlMs: 300 });
    expect(log.nextExpiryMs()).toBe(T0 + 300);
    await taken(log, { channel: 'tasks:a', key: 'a', ttlMs: 3_000 });
    expect(await log.expire(T0 + 300, 10)).toEqual([]);
    expect(log.nextExpiryMs()).toBe(T0 + 1_300);
    expect(await log.expire(T0 + 2_500, 10)).toEqual([]);
    expect(log.nextExpiryMs()).toBe(T0 + 3_000);
  });

  it('asking costs one command where nothing is due, and three where one channel is, however many keys', async () => {
    const asked: string[] = [];
    const log = open(tappedLink(links[0]!, (what) => void asked.push(what)));
    for (let i = 0; i < 200; i++) await taken(log, { channel: 'tasks:a', key: `k${i}`, ttlMs: 1_000 });
    asked.length = 0;
    await log.expire(T0 + 999, 1_000);
    expect(asked).toEqual(['ZRANGE']);
    asked.length = 0;
    expect(await log.expire(T0 + 1_000, 1_000)).toHaveLength(200);
    expect(asked).toEqual(['ZRANGE', 'log-expire', 'log-settle']);
  });

  it('a channel that the index has lost is put in again, by whoever appends to it or asks for its top', async () => {
    let nowMs = T0;
    const log = open(links[0], () => nowMs);
    for (const mended of [
      async () => taken(log, { channel: 'tasks:a', key: 'b', ttlMs: 1_000, nowMs }),
      async () => log.top('tasks:a'),
    ]) {
      await taken(log, { channel: 'tasks:a', key: 'a', ttlMs: 1_000, nowMs });
      await server.run('DEL', index());
      nowMs += 61_000;
      await log.top('tasks:a');
      expect(await log.expire(nowMs, 10), 'it may be a minute late').toEqual([]);
      nowMs += 1;
      await mended();
      // What `top` does for it is done behind it; so is this.
      await links[0]!.command(index(), 'PING');
      const [first] = await log.expire(nowMs + 1_000, 10);
      expect(first).toMatchObject({ channel: 'tasks:a', publication: { key: 'a' } });
      await log.forget('tasks:a');
      nowMs += 10_000;
    }
  });

  // An append that needs the index (append, note, append again), and a node that looks (ask, delete, move), step by step.
  const orders = interleavings(4, 3);

  type Before = (log: Log, channel: string) => Promise<unknown>;
  const cases: readonly (readonly [string, Before, readonly string[]])[] = [
    [
      'another key has run out',
      async (log, channel) => taken(log, { channel, key: 'other', ttlMs: 500 }),
      ['other', 'k'],
    ],
    [
      'another key ran out, and was set again',
      async (log, channel) => {
        await taken(log, { channel, key: 'other', ttlMs: 500 });
        await taken(log, { channel, key: 'other', ttlMs: 50_000 });
      },
      ['k'],
    ],
    [
      'another key was deleted by a node that died before it said so',
      async (log, channel) => {
        await taken(log, { channel, key: 'other', ttlMs: 500 });
        const dying = tappedLink(links[2]!, (what) =>
          what === 'log-settle' ? Promise.reject(new Error('dead')) : undefined,
        );
        expect(await open(dying).expire(T0 + 550, 10)).toHaveLength(1);
      },
      ['k'],
    ],
    ['there is no other key', async () => undefined, ['k']],
  ];

  it.each(cases)(
    'no end is lost, in whatever order two nodes come to it: %s',
    async (_, before, expected) => {
      let refused = 0;
      const third = open(links[2]);
      for (const [n, order] of orders.entries()) {
        const channel = `tasks:${n}`;
        await before(third, channel);
        const steps = stepper();
        const noted = (what: string) => {
          if (what === 'log-note') refused++;
          return steps.turn(0);
        };
        const appending = open(tappedLink(links[0]!, noted));
        const looking = open(tappedLink(links[1]!, () => steps.turn(1)));
        const appended = steps.ends(
          0,
          taken(appending, { channel, key: 'k', ttlMs: 1_000, nowMs: T0 + 600 }),
        );
        const looked = steps.ends(1, looking.expire(T0 + 600, 1));
        await steps.play(order);
        const expired = [...(await looked), ...(await third.expire(T0 + 1_600, 100))];
        await appended;
        expect(
          expired.map(({ publication }) => publication.key),
          `order ${order.join('')}`,
        ).toEqual(expected);
        await third.forget(channel);
      }
      expect(refused, 'appends that had to write the index').toBeGreaterThan(0);
    },
  );

  it('nor where the channel is forgotten meanwhile', async () => {
    for (const [n, order] of interleavings(3, 4).entries()) {
      const channel = `tasks:${n}`;
      const before = open(links[2]);
      await taken(before, { channel, key: 'other', ttlMs: 500 });
      const steps = stepper();
      const appending = open(tappedLink(links[0]!, () => steps.turn(0)));
      const forgetting = open(tappedLink(links[1]!, () => steps.turn(1)));
      const appended = steps.ends(0, taken(appending, { channel, key: 'k', ttlMs: 100 }));
      const forgotten = steps.ends(1, forgetting.forget(channel));
      await steps.play(order);
      await Promise.all([appended, forgotten]);
      const left = await before.entry(channel, 'k');
      const expired = await before.expire(T0 + 1_000, 100);
      expect(
        expired.map(({ publication }) => publication.key),
        `order ${order.join('')}`,
      ).toEqual(left === undefined ? [] : ['k']);
    }
  });
});
