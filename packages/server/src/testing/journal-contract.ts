import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Journal, JournalDevice } from '../ports/journal.ts';
import type { SessionRecord } from '../ports/sessions.ts';

export type JournalSubject = {
  readonly journal: Journal;
  /** Ends the journal and opens it again over what it kept. */
  reopen(): Promise<Journal>;
  close(): Promise<void>;
};

const STAMP = 1_700_000_000_000_000;

function session(id: string, patch: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id,
    user: 'alice',
    device: 'd1',
    node: '',
    generation: 1,
    tokenHash: `hash-${id}`,
    previousTokenHash: null,
    detachedAtMs: null,
    ...patch,
  };
}

function device(name: string, patch: Partial<JournalDevice> = {}): JournalDevice {
  return {
    user: 'alice',
    device: name,
    state: { s: 'Online', fields: {}, changedAt: STAMP },
    leaseExpiresAtMs: null,
    ...patch,
  };
}

/** What every `Journal` must do. `open` gives a new, empty journal for each test. */
export function journalContract(name: string, open: () => Promise<JournalSubject>): void {
  describe(`Journal: ${name}`, () => {
    let subject: JournalSubject;
    let journal: Journal;
    beforeEach(async () => {
      subject = await open();
      journal = subject.journal;
    });
    afterEach(() => subject.close());

    it('a new journal is empty, and nobody is known to have lived', async () => {
      expect(await journal.load()).toEqual({
        sessions: [],
        devices: [],
        aliveAtMs: null,
        aliveWallMs: null,
        stamp: 0,
      });
    });

    it('a session is there after reopening, every field of it', async () => {
      const kept = session('s1', {
        user: 'auth0|{a}:b',
        device: '💚 __proto__',
        generation: 7,
        previousTokenHash: 'hash-0',
        detachedAtMs: 1_700_000_000_123,
      });
      await journal.putSession(kept);
      expect((await (await subject.reopen()).load()).sessions).toEqual([kept]);
    });

    it('a session put again is replaced, nulls included', async () => {
      await journal.putSession(session('s1', { previousTokenHash: 'hash-0', detachedAtMs: 5 }));
      await journal.putSession(session('s1', { generation: 2 }));
      expect((await (await subject.reopen()).load()).sessions).toEqual([session('s1', { generation: 2 })]);
    });

    it('a dropped session is gone, and the others are not', async () => {
      await Promise.all([journal.putSession(session('s1')), journal.putSession(session('s2'))]);
      await journal.dropSession('s1');
      await journal.dropSession('never');
      expect((await (await subject.reopen()).load()).sessions).toEqual([session('s2')]);
    });

    it('a device is there after reopening, every field of it', async () => {
      const kept = device('{d}/"1"', {
        user: 'a:b|c',
        state: { s: 'Invisible', fields: { a: 'line\u2028 "x"', p: '💚', l: '\\' }, changedAt: STAMP + 1 },
        leaseExpiresAtMs: 1_700_000_000_456,
      });
      await journal.putDevice(kept);
      expect((await (await subject.reopen()).load()).devices).toEqual([kept]);
    });

    it('a device put again is replaced, its cleared fields and lease included', async () => {
      await journal.putDevice(
        device('d1', { state: { s: 'Busy', fields: { a: 'x' }, changedAt: STAMP }, leaseExpiresAtMs: 9 }),
      );
      await journal.putDevice(device('d1'));
      expect((await (await subject.reopen()).load()).devices).toEqual([device('d1')]);
    });

    it('devices are told apart by user and name, however the two run into each other', async () => {
      const devices = [
        device('b:c', { user: 'a' }),
        device('c', { user: 'a:b' }),
        device('bc', { user: 'a' }),
      ];
      await Promise.all(devices.map((each) => journal.putDevice(each)));
      await journal.dropDevice('a', 'b:c');
      const kept = (await (await subject.reopen()).load()).devices;
      expect(new Set(kept.map((each) => `${each.user} ${each.device}`))).toEqual(new Set(['a:b c', 'a bc']));
    });

    it('writes of one turn take effect in the order they were made', async () => {
      await Promise.all([
        journal.putSession(session('s1')),
        journal.dropSession('s1'),
        journal.putSession(session('s2')),
        journal.putSession(session('s2', { generation: 2 })),
        journal.putDevice(device('d1')),
        journal.dropDevice('alice', 'd1'),
        journal.putDevice(device('d1', { leaseExpiresAtMs: 3 })),
      ]);
      expect(await (await subject.reopen()).load()).toMatchObject({
        sessions: [session('s2', { generation: 2 })],
        devices: [device('d1', { leaseExpiresAtMs: 3 })],
      });
    });

    it('the last sign of life is kept, and the highest stamp', async () => {
      journal.alive(1_700_000_000_000, STAMP + 9);
      journal.alive(1_700_000_005_000, STAMP + 7);
      // Writes are durable in order: when this one is, so are those before it.
      await journal.dropSession('never');
      expect(await (await subject.reopen()).load()).toMatchObject({
        aliveAtMs: 1_700_000_005_000,
        stamp: STAMP + 9,
      });
    });

    it('a sign of life is kept by the wall clock too, and one without leaves what was noted', async () => {
      journal.alive(1_700_000_000_000, STAMP, 1_699_913_600_000);
      journal.alive(1_700_000_005_000, STAMP);
      await journal.dropSession('never');
      expect(await (await subject.reopen()).load()).toMatchObject({
        aliveAtMs: 1_700_000_005_000,
        aliveWallMs: 1_699_913_600_000,
      });
    });

    it('the stamp is never below that of a journalled change', async () => {
      journal.alive(1_700_000_000_000, STAMP);
      await journal.putDevice(device('d1', { state: { s: 'Away', fields: {}, changedAt: STAMP + 5 } }));
      expect((await (await subject.reopen()).load()).stamp).toBe(STAMP + 5);
    });
  });
}
