import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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

/** Nothing is looked at by itself while a test runs. */
const HOUR_MS = 3_600_000;

describe('what a backend inserts', () => {
  it('is brought as an event, and its row is gone behind the verdict', async () => {
    const intake = notingIntake();
    await outbox.source().start(intake);
    await outbox.app.query(`BEGIN`);
    await outbox.app.query(
      `INSERT INTO carillon_outbox (event_id, topic, key, headers, payload, created_at)
        VALUES ('e1', 'task-updates', 'alice', '{"X-Cause":"test","Tries":3}', '{"task":"tea"}', '2026-01-02T03:04:05.678Z')`,
    );
    await outbox.app.query(`COMMIT`);
    await intake.brought(1);
    expect(intake.taken).toEqual([
      {
        source: 'outbox',
        topic: 'task-updates',
        place: 'carillon_outbox@1',
        lane: expect.stringMatching(/^carillon_outbox\/\d+$/) as string,
        key: 'alice',
        headers: { 'x-cause': 'test', tries: '3' },
        id: 'e1',
        atMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
        content: { kind: 'bytes', bytes: Buffer.from('{"task": "tea"}'), type: null },
      },
    ]);
    await outbox.rows('waiting', 0);
    await outbox.rows('done', 0);
    await outbox.rows('dead', 0);
  });

  it('may be bytes of any type, nothing at all, and have no key and no id of its own', async () => {
    const intake = notingIntake();
    await outbox.source().start(intake);
    await outbox.app.query(
      `INSERT INTO carillon_outbox (topic, headers, body) VALUES
        ('t', '{"Content-Type":"application/cloudevents+json"}', '\\x00ff')`,
    );
    await intake.brought(1);
    await outbox.app.query(
      `INSERT INTO carillon_outbox (topic, event_id, created_at) VALUES ('t', '', 'infinity')`,
    );
    await intake.brought(2);
    expect(intake.taken).toMatchObject([
      {
        key: null,
        id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        content: {
          kind: 'bytes',
          bytes: Buffer.from([0x00, 0xff]),
          type: 'application/cloudevents+json',
        },
      },
      { key: null, id: null, atMs: null, content: { kind: 'value', value: null } },
    ]);
  });

  it('and rolls back is never brought', async () => {
    const intake = notingIntake();
    await outbox.source().start(intake);
    await outbox.app.query('BEGIN');
    await insert(outbox.app, { key: 'alice' });
    await outbox.app.query('ROLLBACK');
    await insert(outbox.app, { key: 'alice', first: 2 });
    await intake.brought(1);
    await outbox.rows('waiting', 0);
    expect(intake.taken.map(({ id }) => id)).toEqual(['alice-2']);
  });

  it('wakes the source: no time passes here, and it would look by itself in an hour', async () => {
    const intake = notingIntake();
    const clock = createVirtualClock();
    await outbox.source({ pollMs: HOUR_MS }, clock).start(intake);
    for (let n = 1; n <= 20; n++) {
      await insert(outbox.app, { key: 'alice', first: n });
      await intake.brought(n);
    }
    expect(intake.taken.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, i) => `alice-${i + 1}`));
    expect(clock.monotonicMs()).toBe(0);
  });

  it('is found by looking where nobody was told: without the trigger, after pollMs', async () => {
    const intake = notingIntake();
    const clock = createVirtualClock();
    await outbox.app.query('DROP TRIGGER carillon_outbox_notify ON carillon_outbox');
    await outbox.source({ pollMs: HOUR_MS }, clock).start(intake);
    await insert(outbox.app, { key: 'alice' });
    await clock.advance(HOUR_MS - 1);
    expect(intake.taken).toEqual([]);
    await clock.advance(1);
    await intake.brought(1);
  });

  it('was there before it started', async () => {
    await insert(outbox.app, { key: 'alice', count: 3 });
    const intake = notingIntake();
    await outbox.source({ pollMs: HOUR_MS }, createVirtualClock()).start(intake);
    await intake.brought(3);
  });

  it('is kept for keepDoneMs where that is set, and deleted then', async () => {
    const intake = notingIntake();
    const clock = createVirtualClock();
    await outbox.source({ pollMs: HOUR_MS, keepDoneMs: 60_000 }, clock).start(intake);
    await insert(outbox.app, { key: 'alice', count: 1_500 });
    await outbox.rows('done', 1_500);
    await outbox.app.query(
      `UPDATE carillon_outbox SET settled_at = settled_at - interval '1 minute' WHERE id > 100`,
    );
    await clock.advance(5_000);
    await outbox.rows('done', 100);
    expect(intake.taken).toHaveLength(1_500);
  });
});

