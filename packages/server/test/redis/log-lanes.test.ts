import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { Append, Log } from '../../src/ports/log.ts';
import { PLENTY, T0, appendOf, taken } from '../../src/testing/log-subject.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { openLogNode } from './log-nodes.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let server: RedisServer;
let link: RedisLink;
let log: Log;
let prefix: string;
beforeAll(async () => {
  server = await startRedis({ durable: true });
});
afterAll(() => server.stop());
beforeEach(async () => {
  prefix = `t${randomUUID().slice(0, 8)}:`;
  link = await openLink(server.port, { prefix });
  ({ log } = openLogNode(link, { prefix }));
});
afterEach(() => link.close());

const inLane = (number: number, queue = 'q', scope = 'alice'): Partial<Append> => ({
  lane: { scope, queue, number },
});
const state = (channel: string): string => `{${prefix}channel:${channel}}:log`;

/** Days for which the keys of the lanes live, from now. */
async function days(channel: string): Promise<number[]> {
  const lives = await Promise.all(
    ['lanes', 'lane-ages'].map((part) => server.run('PTTL', `${state(channel)}:${part}`)),
  );
  return lives.map((ms) => Math.ceil((Number(ms) / DAY) * 10) / 10);
}

describe('[PUB7] lanes in Redis', () => {
  it('live for their time and a quarter to spare, whatever the channel lives for, and are renewed by use alone', async () => {
    const retention = { ...PLENTY, ageMs: HOUR };
    await taken(log, { retention, ...inLane(1) });
    expect(await days('chat:1')).toEqual([37.5, 37.5]);
    expect(Number(await server.run('PTTL', state('chat:1')))).toBeLessThanOrEqual(30 * HOUR);
    for (const part of ['lanes', 'lane-ages'])
      await server.run('PEXPIRE', `${state('chat:1')}:${part}`, String(31 * DAY));
    await taken(log, { retention, ...inLane(2) });
    expect(await days('chat:1'), 'not written where that is not needed').toEqual([31, 31]);
    for (const part of ['lanes', 'lane-ages'])
      await server.run('PEXPIRE', `${state('chat:1')}:${part}`, String(29 * DAY));
    await log.append(appendOf({ retention, ...inLane(2) }));
    expect(await days('chat:1')).toEqual([29, 29]);
    await taken(log, { retention, ...inLane(3) });
    expect(await days('chat:1')).toEqual([37.5, 37.5]);
  });

  it('what is in none leaves no key, and the channel no longer lives for them', async () => {
    await taken(log, {});
    expect(await server.run('EXISTS', `${state('chat:1')}:lanes`, `${state('chat:1')}:lane-ages`)).toBe(0);
  });

  it('outlive a channel that ran out: the number counts, the position is gone', async () => {
    await taken(log, inLane(4));
    const { epoch } = await log.top('chat:1');
    await server.run('UNLINK', state('chat:1'), `${state('chat:1')}:history`);
    expect(await log.append(appendOf(inLane(4)))).toEqual({ ok: true, duplicate: null });
    const next = await taken(log, inLane(5));
    expect(next.epoch).not.toBe(epoch);
    await log.forget('chat:1');
    expect(await server.run('KEYS', `${state('chat:1')}*`)).toEqual([]);
  });

  it('a server that was started again told a new epoch: the number counts, the position does not', async () => {
    await taken(log, inLane(4));
    await server.restart();
    await link.close();
    link = await openLink(server.port, { prefix });
    ({ log } = openLogNode(link, { prefix }));
    expect(await log.append(appendOf(inLane(4)))).toEqual({ ok: true, duplicate: null });
    expect((await taken(log, inLane(5))).publication.offset).toBe(2);
  });

  it('two nodes that are sent the same at once publish it once', async () => {
    const second = await openLink(server.port, { prefix });
    const logs = [log, openLogNode(second, { prefix }).log];
    const results = await Promise.all(
      Array.from({ length: 100 }, async (_, i) =>
        logs[i % 2]!.append(appendOf(inLane(1 + Math.floor(i / 4)))),
      ),
    );
    await second.close();
    expect(results.filter((result) => 'publication' in result).length).toBe((await log.top('chat:1')).offset);
    expect(results.every(({ ok }) => ok)).toBe(true);
  });

  it('hundreds that are over make room at once, and leave nothing behind', async () => {
    const limits = { laneMs: HOUR, lanesPerUser: 250 };
    ({ log } = openLogNode(link, { prefix, limits }));
    for (let i = 0; i < 250; i++) await taken(log, inLane(1, `q${i}`));
    expect(await log.append(appendOf(inLane(1, 'more')))).toMatchObject({ code: 'limit_reached' });
    const nowMs = T0 + HOUR + 1;
    // The last of them, which would be dropped last.
    await taken(log, { ...inLane(1, 'q249'), nowMs });
    await taken(log, { ...inLane(1, 'more'), nowMs });
    await taken(log, { ...inLane(2, 'more'), nowMs });
    expect(await server.run('ZCARD', `${state('chat:1')}:lane-ages`)).toBe(2);
    // The two, and how many there are of alice.
    expect(await server.run('HLEN', `${state('chat:1')}:lanes`)).toBe(3);
    const counts = (await server.run('HVALS', `${state('chat:1')}:lanes`)) as string[];
    expect(counts).toContain('2');
  });

  it('keys of maps have lanes too, also where the index of expiries is written first', async () => {
    const put = { channel: 'tasks:a', key: 'k', ttlMs: 1_000 };
    await taken(log, { ...put, ...inLane(1) });
    expect(await log.append(appendOf({ ...put, ...inLane(1) }))).toMatchObject({ duplicate: { offset: 1 } });
    expect((await log.top('tasks:a')).offset).toBe(1);
  });
});
