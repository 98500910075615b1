import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Revocations } from '../ports/revocations.ts';

export type RevocationsSubject = {
  readonly revocations: Revocations;
  /** The clock by which it forgets, ms since the epoch. */
  readonly clock: { nowMs: number };
  close(): Promise<void>;
};

export type RestartableRevocations = RevocationsSubject & {
  /** Ends the process and begins it anew over what it kept. */
  restart(): Promise<Revocations>;
  /** How many are kept for after a restart. */
  kept(): number | Promise<number>;
};

const T0 = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

/** What every `Revocations` must do while the process lives. */
export function revocationsContract(name: string, open: () => Promise<RevocationsSubject>): void {
  describe(`Revocations: ${name}`, () => {
    let subject: RevocationsSubject;
    let revocations: Revocations;
    beforeEach(async () => {
      subject = await open();
      subject.clock.nowMs = T0;
      revocations = subject.revocations;
    });
    afterEach(() => subject.close());

    const revokeUser = (user: string, issuedUpToMs: number, forgetAtMs = T0 + DAY_MS): Promise<void> =>
      revocations.revoke({ kind: 'user', user, issuedUpToMs }, forgetAtMs);
    const revokeToken = (tokenId: string, forgetAtMs = T0 + DAY_MS): Promise<void> =>
      revocations.revoke({ kind: 'token', tokenId }, forgetAtMs);

    it('nothing is revoked at first', () => {
      expect(revocations.isRevoked('alice', 't1', T0)).toBe(false);
      expect(revocations.isRevoked('alice', null, null)).toBe(false);
    });

    it('a token id is revoked for whoever shows it, and no other is', async () => {
      await revokeToken('t1');
      expect(revocations.isRevoked('alice', 't1', T0 + 5_000)).toBe(true);
      expect(revocations.isRevoked('bob', 't1', null)).toBe(true);
      expect(revocations.isRevoked('alice', 't2', T0)).toBe(false);
      expect(revocations.isRevoked('alice', null, T0)).toBe(false);
      expect(revocations.isRevoked('t1', null, null)).toBe(false);
    });

    it('a user is revoked up to a moment, that moment included', async () => {
      await revokeUser('alice', T0);
      expect(revocations.isRevoked('alice', 't1', T0 - 1)).toBe(true);
      expect(revocations.isRevoked('alice', null, T0)).toBe(true);
      expect(revocations.isRevoked('alice', 't1', T0 + 1)).toBe(false);
      expect(revocations.isRevoked('bob', 't1', T0 - 1)).toBe(false);
    });

    it('of a token that does not say when it was issued any revocation of the user counts', async () => {
      await revokeUser('alice', T0);
      expect(revocations.isRevoked('alice', 't1', null)).toBe(true);
      expect(revocations.isRevoked('bob', 't1', null)).toBe(false);
    });

    it('an earlier revocation that comes later takes nothing back', async () => {
      await revokeUser('alice', T0);
      await revokeUser('alice', T0 - 10_000);
      expect(revocations.isRevoked('alice', null, T0)).toBe(true);
      await revokeUser('alice', T0 + 10_000);
      expect(revocations.isRevoked('alice', null, T0 + 10_000)).toBe(true);
    });

    it('ids are compared as they are', async () => {
      for (const id of ['__proto__', 'constructor', 'auth0|{a}:b', '💚', 'a"b\\', '']) {
        await revokeToken(`t-${id}`);
        await revokeUser(`u-${id}`, T0);
        expect(revocations.isRevoked('x', `t-${id}`, T0), id).toBe(true);
        expect(revocations.isRevoked(`u-${id}`, null, T0), id).toBe(true);
      }
      expect(revocations.isRevoked('U-constructor', 'T-constructor', T0)).toBe(false);
      expect(revocations.isRevoked('__proto__', '__proto__', T0)).toBe(false);
    });

    it('every revocation counts once its promise resolved, of hundreds at once', async () => {
      await Promise.all(
        Array.from({ length: 300 }, async (_, i) => {
          await (i % 2 === 0 ? revokeToken(`t${i}`) : revokeUser(`u${i}`, T0));
          expect(revocations.isRevoked(`u${i}`, `t${i}`, T0), String(i)).toBe(true);
        }),
      );
    });

    it('it is kept until it may be forgotten, however many come and go meanwhile', async () => {
      await revokeToken('long', T0 + 3 * DAY_MS);
      await revokeUser('long', T0, T0 + 3 * DAY_MS);
      for (let day = 0; day < 3; day++) {
        subject.clock.nowMs = T0 + day * DAY_MS;
        for (let i = 0; i < 1_200; i++) void revokeToken(`${day}-${i}`, T0 + day * DAY_MS + 1);
        await revokeToken(`${day}-last`);
      }
      subject.clock.nowMs = T0 + 3 * DAY_MS - 1;
      await revokeToken('another', T0 + 9 * DAY_MS);
      expect(revocations.isRevoked('x', 'long', T0)).toBe(true);
      expect(revocations.isRevoked('long', null, T0)).toBe(true);
    });
  });
}

/** What every `Revocations` must do that outlives its process. */
export function revocationsRestartContract(name: string, open: () => Promise<RestartableRevocations>): void {
  describe(`Revocations over restarts: ${name}`, () => {
    let subject: RestartableRevocations;
    beforeEach(async () => {
      subject = await open();
      subject.clock.nowMs = T0;
    });
    afterEach(() => subject.close());

    it('what was revoked stays revoked', async () => {
      const { revocations } = subject;
      await revocations.revoke({ kind: 'token', tokenId: 't1' }, T0 + DAY_MS);
      await revocations.revoke({ kind: 'user', user: 'alice', issuedUpToMs: T0 }, T0 + DAY_MS);
      await revocations.revoke({ kind: 'user', user: 'alice', issuedUpToMs: T0 - 5_000 }, T0 + 5_000);
      const after = await subject.restart();
      subject.clock.nowMs = T0 + DAY_MS - 1;
      expect(after.isRevoked('x', 't1', null)).toBe(true);
      expect(after.isRevoked('alice', null, T0)).toBe(true);
      expect(after.isRevoked('alice', null, T0 + 1)).toBe(false);
      expect(after.isRevoked('bob', 't2', null)).toBe(false);
      const again = await subject.restart();
      expect(again.isRevoked('alice', null, T0)).toBe(true);
    });

    it('what may be forgotten is not kept for ever', async () => {
      const { revocations } = subject;
      await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          revocations.revoke({ kind: 'token', tokenId: `t${i}` }, T0 + 1_000),
        ),
      );
      await revocations.revoke({ kind: 'user', user: 'gone', issuedUpToMs: T0 }, T0 + 1_000);
      await revocations.revoke({ kind: 'token', tokenId: 'stays' }, T0 + DAY_MS);
      expect(await subject.kept()).toBe(52);
      subject.clock.nowMs = T0 + 1_000;
      const after = await subject.restart();
      await after.revoke({ kind: 'token', tokenId: 'new' }, T0 + DAY_MS);
      expect(await subject.kept()).toBe(2);
      expect(after.isRevoked('x', 'stays', null)).toBe(true);
      expect(after.isRevoked('gone', 't1', null)).toBe(false);
    });
  });
}
