import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { Task } from '../contract.ts';
import type { KeptTask } from '../tasks/decide.ts';
import { visible } from '../tasks/decide.ts';
import type { TaskEvent } from '../tasks/event.ts';
import { carryOut, KEY_REUSED } from './carry-out.ts';
import type { Mutation, Outcome, TaskStore } from './task-store.ts';

/** How long a writer waits for another, ms: an earlier life of the process may still be ending. */
const BUSY_MS = 5_000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS tasks (
    user TEXT NOT NULL, id TEXT NOT NULL, task TEXT NOT NULL, is_deleted INTEGER NOT NULL, created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (user, id)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS answers (
    user TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (user, key)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, at_ms INTEGER NOT NULL, published_at_ms INTEGER, refused TEXT
  );
  CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (seq) WHERE published_at_ms IS NULL;
  CREATE TABLE IF NOT EXISTS audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, mutation TEXT, task TEXT NOT NULL, version INTEGER NOT NULL,
    command TEXT NOT NULL, at_ms INTEGER NOT NULL
  );
`;

type TaskRow = { readonly task: string; readonly is_deleted: number };
type AnswerRow = { readonly fingerprint: string; readonly status: number; readonly body: string };
type OutboxRow = { readonly seq: number; readonly event: string };

/**
 * Tasks in a SQLite file.
 *
 * @throws Error of the driver where the file cannot be opened
 */
export function openSqliteStore(path: string): TaskStore {
  mkdirSync(dirname(path), { recursive: true });
  const db = new Database(path, { timeout: BUSY_MS });
  db.pragma('journal_mode = WAL');
  // What was answered is on the disk: a crash of the machine takes back no answer.
  db.pragma('synchronous = FULL');
  db.exec(SCHEMA);

  const listed = db.prepare<[string], TaskRow>(
    'SELECT task, is_deleted FROM tasks WHERE user = ? AND is_deleted = 0 ORDER BY created_at_ms, id',
  );
  const found = db.prepare<[string, string], TaskRow>(
    'SELECT task, is_deleted FROM tasks WHERE user = ? AND id = ?',
  );
  const counted = db
    .prepare<[string], number>('SELECT count(*) FROM tasks WHERE user = ? AND is_deleted = 0')
    .pluck();
  const keptAnswer = db.prepare<[string, string], AnswerRow>(
    'SELECT fingerprint, status, body FROM answers WHERE user = ? AND key = ?',
  );
  const keepAnswer = db.prepare('INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)');
  const keepTask = db.prepare(
    'INSERT INTO tasks VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET task = excluded.task, is_deleted = excluded.is_deleted',
  );
  const keepEvent = db.prepare('INSERT INTO outbox (event, at_ms) VALUES (?, ?)');
  const note = db.prepare(
    'INSERT INTO audit (user, mutation, task, version, command, at_ms) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const waiting = db.prepare<[number], OutboxRow>(
    'SELECT seq, event FROM outbox WHERE published_at_ms IS NULL ORDER BY seq LIMIT ?',
  );
  const mark = db.prepare('UPDATE outbox SET published_at_ms = ?, refused = ? WHERE seq = ?');
  const sweepAnswers = db.prepare('DELETE FROM answers WHERE at_ms < ?');
  const sweepEvents = db.prepare('DELETE FROM outbox WHERE published_at_ms < ?');

  const apply = db.transaction((mutation: Mutation): Outcome => {
    const { user, command, key, nowMs } = mutation;
    const kept = key === null ? undefined : keptAnswer.get(user, key.name);
    if (kept !== undefined) {
      const isSame = kept.fingerprint === key?.fingerprint;
      return { answer: isSame ? { status: kept.status, body: kept.body } : KEY_REUSED, changed: false };
    }
    const row = found.get(user, command.id);
    const { answer, change } = carryOut(mutation, {
      found: row === undefined ? null : taskIn(row),
      count: counted.get(user) ?? 0,
    });
    if (change !== null) {
      const { task, event } = change;
      keepTask.run(user, task.id, JSON.stringify(visible(task)), Number(task.isDeleted), task.createdAtMs);
      keepEvent.run(JSON.stringify(event), nowMs);
      note.run(user, event.mutationId, task.id, task.version, command.kind, nowMs);
    }
    if (key !== null) keepAnswer.run(user, key.name, key.fingerprint, answer.status, answer.body, nowMs);
    return { answer, changed: change !== null };
  });

  return {
    async list(user) {
      return listed.all(user).map((row) => visible(taskIn(row)));
    },
    // Immediate: what is read decides what is written, so the lock comes before the reading.
    apply: async (mutation) => apply.immediate(mutation),
    async relay(limit, publish) {
      const rows = waiting.all(limit);
      for (const { seq, event } of rows) {
        const published = await publish(JSON.parse(event) as TaskEvent);
        mark.run(Date.now(), published.ok ? null : published.reason, seq);
      }
      return rows.length === limit;
    },
    async sweep(beforeMs) {
      sweepAnswers.run(beforeMs);
      sweepEvents.run(beforeMs);
    },
    async close() {
      db.close();
    },
  };
}

function taskIn({ task, is_deleted }: TaskRow): KeptTask {
  return { ...(JSON.parse(task) as Task), isDeleted: is_deleted === 1 };
}
