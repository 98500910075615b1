import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_OUTBOX_TABLE, outboxTableProblem } from '../../src/adapters/sql/postgres/outbox-options.ts';
import { migrateOutbox, outboxSchema } from '../../src/adapters/sql/postgres/outbox-schema.ts';
import { connectPostgres } from '../../src/adapters/sql/postgres/postgres.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres-server.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

describe('the schema of an outbox', () => {
  it('is made by several at once, and once', async () => {
    const url = await server.createDatabase();
    const nodes = await Promise.all(Array.from({ length: 6 }, () => connectPostgres({ url })));
    await Promise.all(nodes.map((node) => node.transaction((within) => within.exec('SELECT 1'))));
    const made = await Promise.all(nodes.map((node) => migrateOutbox(node, DEFAULT_OUTBOX_TABLE)));
    expect(made.filter((one) => one)).toEqual([true]);
    for (const node of nodes) await node.close();
  });

  it('run again leaves rows, pauses and the trigger as they are, in a schema of its own too', async () => {
    const client = new pg.Client({ connectionString: await server.createDatabase() });
    await client.connect();
    await client.query('CREATE SCHEMA app');
    await client.query(outboxSchema('app.events'));
    await client.query(`INSERT INTO app.events (topic, key, payload) VALUES ('t', 'k', '{"a":1}')`);
    await client.query('UPDATE app.events_lanes SET failures = 3 WHERE lane = 7');
    await client.query(outboxSchema('app.events'));
    const { rows } = await client.query(`SELECT topic, key, headers, payload, state, bytes FROM app.events`);
    expect(rows).toEqual([
      { topic: 't', key: 'k', headers: {}, payload: { a: 1 }, state: 'waiting', bytes: '8' },
    ]);
    const lanes = await client.query(
      'SELECT count(*)::int AS n, sum(failures)::int AS f FROM app.events_lanes',
    );
    expect(lanes.rows).toEqual([{ n: 64, f: 3 }]);
    const triggers = await client.query(
      `SELECT count(*)::int AS n FROM pg_trigger WHERE tgname = 'events_notify'`,
    );
    expect(triggers.rows).toEqual([{ n: 1 }]);
    await client.end();
  });

  it('gives rows of one key one lane, and spreads keys over all of them', async () => {
    const client = new pg.Client({ connectionString: await server.createDatabase() });
    await client.connect();
    await client.query(outboxSchema('events'));
    await client.query(
      `INSERT INTO events (topic, key) SELECT 't' || n % 3, 'user-' || n % 1000 FROM generate_series(1, 6000) AS n`,
    );
    const { rows } = await client.query(
      `SELECT count(DISTINCT lane)::int AS lanes, min(lane)::int AS low, max(lane)::int AS high FROM events`,
    );
    expect(rows).toEqual([{ lanes: 64, low: 0, high: 63 }]);
    const split = await client.query(`SELECT key FROM events GROUP BY key HAVING count(DISTINCT lane) > 1`);
    expect(split.rows).toEqual([]);
    await client.end();
  });

  it('refuses headers that are no object, two payloads in a row, and names and headers that are too long', async () => {
    const client = new pg.Client({ connectionString: await server.createDatabase() });
    await client.connect();
    await client.query(outboxSchema('events'));
    const headersOf = (bytes: number): string => `jsonb_build_object('h', repeat('x', ${bytes - 9}))`;
    for (const row of [
      `(topic, headers) VALUES ('t', '[]')`,
      `(topic, payload, body) VALUES ('t', '1', 'a')`,
      `(topic) VALUES (repeat('t', 250))`,
      `(topic, key) VALUES ('t', repeat('k', 1025))`,
      `(topic, event_id) VALUES ('t', repeat('e', 513))`,
      `(topic, headers) VALUES ('t', ${headersOf(65_537)})`,
    ])
      await expect(client.query(`INSERT INTO events ${row}`), row).rejects.toThrow(/check constraint/);
    await client.query(
      `INSERT INTO events (topic, key, event_id, headers)
        VALUES (repeat('t', 249), repeat('k', 1024), repeat('e', 512), ${headersOf(65_536)})`,
    );
    await client.end();
  });
});

describe('the statements of docs/feeds.md', () => {
  it('insert an event in the order in which they stand, and have a dead one brought again', async () => {
    const text = readFileSync(new URL('../../../../docs/feeds.md', import.meta.url), 'utf8');
    const [insertion = '', revival = ''] = [...text.matchAll(/^```sql\n(.*?)^```/gms)].map(([, sql]) => sql);
    const client = new pg.Client({ connectionString: await server.createDatabase() });
    await client.connect();
    await client.query(outboxSchema(DEFAULT_OUTBOX_TABLE));
    await client.query(`
      CREATE TABLE tasks (id text, user_id text, title text, done boolean, version integer);
      INSERT INTO tasks VALUES ('t-17', 'alice', 'tea', false, 1)`);
    await client.query(insertion);
    await client.query(`UPDATE carillon_outbox SET state = 'dead', code = 'event_invalid'`);
    await client.query(revival);
    const { rows } = await client.query('SELECT topic, key, payload, state FROM carillon_outbox');
    expect(rows).toEqual([
      {
        topic: 'task-updates',
        key: 'alice',
        payload: { userId: 'alice', task: { id: 't-17', title: 'tea', done: true, version: 2 } },
        state: 'waiting',
      },
    ]);
    await client.end();
  });
});

describe('the name of an outbox table', () => {
  it.each(['carillon_outbox', 'app.outbox', 'a'.repeat(48)])('%s is one', (table) => {
    expect(outboxTableProblem(table)).toBeUndefined();
  });
  it.each(['', 'Outbox', 'a.b.c', 'a"; DROP TABLE b; --', '1a', 'a'.repeat(49), '.a', 'a.'])(
    '%s is none',
    (table) => {
      expect(outboxTableProblem(table)).toMatch(/is no name of a table/);
    },
  );
});
