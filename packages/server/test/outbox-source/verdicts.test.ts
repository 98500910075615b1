import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/ports/source.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres-server.ts';
import { APPLIED, type Outbox, createOutbox, insert, notingIntake } from './outbox-under-test.ts';

let server: PostgresServer;
let outbox: Outbox;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  outbox = await createOutbox(server);
});
afterEach(() => outbox.close());

const HOUR_MS = 3_600_000;
const unavailable: Verdict = { result: 'unavailable', detail: 'the log is away\0', retryAfterMs: 0 };

describe('verdicts', () => {
  it('duplicate and ignored are done as applied is', async () => {
    const verdicts: readonly Verdict[] = [
      APPLIED,
      { result: 'applied', duplicate: true },
      { result: 'ignored' },
    ];
    const intake = notingIntake(({ id }) => verdicts[Number(id?.split('-')[1]) - 1]!);
    const source = outbox.source();
    await source.start(intake);
    await insert(outbox.app, { key: 'alice', count: 3 });
    await intake.brought(3);
    const { rows } = await outbox.app.query('SELECT FROM carillon_outbox');
    await outbox.rows('waiting', 0);
    expect(rows.length).toBeLessThanOrEqual(3);
    await source.stop();
    expect(source.positions()[0]).toMatchObject({
      topic: 'carillon_outbox',
      partition: 'waiting',
      position: 3,
    });
    expect(intake.taken).toHaveLength(3);
  });

  it('poison stays, with code and detail, and holds up nothing; set to waiting it is brought again', async () => {
    const intake = notingIntake(({ id }) =>
      id === 'alice-2' && intake.taken.length <= 3
        ? { result: 'poison', code: 'event_invalid', detail: `title: \0 ${'x'.repeat(2_000)}` }
        : APPLIED,
    );
    const clock = createVirtualClock();
    const source = outbox.source({}, clock);
    await source.start(intake);
    await insert(outbox.app, { key: 'alice', count: 3 });
    await outbox.rows('waiting', 0);
    const { rows } = await outbox.app.query<Record<string, unknown>>(
      'SELECT event_id, state, code, detail, settled_at IS NOT NULL AS settled FROM carillon_outbox',
    );
    expect(rows).toEqual([
      {
        event_id: 'alice-2',
        state: 'dead',
        code: 'event_invalid',
        detail: `title: \uFFFD ${'x'.repeat(991)}`,
        settled: true,
      },
    ]);
    expect(outbox.warnings).toEqual([
      { event: 'outbox_rows_dead', detail: { count: 1, place: 'carillon_outbox@2', code: 'event_invalid' } },
    ]);
    await outbox.app.query(`UPDATE carillon_outbox SET state = 'waiting'`);
    await outbox.app.query('NOTIFY carillon_outbox');
    await outbox.rows('dead', 0);
    await outbox.rows('waiting', 0);
    expect(intake.taken.map(({ id }) => id)).toEqual(['alice-1', 'alice-2', 'alice-3', 'alice-2']);
  });

  it('unavailable is brought again, with those of its key behind it, in order, while other lanes go on', async () => {
    let away = true;
    const intake = notingIntake(({ key }) => (away && key === 'alice' ? unavailable : APPLIED));
    // Only its own timer can have brought it again.
    await outbox.source({ pollMs: HOUR_MS }).start(intake);
    await insert(outbox.app, { key: 'alice', count: 2 });
    await intake.brought(6);
    await insert(outbox.app, { key: 'bob' });
    await outbox.rows('waiting', 2);
    const { rows } = await outbox.app.query<Record<string, unknown>>(
      `SELECT event_id, attempts >= 2 AS tried, failures = attempts AND paused_until > created_at AS paused, detail
        FROM carillon_outbox JOIN carillon_outbox_lanes USING (lane) ORDER BY id`,
    );
    expect(rows).toEqual(
      ['alice-1', 'alice-2'].map((event_id) => ({
        event_id,
        tried: true,
        paused: true,
        detail: 'the log is away\uFFFD',
      })),
    );
    away = false;
    await outbox.rows('waiting', 0);
    const ids = intake.taken.filter(({ key }) => key === 'alice').map(({ id }) => id);
    expect(ids).toEqual(ids.map((_, i) => (i % 2 === 0 ? 'alice-1' : 'alice-2')));
    const lanes = await outbox.app.query('SELECT FROM carillon_outbox_lanes WHERE failures > 0');
    expect(lanes.rows).toEqual([]);
  });

  it('one that does not come within takeMs is given up, and its lane is free for others meanwhile', async () => {
    const clock = createVirtualClock();
    const gaveUp: string[] = [];
    const intake = notingIntake(({ id }, signal) => {
      if (gaveUp.length > 0) return unavailable;
      return new Promise((resolve) =>
        signal?.addEventListener('abort', () => {
          gaveUp.push(id ?? '');
          resolve(unavailable);
        }),
      );
    });
    await outbox.source({ takeMs: 10_000, pollMs: HOUR_MS }, clock).start(intake);
    await insert(outbox.app, { key: 'alice' });
    await intake.brought(1);
    await clock.advance(9_999);
    expect(gaveUp).toEqual([]);
    await clock.advance(1);
    expect(gaveUp).toEqual(['alice-1']);
    const other = notingIntake();
    await outbox.source().start(other);
    await other.brought(1);
    await outbox.rows('waiting', 0);
  });
});

