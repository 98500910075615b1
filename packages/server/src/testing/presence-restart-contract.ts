import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PresenceStore } from '../ports/presence.ts';
import { bySession } from './presence-store-subject.ts';

/** A presence store that keeps its devices over a restart of the process. */
export type RestartablePresenceStore = {
  /** The store of the current life. */
  store(): PresenceStore;
  readonly clock: { nowMs: number };
  /** Makes the session known as kept, so that the devices it holds are kept too. */
  keepSession(id: string, user: string, device: string): Promise<void>;
  dropSession(id: string): Promise<void>;
  /** The highest stamp given out so far, in all lives. */
  lastStamp(): number;
  /**
   * Ends the store as a crash would and begins another over what was kept.
   *
   * @param aliveAtMs when the process was last known to live; the next begins at the clock's time
   * @param aliveWallMs the same by the wall clock, where that stood elsewhere
   */
  restart(aliveAtMs: number, aliveWallMs?: number): Promise<void>;
  close(): Promise<void>;
};

/** What stores must do besides that keep presence over a restart. `open`: as for `presenceStoreContract`. */
export function presenceRestartContract(
  name: string,
  open: (users: readonly string[]) => Promise<RestartablePresenceStore>,
): void {
  describe(`PresenceStore after a restart: ${name}`, () => {
    let subject: RestartablePresenceStore;
    beforeEach(async () => {
      subject = await open(['alice', 'bob']);
    });
    afterEach(() => subject.close());

    const read = async (user: string) => (await subject.store().read([user]))[0];

    async function crash(downMs = 10_000): Promise<number> {
      const aliveAtMs = subject.clock.nowMs;
      subject.clock.nowMs += downMs;
      await subject.restart(aliveAtMs);
      return aliveAtMs;
    }

    it('a device whose session was kept is there as it was', async () => {
      await subject.keepSession('s1', 'alice', 'd1');
      await subject.store().join('alice', 'd1', bySession('s1'), { s: 'Busy', fields: { a: 'x' } });
      await subject.store().update('alice', 'd1', { session: 's1', generation: 1 }, { fields: { p: 'y' } });
      await crash();
      expect(await read('alice')).toMatchObject({ s: 'Busy', fields: { a: 'x', p: 'y' }, lastSeenMs: null });
      await subject
        .store()
        .update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Away', fields: {} });
      expect(await read('alice')).toMatchObject({ s: 'Away', fields: { a: 'x', p: 'y' } });
    });

    it('what is visible gets a version above every stamp given before, so that every resume is sent it again', async () => {
      await subject.keepSession('s1', 'alice', 'd1');
      await subject.store().join('alice', 'd1', bySession('s1'), { fields: {} });
      const highest = subject.lastStamp();
      await crash();
      expect((await read('alice'))?.version).toBeGreaterThan(highest);
    });

    it('a device is held by all its kept sessions, and only by them', async () => {
      await subject.keepSession('s1', 'alice', 'd1');
      await subject.keepSession('s2', 'alice', 'd1');
      for (const session of ['s1', 's2', 's3'])
        await subject.store().join('alice', 'd1', bySession(session), { fields: {} });
      await crash();
      await subject
        .store()
        .update('alice', 'd1', { session: 's3', generation: 1 }, { s: 'Busy', fields: {} });
      await subject.store().leave('alice', 'd1', 's1');
      expect(await read('alice')).toMatchObject({ s: 'Online' });
      await subject.store().leave('alice', 'd1', 's2');
      expect(await read('alice')).toMatchObject({ s: 'Offline', lastSeenMs: subject.clock.nowMs });
    });

    it('a device whose session is gone is dropped: the user was last seen when the process last lived', async () => {
      await subject.keepSession('s1', 'alice', 'd1');
      await subject.store().join('alice', 'd1', bySession('s1'), { fields: {} });
      await subject.dropSession('s1');
      const highest = subject.lastStamp();
      const aliveAtMs = await crash();
      const record = await read('alice');
      expect(record).toMatchObject({ s: 'Offline', fields: {}, lastSeenMs: aliveAtMs });
      // Their followers were perhaps never told, and resume with stamps up to the very end.
      expect(record?.version).toBeGreaterThan(highest);
      await subject.store().leases();
      await crash();
      expect(await read('alice')).toMatchObject({ s: 'Offline', lastSeenMs: aliveAtMs });
    });

    it.each([
      ['set back a day', -86_400_000, -86_400_000],
      ['set ahead, and right again since', 86_400_000, 10_000],
    ])('last seen is by the wall clock, which was %s, and never in the future', async (_, wallMs, seenMs) => {
      await subject.keepSession('s1', 'alice', 'd1');
      await subject.store().join('alice', 'd1', bySession('s1'), { fields: {} });
      await subject.dropSession('s1');
      const steadyMs = subject.clock.nowMs;
      subject.clock.nowMs += Math.min(10_000, wallMs + 10_000);
      await subject.restart(steadyMs, steadyMs + wallMs);
      expect(await read('alice')).toMatchObject({ s: 'Offline', lastSeenMs: steadyMs + seenMs });
    });

    it('somebody who went offline with the stop, and comes and goes since, is seen when they last were', async () => {
      await subject.keepSession('s1', 'alice', 'd1');
      await subject.store().join('alice', 'd1', bySession('s1'), { fields: {} });
      await subject.dropSession('s1');
      await crash();
      await subject.store().join('alice', 'd1', bySession('s2'), { fields: {} });
      subject.clock.nowMs += 1_000;
      await subject.store().leave('alice', 'd1', 's2');
      expect(await read('alice')).toMatchObject({ s: 'Offline', lastSeenMs: subject.clock.nowMs });
    });

    it('somebody who left before the stop stays last seen when they left', async () => {
      await subject.keepSession('s1', 'alice', 'd1');
      await subject.store().join('alice', 'd1', bySession('s1'), { fields: {} });
      const leftMs = subject.clock.nowMs;
      await subject.store().leave('alice', 'd1', 's1');
      await subject.dropSession('s1');
      subject.clock.nowMs += 5_000;
      await crash();
      expect(await read('alice')).toEqual({
        user: 'alice',
        version: leftMs * 1000,
        s: 'Offline',
        fields: {},
        lastSeenMs: leftMs,
      });
    });

    it('somebody invisible stays so, and was last seen when they last were', async () => {
      await subject.keepSession('s1', 'alice', 'd1');
      await subject.store().join('alice', 'd1', bySession('s1'), { fields: {} });
      const hiddenMs = subject.clock.nowMs;
      await subject
        .store()
        .update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Invisible', fields: {} });
      subject.clock.nowMs += 5_000;
      await crash();
      expect(await read('alice')).toMatchObject({ s: 'Offline', lastSeenMs: hiddenMs });
      await subject.dropSession('s1');
      await crash();
      expect(await read('alice')).toMatchObject({ s: 'Offline', lastSeenMs: hiddenMs });
    });

    it('a lease that still runs holds its device, one that ran out meanwhile does not', async () => {
      const expiresAtMs = subject.clock.nowMs + 60_000;
      await subject.store().join('alice', 'bot', { kind: 'lease', expiresAtMs }, { s: 'Busy', fields: {} });
      await subject
        .store()
        .join('bob', 'bot', { kind: 'lease', expiresAtMs: subject.clock.nowMs + 1_000 }, { fields: {} });
      await crash();
      expect(await subject.store().leases()).toEqual([{ user: 'alice', device: 'bot', expiresAtMs }]);
      expect((await subject.store().read(['alice', 'bob'])).map(({ s }) => s)).toEqual(['Busy', 'Offline']);
    });

    it('somebody who was erased does not come back', async () => {
      await subject
        .store()
        .join('alice', 'bot', { kind: 'lease', expiresAtMs: subject.clock.nowMs + 60_000 }, { fields: {} });
      await subject.store().erase('alice');
      await crash();
      expect(await subject.store().leases()).toEqual([]);
      expect(await read('alice')).toMatchObject({ s: 'Offline', version: 0, lastSeenMs: null });
    });

    it('nobody who went offline is still answered from memory long after the stop', async () => {
      await subject.keepSession('s1', 'alice', 'd1');
      await subject.store().join('alice', 'd1', bySession('s1'), { fields: {} });
      await subject.dropSession('s1');
      const aliveAtMs = await crash();
      await subject.store().leases();
      subject.clock.nowMs += 3_600_000;
      expect(await read('alice')).toEqual({
        user: 'alice',
        version: aliveAtMs * 1000,
        s: 'Offline',
        fields: {},
        lastSeenMs: aliveAtMs,
      });
    });
  });
}
