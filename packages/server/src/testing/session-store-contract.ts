import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionRecord, SessionStore } from '../ports/sessions.ts';

/** Sessions of one user, more than any test makes. */
const MOST = 64;

/** A session store to be tried, with what the suite needs beside it. */
export type SessionStoreSubject = {
  readonly store: SessionStore;
  /** The grace that the store was made with, ms. */
  readonly graceMs: number;
  close(): Promise<void>;
};

/** For stores that take up sessions after a restart. */
export type RestartableSessionStore = SessionStoreSubject & {
  /**
   * Ends the store as a crash would and begins another over what was kept.
   *
   * @param aliveAtMs when the process was last known to live
   * @param nowMs when the next one took over
   */
  restart(aliveAtMs: number, nowMs: number): Promise<SessionStore>;
};

const T0 = 1_700_000_000_000;

function fresh(patch: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: 's1',
    user: 'alice',
    device: 'd1',
    node: '',
    generation: 1,
    tokenHash: 'hash-1',
    previousTokenHash: null,
    detachedAtMs: null,
    ...patch,
  };
}

/** What every `SessionStore` must do. `open` gives a new, empty store for each test. */
export function sessionStoreContract(name: string, open: () => Promise<SessionStoreSubject>): void {
  describe(`SessionStore: ${name}`, () => {
    let subject: SessionStoreSubject;
    let store: SessionStore;
    beforeEach(async () => {
      subject = await open();
      store = subject.store;
    });
    afterEach(() => subject.close());

    const resume = (tokenHash: string, nextTokenHash: string, nowMs = T0, user = 'alice') =>
      store.resume({ user, tokenHash, nextTokenHash, node: '', nowMs });

    it('a resume goes on with the session: next generation, new token, attached', async () => {
      await store.create(fresh(), MOST);
      await store.detach('s1', 1, T0);
      expect(await resume('hash-1', 'hash-2', T0 + 1)).toEqual({
        ok: true,
        from: '',
        session: fresh({ generation: 2, tokenHash: 'hash-2', previousTokenHash: 'hash-1' }),
      });
    });

    it('of more sessions than a user may have, one more is refused, and the one left for longest is named', async () => {
      await store.create(fresh(), 3);
      await store.create(fresh({ id: 's2', tokenHash: 'hash-2' }), 3);
      await store.create(fresh({ id: 's3', tokenHash: 'hash-3' }), 3);
      const more = fresh({ id: 's4', tokenHash: 'hash-4' });
      expect(await store.create(more, 3)).toEqual({ ok: false, oldestUnheld: null });
      await store.detach('s3', 1, T0);
      await store.detach('s2', 1, T0 + 1);
      expect(await store.create(more, 3)).toEqual({
        ok: false,
        oldestUnheld: fresh({ id: 's3', tokenHash: 'hash-3', detachedAtMs: T0 }),
      });
      expect(await store.sessionsOf('alice')).toHaveLength(3);
      expect(await resume('hash-4', 'hash-5')).toEqual({ ok: false, reason: 'unknown' });
      expect(await store.create(fresh({ id: 's5', user: 'bob', tokenHash: 'hash-6' }), 3)).toEqual({
        ok: true,
      });
      await store.end('s3', 1);
      expect(await store.create(more, 3)).toEqual({ ok: true });
    });

    it('a token nobody was given is unknown', async () => {
      await store.create(fresh(), MOST);
      expect(await resume('hash-x', 'hash-2')).toEqual({ ok: false, reason: 'unknown' });
    });

    it("another user's token is refused, and stays good for its owner", async () => {
      await store.create(fresh(), MOST);
      // A store that keeps each user's sessions by themselves does not know whose it is.
      const refused: unknown = expect.stringMatching(/^(foreign|unknown)$/);
      expect(await resume('hash-1', 'hash-m', T0, 'mallory')).toEqual({ ok: false, reason: refused });
      expect(await resume('hash-m', 'hash-n', T0, 'mallory')).toEqual({ ok: false, reason: 'unknown' });
      expect(await resume('hash-1', 'hash-2')).toMatchObject({ ok: true, session: { generation: 2 } });
    });

    it('a session is resumed up to the last millisecond of its grace', async () => {
      await store.create(fresh(), MOST);
      await store.detach('s1', 1, T0);
      expect(await resume('hash-1', 'hash-2', T0 + subject.graceMs - 1)).toMatchObject({ ok: true });
    });

    it('a session detached for its whole grace is expired, and trying does not revive it', async () => {
      await store.create(fresh(), MOST);
      await store.detach('s1', 1, T0);
      const late = T0 + subject.graceMs;
      expect(await resume('hash-1', 'hash-2', late)).toEqual({ ok: false, reason: 'expired' });
      expect(await resume('hash-1', 'hash-3', late)).toEqual({ ok: false, reason: 'expired' });
      expect(await resume('hash-2', 'hash-3', late)).toEqual({ ok: false, reason: 'unknown' });
      expect(await store.sessionsOf('alice')).toEqual([fresh({ detachedAtMs: T0 })]);
    });

    it('a session with a connection does not expire, however long ago it began', async () => {
      await store.create(fresh(), MOST);
      expect(await resume('hash-1', 'hash-2', T0 + subject.graceMs * 1000)).toMatchObject({ ok: true });
    });

    it('a lost reply does not cost the session: the token before the rotation still resumes', async () => {
      await store.create(fresh(), MOST);
      await resume('hash-1', 'hash-2');
      expect(await resume('hash-1', 'hash-3')).toEqual({
        ok: true,
        from: '',
        session: fresh({ generation: 3, tokenHash: 'hash-3', previousTokenHash: 'hash-1' }),
      });
    });

    it('the token of a reply that was lost is superseded by the next resume', async () => {
      await store.create(fresh(), MOST);
      await resume('hash-1', 'hash-2');
      await resume('hash-1', 'hash-3');
      expect(await resume('hash-2', 'hash-4')).toEqual({ ok: false, reason: 'unknown' });
      expect(await resume('hash-3', 'hash-4')).toMatchObject({ ok: true, session: { generation: 4 } });
    });

    it('the token presented is kept as the previous one, also when it was the current', async () => {
      await store.create(fresh(), MOST);
      await resume('hash-1', 'hash-2');
      expect(await resume('hash-2', 'hash-3')).toMatchObject({
        ok: true,
        session: { tokenHash: 'hash-3', previousTokenHash: 'hash-2' },
      });
      expect(await resume('hash-1', 'hash-4')).toEqual({ ok: false, reason: 'unknown' });
    });

    it('once the client has shown the newest token the previous one ends', async () => {
      await store.create(fresh(), MOST);
      await resume('hash-1', 'hash-2');
      expect(await store.confirm('s1', 2)).toBe(true);
      expect(await resume('hash-1', 'hash-3')).toEqual({ ok: false, reason: 'unknown' });
      expect(await resume('hash-2', 'hash-3')).toMatchObject({ ok: true, session: { generation: 3 } });
    });

    it('an older generation confirms nothing', async () => {
      await store.create(fresh(), MOST);
      await resume('hash-1', 'hash-2');
      expect(await store.confirm('s1', 1)).toBe(false);
      expect(await resume('hash-1', 'hash-3')).toMatchObject({ ok: true });
    });

    it('an older generation detaches nothing', async () => {
      await store.create(fresh(), MOST);
      await resume('hash-1', 'hash-2');
      expect(await store.detach('s1', 1, T0)).toBe(false);
      expect((await store.sessionsOf('alice'))[0]?.detachedAtMs).toBeNull();
      expect(await resume('hash-2', 'hash-3', T0 + subject.graceMs * 2)).toMatchObject({ ok: true });
    });

    it('an older generation ends nothing', async () => {
      await store.create(fresh(), MOST);
      await resume('hash-1', 'hash-2');
      expect(await store.end('s1', 1)).toBe(false);
      expect(await resume('hash-2', 'hash-3')).toMatchObject({ ok: true });
    });

    it('a session that was never there confirms, detaches and ends nothing', async () => {
      expect(await store.confirm('s9', 1)).toBe(false);
      expect(await store.detach('s9', 1, T0)).toBe(false);
      expect(await store.end('s9', 1)).toBe(false);
    });

    it('of resumes at once with one token no two get the same generation, and one may go on', async () => {
      await store.create(fresh(), MOST);
      const results = await Promise.all([1, 2, 3, 4].map((n) => resume('hash-1', `next-${n}`)));
      const generations = results.flatMap((result) => (result.ok ? [result.session.generation] : []));
      expect(generations.length).toBeGreaterThan(0);
      expect(new Set(generations).size).toBe(generations.length);
      const last = Math.max(...generations);
      expect((await store.sessionsOf('alice')).map((session) => session.generation)).toEqual([last]);
      expect(await store.detach('s1', last, T0)).toBe(true);
    });

    it('an ended session is gone: its tokens are unknown and it ends only once', async () => {
      await store.create(fresh(), MOST);
      await resume('hash-1', 'hash-2');
      expect(await store.end('s1', 2)).toBe(true);
      expect(await store.end('s1', 2)).toBe(false);
      expect(await resume('hash-1', 'hash-3')).toEqual({ ok: false, reason: 'unknown' });
      expect(await resume('hash-2', 'hash-3')).toEqual({ ok: false, reason: 'unknown' });
      expect(await store.sessionsOf('alice')).toEqual([]);
    });

    it("a user's sessions are theirs alone", async () => {
      await store.create(fresh(), MOST);
      await store.create(fresh({ id: 's2', tokenHash: 'hash-b', device: 'd2' }), MOST);
      await store.create(fresh({ id: 's3', tokenHash: 'hash-c', user: 'al' }), MOST);
      expect((await store.sessionsOf('alice')).map((session) => session.id).sort()).toEqual(['s1', 's2']);
      expect((await store.sessionsOf('al')).map((session) => session.id)).toEqual(['s3']);
      expect(await store.sessionsOf('nobody')).toEqual([]);
    });

    it('a new store has nothing to restore', async () => {
      expect(await store.restore()).toEqual([]);
    });
  });
}

