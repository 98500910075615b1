import { afterEach, describe, expect, it } from 'vitest';
import { slotOf } from '../../../src/adapters/redis/slot.ts';
import { moveSlot, startRedisCluster } from '../../servers/redis-cluster.ts';
import { startSentinel } from '../../servers/sentinel.ts';
import { type ClusterScene, openClusterScene } from './cluster-scene.ts';
import { type Commute, ROOMS_CONFIG, startCommute } from './commute.ts';

let scene: ClusterScene;
let commute: Commute;
let end: () => Promise<void>;
afterEach(async () => {
  commute.stop();
  await scene.close();
  await end();
});

const PEOPLE = { people: 45, rooms: 3 };

describe('a Redis Cluster', () => {
  it('whose slots move and whose primary is killed under load: nobody is lost, nobody flaps, offsets are used once', async () => {
    const cluster = await startRedisCluster();
    end = () => cluster.stop();
    scene = await openClusterScene({ configModule: ROOMS_CONFIG, redis: null, redisUrl: cluster.url });
    commute = await startCommute(scene, PEOPLE);
    commute.keepPublishing();
    await commute.acknowledged(500);

    // A room goes to another server, with everything in its slot, while people talk in it.
    const slot = slotOf('carillon:channel:room:0');
    const from = await cluster.primaryOf(slot);
    const to = cluster.nodes.slice(0, 3).find((node) => node !== from)!;
    const movedInFlight = commute.inFlight();
    await moveSlot(cluster, slot, to);
    expect(movedInFlight, 'publications in flight while the slot moved').toBeGreaterThan(0);
    expect(await cluster.primaryOf(slot)).toBe(to);
    await commute.acknowledged(500);

    const inFlight = commute.inFlight();
    await to.kill9();
    expect(inFlight, 'publications in flight when the primary was killed').toBeGreaterThan(0);
    await commute.acknowledged(300);
    await commute.calm();
    expect(commute.all.map(({ lost }) => lost).filter((lost) => lost > 0)).toEqual([]);
    expect(commute.flaps()).toEqual([]);
    // Other servers took over: whoever reads is told, and nothing is there twice.
    commute.verify(true);
    await commute.verifyViews();
  });
});

describe('a replica that lags and is promoted', () => {
  it('begins new epochs: no offset is used twice under one, everybody is told, nobody flaps', async () => {
    const group = await startSentinel();
    end = () => group.stop();
    scene = await openClusterScene({ configModule: ROOMS_CONFIG, redis: null, redisUrl: group.url });
    commute = await startCommute(scene, PEOPLE);
    commute.keepPublishing();
    await commute.acknowledged(300);
    // It stops to take over what is written, and is promoted without it.
    await group.replica.run('REPLICAOF', '127.0.0.1', '1');
    await commute.acknowledged(600);
    await group.replica.run('REPLICAOF', 'NO', 'ONE');
    const inFlight = commute.inFlight();
    await group.primary.kill9();
    expect(inFlight, 'publications in flight when the primary was killed').toBeGreaterThan(0);
    const untold = (): number => commute.all.filter(({ told }) => told.length === 0).length;
    await expect.poll(untold, { timeout: 90_000, interval: 50 }).toBe(0);
    await commute.acknowledged(300);
    await commute.calm();
    commute.verify(true);
    expect(commute.flaps()).toEqual([]);
    await commute.verifyViews();
  });
});
