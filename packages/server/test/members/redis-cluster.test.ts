import { afterAll, beforeAll } from 'vitest';
import { membersContract } from '../../src/testing/members-contract.ts';
import { type RedisCluster, startRedisCluster } from '../servers/redis-cluster.ts';
import { memberHistories } from './member-histories.ts';
import { type RedisPlace, onCluster, redisMembersSubject } from './redis-subject.ts';

let cluster: RedisCluster;
let place: RedisPlace;
beforeAll(async () => {
  cluster = await startRedisCluster();
  place = onCluster(cluster);
}, 60_000);
afterAll(async () => {
  await place.close();
  await cluster.stop();
});

membersContract('Redis Cluster', () => redisMembersSubject(place));
memberHistories('Redis Cluster', () => redisMembersSubject(place), 15);