describe('how far it is', () => {
  it('is told by rows that wait, counted every five seconds, and rows that are dead', async () => {
    const clock = createVirtualClock();
    const gate = Promise.withResolvers<void>();
    const intake = notingIntake(async ({ key }) => {
      if (key === 'alice') await gate.promise;
      return key === 'carol' ? { result: 'poison', code: 'mapping_failed', detail: 'no' } : APPLIED;
    });
    const source = outbox.source({ pollMs: HOUR_MS }, clock);
    expect(source.positions().map(({ lag }) => lag)).toEqual([null, null]);
    await source.start(intake);
    await insert(outbox.app, { key: 'alice', count: 7 });
    await intake.brought(7);
    await insert(outbox.app, { key: 'carol', count: 2 });
    await outbox.rows('dead', 2);
    const told = async (lag: number, dead: number): Promise<void> => {
      // The count is on its way.
      while (source.positions()[0]?.lag !== lag || source.positions()[1]?.position !== dead)
        await new Promise((resolve) => setImmediate(resolve));
    };
    await clock.advance(5_000);
    await told(7, 2);
    gate.resolve();
    await outbox.rows('waiting', 0);
    await clock.advance(5_000);
    await told(0, 2);
    expect(source.positions()).toEqual([
      { topic: 'carillon_outbox', partition: 'waiting', position: 7, lag: 0 },
      { topic: 'carillon_outbox', partition: 'dead', position: 2, lag: null },
    ]);
  });
});

describe('stopping', () => {
  it('brings nothing of a round that had begun, and was still waiting for its rows', async () => {
    const intake = notingIntake();
    const source = outbox.source({ atOnce: 1 });
    await source.start(intake);
    const other = new pg.Client({ connectionString: outbox.url });
    await other.connect();
    await other.query('BEGIN; LOCK TABLE carillon_outbox_lanes IN ACCESS EXCLUSIVE MODE');
    await insert(outbox.app, { key: 'alice' });
    for (let waiting = 0; waiting === 0;) {
      const { rowCount } = await outbox.app.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      waiting = rowCount ?? 0;
    }
    const stopping = source.stop();
    await other.query('COMMIT');
    await other.end();
    await stopping;
    await outbox.rows('waiting', 1);
    expect(intake.taken).toEqual([]);
  });

  it('waits for the verdicts of what was brought, takes it for done, and brings nothing more', async () => {
    const gate = Promise.withResolvers<void>();
    const intake = notingIntake(async () => {
      await gate.promise;
      return APPLIED;
    });
    const source = outbox.source();
    await source.start(intake);
    await insert(outbox.app, { key: 'alice' });
    await intake.brought(1);
    let stopped = false;
    const stopping = source.stop().then(() => (stopped = true));
    await insert(outbox.app, { key: 'alice', first: 2 });
    expect(stopped).toBe(false);
    gate.resolve();
    await stopping;
    const { rows } = await outbox.app.query('SELECT event_id FROM carillon_outbox');
    expect(rows).toEqual([{ event_id: 'alice-2' }]);
    expect(intake.taken).toHaveLength(1);
    // Its connections end with it; Postgres notices a moment later.
    for (let open = -1; open !== 0;) {
      const { rows: connections } = await outbox.app.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND application_name = 'carillon'`,
      );
      open = connections.length;
    }
  });
});
