import { afterAll, beforeAll } from 'vitest';
import { logContract } from '../../src/testing/index.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { openLogOn } from './log-nodes.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

logContract(
  'Redis',
  openLogOn((prefix) => openLink(server.port, { prefix })),
  { shared: true },
);
