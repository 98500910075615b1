import { afterAll, beforeAll } from 'vitest';
import { logContract } from '../../src/testing/index.ts';
import { randomHistories } from '../log/random-histories.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisCluster, startRedisCluster } from '../servers/redis-cluster.ts';
import { openLogOn } from './log-nodes.ts';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
}, 60_000);
afterAll(() => cluster.stop());

const open = openLogOn((prefix) => {
  const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }));
  return openLink(nodes[0]!.port, { prefix, topology: { kind: 'cluster', nodes } });
});

logContract('Redis Cluster', open, { shared: true });
randomHistories('Redis Cluster', open, 60, { shared: true });
