import { afterAll, beforeAll } from 'vitest';
import { randomHistories } from '../log/random-histories.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { openLogOn } from './log-nodes.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

randomHistories(
  'Redis',
  openLogOn((prefix) => openLink(server.port, { prefix })),
  300,
  { shared: true },
);
