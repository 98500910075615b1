import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PresenceRecord } from '../ports/presence.ts';
import {
  type ClusterNodeSubject,
  type LosableClusterSubject,
  logIn,
  passRenewing,
  resumeOn,
  seen,
  setStatus,
  sweepAll,
  told,
} from './cluster-subject.ts';

const USERS = ['alice', 'bob', 'carol', 'dave'];

/** What every `Cluster` must do where its store can come back empty. `open` gives new, empty stores for each test. */
export function clusterLossContract(name: string, open: () => Promise<LosableClusterSubject>): void {
  describe(`Cluster, whose store lost everything: ${name}`, () => {
    let subject: LosableClusterSubject;
    let one: ClusterNodeSubject;
    let other: ClusterNodeSubject;
    beforeEach(async () => {
      subject = await open();
      one = await subject.start();
      other = await subject.start();
      for (const node of [one, other]) await node.cluster.renew();
    });
    afterEach(() => subject.close());

    const shown = async (node = one): Promise<readonly Omit<PresenceRecord, 'version'>[]> =>
      (await node.presence.read(USERS)).map(({ user, s, fields, lastSeenMs }) => ({
        user,
        s,
        fields,
        lastSeenMs,
      }));

    /** Until every node has compared what it put back. */
    const settle = () => passRenewing(subject, subject.settleMs, one, other);

    it('is given everything back by the nodes, and nobody sees a change', async () => {
      await logIn(one, 'alice', 's1', 'd1', 'Away');
      await logIn(other, 'alice', 's2', 'd2', 'Busy');
      await logIn(one, 'bob', 's3', 'd1');
      await one.presence.update('bob', 'd1', { session: 's3', generation: 1 }, { fields: { a: 'reading' } });
      await logIn(other, 'carol', 's4', 'd1');
      await other.presence.update(
        'carol',
        'd1',
        { session: 's4', generation: 1 },
        { s: 'Invisible', fields: {} },
      );
      const hiddenMs = other.nowMs();
      await subject.published();
      await subject.lose();
      await one.cluster.renew();
      await other.cluster.renew();
      const between = await shown();
      expect(between.slice(0, 2)).toEqual([
        { user: 'alice', s: 'Busy', fields: {}, lastSeenMs: null },
        { user: 'bob', s: 'Online', fields: { a: 'reading' }, lastSeenMs: null },
      ]);
      await settle();
      expect(await subject.published()).toEqual([]);
      expect(await shown()).toEqual(between);
      expect(between[2]).toMatchObject({ user: 'carol', s: 'Offline' });
      expect(between[2]?.lastSeenMs ?? hiddenMs).toBe(hiddenMs);
      expect(await one.presence.devicesOf('alice')).toMatchObject({ d1: { s: 'Away' }, d2: { s: 'Busy' } });
      expect(await other.presence.devicesOf('carol')).toMatchObject({ d1: { s: 'Invisible' } });
    });

    it('sessions go on: with their tokens, their generations, and what was used of their grace', async () => {
      await logIn(one, 'alice', 's1');
      await logIn(one, 'bob', 's2');
      await resumeOn(other, 'bob', 's2', 2);
      await one.sessions.detach('s1', 1, one.steadyMs());
      await subject.pass(1_000);
      await other.sessions.detach('s2', 2, other.steadyMs());
      await subject.lose();
      await one.cluster.renew();
      await other.cluster.renew();
      await passRenewing(subject, subject.graceMs - 1_000, one, other);
      expect(await resumeOn(other, 'alice', 's1', 2)).toEqual({ ok: false, reason: 'expired' });
      expect(await resumeOn(one, 'bob', 's2', 3)).toMatchObject({
        ok: true,
        session: { generation: 3, device: 'device-of-s2' },
        from: other.cluster.node,
      });
    });

    it('a session that is lost between its resume and its device is refused for now: nobody is shown a device that began anew', async () => {
      await logIn(one, 'alice', 's1', 'd1', 'Busy');
      await logIn(one, 'alice', 's2', 'd2');
      const hiding = { session: 's2', generation: 1 };
      await one.presence.update('alice', 'd2', hiding, { s: 'Invisible', fields: {} });
      const before = await shown();
      await subject.published();
      const resumed = await other.sessions.resume({
        user: 'alice',
        tokenHash: 'hash-s1-1',
        nextTokenHash: 'hash-s1-2',
        node: other.cluster.node,
        nowMs: other.steadyMs(),
      });
      expect(resumed).toMatchObject({ ok: true });
      await subject.lose();
      const holder = { kind: 'session', session: 's1', generation: 2 } as const;
      const joining = other.presence.join('alice', 'd1', holder, { fields: {} });
      await expect(joining).rejects.toMatchObject({ code: 'unavailable' });
      await one.cluster.renew();
      await other.cluster.renew();
      await settle();
      expect(await resumeOn(other, 'alice', 's1', 3)).toMatchObject({ ok: true });
      expect(await subject.published()).toEqual([]);
      expect((await shown())[0]).toMatchObject({ user: 'alice', s: before[0]?.s });
      expect(await seen(other, 'alice')).toBe('alice Offline');
    });

    it('a session that went on elsewhere is put back by the node that has it, whichever comes first', async () => {
      for (const [first, second] of [
        [one, other],
        [other, one],
      ] as const) {
        const id = `s-of-${first === one ? 'one' : 'other'}`;
        await logIn(first, 'alice', id);
        await resumeOn(second, 'alice', id, 2);
      }
      await subject.published();
      await subject.lose();
      await one.cluster.renew();
      await other.cluster.renew();
      await settle();
      const sessions = await one.sessions.sessionsOf('alice');
      expect(sessions.map(({ id, node, generation }) => `${id} ${node} ${generation}`).toSorted()).toEqual([
        `s-of-one ${other.cluster.node} 2`,
        `s-of-other ${one.cluster.node} 2`,
      ]);
      expect(await subject.published()).toEqual([]);
      expect(await seen(one, 'alice')).toBe('alice Online');
    });

    it('a session that went on elsewhere and ended there does not come back with the node that it left', async () => {
      await logIn(one, 'alice', 's1', 'd1', 'Away');
      expect(await resumeOn(other, 'alice', 's1', 2)).toMatchObject({ ok: true });
      expect(await other.sessions.end('s1', 2)).toBe(true);
      await other.presence.leave('alice', 'd1', 's1');
      await subject.replace();
      await one.cluster.renew();
      await other.cluster.renew();
      await settle();
      expect(await other.sessions.sessionsOf('alice')).toEqual([]);
      expect(await other.presence.devicesOf('alice')).toEqual({});
      expect(await seen(other, 'alice')).toBe('alice Offline');
    });

    it('nor does one that was swept while its node was away', async () => {
      await logIn(one, 'alice', 's1', 'd1', 'Away');
      await passRenewing(subject, one.cluster.leaseMs + subject.graceMs, other);
      expect(await sweepAll(other, one.cluster.node)).toMatchObject({ ended: 1 });
      await subject.replace();
      await other.cluster.renew();
      await one.cluster.renew();
      await settle();
      expect(await other.sessions.sessionsOf('alice')).toEqual([]);
      expect(await other.presence.devicesOf('alice')).toEqual({});
    });

    it('nor does a status over HTTP that another node took away', async () => {
      await setStatus(one, 'alice', 'bot', one.nowMs() + 100 * (subject.graceMs + one.cluster.leaseMs));
      await other.presence.leave('alice', 'bot', null);
      expect(await one.presence.keeps('alice', 'bot')).toBe(false);
      await subject.lose();
      await one.cluster.renew();
      await other.cluster.renew();
      await settle();
      expect(await other.presence.devicesOf('alice')).toEqual({});
      expect(await seen(other, 'alice')).toBe('alice Offline');
    });

    it('what was put back changes, leaves and is swept as ever', async () => {
      await logIn(one, 'alice', 's1', 'd1');
      await logIn(other, 'bob', 's2', 'd1');
      await setStatus(other, 'carol', 'bot', one.nowMs() + 100 * (subject.graceMs + one.cluster.leaseMs));
      await subject.lose();
      await one.cluster.renew();
      await other.cluster.renew();
      await settle();
      await subject.published();
      await one.presence.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Busy', fields: {} });
      await one.sessions.end('s1', 1);
      await one.presence.leave('alice', 'd1', 's1');
      expect(told(await subject.published())).toEqual(['alice Busy', 'alice Offline']);
      await passRenewing(subject, other.cluster.leaseMs + subject.graceMs, one);
      expect(await sweepAll(one, other.cluster.node)).toMatchObject({ ended: 1, leases: ['carol bot'] });
      expect(told(await subject.published())).toEqual(['bob Offline']);
    });

    it('what was shown by a node that is gone is corrected, once', async () => {
      const gone = await subject.start();
      await gone.cluster.renew();
      await logIn(one, 'alice', 's1', 'd1', 'Away');
      await logIn(gone, 'alice', 's2', 'd2', 'Busy');
      await one.presence.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Online', fields: {} });
      await logIn(one, 'alice', 's3', 'd3', 'Away');
      await subject.published();
      await subject.lose();
      await one.cluster.renew();
      await other.cluster.renew();
      expect(await subject.published()).toEqual([]);
      await settle();
      expect(told(await subject.published())).toEqual(['alice Online']);
      expect(await seen(other, 'alice')).toBe('alice Online');
    });

    it('what a node leaves in the new store that dies before it renews is found: the others know its lease', async () => {
      const gone = await subject.start();
      await gone.cluster.renew();
      for (const node of [one, other]) await node.cluster.renew();
      await subject.lose();
      await logIn(gone, 'alice', 's1');
      await one.cluster.renew();
      const { nowMs, leases } = await other.cluster.renew();
      const expiresAtMs = nowMs + gone.cluster.leaseMs;
      const sweepAtMs = expiresAtMs + subject.graceMs;
      expect(leases).toContainEqual({ node: gone.cluster.node, expiresAtMs, sweepAtMs, held: false });
      await passRenewing(subject, gone.cluster.leaseMs + subject.graceMs, one, other);
      await subject.published();
      expect(await sweepAll(one, gone.cluster.node)).toMatchObject({ ended: 1 });
      expect(told(await subject.published())).toEqual(['alice Offline']);
    });

    it('time that was lost before stays lost', async () => {
      await logIn(one, 'alice', 's1');
      await one.sessions.detach('s1', 1, one.steadyMs());
      await subject.pass(100 * subject.graceMs);
      await one.cluster.renew();
      await other.cluster.renew();
      await subject.lose();
      await other.cluster.renew();
      await one.cluster.renew();
      await passRenewing(subject, subject.graceMs - 1, one, other);
      expect(await resumeOn(other, 'alice', 's1', 2)).toMatchObject({ ok: true });
    });

    it('and so does time in which it was away and lost everything', async () => {
      await logIn(one, 'alice', 's1');
      await one.sessions.detach('s1', 1, one.steadyMs());
      await subject.lose();
      await subject.pass(100 * subject.graceMs);
      await one.cluster.renew();
      await other.cluster.renew();
      await passRenewing(subject, subject.graceMs - 1, one, other);
      expect(await resumeOn(other, 'alice', 's1', 2)).toMatchObject({ ok: true });
    });
  });
}
