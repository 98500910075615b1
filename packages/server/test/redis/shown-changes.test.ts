import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { logIn, passRenewing } from '../../src/testing/cluster-subject.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { LEASE_MS, type ManyNodes, type NodeUnderTest, oneServer, openMany } from './user-store-subjects.ts';

let server: RedisServer;
let subject: ManyNodes;
let one: NodeUnderTest;
let two: NodeUnderTest;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  subject = await openMany(oneServer(server));
  [one, two] = [await subject.start(), await subject.start()];
  for (const node of [one, two]) await node.cluster.renew();
});
afterEach(() => subject.close());

const by = (session: string) => ({ session, generation: 1 });

it('whoever causes a change is told whether others see the user from then on, or no more, whatever node saw them before', async () => {
  await logIn(one, 'alice', 's1', 'd1');
  expect(one.changes.splice(0)).toEqual(['alice came']);
  await logIn(two, 'alice', 's2', 'd2');
  await two.presence.update('alice', 'd2', by('s2'), { s: 'Busy', fields: {} });
  await two.presence.update('alice', 'd2', by('s2'), { s: 'Busy', fields: { a: 'chess' } });
  expect(two.changes.splice(0)).toEqual(['alice other', 'alice other']);
  await two.presence.update('alice', 'd2', by('s2'), { s: 'Invisible', fields: {} });
  expect(two.changes.splice(0)).toEqual(['alice gone']);
  await two.presence.update('alice', 'd2', by('s2'), { s: 'Away', fields: {} });
  expect(two.changes.splice(0)).toEqual(['alice came']);
  await one.sessions.end('s1', 1);
  await one.presence.leave('alice', 'd1', 's1');
  await two.sessions.end('s2', 1);
  await two.presence.leave('alice', 'd2', 's2');
  expect(two.changes.splice(0)).toEqual(['alice gone']);
  expect(one.changes.filter((change) => !change.endsWith('other'))).toEqual([]);
  expect(two.shown.at(-1)).toMatchObject({ user: 'alice', s: 'Offline' });
  await logIn(one, 'bob', 's3', 'd1');
  one.changes.length = 0;
  await two.presence.erase('bob');
  expect(two.changes).toEqual(['bob gone']);
});

it('whoever sweeps a dead node is told who is gone', async () => {
  await logIn(one, 'alice', 's1', 'd1');
  await logIn(one, 'bob', 's2', 'd1');
  await logIn(two, 'bob', 's3', 'd2');
  await passRenewing(subject, LEASE_MS + 2 * subject.graceMs, two);
  two.changes.length = 0;
  await two.cluster.sweep('n1', 100);
  expect(two.changes).toEqual(['alice gone']);
});
