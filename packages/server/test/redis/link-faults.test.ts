import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNodeClock } from '../../src/adapters/node/clock.ts';
import { createRedisLink } from '../../src/adapters/redis/link.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { Script } from '../../src/adapters/redis/script.ts';
import { linkDeps, redisSettings } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { startSentinel } from '../servers/sentinel.ts';
import { within } from '../wire/scene/within.ts';

const WHICH_RUN: Script = { name: 'which-run', lua: 'return run_id', knowsRun: true };

type Watched = {
  readonly link: RedisLink;
  /** Resolves when it is down the next time, with the reason. */
  down(): Promise<string>;
  /** Resolves when listeners are told the next time that the line stands. */
  standing(): Promise<void>;
  up(): Promise<void>;
};

function watch(link: RedisLink): Watched {
  let down = Promise.withResolvers<string>();
  let standing = Promise.withResolvers<void>();
  link.onDown((reason) => {
    down.resolve(reason);
    down = Promise.withResolvers();
  });
  link.onUp(async () => {
    standing.resolve();
    standing = Promise.withResolvers();
  });
  return {
    link,
    down: () => within(down.promise, 'the link is down', () => '', 60_000),
    standing: () => within(standing.promise, 'the line stands', () => '', 60_000),
    async up() {
      while (!link.up) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const unavailable = expect.objectContaining({ code: 'unavailable' });

describe('a link whose server fails', () => {
  let server: RedisServer;
  let link: RedisLink;
  beforeEach(async () => {
    server = await startRedis({ durable: true });
    link = createRedisLink(redisSettings(server.port), linkDeps());
  });
  afterEach(async () => {
    await link.close();
    await server.stop();
  });

  it('killed: what is in flight rejects, and so does all until it is back; then it is another life', async () => {
    const { down, up } = watch(link);
    await link.open();
    const before = await link.run(WHICH_RUN, ['k'], []);
    await server.run('CLIENT', 'NO-EVICT', 'on');
    server.pause();
    const outcomes = Promise.allSettled(
      Array.from({ length: 100 }, (_, i) => link.command('l', 'RPUSH', 'l', String(i))),
    );
    // Written to a server that does not read: in flight, all of them.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const broken = down();
    await server.kill9();
    for (const outcome of await outcomes)
      expect(outcome).toEqual({ status: 'rejected', reason: unavailable });
    await broken;
    expect(link.up).toBe(false);
    await expect(link.command('k', 'GET', 'k')).rejects.toEqual(unavailable);
    await expect(link.getMany(['k'])).rejects.toEqual(unavailable);
    await server.restart();
    await up();
    // Nothing was sent a second time.
    expect(await link.command('l', 'LLEN', 'l')).toBe(0);
    expect(await link.run(WHICH_RUN, ['k'], [])).not.toBe(before);
  });

  it('a server that hangs is given up once, for all commands, and found again when it goes on', async () => {
    const short = createRedisLink(redisSettings(server.port, { commandTimeoutMs: 400 }), linkDeps());
    const { down, up } = watch(short);
    await short.open();
    let downs = 0;
    short.onDown(() => downs++);
    const broken = down();
    server.pause();
    const outcomes = await Promise.allSettled([
      ...Array.from({ length: 50 }, (_, i) => short.command('l', 'RPUSH', 'l', String(i))),
      short.run(WHICH_RUN, ['k'], []),
    ]);
    for (const outcome of outcomes) expect(outcome).toEqual({ status: 'rejected', reason: unavailable });
    expect(await broken).toContain('no answer within 400 ms');
    await expect(short.command('k', 'GET', 'k')).rejects.toEqual(unavailable);
    server.resume();
    await up();
    expect(await short.command('k', 'GET', 'k')).toBeNull();
    expect(downs).toBe(1);
    await short.close();
  });

  it('where this process stood still instead, nothing is given up', async () => {
    const short = createRedisLink(redisSettings(server.port, { commandTimeoutMs: 200 }), linkDeps());
    await short.open();
    const asking = Array.from({ length: 20 }, () => short.command(null, 'PING'));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    // As a long collection of garbage does. The answers are there by then, and nobody has read them.
    const untilMs = performance.now() + 600;
    while (performance.now() < untilMs);
    expect(await Promise.all(asking)).toEqual(Array.from({ length: 20 }, () => 'PONG'));
    expect(short.up).toBe(true);
    await short.close();
  });

  it('nothing is let through before every listener has resolved, but what they send themselves', async () => {
    const log: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = Promise.withResolvers<void>();
    link.onUp(async () => {
      expect(await link.command('k', 'SET', 'k', 'by a listener')).toBe('OK');
      log.push('first');
      first.resolve();
      await gate.promise;
      expect(await link.getMany(['k'])).toEqual(['by a listener']);
      log.push('first again');
    });
    link.onUp(async () => {
      expect(await link.run(WHICH_RUN, ['k'], [])).toMatch(/^[0-9a-f]+$/);
      log.push('second');
    });
    const opening = link.open().then(() => log.push('open'));
    await first.promise;
    await expect(link.command('k', 'GET', 'k')).rejects.toEqual(unavailable);
    expect(link.up).toBe(false);
    gate.resolve();
    await opening;
    expect(log).toEqual(['first', 'first again', 'second', 'open']);
    expect(await link.command('k', 'GET', 'k')).toBe('by a listener');
  });

  it('what a listener left running does not pass with the next one', async () => {
    const later = Promise.withResolvers<void>();
    const strays: unknown[] = [];
    let ups = 0;
    const held = Promise.withResolvers<void>();
    link.onUp(async () => {
      ups++;
      if (ups === 1) {
        void later.promise.then(() =>
          link.command('k', 'SET', 'k', 'stray').catch((error: unknown) => strays.push(error)),
        );
        return;
      }
      later.resolve();
      while (strays.length === 0) await link.command(null, 'PING');
      held.resolve();
    });
    await link.open();
    await server.restart();
    await within(held.promise, 'the stray is refused');
    expect(strays).toEqual([unavailable]);
  });

  it('a listener that rejects gives the line up; it is tried again', async () => {
    let tries = 0;
    link.onUp(async () => {
      tries++;
      if (tries === 2 || tries === 3) throw new Error('not yet');
    });
    const { up, down } = watch(link);
    await link.open();
    const broken = down();
    await server.restart();
    await broken;
    await up();
    expect(tries).toBe(4);
  });

  it('a primary that was demoted is given up at its first refusal to write, and taken again when it is one', async () => {
    const other = await startRedis();
    const { down, up } = watch(link);
    await link.open();
    await server.run('REPLICAOF', '127.0.0.1', String(other.port));
    expect(await link.command('k', 'GET', 'k')).toBeNull();
    const broken = down();
    await expect(link.command('k', 'SET', 'k', 'v')).rejects.toEqual(unavailable);
    expect(await broken).toContain('no primary any more');
    await server.run('REPLICAOF', 'NO', 'ONE');
    await up();
    expect(await link.command('k', 'SET', 'k', 'v')).toBe('OK');
    await other.stop();
  });

  it('attempts to connect follow each other after a random pause, longer each time, at most 2 s', async () => {
    const delays: number[] = [];
    const clock = createNodeClock();
    const enough = Promise.withResolvers<void>();
    const measured = createRedisLink(redisSettings(server.port, { commandTimeoutMs: 1_000 }), {
      clock: {
        ...clock,
        setTimer(delayMs, fire) {
          // Deadlines are those of the setting, or a quarter of it.
          if (delayMs === 1_000 || delayMs === 250) return clock.setTimer(delayMs, fire);
          delays.push(delayMs);
          if (delays.length === 12) enough.resolve();
          return clock.setTimer(1, fire);
        },
      },
      fraction: () => 0.5,
      warn: () => undefined,
    });
    await measured.open();
    await server.kill9();
    await enough.promise;
    await measured.close();
    expect(delays.slice(0, 12)).toEqual([
      75, 125, 225, 425, 825, 1_025, 1_025, 1_025, 1_025, 1_025, 1_025, 1_025,
    ]);
  });
});

describe('a link that Sentinels lead', () => {
  it('finds the primary, and the next one when it is dead or demoted', async () => {
    const group = await startSentinel();
    const warnings: string[] = [];
    const link = createRedisLink(
      redisSettings(0, {
        topology: {
          kind: 'sentinel',
          // The first is not there.
          sentinels: [
            { host: '127.0.0.1', port: 1 },
            ...group.sentinelPorts.map((port) => ({ host: '127.0.0.1', port })),
          ],
          name: group.name,
          login: { username: null, password: null },
        },
      }),
      linkDeps((event) => warnings.push(event)),
    );
    const { down, up } = watch(link);
    await link.open();
    await link.command('k', 'SET', 'k', 'one');
    expect(await group.primary.run('GET', 'k')).toBe('one');

    let broken = down();
    await group.failOver();
    // The demoted server kills its clients, or answers that it may not write.
    const writing = (async () => {
      while (link.up) await link.command('k', 'SET', 'k', 'two').catch(() => undefined);
    })();
    await broken;
    await writing;
    await up();
    await link.command('k', 'SET', 'k', 'three');
    expect(await group.replica.run('GET', 'k')).toBe('three');

    broken = down();
    await group.replica.kill9();
    await broken;
    await up();
    await link.command('k', 'SET', 'k', 'four');
    expect(await group.primary.run('GET', 'k')).toBe('four');
    await link.close();
    await group.stop();
  }, 120_000);
});
