import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { logIn, resumeOn } from '../../src/testing/cluster-subject.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { type ManyNodes, type NodeUnderTest, oneServer, openMany } from './user-store-subjects.ts';

/** Commands of the link itself, and of this test. */
const NOT_COUNTED = /^(info|config|script|ping|hello|client|ssubscribe|select|cluster)/;

const USERS = Array.from({ length: 10_000 }, (_, i) => `user-${i}`);

describe('what sessions and presence cost Redis', () => {
  let server: RedisServer;
  let subject: ManyNodes;
  let node: NodeUnderTest;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    subject = await openMany(oneServer(server));
    node = await subject.start();
    await node.cluster.renew();
  });
  afterEach(() => subject.close());

  /** Commands by name that were carried out, those within scripts too. */
  async function commands(): Promise<ReadonlyMap<string, number>> {
    const text = String(await server.run('INFO', 'commandstats'));
    const counts = new Map<string, number>();
    for (const [, name, calls] of text.matchAll(/cmdstat_([^:]+):calls=(\d+)/g))
      if (!NOT_COUNTED.test(name!)) counts.set(name!, Number(calls));
    return counts;
  }

  /** How many commands are sent for something, and how many scripts carry out among them. */
  async function costOf(act: () => Promise<unknown>): Promise<{ sent: number; within: number }> {
    await node.link.idle();
    const sentBefore = node.link.sent;
    const before = await commands();
    await act();
    await node.link.idle();
    let carriedOut = 0;
    for (const [name, calls] of await commands()) carriedOut += calls - (before.get(name) ?? 0);
    const sent = node.link.sent - sentBefore;
    return { sent, within: carriedOut - sent };
  }

  async function costs(user: string): Promise<unknown> {
    const id = `s-${user}`;
    const by = { session: id, generation: 2 };
    const busy = { s: 'Busy', fields: { a: 'x' } } as const;
    return {
      login: await costOf(() => logIn(node, user, id, 'd1')),
      detach: await costOf(() => node.sessions.detach(id, 1, node.steadyMs())),
      resume: await costOf(() => resumeOn(node, user, id, 2)),
      confirm: await costOf(() => node.sessions.confirm(id, 2)),
      change: await costOf(() => node.presence.update(user, 'd1', by, busy)),
      repeated: await costOf(() => node.presence.update(user, 'd1', by, busy)),
      roster: await costOf(() => node.presence.read([user, 'a', 'b', 'c', 'd'])),
      asked: await costOf(() => node.sessions.generationsOf([{ id, user }])),
      heartbeats: await costOf(() => node.cluster.renew()),
      logout: await costOf(async () => {
        await node.sessions.end(id, 2);
        await node.presence.leave(user, 'd1', id);
      }),
    };
  }

  it('is the same for one user alone and for one among ten thousand', async () => {
    const alone = await costs('first');
    for (let from = 0; from < USERS.length; from += 1_000)
      await Promise.all(USERS.slice(from, from + 1_000).map((user) => logIn(node, user, `s-${user}`, 'd1')));
    expect(await costs('last')).toEqual(alone);
    expect(alone).toEqual({
      login: { sent: 3, within: 10 },
      detach: { sent: 1, within: 2 },
      resume: { sent: 2, within: 8 },
      confirm: { sent: 1, within: 2 },
      change: { sent: 1, within: 7 },
      repeated: { sent: 1, within: 4 },
      roster: { sent: 1, within: 0 },
      asked: { sent: 1, within: 0 },
      // One renewal for all sessions of a node; and TIME, which this test answers.
      heartbeats: { sent: 1, within: 5 },
      logout: { sent: 2, within: 11 },
    });
  }, 60_000);

  async function usedBytes(): Promise<number> {
    return Number(/used_memory:(\d+)/.exec(String(await server.run('INFO', 'memory')))![1]);
  }

  /** A session as the server makes them: ids of 22 characters, hashes of 43. */
  async function logInAs(user: string, i: number): Promise<void> {
    const id = randomBytes(16).toString('base64url');
    const tokenHash = createHash('sha256').update(id).digest('base64url');
    const device = `device-${i}`;
    const record = { id, user, device, node: node.cluster.node, generation: 1, tokenHash };
    await node.sessions.create({ ...record, previousTokenHash: null, detachedAtMs: null }, 9);
    const holder = { kind: 'session', session: id, generation: 1 } as const;
    await node.presence.join(user, device, holder, { s: 'Online', fields: { a: 'reading', p: 'carillon' } });
  }

  it('a user with a session takes less than 1,100 bytes, and another session less than 450', async () => {
    const empty = await usedBytes();
    for (const user of USERS) await logInAs(user, 1);
    const one = await usedBytes();
    for (const user of USERS) await logInAs(user, 2);
    const two = await usedBytes();
    const perUser = (one - empty) / USERS.length;
    const perSession = (two - one) / USERS.length;
    expect(perUser).toBeLessThan(1_100);
    expect(perSession).toBeLessThan(450);
  }, 60_000);
});
