import { afterAll, beforeAll, describe } from 'vitest';
import {
  clusterContract,
  clusterLossContract,
  clusterSweepContract,
  presenceStoreContract,
  sessionStoreContract,
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
});
