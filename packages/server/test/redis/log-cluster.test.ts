import { afterAll, beforeAll } from 'vitest';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import { documentsContract, logContract } from '../../src/testing/index.ts';
import { randomHistories } from '../log/random-histories.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisCluster, startRedisCluster } from '../servers/redis-cluster.ts';
import { openDocumentsOn } from './documents-nodes.ts';
import { openLogOn } from './log-nodes.ts';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
}, 60_000);
afterAll(() => cluster.stop());

function linkOf(prefix: string): Promise<RedisLink> {
  const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }));
  return openLink(nodes[0]!.port, { prefix, topology: { kind: 'cluster', nodes } });
}

const open = openLogOn(linkOf);

logContract('Redis Cluster', open, { shared: true });
documentsContract(
  'Redis Cluster, replicated',
  openDocumentsOn(async (prefix) => ({
    link: await linkOf(prefix),
    replicas: { link: await linkOf(prefix), waitMs: 2_000 },
  })),
);
randomHistories('Redis Cluster', open, 60, { shared: true });
