import pg from 'pg';
import type { Task } from '../contract.ts';
import { type KeptTask, visible } from '../tasks/decide.ts';
import type { TaskEvent } from '../tasks/event.ts';
import { carryOut, KEY_REUSED } from './carry-out.ts';
import type { Mutation, Outcome, TaskStore } from './task-store.ts';

/** How long a request waits for a connection, and the database for an answer, ms: beyond it the client is told to come again. */
const PATIENCE_MS = 5_000;

/** Names the lock that whoever publishes holds, among those of other apps in the database. */
const RELAY_LOCK = 7_282_001;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS tasks (
    "user" text NOT NULL, id text NOT NULL, task text NOT NULL, is_deleted boolean NOT NULL, created_at_ms bigint NOT NULL,
    PRIMARY KEY ("user", id)
  );
  CREATE TABLE IF NOT EXISTS answers (
    "user" text NOT NULL, key text NOT NULL, fingerprint text NOT NULL, status int NOT NULL, body text NOT NULL, at_ms bigint NOT NULL,
    PRIMARY KEY ("user", key)
  );
  CREATE TABLE IF NOT EXISTS outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event text NOT NULL, at_ms bigint NOT NULL, published_at_ms bigint, refused text
  );
  CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (seq) WHERE published_at_ms IS NULL;
  CREATE TABLE IF NOT EXISTS audit (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "user" text NOT NULL, mutation text, task text NOT NULL, version int NOT NULL,
    command text NOT NULL, at_ms bigint NOT NULL
  );
`;

type TaskRow = { readonly task: string; readonly is_deleted: boolean };
type AnswerRow = { readonly fingerprint: string; readonly status: number; readonly body: string };
type OutboxRow = { readonly seq: string; readonly event: string };

/** The table that Carillon reads events from, in the same database. */
export type CarillonOutbox = { readonly table: string; readonly topic: string };

/**
 * Tasks in a Postgres database, which several processes of the backend may share.
 *
 * @param outbox where events go in the transaction of the change; null: into an outbox of the backend's own, for its relay
 * @throws Error of the driver where the database cannot be reached
 */
export async function openPostgresStore(
  url: string,
  outbox: CarillonOutbox | null,
  complain: (error: Error) => void,
): Promise<TaskStore> {
  const pool = new pg.Pool({
    connectionString: url,
    connectionTimeoutMillis: PATIENCE_MS,
    statement_timeout: PATIENCE_MS,
  });
  // A connection that idles in the pool and is dropped: the next request gets another.
  pool.on('error', complain);

  async function transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      const result = await work(client);
      await client.query('COMMIT');
      client.release();
      return result;
    } catch (error) {
      // Whatever state the connection is in, its end takes the transaction back.
      client.release(true);
      throw error;
    }
  }

  // Of two processes that start at once one would fail at "IF NOT EXISTS": the catalogue is looked at before it is locked.
  await transaction(async (client) => {
    await client.query('SELECT pg_advisory_xact_lock($1)', [RELAY_LOCK]);
    await client.query(SCHEMA);
  });

  async function tell(client: pg.PoolClient, event: TaskEvent): Promise<void> {
    const text = JSON.stringify(event);
    if (outbox === null) {
      await client.query('INSERT INTO outbox (event, at_ms) VALUES ($1, $2)', [text, event.at]);
      return;
    }
    await client.query(
      `INSERT INTO ${outbox.table} (event_id, topic, key, payload) VALUES ($1, $2, $3, $4)`,
      [event.id, outbox.topic, event.userId, text],
    );
  }

  async function write(client: pg.PoolClient, mutation: Mutation): Promise<Outcome> {
    const { user, command, key, nowMs } = mutation;
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [user]);
    if (key !== null) {
      const kept = await client.query<AnswerRow>(
        'SELECT fingerprint, status, body FROM answers WHERE "user" = $1 AND key = $2',
        [user, key.name],
      );
      const [row] = kept.rows;
      if (row !== undefined) {
        const isSame = row.fingerprint === key.fingerprint;
        return { answer: isSame ? { status: row.status, body: row.body } : KEY_REUSED, changed: false };
      }
    }
    const found = await client.query<TaskRow>(
      'SELECT task, is_deleted FROM tasks WHERE "user" = $1 AND id = $2',
      [user, command.id],
    );
    const counted = await client.query<{ readonly count: string }>(
      'SELECT count(*) FROM tasks WHERE "user" = $1 AND NOT is_deleted',
      [user],
    );
    const { answer, change } = carryOut(mutation, {
      found: found.rows[0] === undefined ? null : taskIn(found.rows[0]),
      count: Number(counted.rows[0]?.count ?? 0),
    });
    if (change !== null) {
      const { task, event } = change;
      await client.query(
        `INSERT INTO tasks VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT ("user", id) DO UPDATE SET task = excluded.task, is_deleted = excluded.is_deleted`,
        [user, task.id, JSON.stringify(visible(task)), task.isDeleted, task.createdAtMs],
      );
      await tell(client, event);
      await client.query(
        'INSERT INTO audit ("user", mutation, task, version, command, at_ms) VALUES ($1, $2, $3, $4, $5, $6)',
        [user, event.mutationId, task.id, task.version, command.kind, nowMs],
      );
    }
    if (key !== null)
      await client.query('INSERT INTO answers VALUES ($1, $2, $3, $4, $5, $6)', [
        user,
        key.name,
        key.fingerprint,
        answer.status,
        answer.body,
        nowMs,
      ]);
    return { answer, changed: change !== null };
  }

  return {
    async list(user) {
      const { rows } = await pool.query<TaskRow>(
        'SELECT task, is_deleted FROM tasks WHERE "user" = $1 AND NOT is_deleted ORDER BY created_at_ms, id',
        [user],
      );
      return rows.map((row) => visible(taskIn(row)));
    },
    apply: (mutation) => transaction((client) => write(client, mutation)),
    async relay(limit, publish) {
      const client = await pool.connect();
      let isWell = false;
      try {
        const lock = await client.query<{ readonly mine: boolean }>(
          'SELECT pg_try_advisory_lock($1) AS mine',
          [RELAY_LOCK],
        );
        // Another process publishes.
        if (lock.rows[0]?.mine !== true) {
          isWell = true;
          return false;
        }
        const { rows } = await client.query<OutboxRow>(
          'SELECT seq, event FROM outbox WHERE published_at_ms IS NULL ORDER BY seq LIMIT $1',
          [limit],
        );
        for (const { seq, event } of rows) {
          const published = await publish(JSON.parse(event) as TaskEvent);
          await client.query('UPDATE outbox SET published_at_ms = $1, refused = $2 WHERE seq = $3', [
            Date.now(),
            published.ok ? null : published.reason,
            seq,
          ]);
        }
        await client.query('SELECT pg_advisory_unlock($1)', [RELAY_LOCK]);
        isWell = true;
        return rows.length === limit;
      } finally {
        // Where it failed the connection ends, and the lock with it.
        client.release(!isWell);
      }
    },
    async sweep(beforeMs) {
      await pool.query('DELETE FROM answers WHERE at_ms < $1', [beforeMs]);
      await pool.query('DELETE FROM outbox WHERE published_at_ms < $1', [beforeMs]);
    },
    close: () => pool.end(),
  };
}

function taskIn({ task, is_deleted }: TaskRow): KeptTask {
  return { ...(JSON.parse(task) as Task), isDeleted: is_deleted };
}
