import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { presenceTopic } from '../../src/ports/broker.ts';
import { logIn, passRenewing } from '../../src/testing/cluster-subject.ts';
import { slotOf } from '../../src/adapters/redis/slot.ts';
import {
  clusterContract,
  clusterLossContract,
  clusterSweepContract,
  presenceStoreContract,
  sessionStoreContract,
  sharedSessionsContract,
} from '../../src/testing/index.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisCluster, startRedisCluster } from '../servers/redis-cluster.ts';
import { openMany, presenceSubject, sessionSubject } from './user-store-subjects.ts';

describe('a Cluster of six processes', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 90_000);
  afterAll(() => cluster.stop());

  const redis = () => {
    const ports = cluster.nodes.map(({ port }) => port);
    const nodes = ports.map((port) => ({ host: '127.0.0.1', port }));
    return {
      ports,
      isCluster: true,
      openLink: (prefix: string) => openLink(ports[0]!, { prefix, topology: { kind: 'cluster', nodes } }),
      async flush() {
        const info = await Promise.all(cluster.nodes.map((node) => node.run('INFO', 'replication')));
        const primaries = cluster.nodes.filter((_, i) => String(info[i]).includes('role:master'));
        for (const node of primaries) await node.run('FLUSHALL');
      },
    };
  };

  sessionStoreContract('Redis Cluster', () => sessionSubject(redis()));
  presenceStoreContract('Redis Cluster', (users) => presenceSubject(redis(), users));
  clusterContract('Redis Cluster', () => openMany(redis()));
  clusterSweepContract('Redis Cluster', () => openMany(redis()));
  clusterLossContract('Redis Cluster', () => openMany(redis()));
  sharedSessionsContract('Redis Cluster', () => openMany(redis()));

  it('a replica that takes over without the last writes, while no line breaks, is given them by the nodes that know them', async () => {
    const many = await openMany(redis());
    const [one, other] = [await many.start(), await many.start()];
    for (const node of [one, other]) await node.cluster.renew();
    const slotOfUser = (user: string): number => slotOf(many.keys.channel(`presence:${user}`));
    // Not the one that leases lie on: a renewal would see another server there.
    const leases = await cluster.primaryOf(slotOf(many.keys.cluster('leases')));
    let user = 'user';
    while ((await cluster.primaryOf(slotOfUser(user))) === leases) user += 'x';
    await many.directory.ensureUser(user);
    await many.listener.subscribe(presenceTopic(user));
    const primary = await cluster.primaryOf(slotOfUser(user));
    const replica = await cluster.replicaOf(primary);

    await primary.run('ACL', 'SETUSER', 'default', '-psync', '-sync');
    await primary.run('CLIENT', 'KILL', 'TYPE', 'replica');
    await logIn(one, user, 's1');
    await many.published();
    const down: string[] = [];
    for (const { link } of [one, other]) link.onDown((reason) => down.push(reason));
    await replica.run('CLUSTER', 'FAILOVER', 'TAKEOVER');
    await primary.run('ACL', 'SETUSER', 'default', '+psync', '+sync');
    await cluster.settled();
    expect(await cluster.primaryOf(slotOfUser(user))).toBe(replica);

    expect((await other.presence.read([user]))[0]).toMatchObject({ s: 'Offline' });
    expect(await other.sessions.sessionsOf(user)).toEqual([]);
    // The one that knows the session sees the other server the first time that it asks anything of it.
    await one.presence.read([user]);
    await expect
      .poll(
        async () => {
          await many.pass(0);
          return (await other.sessions.sessionsOf(user)).map(({ id, node }) => `${id} ${node}`);
        },
        { timeout: 20_000, interval: 20 },
      )
      .toEqual(['s1 n1']);
    expect((await other.presence.read([user]))[0]).toMatchObject({ s: 'Online' });
    expect(one.cluster.completeSinceMs).toBeGreaterThan(one.nowMs());
    expect(down).toEqual([]);
    await passRenewing(many, many.settleMs, one, other);
    expect(await many.published()).toEqual([]);
    await many.close();
  }, 60_000);
});
