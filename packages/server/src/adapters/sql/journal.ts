import type { Status } from '@carillon/protocol';
import type { Journal, JournalDevice } from '../../ports/journal.ts';
import type { PresenceFields } from '../../ports/presence.ts';
import type { SessionRecord } from '../../ports/sessions.ts';
import { type DeviceRow, type SessionRow, readJournal } from './journal-sql.ts';
import type { Sqlite } from './sqlite.ts';

/** The journal of a single node in SQLite. Shares its order of writing with the directory on the same database. */
export function createSqliteJournal({ reader, writer }: Sqlite): Journal {
  return {
    putSession: ({ id, user, device, generation, tokenHash, previousTokenHash, detachedAtMs }) =>
      writer.put('putSession', id, user, device, generation, tokenHash, previousTokenHash, detachedAtMs),
    dropSession: (id) => writer.put('dropSession', id),
    putDevice: ({ user, device, state, leaseExpiresAtMs }) =>
      writer.put(
        'putDevice',
        user,
        device,
        state.s,
        JSON.stringify(state.fields),
        state.changedAt,
        leaseExpiresAtMs,
      ),
    dropDevice: (user, device) => writer.put('dropDevice', user, device),
    alive(nowMs, stamp, wallMs) {
      const written =
        wallMs === undefined ? writer.put('alive', nowMs, stamp) : writer.put('alive', nowMs, stamp, wallMs);
      // Not awaited by contract. A refusal is in the log already, and the next one comes soon.
      written.catch(() => undefined);
    },
    async load() {
      const { sessions, devices, state } = readJournal(reader);
      // A device's change is journalled at once, the highest stamp only now and then.
      const stamp = devices.reduce(
        (highest, device) => Math.max(highest, device.changed_at),
        state?.stamp ?? 0,
      );
      return {
        sessions: sessions.map(sessionOf),
        devices: devices.map(deviceOf),
        aliveAtMs: state?.alive_at_ms ?? null,
        aliveWallMs: state?.alive_wall_ms ?? null,
        stamp,
      };
    },
  } satisfies Journal;
}

export function sessionOf(row: SessionRow): SessionRecord {
  return {
    id: row.id,
    user: row.user_name,
    device: row.device,
    // A journal is that of one node.
    node: '',
    generation: row.generation,
    tokenHash: row.token_hash,
    previousTokenHash: row.previous_token_hash,
    detachedAtMs: row.detached_at_ms,
  };
}

export function deviceOf(row: DeviceRow): JournalDevice {
  return {
    user: row.user_name,
    device: row.device,
    state: {
      s: row.status as Status,
      fields: JSON.parse(row.fields) as PresenceFields,
      changedAt: row.changed_at,
    },
    leaseExpiresAtMs: row.lease_expires_at_ms,
  };
}
