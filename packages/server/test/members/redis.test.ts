import { afterAll, beforeAll } from 'vitest';
import { membersContract } from '../../src/testing/members-contract.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { redisMembersSubject } from './redis-subject.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

membersContract('one Redis', () => redisMembersSubject(server));
