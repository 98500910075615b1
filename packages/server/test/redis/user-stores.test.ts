import { afterAll, beforeAll, describe } from 'vitest';
import {
  clusterContract,
  clusterLossContract,
  clusterSweepContract,
  presenceStoreContract,
  sessionStoreContract,
} from '../../src/testing/index.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { openMany, presenceSubject, sessionSubject } from './user-store-subjects.ts';

describe('one server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  const redis = () => ({
    ports: [server.port],
    isCluster: false,
    openLink: (prefix: string) => openLink(server.port, { prefix }),
    flush: async () => void (await server.run('FLUSHALL')),
  });

  sessionStoreContract('Redis', () => sessionSubject(redis()));
  presenceStoreContract('Redis', (users) => presenceSubject(redis(), users));
  clusterContract('Redis', () => openMany(redis()));
  clusterSweepContract('Redis', () => openMany(redis()));
  clusterLossContract('Redis', () => openMany(redis()));
});
