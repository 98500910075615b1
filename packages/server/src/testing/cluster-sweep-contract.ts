import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ClusterNodeSubject,
  type ClusterSubject,
  logIn,
  passRenewing,
  resumeOn,
  seen,
  setStatus,
  sweepAll,
  told,
} from './cluster-subject.ts';

/** What every `Cluster` must do with what dead nodes have left. `open` gives new, empty stores for each test. */
export function clusterSweepContract(name: string, open: () => Promise<ClusterSubject>): void {
  describe(`Cluster, sweeping: ${name}`, () => {
    let subject: ClusterSubject;
    let dead: ClusterNodeSubject;
    let one: ClusterNodeSubject;
    let other: ClusterNodeSubject;
    beforeEach(async () => {
      subject = await open();
      dead = await subject.start();
      one = await subject.start();
      other = await subject.start();
      for (const node of [dead, one, other]) await node.cluster.renew();
    });
    afterEach(() => subject.close());

    /** Until the dead node may be swept; the others live. */
    async function untilOverdue(): Promise<void> {
      await passRenewing(subject, dead.cluster.leaseMs + subject.graceMs, one, other);
    }

    async function nodesWithLease(): Promise<readonly string[]> {
      const { leases } = await one.cluster.renew();
      return leases.map(({ node }) => node);
    }

    it('what a dead node had ends: sessions are gone, and each departure is published once', async () => {
      await logIn(dead, 'alice', 's1');
      await logIn(dead, 'bob', 's2', 'd', 'Busy');
      await untilOverdue();
      expect(told(await subject.published())).toEqual(['alice Online', 'bob Busy']);
      expect(await sweepAll(one, dead.cluster.node)).toMatchObject({ ended: 2, leases: [] });
      expect(told(await subject.published()).toSorted()).toEqual(['alice Offline', 'bob Offline']);
      expect(await one.sessions.sessionsOf('alice')).toEqual([]);
      expect(await one.presence.devicesOf('bob')).toEqual({});
      expect(await seen(other, 'alice')).toBe('alice Offline');
    });

    it('its lease is forgotten once nothing is left of it, and no sooner', async () => {
      await logIn(dead, 'alice', 's1');
      await untilOverdue();
      expect(await one.cluster.sweep(dead.cluster.node, 1)).toMatchObject({ ended: 1 });
      expect(await nodesWithLease()).toContain(one.cluster.node);
      await sweepAll(one, dead.cluster.node);
      expect(await nodesWithLease()).not.toContain(dead.cluster.node);
      expect(await one.cluster.sweep(dead.cluster.node, 1)).toEqual({
        overdue: true,
        holders: 0,
        ended: 0,
        leases: [],
      });
    });

    it('one call deals with so many holders and no more', async () => {
      for (const user of ['alice', 'bob', 'carol', 'dave']) await logIn(dead, user, `s-${user}`);
      for (let i = 0; i < 5; i++) await logIn(dead, `user-${i}`, `t-${i}`);
      await untilOverdue();
      const first = await one.cluster.sweep(dead.cluster.node, 2);
      expect(first).toEqual({ overdue: true, holders: 2, ended: 2, leases: [] });
      expect(await nodesWithLease()).toContain(dead.cluster.node);
      const rest = await sweepAll(one, dead.cluster.node, 2);
      expect(rest.ended).toBe(7);
      expect(rest.calls).toBeGreaterThanOrEqual(4);
    });

    it('nodes that sweep at once end each session once, and publish each departure once', async () => {
      const users = ['alice', 'bob', 'carol', 'dave'];
      for (const user of users) await logIn(dead, user, `s-${user}`);
      for (let i = 0; i < 40; i++) await logIn(dead, `user-${i}`, `t-${i}`);
      await untilOverdue();
      await subject.published();
      const swept = await Promise.all([
        sweepAll(one, dead.cluster.node, 3),
        sweepAll(other, dead.cluster.node, 3),
        sweepAll(one, dead.cluster.node, 100),
        sweepAll(other, dead.cluster.node, 100),
      ]);
      expect(swept.reduce((sum, { ended }) => sum + ended, 0)).toBe(44);
      expect(told(await subject.published()).toSorted()).toEqual(users.map((user) => `${user} Offline`));
    });

    it('a session that went on elsewhere is not touched, and nobody is told anything', async () => {
      await logIn(dead, 'alice', 's1');
      await logIn(dead, 'bob', 's2');
      await passRenewing(subject, dead.cluster.leaseMs, one, other);
      expect(await resumeOn(other, 'alice', 's1', 2)).toMatchObject({ ok: true, from: dead.cluster.node });
      await untilOverdue();
      await subject.published();
      expect(await sweepAll(one, dead.cluster.node)).toMatchObject({ ended: 1 });
      expect(told(await subject.published())).toEqual(['bob Offline']);
      expect(await one.sessions.sessionsOf('alice')).toMatchObject([
        { id: 's1', generation: 2, node: other.cluster.node },
      ]);
    });

    it('a session that came back to the living node which sweeps is not touched', async () => {
      await logIn(dead, 'alice', 's1');
      await passRenewing(subject, dead.cluster.leaseMs, one, other);
      await resumeOn(one, 'alice', 's1', 2);
      await untilOverdue();
      await subject.published();
      expect(await sweepAll(one, dead.cluster.node)).toMatchObject({ ended: 0 });
      expect(await subject.published()).toEqual([]);
      expect(await one.sessions.detach('s1', 2, one.steadyMs())).toBe(true);
    });

    it('whoever has another device on a living node stays online with that', async () => {
      await logIn(dead, 'alice', 's1', 'd1', 'Busy');
      await logIn(one, 'alice', 's2', 'd2', 'Away');
      await untilOverdue();
      await subject.published();
      await sweepAll(other, dead.cluster.node);
      expect(told(await subject.published())).toEqual(['alice Away']);
      expect(Object.keys(await one.presence.devicesOf('alice'))).toEqual(['d2']);
    });

    it('a device that a session on a living node holds too stays as it is', async () => {
      await logIn(dead, 'alice', 's1', 'd1', 'Busy');
      await one.sessions.create(
        {
          id: 's2',
          user: 'alice',
          device: 'd1',
          node: one.cluster.node,
          generation: 1,
          tokenHash: 'hash-s2-1',
          previousTokenHash: null,
          detachedAtMs: null,
        },
        9,
      );
      await one.presence.join(
        'alice',
        'd1',
        { kind: 'session', session: 's2', generation: 1 },
        { fields: {} },
      );
      await untilOverdue();
      await subject.published();
      await sweepAll(other, dead.cluster.node);
      expect(await subject.published()).toEqual([]);
      expect(await seen(other, 'alice')).toBe('alice Busy');
      await one.sessions.end('s2', 1);
      await one.presence.leave('alice', 'd1', 's2');
      expect(told(await subject.published())).toEqual(['alice Offline']);
    });

    it('a node that renewed in the meantime is not swept', async () => {
      await logIn(dead, 'alice', 's1');
      await untilOverdue();
      await dead.cluster.renew();
      await subject.published();
      expect(await one.cluster.sweep(dead.cluster.node, 100)).toEqual({
        overdue: false,
        holders: 0,
        ended: 0,
        leases: [],
      });
      expect(await subject.published()).toEqual([]);
      expect(await nodesWithLease()).toContain(dead.cluster.node);
      expect(await one.sessions.sessionsOf('alice')).toHaveLength(1);
    });

    it('nor one whose time has not come', async () => {
      await logIn(dead, 'alice', 's1');
      await passRenewing(subject, dead.cluster.leaseMs + subject.graceMs - 1, one);
      expect(await one.cluster.sweep(dead.cluster.node, 100)).toMatchObject({ overdue: false, ended: 0 });
      expect(await seen(one, 'alice')).toBe('alice Online');
    });

    it('what a swept node still sends changes nothing', async () => {
      await logIn(dead, 'alice', 's1', 'd1');
      await untilOverdue();
      await sweepAll(one, dead.cluster.node);
      await subject.published();
      const by = { session: 's1', generation: 1 };
      await dead.presence.update('alice', 'd1', by, { s: 'Busy', fields: {} }).catch(() => undefined);
      expect(await dead.sessions.detach('s1', 1, dead.steadyMs())).toBe(false);
      expect(await dead.sessions.end('s1', 1)).toBe(false);
      expect(await subject.published()).toEqual([]);
      expect(await seen(one, 'alice')).toBe('alice Offline');
    });

    it('a status over HTTP is looked after by the node that sweeps, until that dies in its turn', async () => {
      const expiresAtMs = one.nowMs() + 100 * (subject.graceMs + one.cluster.leaseMs);
      await setStatus(dead, 'alice', 'bot', expiresAtMs);
      await untilOverdue();
      await subject.published();
      const swept = await one.cluster.sweep(dead.cluster.node, 100);
      expect(swept).toMatchObject({ ended: 0, leases: [{ user: 'alice', device: 'bot', expiresAtMs }] });
      expect(await sweepAll(one, dead.cluster.node)).toEqual({ ended: 0, calls: 1, leases: [] });
      expect(await subject.published()).toEqual([]);
      expect(await seen(one, 'alice')).toBe('alice Busy');
      await passRenewing(subject, one.cluster.leaseMs + subject.graceMs, other);
      expect(await sweepAll(other, one.cluster.node)).toMatchObject({ ended: 0, leases: ['alice bot'] });
      await other.presence.leave('alice', 'bot', null);
      expect(told(await subject.published())).toEqual(['alice Offline']);
    });

    it('is looked after by one of several that sweep at once', async () => {
      await setStatus(dead, 'alice', 'bot', one.nowMs() + 100 * (subject.graceMs + one.cluster.leaseMs));
      await untilOverdue();
      const swept = await Promise.all([one, other].map((node) => sweepAll(node, dead.cluster.node)));
      expect(swept.flatMap(({ leases }) => leases)).toEqual(['alice bot']);
    });

    it('one that was set anew over another node stays with that', async () => {
      const untilMs = one.nowMs() + 100 * (subject.graceMs + one.cluster.leaseMs);
      await setStatus(dead, 'alice', 'bot', untilMs);
      await setStatus(other, 'alice', 'bot', untilMs + 1);
      await untilOverdue();
      await subject.published();
      expect(await sweepAll(one, dead.cluster.node)).toMatchObject({ ended: 0, leases: [] });
      expect(await subject.published()).toEqual([]);
      expect(await seen(one, 'alice')).toBe('alice Busy');
    });
  });
}
