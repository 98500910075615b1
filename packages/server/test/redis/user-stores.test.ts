import { afterAll, beforeAll, describe } from 'vitest';
import {
  clusterContract,
  clusterLossContract,
  clusterSweepContract,
  presenceStoreContract,
  sessionStoreContract,
  sharedSessionsContract,
} from '../../src/testing/index.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { oneServer, openMany, presenceSubject, sessionSubject } from './user-store-subjects.ts';

describe('one server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  const redis = () => oneServer(server);

  sessionStoreContract('Redis', () => sessionSubject(redis()));
  presenceStoreContract('Redis', (users) => presenceSubject(redis(), users));
  clusterContract('Redis', () => openMany(redis()));
  clusterSweepContract('Redis', () => openMany(redis()));
  clusterLossContract('Redis', () => openMany(redis()));
  sharedSessionsContract('Redis', () => openMany(redis()));
});
