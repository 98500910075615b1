import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ClusterNodeSubject,
  type LosableClusterSubject,
  logIn,
  passRenewing,
  resumeOn,
  sweepAll,
} from './cluster-subject.ts';

/** As many as a node asks about at once. */
const MANY = 500;

/** What every `SharedSessionStore` must do for a node that asks about its sessions. `open` gives new, empty stores for each test. */
export function sharedSessionsContract(name: string, open: () => Promise<LosableClusterSubject>): void {
  describe(`SharedSessionStore: ${name}`, () => {
    let subject: LosableClusterSubject;
    let one: ClusterNodeSubject;
    let other: ClusterNodeSubject;
    beforeEach(async () => {
      subject = await open();
      one = await subject.start();
      other = await subject.start();
      await one.cluster.renew();
      await other.cluster.renew();
    });
    afterEach(() => subject.close());

    const ask = (node: ClusterNodeSubject, ...ids: readonly string[]) =>
      node.sessions.generationsOf(ids.map((id) => ({ id, user: 'alice' })));

    it('a session that went on elsewhere has its later generation, whichever node asks', async () => {
      await logIn(one, 'alice', 's1');
      await logIn(one, 'alice', 's2');
      await resumeOn(other, 'alice', 's1', 2);
      expect(await ask(one, 's1', 's2')).toEqual([2, 1]);
      expect(await ask(other, 's2', 's1')).toEqual([1, 2]);
    });

    it('a session that another node ended, or swept, is over; one that never was is unknown', async () => {
      await logIn(one, 'alice', 's1');
      await logIn(one, 'alice', 's2');
      // Whoever ends a session of another node has read it before.
      expect(await other.sessions.sessionsOf('alice')).toHaveLength(2);
      expect(await other.sessions.end('s1', 1)).toBe(true);
      expect(await ask(one, 's0', 's1', 's2')).toEqual(['unknown', 'over', 1]);
      await passRenewing(subject, one.cluster.leaseMs + subject.graceMs, other);
      await sweepAll(other, one.cluster.node);
      expect(await ask(one, 's2')).toEqual(['over']);
    });

    it('a session that the store lost is unknown, never over, and has its generation again once it is put back', async () => {
      await logIn(one, 'alice', 's1');
      await resumeOn(other, 'alice', 's1', 2);
      await logIn(one, 'alice', 's2');
      await subject.lose();
      expect(await ask(one, 's1', 's2')).toEqual(['unknown', 'unknown']);
      await one.cluster.renew();
      await other.cluster.renew();
      expect(await ask(one, 's1', 's2')).toEqual([2, 1]);
    });

    it('many at once are answered in the order asked', async () => {
      const users = Array.from({ length: MANY }, (_, i) => `user-${i}`);
      await Promise.all(users.map((user) => logIn(one, user, `s-${user}`)));
      const odd = users.filter((_, i) => i % 2 === 1);
      await Promise.all(odd.map((user) => resumeOn(other, user, `s-${user}`, 2)));
      const asked = users.map((user) => ({ id: `s-${user}`, user }));
      expect(await one.sessions.generationsOf(asked)).toEqual(users.map((_, i) => 1 + (i % 2)));
      expect(await one.sessions.generationsOf([])).toEqual([]);
    });

    it('asking changes nothing: the session goes on with the token that it had', async () => {
      await logIn(one, 'alice', 's1');
      await ask(other, 's1', 's2');
      const [session] = await one.sessions.sessionsOf('alice');
      expect(session).toMatchObject({ node: one.cluster.node, generation: 1, tokenHash: 'hash-s1-1' });
      expect(await resumeOn(other, 'alice', 's1', 2)).toMatchObject({ ok: true, from: one.cluster.node });
    });
  });
}
