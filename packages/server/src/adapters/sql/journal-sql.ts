import type { Database } from 'better-sqlite3';
import type { WriteHandlers } from './thread-messages.ts';

type JournalWriteName = 'putSession' | 'dropSession' | 'putDevice' | 'dropDevice' | 'alive';

/**
 * The journal's writes, prepared. Plain SQL, unlike the directory's: a journal belongs to one process on one machine,
 * and will not move to another database.
 */
export function journalHandlers(database: Database): Pick<WriteHandlers, JournalWriteName> {
  const putSession = database.prepare(`
    INSERT INTO sessions (id, user_name, device, generation, token_hash, previous_token_hash, detached_at_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
      user_name = excluded.user_name, device = excluded.device, generation = excluded.generation,
      token_hash = excluded.token_hash, previous_token_hash = excluded.previous_token_hash,
      detached_at_ms = excluded.detached_at_ms`);
  const dropSession = database.prepare('DELETE FROM sessions WHERE id = ?');
  const putDevice = database.prepare(`
    INSERT INTO devices (user_name, device, status, fields, changed_at, lease_expires_at_ms)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (user_name, device) DO UPDATE SET
      status = excluded.status, fields = excluded.fields, changed_at = excluded.changed_at,
      lease_expires_at_ms = excluded.lease_expires_at_ms`);
  const dropDevice = database.prepare('DELETE FROM devices WHERE user_name = ? AND device = ?');
  const raiseStamp = database.prepare('UPDATE journal_state SET stamp = ? WHERE stamp < ?');
  const setAlive = database.prepare('UPDATE journal_state SET alive_at_ms = ?');
  const setAliveWall = database.prepare('UPDATE journal_state SET alive_wall_ms = ?');

  return {
    putSession(...session) {
      putSession.run(...session);
      return undefined;
    },
    dropSession(id) {
      dropSession.run(id);
      return undefined;
    },
    putDevice(...device) {
      putDevice.run(...device);
      return undefined;
    },
    dropDevice(user, device) {
      dropDevice.run(user, device);
      return undefined;
    },
    alive(nowMs, stamp, wallMs) {
      setAlive.run(nowMs);
      if (wallMs !== undefined) setAliveWall.run(wallMs);
      raiseStamp.run(stamp, stamp);
      return undefined;
    },
  };
}

export type SessionRow = {
  readonly id: string;
  readonly user_name: string;
  readonly device: string;
  readonly generation: number;
  readonly token_hash: string;
  readonly previous_token_hash: string | null;
  readonly detached_at_ms: number | null;
};

export type DeviceRow = {
  readonly user_name: string;
  readonly device: string;
  readonly status: string;
  readonly fields: string;
  readonly changed_at: number;
  readonly lease_expires_at_ms: number | null;
};

export type JournalStateRow = {
  readonly alive_at_ms: number | null;
  readonly alive_wall_ms: number | null;
  readonly stamp: number;
};

/** Reads the whole journal, of one moment. */
export function readJournal(database: Database) {
  return database.transaction(() => ({
    sessions: database.prepare<[], SessionRow>('SELECT * FROM sessions').all(),
    devices: database.prepare<[], DeviceRow>('SELECT * FROM devices').all(),
    state: database
      .prepare<[], JournalStateRow>('SELECT alive_at_ms, alive_wall_ms, stamp FROM journal_state')
      .get(),
  }))();
}
