import { setTimeout as pass } from 'node:timers/promises';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startRedis } from '../../servers/redis-server.ts';
import { type ClusterScene, openClusterScene } from './cluster-scene.ts';
import { type Commute, ROOMS_CONFIG, startCommute } from './commute.ts';
import { type RedisProxy, startRedisProxy } from './redis-proxy.ts';

let scene: ClusterScene;
let commute: Commute;
const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  commute.stop();
  await scene.close();
  for (const end of ending.splice(0)) await end();
});

const PEOPLE = { people: 60, rooms: 4 };

async function ready(): Promise<boolean[]> {
  return Promise.all(
    scene.nodes.map(async ({ process }) => (await process.api('GET', '/ready')).status === 200),
  );
}

async function allReady(): Promise<void> {
  await expect.poll(ready, { timeout: 60_000, interval: 100 }).toEqual(scene.nodes.map(() => true));
}

describe('Redis', () => {
  it('stopped for 20 s: connections stay, nothing is acknowledged and lost, nobody flaps, /ready comes back', async () => {
    const redis = await startRedis({ durable: true });
    ending.push(() => redis.stop());
    scene = await openClusterScene({ configModule: ROOMS_CONFIG, redis });
    commute = await startCommute(scene, PEOPLE);
    const clients = commute.all.map(({ client }) => client);
    commute.keepPublishing();
    await commute.acknowledged(1_000);
    const inFlight = commute.inFlight();
    await redis.shutDown();
    expect(inFlight, 'publications in flight').toBeGreaterThan(0);
    await expect.poll(ready, { timeout: 20_000, interval: 100 }).toEqual([false, false, false]);
    await pass(20_000);
    expect(commute.all.map(({ client }) => client)).toEqual(clients);
    const refused = commute.all.flatMap(({ refusals }) => refusals);
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused)).toEqual(new Set(['unavailable']));
    await redis.restart();
    await allReady();
    await commute.acknowledged(500);
    await commute.calm();
    expect(
      commute.all.map(({ client }) => client),
      'connections that stayed',
    ).toEqual(clients);
    expect(commute.flaps()).toEqual([]);
    // Started again, it may have lost something: everybody was told, and nothing that was acknowledged is missing.
    commute.verify(true);
    await commute.verifyKept();
    await commute.verifyViews();
  });

  it('that hangs for 60 s: connections stay, and there is no storm of offline behind it', async () => {
    scene = await openClusterScene({ configModule: ROOMS_CONFIG });
    commute = await startCommute(scene, PEOPLE);
    commute.keepPublishing();
    await commute.acknowledged(1_000);
    const inFlight = commute.inFlight();
    scene.redis.pause();
    expect(inFlight, 'publications in flight').toBeGreaterThan(0);
    await pass(60_000);
    scene.redis.resume();
    await allReady();
    await commute.acknowledged(500);
    await commute.calm();
    expect(commute.all.map(({ lost }) => lost).filter((lost) => lost > 0)).toEqual([]);
    expect(commute.flaps()).toEqual([]);
    commute.verify();
    await commute.verifyViews();
  });

  it('emptied: epochs change and everybody is told, presence is there again, and nobody flaps', async () => {
    scene = await openClusterScene({ configModule: ROOMS_CONFIG });
    commute = await startCommute(scene, PEOPLE);
    commute.keepPublishing();
    await commute.acknowledged(1_000);
    const inFlight = commute.inFlight();
    await scene.redis.run('FLUSHALL');
    expect(inFlight, 'publications in flight').toBeGreaterThan(0);
    const untold = (): number => commute.all.filter(({ told }) => told.length === 0).length;
    await expect.poll(untold, { timeout: 60_000, interval: 50 }).toBe(0);
    for (const { told } of commute.all) expect(new Set(told)).toEqual(new Set(['epoch']));
    await commute.calm();
    expect(commute.flaps()).toEqual([]);
    commute.verify(true);
    await expect
      .poll(
        async () =>
          (
            await Promise.all(
              commute.all.map(async ({ user }) => {
                const { body } = await scene.api('GET', `/v1/users/${user}/presence`);
                return (body as { s: string }).s;
              }),
            )
          ).filter((s) => s !== 'Online'),
        { timeout: 60_000, interval: 500 },
      )
      .toEqual([]);
    // Sessions are known again: whoever is cut off goes on.
    const dropped = commute.all.map(({ client }) => client!);
    for (const client of dropped) client.drop();
    await Promise.all(dropped.map(({ closed }) => closed));
    await commute.calm();
    expect(commute.all.map(({ lost }) => lost).filter((lost) => lost > 0)).toEqual([]);
    expect(commute.flaps()).toEqual([]);
  });

  it('started again from an older snapshot: no offset is used twice under one epoch, everybody is told', async () => {
    scene = await openClusterScene({ configModule: ROOMS_CONFIG });
    commute = await startCommute(scene, PEOPLE);
    commute.keepPublishing();
    await commute.acknowledged(500);
    const { redis } = scene;
    await redis.run('SAVE');
    await copyFile(join(redis.folder, 'dump.rdb'), join(redis.folder, 'older.rdb'));
    await commute.acknowledged(1_000);
    const inFlight = commute.inFlight();
    await redis.kill9();
    expect(inFlight, 'publications in flight').toBeGreaterThan(0);
    await copyFile(join(redis.folder, 'older.rdb'), join(redis.folder, 'dump.rdb'));
    await redis.restart();
    await allReady();
    const untold = (): number => commute.all.filter(({ told }) => told.length === 0).length;
    await expect.poll(untold, { timeout: 60_000, interval: 50 }).toBe(0);
    await commute.acknowledged(500);
    await commute.calm();
    commute.verify(true);
    expect(commute.flaps()).toEqual([]);
    await commute.verifyViews();
  });

  it('whose pub/sub silently loses messages: the position check finds it, and the log repairs it', async () => {
    const redis = await startRedis();
    ending.push(() => redis.stop());
    const proxy: RedisProxy = await startRedisProxy(redis.port);
    ending.push(() => proxy.close());
    scene = await openClusterScene({
      configModule: ROOMS_CONFIG,
      redis,
      settingsOf: (node) => (node === 0 ? { CARILLON_REDIS_URL: proxy.url } : {}),
    });
    commute = await startCommute(scene, PEOPLE);
    commute.keepPublishing();
    await commute.acknowledged(500);
    proxy.loseMessages((channel) => channel.includes('channel:room:'));
    const inFlight = commute.inFlight();
    expect(inFlight, 'publications in flight').toBeGreaterThan(0);
    await commute.acknowledged(1_000);
    commute.stopPublishing();
    await expect.poll(() => commute.inFlight(), { timeout: 30_000 }).toBe(0);
    expect(proxy.lost).toBeGreaterThan(100);
    // The last ones were lost too: nothing comes behind them that would show it.
    await commute.calm();
    commute.verify();
    expect(commute.flaps()).toEqual([]);
  });

  it('out of reach of one node alone: it sends its clients away in time, they go on elsewhere, nobody flaps', async () => {
    const redis = await startRedis();
    ending.push(() => redis.stop());
    const proxy = await startRedisProxy(redis.port);
    ending.push(() => proxy.close());
    scene = await openClusterScene({
      configModule: ROOMS_CONFIG,
      redis,
      settings: { CARILLON_REDIS_LEASE_MS: '3000', CARILLON_SESSIONS_GRACE_MS: '30000' },
      settingsOf: (node) => (node === 0 ? { CARILLON_REDIS_URL: proxy.url } : {}),
    });
    commute = await startCommute(scene, PEOPLE);
    const [cutOff] = scene.nodes;
    const theirs = commute.all.filter(({ client }) => client?.socket.url.includes(`:${cutOff!.port}/`));
    commute.keepPublishing();
    await commute.acknowledged(500);
    proxy.cut();
    const inFlight = theirs.filter((commuter) => commuter.inFlight).length;
    expect(inFlight, 'publications in flight on the node that is cut off').toBeGreaterThan(0);
    const left = (): number =>
      theirs.filter(({ client }) => client === null || client.socket.url.includes(`:${cutOff!.port}/`))
        .length;
    await expect.poll(left, { timeout: 60_000, interval: 50 }).toBe(0);
    expect((await cutOff!.process.api('GET', '/ready')).status).toBe(503);
    // Longer than any of them could have been taken for left.
    await pass(20_000);
    expect(commute.flaps()).toEqual([]);
    proxy.mend();
    await allReady();
    await commute.calm();
    expect(commute.all.map(({ lost }) => lost).filter((lost) => lost > 0)).toEqual([]);
    expect(commute.flaps()).toEqual([]);
    commute.verify();
    await commute.verifyViews();
  });
});
