import type { Journal, JournalContents, JournalDevice } from '../../ports/journal.ts';
import type { SessionRecord } from '../../ports/sessions.ts';

const EMPTY: JournalContents = Object.freeze({
  sessions: [],
  devices: [],
  aliveAtMs: null,
  aliveWallMs: null,
  stamp: 0,
});

/** For nodes whose sessions need not outlive the process: keeps nothing and has nothing to load. */
export const noJournal: Journal = Object.freeze({
  putSession: done,
  dropSession: done,
  putDevice: done,
  dropDevice: done,
  alive: () => undefined,
  load: () => Promise.resolve(EMPTY),
} satisfies Journal);

/**
 * A journal in memory: it outlives the stores that write to it, not the process. For tests and simulated restarts,
 * where "the process" is what is thrown away and the journal is the disk.
 */
export function createMemoryJournal(): Journal {
  const sessions = new Map<string, SessionRecord>();
  const devices = new Map<string, JournalDevice>();
  let aliveAtMs: number | null = null;
  let aliveWallMs: number | null = null;
  let stamp = 0;

  return {
    putSession(session) {
      sessions.set(session.id, session);
      return done();
    },
    dropSession(id) {
      sessions.delete(id);
      return done();
    },
    putDevice(device) {
      devices.set(deviceKey(device.user, device.device), device);
      stamp = Math.max(stamp, device.state.changedAt);
      return done();
    },
    dropDevice(user, device) {
      devices.delete(deviceKey(user, device));
      return done();
    },
    alive(nowMs, highest, wallMs) {
      aliveAtMs = nowMs;
      aliveWallMs = wallMs ?? aliveWallMs;
      stamp = Math.max(stamp, highest);
    },
    load: () =>
      Promise.resolve({
        sessions: [...sessions.values()],
        devices: [...devices.values()],
        aliveAtMs,
        aliveWallMs,
        stamp,
      }),
  } satisfies Journal;
}

/** User ids and device names may hold any separator; a JSON array cannot be confused. */
function deviceKey(user: string, device: string): string {
  return JSON.stringify([user, device]);
}

function done(): Promise<void> {
  return Promise.resolve();
}
