import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRedisLink } from '../../src/adapters/redis/link.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { RedisAddress } from '../../src/adapters/redis/redis-settings.ts';
import type { Script } from '../../src/adapters/redis/script.ts';
import { slotOf } from '../../src/adapters/redis/slot.ts';
import { linkDeps, redisSettings } from '../servers/open-link.ts';
import { moveSlot, type RedisCluster, startRedisCluster } from '../servers/redis-cluster.ts';
import type { RedisServer } from '../servers/redis-server.ts';
import { within } from '../wire/scene/within.ts';

/** Counts what is carried out, in order: what is carried out twice is there twice. */
const NOTE: Script = {
  name: 'note',
  lua: "redis.call('RPUSH', KEYS[1], ARGV[1]) redis.call('SET', KEYS[2], ARGV[1]) return ARGV[1]",
  knowsRun: false,
};
const WHICH_RUN: Script = { name: 'which-run', lua: 'return run_id', knowsRun: true };

const addressOf = ({ host, port }: RedisServer): RedisAddress => ({ host, port });

describe('the link to a Cluster', () => {
  let cluster: RedisCluster;
  let link: RedisLink;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    link = createRedisLink(
      redisSettings(0, { topology: { kind: 'cluster', nodes: cluster.nodes.slice(0, 2).map(addressOf) } }),
      linkDeps(),
    );
    await link.open();
  }, 120_000);
  afterAll(async () => {
    await link.close();
    await cluster.stop();
  });

  it('the slots of keys are those that Redis says', async () => {
    const keys = [
      '',
      'foo',
      '{foo}bar',
      'a{}b{c}',
      '{',
      'a{b',
      '}{x}',
      'ünïcödé💚',
      '{ünï}x',
      'x'.repeat(300),
      '123456789',
    ];
    for (const key of keys)
      expect([key, slotOf(key)]).toEqual([key, await cluster.nodes[0]!.run('CLUSTER', 'KEYSLOT', key)]);
  });

  it('sends each command to the server of its slot, and reads many keys of all of them in order', async () => {
    const keys = Array.from({ length: 60 }, (_, i) => `k${i}`);
    const servers = new Set(await Promise.all(keys.map((key) => cluster.primaryOf(slotOf(key)))));
    expect(servers.size).toBe(3);
    await Promise.all(keys.map((key) => link.command(key, 'SET', key, `v of ${key}`)));
    const asked = [...keys, 'nothing', ...keys.toReversed()];
    expect(await link.getMany(asked)).toEqual(asked.map((key) => (key === 'nothing' ? null : `v of ${key}`)));
  });

  it('tells a script which server runs it', async () => {
    for (const primary of cluster.nodes.slice(0, 3)) {
      const key = await keyOn(cluster, primary);
      const info = String(await primary.run('INFO', 'server'));
      expect(await link.run(WHICH_RUN, [key], [])).toBe(/run_id:(\w+)/.exec(info)![1]);
    }
  });

  it('a slot that is moved while commands run: each is carried out once, in the order of the calls', async () => {
    const key = await keyOn(cluster, cluster.nodes[0]!);
    const [list, other] = [`{${key}}:list`, `{${key}}:other`];
    const slot = slotOf(key);
    const target = cluster.nodes[1]!;
    const before = (await errorCounts(cluster)).total;
    let wanted = 0;
    let going = true;
    const answered: number[] = [];
    const failures: unknown[] = [];
    // Each answer lets another one go, so that a hundred are in flight whenever the slot goes.
    const lane = async (): Promise<void> => {
      while (going) {
        const mine = wanted++;
        try {
          await link.run(NOTE, [list, other], [String(mine)]);
          answered.push(mine);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    const sending = Promise.all(Array.from({ length: 100 }, lane));
    const sentAtLeast = async (count: number): Promise<void> => {
      while (answered.length < count && failures.length === 0)
        await new Promise((resolve) => setImmediate(resolve));
    };
    await sentAtLeast(50);
    await moveSlot(cluster, slot, target);
    await sentAtLeast(answered.length + 50);
    going = false;
    await sending;

    expect(failures).toEqual([]);
    const carriedOut = (await target.run('LRANGE', list, '0', '-1')) as string[];
    expect(carriedOut.map(Number)).toEqual(Array.from({ length: wanted }, (_, i) => i));
    expect(answered).toEqual(carriedOut.map(Number));
    // It was in the middle of something: commands were sent elsewhere.
    expect((await errorCounts(cluster)).total).toBeGreaterThan(before);
  });

  it('keys that are made while their slot is under way are made at the other server', async () => {
    const key = await keyOn(cluster, cluster.nodes[2]!);
    const asked = (await errorCounts(cluster)).ask;
    await moveSlot(cluster, slotOf(key), cluster.nodes[0]!, async () => {
      await link.command(key, 'SET', key, 'made on the way');
      expect(await link.run(WHICH_RUN, [key], [])).toBe(await runIdOf(cluster.nodes[0]!));
    });
    expect((await errorCounts(cluster)).ask).toBeGreaterThan(asked);
    expect(await link.command(key, 'GET', key)).toBe('made on the way');
  });

  it('a primary that is replaced as planned under load: no line breaks, nothing is refused, and whoever has to know is told first', async () => {
    const primary = cluster.nodes[0]!;
    const replica = await cluster.replicaOf(primary);
    const key = await keyOn(cluster, primary);
    const [list, other] = [`{${key}}:list`, `{${key}}:other`];
    const told: string[] = [];
    const replaced = Promise.withResolvers<void>();
    link.onDown((reason) => told.push(reason));
    link.onTakeover((whole) => {
      told.push(whole ? 'replaced' : 'moved');
      if (whole) replaced.resolve();
    });
    const run = await runIdOf(replica);
    let sent = 0;
    let seen = '';
    let over = false;
    const lane = async (): Promise<void> => {
      while (!over) {
        await link.run(NOTE, [list, other], [String(sent++)]);
        if ((await link.run(WHICH_RUN, [list], [])) === run && seen === '') seen = told.join(' ');
      }
    };
    const lanes = Promise.all(Array.from({ length: 20 }, lane));
    await replica.run('CLUSTER', 'FAILOVER');
    await within(replaced.promise, 'the link knows that a primary was replaced');
    over = true;
    await lanes;
    expect(seen, 'what was known when the first answer of the other server came').toMatch(/^moved/);
    expect(told.filter((what) => what !== 'moved')).toEqual(['replaced']);
    const carriedOut = (await replica.run('LRANGE', list, '0', '-1')) as string[];
    expect(carriedOut.map(Number)).toEqual(Array.from({ length: sent }, (_, i) => i));
    await cluster.settled();
  });

  it('a primary that is killed under load: nothing is carried out twice, and all goes on at its replica', async () => {
    const victim = cluster.nodes[1]!;
    const replica = await cluster.replicaOf(victim);
    const key = await keyOn(cluster, victim);
    const [list, other] = [`{${key}}:list`, `{${key}}:other`];
    const down = Promise.withResolvers<string>();
    const upAgain = Promise.withResolvers<void>();
    link.onDown(down.resolve);
    link.onUp(async () => upAgain.resolve());
    const settled: { n: number; ok: boolean }[] = [];
    const note = (n: number): Promise<void> =>
      link.run(NOTE, [list, other], [String(n)]).then(
        () => void settled.push({ n, ok: true }),
        (error: unknown) => {
          expect(error).toMatchObject({ code: 'unavailable' });
          settled.push({ n, ok: false });
        },
      );
    await Promise.all(Array.from({ length: 200 }, (_, i) => note(i)));
    victim.pause(); // What is in flight stays in flight until it is dead.
    const inFlight = Array.from({ length: 200 }, (_, i) => note(200 + i));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    await victim.kill9();
    await within(down.promise, 'the link is down');
    await Promise.all(inFlight);
    await within(upAgain.promise, 'the link is up again', () => '', 60_000);
    await within(whileDown(link), 'it lets commands through');

    expect(settled.filter(({ ok }) => !ok)).toHaveLength(inFlight.length);
    await link.run(NOTE, [list, other], ['last']);
    const carriedOut = (await replica.run('LRANGE', list, '0', '-1')) as string[];
    expect(new Set(carriedOut).size).toBe(carriedOut.length);
    expect(carriedOut.at(-1)).toBe('last');
    expect(carriedOut.slice(0, -1)).toEqual(
      carriedOut.slice(0, -1).toSorted((one, two) => Number(one) - Number(two)),
    );
  }, 120_000);

  it('a primary that was replaced and only says that the cluster is down: whoever took over is found, and no line breaks', async () => {
    const primary = cluster.nodes[2]!;
    const replica = await cluster.replicaOf(primary);
    const key = await keyOn(cluster, primary);
    const down: string[] = [];
    await link.command(key, 'SET', key, 'before');
    link.onDown((reason) => down.push(reason));
    // It has forgotten the others, and so never hears of what becomes of its slots.
    await primary.run('FLUSHALL');
    await primary.run('CLUSTER', 'RESET', 'HARD');
    await replica.run('CLUSTER', 'FAILOVER', 'TAKEOVER');
    const refusals: unknown[] = [];
    const isThere = async (): Promise<boolean> => {
      try {
        await link.command(key, 'SET', key, 'behind');
        return true;
      } catch (error) {
        refusals.push(error);
        return false;
      }
    };
    await expect.poll(isThere, { timeout: 20_000, interval: 20 }).toBe(true);
    expect(await replica.run('GET', key)).toBe('behind');
    expect(refusals[0]).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('CLUSTERDOWN'),
    });
    expect(down).toEqual([]);
  });
});

async function whileDown(link: RedisLink): Promise<void> {
  while (!link.up) await new Promise((resolve) => setImmediate(resolve));
}

async function runIdOf(server: RedisServer): Promise<string> {
  return /run_id:(\w+)/.exec(String(await server.run('INFO', 'server')))![1]!;
}

let keys = 0;

/** A key in a slot that a server serves, never used before. */
async function keyOn(cluster: RedisCluster, server: RedisServer): Promise<string> {
  for (;;) {
    const key = `key-${keys++}`;
    if ((await cluster.primaryOf(slotOf(key))) === server) return key;
  }
}

/** How often servers of the Cluster sent a command elsewhere. */
async function errorCounts(cluster: RedisCluster): Promise<{ total: number; ask: number }> {
  let [total, ask] = [0, 0];
  for (const node of cluster.nodes) {
    const text = String(await node.run('INFO', 'errorstats'));
    for (const [, word, count] of text.matchAll(/errorstat_(MOVED|ASK|TRYAGAIN):count=(\d+)/g)) {
      total += Number(count);
      if (word === 'ASK') ask += Number(count);
    }
  }
  return { total, ask };
}