/** What stores must do besides that keep sessions over a restart of the process. */
export function sessionRestartContract(name: string, open: () => Promise<RestartableSessionStore>): void {
  describe(`SessionStore after a restart: ${name}`, () => {
    let subject: RestartableSessionStore;
    beforeEach(async () => {
      subject = await open();
    });
    afterEach(() => subject.close());

    const HOUR_MS = 3_600_000;

    it('a session that was attached begins its grace when the next process takes over', async () => {
      await subject.store.create(fresh(), MOST);
      const store = await subject.restart(T0, T0 + HOUR_MS);
      expect(await store.restore()).toEqual([fresh({ detachedAtMs: T0 + HOUR_MS })]);
      expect(
        await store.resume({
          user: 'alice',
          tokenHash: 'hash-1',
          nextTokenHash: 'hash-2',
          node: '',
          nowMs: T0 + HOUR_MS + subject.graceMs - 1,
        }),
      ).toMatchObject({ ok: true, session: { generation: 2 } });
    });

    it('of a grace that was running only what passed before the stop is used up', async () => {
      await subject.store.create(fresh(), MOST);
      await subject.store.detach('s1', 1, T0);
      const nowMs = T0 + HOUR_MS;
      const store = await subject.restart(T0 + 20_000, nowMs);
      expect(await store.restore()).toEqual([fresh({ detachedAtMs: nowMs - 20_000 })]);
      const request = { user: 'alice', tokenHash: 'hash-1', nextTokenHash: 'hash-2', node: '' };
      expect(await store.resume({ ...request, nowMs: nowMs - 20_000 + subject.graceMs })).toEqual({
        ok: false,
        reason: 'expired',
      });
      expect(await store.resume({ ...request, nowMs: nowMs - 20_001 + subject.graceMs })).toMatchObject({
        ok: true,
      });
    });

    it('a second stop does not count the first downtime as absence', async () => {
      await subject.store.create(fresh(), MOST);
      await subject.store.detach('s1', 1, T0);
      const first = await subject.restart(T0 + 10_000, T0 + HOUR_MS);
      await first.restore();
      const second = await subject.restart(T0 + HOUR_MS + 5_000, T0 + 2 * HOUR_MS);
      expect(await second.restore()).toEqual([fresh({ detachedAtMs: T0 + 2 * HOUR_MS - 15_000 })]);
    });

    it('nor does a stop right after taking over, before anything was restored', async () => {
      await subject.store.create(fresh(), MOST);
      await subject.store.detach('s1', 1, T0);
      await subject.restart(T0 + 10_000, T0 + HOUR_MS);
      const second = await subject.restart(T0 + HOUR_MS + 5_000, T0 + 2 * HOUR_MS);
      expect(await second.restore()).toEqual([fresh({ detachedAtMs: T0 + 2 * HOUR_MS - 15_000 })]);
    });

    it('what a client was told survives: rotation, generation and both tokens', async () => {
      await subject.store.create(fresh(), MOST);
      await subject.store.resume({
        user: 'alice',
        tokenHash: 'hash-1',
        nextTokenHash: 'hash-2',
        node: '',
        nowMs: T0,
      });
      const store = await subject.restart(T0, T0 + 1_000);
      await store.restore();
      const request = { user: 'alice', nextTokenHash: 'hash-3', node: '', nowMs: T0 + 1_000 };
      expect(await store.resume({ ...request, tokenHash: 'hash-1' })).toMatchObject({
        ok: true,
        session: { generation: 3, previousTokenHash: 'hash-1' },
      });
    });

    it('a token that was superseded before the stop stays superseded', async () => {
      await subject.store.create(fresh(), MOST);
      await subject.store.resume({
        user: 'alice',
        tokenHash: 'hash-1',
        nextTokenHash: 'hash-2',
        node: '',
        nowMs: T0,
      });
      await subject.store.confirm('s1', 2);
      const store = await subject.restart(T0, T0 + 1_000);
      await store.restore();
      expect(
        await store.resume({
          user: 'alice',
          tokenHash: 'hash-1',
          nextTokenHash: 'hash-3',
          node: '',
          nowMs: T0 + 1_000,
        }),
      ).toEqual({ ok: false, reason: 'unknown' });
    });

    it('an ended session does not come back', async () => {
      await subject.store.create(fresh(), MOST);
      await subject.store.end('s1', 1);
      const store = await subject.restart(T0, T0 + 1_000);
      expect(await store.restore()).toEqual([]);
    });
  });
}
