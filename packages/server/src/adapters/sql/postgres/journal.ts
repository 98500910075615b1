import type { Journal } from '../../../ports/journal.ts';
import { deviceOf, sessionOf } from '../journal.ts';
import type { DeviceRow, JournalStateRow, SessionRow } from '../journal-sql.ts';
import type { KeptQueue } from './kept-writes.ts';
import type { Postgres } from './connection.ts';
import { pgStatement } from './statement.ts';

const sessions = pgStatement<SessionRow>('journal_sessions', 'SELECT * FROM sessions');
const devices = pgStatement<DeviceRow>('journal_devices', 'SELECT * FROM devices');
const state = pgStatement<JournalStateRow>(
  'journal_state',
  'SELECT alive_at_ms, alive_wall_ms, stamp FROM journal_state',
);

/** The journal of the one node that has a Postgres for itself: without Redis nobody else may use it (`holdAlone`). */
export function createPostgresJournal(postgres: Postgres, queue: KeptQueue): Journal {
  return {
    putSession: (session) => queue.ask({ kind: 'session', id: session.id, session }),
    dropSession: (id) => queue.ask({ kind: 'session', id, session: null }),
    putDevice: (state) => queue.ask({ kind: 'device', user: state.user, device: state.device, state }),
    dropDevice: (user, device) => queue.ask({ kind: 'device', user, device, state: null }),
    alive(nowMs, stamp, wallMs) {
      // Not awaited by contract. A refusal is in the log already, and the next one comes soon.
      queue.ask({ kind: 'alive', nowMs, wallMs, stamp }).catch(() => undefined);
    },
    load: () =>
      postgres.transaction(async (within) => {
        await within.exec('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
        const kept = { sessions: await within.run(sessions), devices: await within.run(devices) };
        const [last] = await within.run(state);
        return {
          sessions: kept.sessions.map(sessionOf),
          devices: kept.devices.map(deviceOf),
          aliveAtMs: last?.alive_at_ms ?? null,
          aliveWallMs: last?.alive_wall_ms ?? null,
          // A device's change is journalled at once, the highest stamp only now and then.
          stamp: kept.devices.reduce(
            (highest, { changed_at }) => Math.max(highest, changed_at),
            last?.stamp ?? 0,
          ),
        };
      }),
  } satisfies Journal;
}
