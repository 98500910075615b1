import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import { logIn, passRenewing, resumeOn } from '../../src/testing/cluster-subject.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { LEASE_MS, type ManyNodes, type NodeUnderTest, openMany } from './user-store-subjects.ts';

const HOUR_MS = 3_600_000;
/** What may be lost of a grace, or added to it: the time since anybody renewed. */
const BETWEEN_MS = LEASE_MS / 3;

describe("Redis's clock goes back an hour", () => {
  let server: RedisServer;
  let subject: ManyNodes;
  let one: NodeUnderTest;
  let other: NodeUnderTest;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    subject = await openMany({
      ports: [server.port],
      isCluster: false,
      openLink: (prefix) => openLink(server.port, { prefix }),
      flush: async () => void (await server.run('FLUSHALL')),
    });
    one = await subject.start();
    other = await subject.start();
    await passRenewing(subject, BETWEEN_MS, one, other);
  });
  afterEach(() => subject.close());

  it('steady time goes on for every node, whoever renews first, also where it went back before', async () => {
    for (const [first, second] of [
      [one, other],
      [other, one],
    ] as const) {
      const before = [first.steadyMs(), second.steadyMs()];
      await subject.pass(5_000);
      subject.setBack(HOUR_MS);
      for (const node of [first, second, first]) await node.cluster.renew();
      for (const [i, node] of [first, second].entries()) {
        expect(node.steadyMs()).toBeGreaterThanOrEqual(before[i]!);
        expect(node.steadyMs()).toBeLessThanOrEqual(before[i]! + 5_000);
      }
      expect(first.steadyMs()).toBe(second.steadyMs());
    }
  });

  it('nobody has longer to come back, nor less', async () => {
    await logIn(one, 'alice', 's1');
    await logIn(one, 'bob', 's2');
    for (const id of ['s1', 's2']) await one.sessions.detach(id, 1, one.steadyMs());
    subject.setBack(HOUR_MS);
    await passRenewing(subject, subject.graceMs - BETWEEN_MS, one, other);
    expect(await resumeOn(other, 'alice', 's1', 2)).toMatchObject({ ok: true });
    await passRenewing(subject, 2 * BETWEEN_MS + 1, one, other);
    expect(await resumeOn(other, 'bob', 's2', 2)).toEqual({ ok: false, reason: 'expired' });
  });

  it('a node that died is taken for dead a lease later, and swept one grace behind that', async () => {
    const dead = await subject.start();
    await dead.cluster.renew();
    await logIn(dead, 'alice', 's1');
    subject.setBack(HOUR_MS);
    await passRenewing(subject, LEASE_MS - BETWEEN_MS, one, other);
    const isLive = async (): Promise<boolean> => {
      const { nowMs, leases } = await one.cluster.renew();
      return leases.some(({ node, expiresAtMs }) => node === dead.cluster.node && expiresAtMs > nowMs);
    };
    expect(await isLive()).toBe(true);
    await passRenewing(subject, 2 * BETWEEN_MS, one, other);
    expect(await isLive()).toBe(false);
    expect(await one.cluster.sweep(dead.cluster.node, 10)).toMatchObject({ holders: 0 });
    await passRenewing(subject, subject.graceMs, one, other);
    expect(await one.cluster.sweep(dead.cluster.node, 10)).toMatchObject({ holders: 1, ended: 1 });
  });

  it('and with everything that it held: what the nodes know of time is put back', async () => {
    await logIn(one, 'alice', 's1');
    await one.sessions.detach('s1', 1, one.steadyMs());
    subject.setBack(HOUR_MS);
    await passRenewing(subject, BETWEEN_MS, one, other);
    const before = [one.steadyMs(), other.steadyMs()];
    await subject.lose();
    await passRenewing(subject, BETWEEN_MS, one, other);
    expect([one.steadyMs(), other.steadyMs()]).toEqual(before.map((ms) => ms + BETWEEN_MS));
    await passRenewing(subject, subject.graceMs, one, other);
    expect(await resumeOn(other, 'alice', 's1', 2)).toEqual({ ok: false, reason: 'expired' });
  });
});

describe('renewals that are asked for at once', () => {
  it('come one behind the other: the second begins once all was put back that the first found missing', async () => {
    const server = await startRedis();
    const subject = await openMany({
      ports: [server.port],
      isCluster: false,
      openLink: (prefix) => openLink(server.port, { prefix }),
      flush: async () => void (await server.run('FLUSHALL')),
    });
    const ran: string[] = [];
    const node = await subject.start((link: RedisLink) => ({
      ...link,
      async run(script, keys, args) {
        ran.push(script.name);
        const reply = await link.run(script, keys, args);
        ran.push(`${script.name} answered`);
        return reply;
      },
    }));
    await node.cluster.renew();
    await logIn(node, 'alice', 's1');
    await subject.lose();
    ran.length = 0;
    await Promise.all([node.cluster.renew(), node.cluster.renew()]);
    const renewals = ran.filter((name) => /^(cluster-renew|presence-restore)/.test(name));
    expect(renewals).toEqual([
      'cluster-renew',
      'cluster-renew answered',
      'presence-restore',
      'presence-restore answered',
      'cluster-renew',
      'cluster-renew answered',
    ]);
    await subject.close();
    await server.stop();
  });
});
