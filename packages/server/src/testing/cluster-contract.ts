import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeLease } from '../ports/cluster.ts';
import {
  type ClusterNodeSubject,
  type ClusterSubject,
  logIn,
  passRenewing,
  resumeOn,
  setStatus,
} from './cluster-subject.ts';

/** What every `Cluster` must do about leases and time. `open` gives new, empty stores for each test. */
export function clusterContract(name: string, open: () => Promise<ClusterSubject>): void {
  describe(`Cluster: ${name}`, () => {
    let subject: ClusterSubject;
    let one: ClusterNodeSubject;
    let other: ClusterNodeSubject;
    beforeEach(async () => {
      subject = await open();
      one = await subject.start();
      other = await subject.start();
    });
    afterEach(() => subject.close());

    async function leaseOf(node: ClusterNodeSubject, reader = other): Promise<NodeLease | undefined> {
      const { leases } = await reader.cluster.renew();
      return leases.find((lease) => lease.node === node.cluster.node);
    }

    it('nodes have names of their own', () => {
      expect(one.cluster.node).not.toBe(other.cluster.node);
    });

    it('a lease begins with the first renewal, and is told from the second one on', async () => {
      const first = await one.cluster.renew();
      expect(first.leases).toEqual([]);
      const expiresAtMs = first.nowMs + one.cluster.leaseMs;
      const second = await one.cluster.renew();
      expect(second.leases).toEqual([
        { node: one.cluster.node, expiresAtMs, sweepAtMs: expiresAtMs + subject.graceMs, held: false },
      ]);
    });

    it('each renewal begins the lease anew', async () => {
      await one.cluster.renew();
      await subject.pass(one.cluster.leaseMs - 1);
      const { nowMs } = await one.cluster.renew();
      expect(await leaseOf(one)).toMatchObject({ expiresAtMs: nowMs + one.cluster.leaseMs });
    });

    it('two nodes have one time', async () => {
      await one.cluster.renew();
      await subject.pass(1_000);
      const { nowMs } = await other.cluster.renew();
      await subject.pass(5_000);
      expect(other.nowMs()).toBe(nowMs + 5_000);
      expect(one.nowMs()).toBe(other.nowMs());
      expect((await one.cluster.renew()).nowMs).toBe(nowMs + 5_000);
    });

    it('a node that retires lapses at once, and its sessions keep their grace', async () => {
      await one.cluster.renew();
      await logIn(one, 'alice', 's1');
      await subject.pass(1_000);
      await one.cluster.retire();
      const { nowMs } = await other.cluster.renew();
      const lease = await leaseOf(one);
      expect(lease?.expiresAtMs).toBeLessThanOrEqual(nowMs);
      expect(lease?.sweepAtMs).toBe(nowMs + subject.graceMs);
      expect(await resumeOn(other, 'alice', 's1', 2)).toMatchObject({ ok: true, from: one.cluster.node });
    });

    it('when a lapsed node may be swept is put off once', async () => {
      await one.cluster.renew();
      const renewal = await passRenewing(subject, 2 * one.cluster.leaseMs, other);
      const untilMs = (renewal?.nowMs ?? 0) + 5 * subject.graceMs;
      await other.cluster.hold([one.cluster.node], untilMs);
      expect(await leaseOf(one)).toMatchObject({ sweepAtMs: untilMs, held: true });
      await other.cluster.hold([one.cluster.node], untilMs + 1_000);
      expect(await leaseOf(one)).toMatchObject({ sweepAtMs: untilMs, held: true });
    });

    it('a node that renews again has a lease like any other, which was not put off', async () => {
      await one.cluster.renew();
      await passRenewing(subject, 2 * one.cluster.leaseMs, other);
      await other.cluster.hold([one.cluster.node], other.nowMs() + 5 * subject.graceMs);
      const { nowMs } = await one.cluster.renew();
      expect(await leaseOf(one)).toEqual({
        node: one.cluster.node,
        expiresAtMs: nowMs + one.cluster.leaseMs,
        sweepAtMs: nowMs + one.cluster.leaseMs + subject.graceMs,
        held: false,
      });
    });

    it('of a node that lives, and of one that is not known, nothing is put off', async () => {
      const { nowMs } = await one.cluster.renew();
      await other.cluster.hold([one.cluster.node, 'nobody'], nowMs + 100 * subject.graceMs);
      const { leases } = await other.cluster.renew();
      expect(leases).toEqual([
        {
          node: one.cluster.node,
          expiresAtMs: nowMs + one.cluster.leaseMs,
          sweepAtMs: nowMs + one.cluster.leaseMs + subject.graceMs,
          held: false,
        },
      ]);
    });

    describe('time in which no node renewed', () => {
      beforeEach(async () => {
        await one.cluster.renew();
        await other.cluster.renew();
        await logIn(one, 'alice', 's1');
      });

      it('does not count as absence: the grace goes on where it stopped', async () => {
        await one.sessions.detach('s1', 1, one.steadyMs());
        await subject.pass(100 * subject.graceMs);
        await other.cluster.renew();
        await passRenewing(subject, subject.graceMs - 1, other);
        expect(await resumeOn(other, 'alice', 's1', 2)).toMatchObject({ ok: true });
      });

      it('and ends where it would have ended', async () => {
        await one.sessions.detach('s1', 1, one.steadyMs());
        await subject.pass(100 * subject.graceMs);
        await other.cluster.renew();
        await passRenewing(subject, subject.graceMs, other);
        expect(await resumeOn(other, 'alice', 's1', 2)).toEqual({ ok: false, reason: 'expired' });
      });

      it('is none as long as one node renews', async () => {
        await one.sessions.detach('s1', 1, one.steadyMs());
        await passRenewing(subject, subject.graceMs, other);
        expect(await resumeOn(other, 'alice', 's1', 2)).toEqual({ ok: false, reason: 'expired' });
      });

      it('is none where it is no longer than a lease', async () => {
        await one.sessions.detach('s1', 1, one.steadyMs());
        let leftMs = subject.graceMs;
        while (leftMs > 0) {
          const stepMs = Math.min(leftMs, one.cluster.leaseMs);
          await subject.pass(stepMs);
          await other.cluster.renew();
          leftMs -= stepMs;
        }
        expect(await resumeOn(other, 'alice', 's1', 2)).toEqual({ ok: false, reason: 'expired' });
      });

      it('is the same for a node that comes later', async () => {
        await one.sessions.detach('s1', 1, one.steadyMs());
        await subject.pass(100 * subject.graceMs);
        await other.cluster.renew();
        const later = await subject.start();
        await later.cluster.renew();
        expect(later.steadyMs()).toBe(other.steadyMs());
        expect(await resumeOn(later, 'alice', 's1', 2)).toMatchObject({ ok: true });
      });
    });

    it('whoever looks after a status over HTTP is told when another node has it, or took it away', async () => {
      for (const node of [one, other]) await node.cluster.renew();
      const untilMs = one.nowMs() + one.cluster.leaseMs;
      await setStatus(one, 'alice', 'bot', untilMs);
      expect(await one.presence.keeps('alice', 'bot')).toBe(true);
      expect(await subject.replaced()).toEqual([]);
      await setStatus(other, 'alice', 'bot', untilMs - 1);
      expect(await subject.replaced()).toEqual([`${one.cluster.node} alice bot`]);
      expect(await one.presence.keeps('alice', 'bot')).toBe(false);
      expect(await other.presence.keeps('alice', 'bot')).toBe(true);
      await one.presence.leave('alice', 'bot', null);
      expect(await subject.replaced()).toEqual([`${other.cluster.node} alice bot`]);
      expect(await other.presence.keeps('alice', 'bot')).toBe(false);
    });

    it('nobody is told of a status that its own node sets anew and takes away', async () => {
      for (const node of [one, other]) await node.cluster.renew();
      const untilMs = one.nowMs() + one.cluster.leaseMs;
      await setStatus(one, 'alice', 'bot', untilMs);
      await setStatus(one, 'alice', 'bot', untilMs + 1);
      await other.presence.leave('alice', 'bot', null, untilMs);
      expect(await one.presence.keeps('alice', 'bot')).toBe(true);
      await one.presence.leave('alice', 'bot', null);
      expect(await one.presence.keeps('alice', 'bot')).toBe(false);
      expect(await subject.replaced()).toEqual([]);
    });
  });
}