describe('order', () => {
  it('a row that commits late, with a lower id, is brought when it has committed', async () => {
    const intake = notingIntake();
    await outbox.source({ pollMs: HOUR_MS }, createVirtualClock()).start(intake);
    const slow = new pg.Client({ connectionString: outbox.url });
    await slow.connect();
    await slow.query('BEGIN');
    await insert(slow, { key: 'alice', first: 1 });
    await insert(outbox.app, { key: 'alice', first: 2 });
    await intake.brought(1);
    await outbox.rows('waiting', 0);
    await slow.query('COMMIT');
    await intake.brought(2);
    expect(intake.taken.map(({ id, place }) => [id, place])).toEqual([
      ['alice-2', 'carillon_outbox@2'],
      ['alice-1', 'carillon_outbox@1'],
    ]);
    await slow.end();
  });

  it('of one key the later waits until the earlier is done, on whichever source; others go on', async () => {
    const held = Promise.withResolvers<void>();
    const slow = notingIntake(async () => {
      await held.promise;
      return APPLIED;
    });
    await outbox.source({ pollMs: HOUR_MS, atOnce: 1 }, createVirtualClock()).start(slow);
    await insert(outbox.app, { key: 'alice', first: 1 });
    await slow.brought(1);
    const quick = notingIntake();
    await outbox.source({ pollMs: HOUR_MS }, createVirtualClock()).start(quick);
    await insert(outbox.app, { key: 'alice', first: 2 });
    await insert(outbox.app, { key: 'bob', first: 1 });
    await quick.brought(1);
    await outbox.rows('waiting', 2);
    expect(quick.taken.map(({ id }) => id)).toEqual(['bob-1']);
    held.resolve();
    await outbox.rows('waiting', 0);
    const all = [...slow.taken, ...quick.taken].filter(({ key }) => key === 'alice');
    expect(all.map(({ id }) => id)).toEqual(['alice-1', 'alice-2']);
  });
});

describe('bounds', () => {
  it('no more rows than batch times atOnce are without a verdict, however many wait', async () => {
    const gate = Promise.withResolvers<void>();
    const intake = notingIntake(async () => {
      await gate.promise;
      return APPLIED;
    });
    for (let user = 0; user < 64; user++) await insert(outbox.app, { key: `user-${user}`, count: 20 });
    await outbox.source({ batch: 64, atOnce: 2 }).start(intake);
    await intake.brought(40);
    gate.resolve();
    await outbox.rows('waiting', 0);
    expect(intake.taken).toHaveLength(1_280);
    expect(intake.mostInFlight()).toBeLessThanOrEqual(128);
  });

  it('no more bytes than batchBytes are read at once, but for one row', async () => {
    const sizes: number[] = [];
    let now = 0;
    const intake = notingIntake(async ({ content }) => {
      const size = content.kind === 'bytes' ? content.bytes.length : 0;
      now += size;
      sizes.push(now);
      await Promise.resolve();
      now -= size;
      return APPLIED;
    });
    await outbox.app.query(
      `INSERT INTO carillon_outbox (topic, key, payload)
        SELECT 't', 'alice', to_jsonb(repeat('x', 99998)) FROM generate_series(1, 40)`,
    );
    await outbox.source({ batchBytes: 250_000, atOnce: 1 }).start(intake);
    await outbox.rows('waiting', 0);
    expect(Math.max(...sizes)).toBe(300_000);
  });

  it('a payload of 10 MB is brought whole where it may be, and is dead and never read where it may not', async () => {
    const size = 10 * 1024 * 1024;
    const intake = notingIntake();
    const source = outbox.source({ maxEventBytes: size });
    await source.start(intake);
    const add = (bytes: number, key: string) =>
      outbox.app.query(
        `INSERT INTO carillon_outbox (topic, key, payload) VALUES ('t', $2, to_jsonb(repeat('x', $1)))`,
        [bytes - 2, key],
      );
    await add(size, 'alice');
    await intake.brought(1);
    expect(intake.taken[0]!.content).toMatchObject({ bytes: { length: size } });
    await add(size + 1, 'alice');
    await add(10, 'alice');
    await intake.brought(2);
    await outbox.rows('dead', 1);
    await outbox.rows('waiting', 0);
    expect(intake.taken).toHaveLength(2);
    await source.stop();
    expect(outbox.counted).toEqual(['outbox//event_too_large']);
    const { rows } = await outbox.app.query(`SELECT code, detail FROM carillon_outbox`);
    expect(rows).toEqual([{ code: 'event_too_large', detail: `${size + 1} bytes, and ${size} may be` }]);
  });
});
