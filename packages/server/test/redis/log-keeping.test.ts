import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { PublishingLog } from '../../src/ports/log.ts';
import { PLENTY, T0, appendOf, taken, takenMany } from '../../src/testing/log-subject.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { openLogNode, tappedLink } from './log-nodes.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('what the log keeps in Redis', () => {
  let server: RedisServer;
  let link: RedisLink;
  let prefix: string;
  let log: PublishingLog;
  beforeAll(async () => {
    server = await startRedis();
    link = await openLink(server.port);
  });
  afterAll(async () => {
    await link.close();
    await server.stop();
  });
  beforeEach(() => {
    prefix = `t${randomUUID().slice(0, 8)}:`;
    ({ log } = openLogNode(link, { prefix }));
  });

  /** The keys of a channel, by their last part, with the hours that they live for; -1: for ever. */
  async function lives(channel: string): Promise<Record<string, number>> {
    const state = `{${prefix}channel:${channel}}:log`;
    const keys = (await server.run('KEYS', `${state}*`)) as string[];
    const found = await Promise.all(
      keys.toSorted().map(async (key) => {
        const ms = Number(await server.run('PTTL', key));
        return [key.slice(state.length + 1) || 'state', ms === -1 ? -1 : Math.ceil(ms / HOUR)] as const;
      }),
    );
    return Object.fromEntries(found);
  }

  const once = (id: string) => ({ once: { scope: 'alice', id, print: 'p' } });

  describe('for how long', () => {
    it('a channel that only was asked about is known for a day, and for longer while somebody asks', async () => {
      await log.top('chat:1');
      expect(await lives('chat:1')).toEqual({ state: 24 });
      const state = `{${prefix}channel:chat:1}:log`;
      await server.run('PEXPIRE', state, String(11 * HOUR));
      const top = await log.top('chat:1');
      expect(await lives('chat:1')).toEqual({ state: 24 });
      await server.run('PEXPIRE', state, String(13 * HOUR));
      expect(await log.top('chat:1')).toEqual(top);
      expect(await lives('chat:1'), 'no write where that is not needed').toEqual({ state: 13 });
    });

    it('a stream that fell silent goes as a whole: behind its history, the window of ids and a day', async () => {
      await taken(log, once('a'));
      // A quarter to spare, so that it need not be renewed with each append.
      expect(await lives('chat:1')).toEqual({ history: 30, 'id-ages': 30, ids: 30, state: 30 });
      const retention = { ...PLENTY, ageMs: 4 * DAY };
      await taken(log, { channel: 'chat:2', retention });
      expect(await lives('chat:2')).toEqual({ history: 120, state: 120 });
      // An id that comes later gets no shorter life than the rest.
      await taken(log, { channel: 'chat:2', retention, nowMs: T0 + HOUR, ...once('a') });
      expect(await lives('chat:2')).toEqual({ history: 120, 'id-ages': 120, ids: 120, state: 120 });
      await taken(log, { channel: 'chat:3', retention: { ...retention, onceMs: 8 * DAY } });
      expect(await lives('chat:3')).toEqual({ history: 240, state: 240 });
    });

    it('appends renew the life of all keys, before less than they need is left of it', async () => {
      const retention = { ...PLENTY, onceMs: DAY };
      await taken(log, { retention, ...once('a') });
      for (const key of ['', ':history', ':ids', ':id-ages'])
        await server.run('PEXPIRE', `{${prefix}channel:chat:1}:log${key}`, String(23 * HOUR));
      await taken(log, { retention, nowMs: T0 + 6 * HOUR });
      expect(await lives('chat:1'), 'as it knows it').toMatchObject({ state: 23, history: 23 });
      await taken(log, { retention, nowMs: T0 + 6 * HOUR + 1 });
      expect(await lives('chat:1')).toEqual({ history: 30, 'id-ages': 30, ids: 30, state: 30 });
    });

    it('history without an end lives for ever, and no longer once it has one', async () => {
      await taken(log, { retention: { ...PLENTY, ageMs: Infinity } });
      expect(await lives('chat:1')).toEqual({ history: -1, state: -1 });
      await log.top('chat:1');
      expect(await lives('chat:1')).toEqual({ history: -1, state: -1 });
      await taken(log, { retention: { ...PLENTY, ageMs: HOUR } });
      expect(await lives('chat:1')).toEqual({ history: 30, state: 30 });
    });

    it('a map lives as long as a key is set, but not its history; emptied, it goes like a stream', async () => {
      const map = { channel: 'tasks:a', ...once('a') };
      await taken(log, { ...map, key: 'k', version: 1, ttlMs: 1_000 });
      const kept = { entries: -1, order: -1, state: -1, history: 30, ids: 30, 'id-ages': 30 };
      expect(await lives('tasks:a')).toEqual({ ...kept, ends: -1, versions: -1 });
      await taken(log, { channel: 'tasks:a', key: 'l' });
      await log.top('tasks:a');
      await log.expire(T0 + 1_000, 10);
      expect(await lives('tasks:a')).toEqual({ ...kept, versions: -1, deleted: -1 });
      await taken(log, { channel: 'tasks:a', key: 'l', data: null });
      const empty = { state: 24, history: 30, ids: 30, 'id-ages': 30, versions: 24, deleted: 24 };
      expect(await lives('tasks:a')).toEqual(empty);
      await taken(log, { channel: 'tasks:a', key: 'm' });
      expect(await lives('tasks:a')).toEqual({ ...kept, versions: -1, deleted: -1 });
      // The last key that runs out empties it as well.
      await taken(log, { channel: 'tasks:b', key: 'k', ttlMs: 1_000 });
      await log.expire(T0 + 2_000, 10);
      expect(await lives('tasks:b')).toEqual({ state: 24, history: 30 });
    });

    it('ids of a map live for its window also where only keys run out; of version N-1, which says none, for five minutes', async () => {
      const retention = { ...PLENTY, onceMs: 8 * DAY };
      const map = { channel: 'tasks:a', retention, ...once('a') };
      await taken(log, { ...map, key: 'k', ttlMs: 1_000 });
      await log.expire(T0 + 1_000, 10);
      expect(await lives('tasks:a')).toMatchObject({ ids: 240, 'id-ages': 240, history: 240 });
      await taken(log, { channel: 'tasks:b', key: 'k', ttlMs: 1_000, ...once('a') });
      await server.run('HDEL', `{${prefix}channel:tasks:b}:log`, 'w');
      expect(await log.expire(T0 + 1_000, 10)).toMatchObject([{ publication: { key: 'k' } }]);
      expect(await lives('tasks:b')).toMatchObject({ ids: 30, 'id-ages': 30 });
    });

    it('history that went before its map is no gap: its positions are trimmed, and the next has a place', async () => {
      await taken(log, { channel: 'tasks:a', key: 'k' });
      await takenMany(log, 4, { channel: 'tasks:a', key: 'l' });
      await server.run('DEL', `{${prefix}channel:tasks:a}:log:history`);
      const { epoch } = await log.top('tasks:a');
      const read = async (offset: number) => log.read('tasks:a', { epoch, offset }, PLENTY, T0);
      expect(await read(4)).toMatchObject({ why: 'trimmed' });
      expect(await read(5)).toMatchObject({ ok: true, publications: [] });
      const retention = { ...PLENTY, units: 12 };
      await taken(log, { channel: 'tasks:a', key: 'k', retention });
      await taken(log, { channel: 'tasks:a', key: 'k', retention, data: '"hi"' });
      expect(await read(5)).toMatchObject({ publications: [{ offset: 6 }, { offset: 7 }] });
      const query = { offset: null, reverse: false, limit: 10, sinceMs: null };
      expect(await log.history('tasks:a', query, PLENTY, T0)).toMatchObject({ floor: 5 });
    });

    it('forgotten, nothing is left of it', async () => {
      await taken(log, { channel: 'tasks:a', key: 'k', version: 1, ttlMs: 1_000, ...once('a') });
      await taken(log, { channel: 'tasks:a', key: 'l', version: 1, data: null });
      await log.forget('tasks:a');
      expect(await server.run('KEYS', `*${prefix}*`)).toEqual([]);
    });

    it('ids go with their window, also where nothing comes with an id any more', async () => {
      const retention = { ...PLENTY, onceMs: 1_000 };
      for (let i = 0; i < 250; i++) await taken(log, { retention, ...once(`i${i}`) });
      const held = async () => server.run('HLEN', `{${prefix}channel:chat:1}:log:ids`);
      await taken(log, { retention, nowMs: T0 + 1_000 });
      expect(await held()).toBe(250);
      // A hundred with each append at most: none waits for a rush of them.
      for (const left of [150, 50, 0]) {
        await taken(log, { retention, nowMs: T0 + 1_001 });
        expect(await held()).toBe(left);
      }
      expect(await lives('chat:1')).toEqual({ history: 30, state: 30 });
    });
  });

  it('[MAP3] a deleted key that was set again keeps its version when old deletions are forgotten', async () => {
    const retention = { ...PLENTY, keys: 1, count: 2 };
    const map = { channel: 'tasks:a', retention };
    await taken(log, { ...map, key: 'a', version: 5, data: null });
    await taken(log, { ...map, key: 'a', version: 6 });
    for (const key of ['b', 'c', 'd']) await taken(log, { ...map, key, version: 1, data: null });
    expect(await log.append(appendOf({ ...map, key: 'a', version: 6 }))).toMatchObject({ outdated: {} });
  });

  describe('what is long is read in parts', () => {
    /** Some 60,000 units each: nine of them are one answer. */
    const data = JSON.stringify('x'.repeat(60_000));

    it('[REC1] which are complete together', async () => {
      let reads = 0;
      const tapped = tappedLink(link, (what) => void (reads += Number(what === 'log-read')));
      const published = await takenMany(log, 40, { data });
      const { epoch } = await log.top('chat:1');
      const { log: reader } = openLogNode(tapped, { prefix });
      expect(await reader.read('chat:1', { epoch, offset: 3 }, PLENTY, T0)).toEqual({
        ok: true,
        top: { epoch, offset: 40 },
        publications: published.slice(3),
      });
      expect(reads).toBe(5);
    });

    it('[REC1] or say why not: trimmed meanwhile, begun anew; and end where they began to', async () => {
      const cases: readonly (readonly [() => unknown, unknown])[] = [
        [async () => taken(log, { retention: { ...PLENTY, count: 10 } }), { ok: false, why: 'trimmed' }],
        [async () => log.forget('chat:1'), { ok: false, why: 'epoch' }],
        [async () => takenMany(log, 30), { ok: true, top: { offset: 40 } }],
      ];
      for (const [meanwhile, expected] of cases) {
        await log.forget('chat:1');
        await takenMany(log, 40, { data });
        let reads = 0;
        const tapped = tappedLink(link, async (what) => {
          if (what === 'log-read' && ++reads === 3) await meanwhile();
        });
        const { epoch } = await log.top('chat:1');
        const read = await openLogNode(tapped, { prefix }).log.read(
          'chat:1',
          { epoch, offset: 0 },
          PLENTY,
          T0,
        );
        expect(read).toMatchObject(expected as object);
        if (read.ok)
          expect(read.publications.map(({ offset }) => offset)).toEqual(
            Array.from({ length: 40 }, (_, i) => i + 1),
          );
        expect(reads).toBeGreaterThanOrEqual(3);
      }
    });
  });
});
