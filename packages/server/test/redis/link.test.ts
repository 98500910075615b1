import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { Script } from '../../src/adapters/redis/script.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';

const ECHO: Script = { name: 'echo', lua: 'return {KEYS[1], ARGV[1]}', knowsRun: false };
const NOTE: Script = {
  name: 'note',
  lua: "redis.call('RPUSH', KEYS[1], ARGV[1]) return run_id",
  knowsRun: true,
};
const PLAIN_NOTE: Script = {
  name: 'plain-note',
  lua: "return redis.call('RPUSH', KEYS[1], ARGV[1])",
  knowsRun: false,
};

describe('the link to one server', () => {
  let server: RedisServer;
  const open: RedisLink[] = [];
  const link = async (...args: Parameters<typeof openLink>): Promise<RedisLink> => {
    const opened = await openLink(...args);
    open.push(opened);
    return opened;
  };
  beforeAll(async () => {
    server = await startRedis();
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
    await server.run('FLUSHALL');
  });
  afterAll(() => server.stop());

  const runIdOf = async (): Promise<string> =>
    /run_id:(\w+)/.exec(String(await server.run('INFO', 'server')))![1]!;
  const calls = async (command: string): Promise<number> => {
    const stats = String(await server.run('INFO', 'commandstats'));
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  };

  it('runs scripts and commands, and answers them in the order of the calls', async () => {
    const one = await link(server.port);
    const order: number[] = [];
    const replies = await Promise.all([
      one.command('k', 'SET', 'k', 'v').finally(() => order.push(0)),
      one.run(ECHO, ['k'], ['x']).finally(() => order.push(1)),
      one.command('k', 'GET', 'k').finally(() => order.push(2)),
      one.getMany(['k', 'nothing']).finally(() => order.push(3)),
      one.getMany([]),
    ]);
    expect(replies).toEqual(['OK', ['k', 'x'], 'v', ['v', null], []]);
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('what Redis answers is what RESP3 says: maps, numbers, nothing, bytes as text', async () => {
    const one = await link(server.port);
    await one.command('h', 'HSET', 'h', 'a', '1', 'ü', Buffer.from('ß'));
    expect(await one.command('h', 'HGETALL', 'h')).toEqual(
      new Map([
        ['a', '1'],
        ['ü', 'ß'],
      ]),
    );
    expect(await one.command('h', 'HLEN', 'h')).toBe(2);
    expect(await one.command('h', 'HGET', 'h', 'nothing')).toBeNull();
  });

  it('an error that Redis answers is passed on as it is, and costs nobody else anything', async () => {
    const one = await link(server.port);
    const [wrong, right] = await Promise.allSettled([
      one.command('k', 'HGET', 'k'),
      one.command('k', 'SET', 'k', 'v'),
    ]);
    expect(wrong).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringMatching(/^ERR wrong number/) },
    });
    expect(wrong).not.toMatchObject({ reason: { code: 'unavailable' } });
    expect(right).toMatchObject({ status: 'fulfilled', value: 'OK' });
    expect(one.up).toBe(true);
  });

  it('a script is sent once, and then by its digest; it is told which life of the server runs it', async () => {
    const one = await link(server.port);
    await server.run('CONFIG', 'RESETSTAT');
    const runId = await runIdOf();
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, i) => one.run(NOTE, ['l'], [String(i)])),
    );
    expect(new Set(replies)).toEqual(new Set([runId]));
    expect([await calls('script\\|load'), await calls('evalsha'), await calls('eval')]).toEqual([1, 100, 0]);
    // The server is asked who it is when the line is made, not by each script.
    expect(await calls('info')).toBeLessThan(10);
  });

  it('scripts that Redis forgot are sent again: each is carried out once, in the order of the calls', async () => {
    const one = await link(server.port);
    await one.run(NOTE, ['l'], ['0']);
    const settled: number[] = [];
    let sent = 1;
    const call = (): Promise<unknown> => {
      const mine = sent++;
      const script = mine % 3 === 0 ? PLAIN_NOTE : NOTE;
      const args = [String(mine)];
      const calling = mine % 5 === 0 ? one.command('l', 'RPUSH', 'l', ...args) : one.run(script, ['l'], args);
      return calling.then(() => settled.push(mine));
    };
    for (let round = 0; round < 30; round++) {
      await server.run('SCRIPT', 'FLUSH');
      await server.run('CONFIG', 'RESETSTAT');
      // Some are answered that it is not known while others are called.
      const first = Array.from({ length: 4 }, call);
      const then = first.map((calling) => calling.then(call));
      await new Promise((resolve) => setImmediate(resolve));
      const more = Array.from({ length: 4 }, call);
      await Promise.all([...then, ...more]);
      expect(await calls('eval')).toBeGreaterThan(0);
    }
    const carriedOut = (await server.run('LRANGE', 'l', '0', '-1')) as string[];
    expect(carriedOut.toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: sent }, (_, i) => String(i)),
    );
    expect(settled).toEqual(carriedOut.slice(1).map(Number));
    // Beside them other commands went on; those of one script kept their places.
    for (const remainder of [[0], [1, 2]]) {
      const ofScript = carriedOut.map(Number).filter((n) => n % 5 !== 0 && remainder.includes(n % 3));
      expect(ofScript).toEqual(ofScript.toSorted((one, other) => one - other));
    }
  });

  it('with more arguments than one packet holds the order stays', async () => {
    const one = await link(server.port);
    const large = 'x'.repeat(300_000);
    const sending = Array.from({ length: 40 }, (_, i) =>
      i % 2 === 0 ? one.run(PLAIN_NOTE, ['l'], [`${i}:${large}`]) : one.command('l', 'RPUSH', 'l', String(i)),
    );
    expect(await Promise.all(sending)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });
});
