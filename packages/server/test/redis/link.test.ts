import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Script } from '../../src/adapters/redis/script.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';

describe('the link to one server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  const echo: Script = { name: 'echo', lua: 'return {KEYS[1], ARGV[1]}', knowsRun: false };
  const whichRun: Script = { name: 'which-run', lua: 'return run_id', knowsRun: true };

  it('runs scripts and commands, and answers them in the order of the calls', async () => {
    const link = await openLink(server.port);
    const order: number[] = [];
    const replies = await Promise.all([
      link.command('k', 'SET', 'k', 'v').finally(() => order.push(0)),
      link.run(echo, ['k'], ['x']).finally(() => order.push(1)),
      link.command('k', 'GET', 'k').finally(() => order.push(2)),
      link.getMany(['k', 'nothing']).finally(() => order.push(3)),
    ]);
    expect(replies).toEqual(['OK', ['k', 'x'], 'v', ['v', null]]);
    expect(order).toEqual([0, 1, 2, 3]);
    await link.close();
  });

  it('tells a script which life of the server runs it', async () => {
    const link = await openLink(server.port);
    const info = String(await server.run('INFO', 'server'));
    const runId = /run_id:(\w+)/.exec(info)![1];
    expect(await link.run(whichRun, ['k'], [])).toBe(runId);
    await server.run('SCRIPT', 'FLUSH');
    expect(await link.run(whichRun, ['k'], [])).toBe(runId);
    await link.close();
  });
});
