import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openCuttingLine } from '../postgres/cutting-line.ts';
import { freePorts } from '../servers/child-server.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres-server.ts';
import { startLoad } from './backend-load.ts';
import {
  APPLIED,
  type Outbox,
  createOutbox,
  firstByKey,
  insert,
  nextTurn,
  notingIntake,
} from './outbox-under-test.ts';

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

/** So short that a test need not wait: what hangs is noticed after a second and a half. */
const IMPATIENT = { connectMs: 400, statementMs: 400, pollMs: 100 };

/** Takes a few turns over each event, so that several are under way whenever something strikes. */
function slowIntake() {
  return notingIntake(async () => {
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    return APPLIED;
  });
}

describe('Postgres goes away under load, and comes back', () => {
  it.each([
    ['shut down and started', () => server.restart()],
    [
      'killed and started',
      async () => {
        await server.kill9();
        await server.restart();
      },
    ],
    [
      'stopped with SIGSTOP',
      async (outOfReach: () => boolean) => {
        server.pause();
        while (!outOfReach()) await nextTurn();
        server.resume();
      },
    ],
  ])(
    '%s: two sources go on by themselves; everything is brought, in the order of each key, and nothing is left',
    async (_, fault) => {
      const intakes = [slowIntake(), slowIntake()];
      const all = () => intakes.reduce((sum, { taken }) => sum + taken.length, 0);
      const sources = intakes.map(() => outbox.source(IMPATIENT));
      for (const [i, source] of sources.entries()) await source.start(intakes[i]!);
      const load = await startLoad(outbox.url, { writers: 4, keys: 10 });
      while (all() < 500 || intakes.some((intake) => intake.inFlight() === 0)) await nextTurn();
      await fault(() => sources.every((source) => source.trouble() !== null));
      const before = all();
      while (all() < before + 500) await nextTurn();
      const written = await load.stop();
      await outbox.reconnect();
      await outbox.rows('waiting', 0);
      expect(outbox.warnings.map(({ event }) => event)).toContain('outbox_unavailable');
      const brought = firstByKey(intakes.flatMap(({ noted }) => noted).toSorted((a, b) => a.at - b.at));
      expect(brought.size).toBe(40);
      for (const [key, last] of written)
        expect(brought.get(key), key).toEqual(Array.from({ length: last }, (_each, n) => `${key}-${n + 1}`));
      await Promise.all(sources.map((source) => source.stop()));
      expect(sources.map((source) => source.trouble())).toEqual([null, null]);
    },
    60_000,
  );
});

describe('connections', () => {
  it('the one that listens is lost: it listens again, and what came meanwhile is found', async () => {
    const intake = notingIntake();
    await outbox.source({ pollMs: HOUR_MS }).start(intake);
    const listening = async (): Promise<number | undefined> => {
      const { rows } = await outbox.app.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^(LISTEN|SELECT 1$)'
          AND state = 'idle'`,
      );
      return rows[0]?.pid;
    };
    const before = await listening();
    // The row is committed when nobody listens, and before anybody does again.
    await outbox.app.query(
      `DO $$ BEGIN
        PERFORM pg_terminate_backend(${before});
        WHILE EXISTS (SELECT FROM pg_stat_activity WHERE pid = ${before}) LOOP
          PERFORM pg_stat_clear_snapshot();
        END LOOP;
        INSERT INTO carillon_outbox (topic, key) VALUES ('t', 'alice');
      END $$`,
    );
    await intake.brought(1);
    for (let now = await listening(); now === undefined || now === before;) now = await listening();
    await insert(outbox.app, { key: 'bob' });
    await intake.brought(2);
    expect(outbox.warnings.map(({ event }) => event)).toEqual(['outbox_listening_lost']);
  });

  it('the answer to a COMMIT is lost: what was taken for done stays so', async () => {
    const line = await openCuttingLine(outbox.url);
    const intake = notingIntake();
    const source = outbox.source({ ...IMPATIENT, atOnce: 1 }, undefined, line.url);
    await source.start(intake);
    const cut = line.cutNextCommit();
    await insert(outbox.app, { key: 'alice' });
    await cut;
    await outbox.rows('waiting', 0);
    await insert(outbox.app, { key: 'alice', first: 2 });
    await outbox.rows('waiting', 0);
    expect(intake.taken.map(({ id }) => id)).toEqual(['alice-1', 'alice-2']);
    await source.stop();
    await line.close();
  });
});

describe('starting', () => {
  it.each([
    [
      'a password that is wrong',
      (url: URL) => (url.password = 'hush'),
      /password authentication failed for user "carillon"/,
    ],
    [
      'a database that is none',
      (url: URL) => (url.pathname = '/nowhere'),
      /database "nowhere" does not exist/,
    ],
  ])('is refused with %s, without telling the password', async (_, change, reason) => {
    const url = new URL(outbox.url);
    change(url);
    const other = outbox.source({}, undefined, url.href);
    const error: unknown = await other.start(notingIntake()).catch((failed: unknown) => failed);
    expect(error).toMatchObject({
      code: 'outbox_unusable',
      message: expect.stringMatching(reason) as string,
    });
    expect((error as Error).message).not.toMatch(/hush|\n/);
  });

  it('is refused without the tables, and says what makes them', async () => {
    const source = outbox.source({ table: 'app.other' });
    await expect(source.start(notingIntake())).rejects.toThrow(
      'the outbox cannot be read: there is no table "app"."other" with its lanes: run carillon migrate --outbox',
    );
  });

  it('needs a user that may read, change and delete rows, and no more; the backend one that may insert', async () => {
    const name = new URL(outbox.url).pathname.slice(1);
    await outbox.app.query(`
      CREATE ROLE reader_${name} LOGIN PASSWORD 'r'; CREATE ROLE backend_${name} LOGIN PASSWORD 'b';
      GRANT INSERT ON carillon_outbox TO backend_${name};
      GRANT SELECT, UPDATE ON carillon_outbox, carillon_outbox_lanes TO reader_${name}`);
    const as = (role: string, password: string): string => {
      const url = new URL(outbox.url);
      url.username = role;
      url.password = password;
      return url.href;
    };
    await expect(
      outbox.source({}, undefined, as(`reader_${name}`, 'r')).start(notingIntake()),
    ).rejects.toThrow(/its user may not SELECT, UPDATE, DELETE both/);
    await outbox.app.query(`GRANT DELETE ON carillon_outbox, carillon_outbox_lanes TO reader_${name}`);
    const intake = notingIntake(({ id }) =>
      id === 'alice-2' ? { result: 'poison', code: 'event_invalid', detail: '' } : APPLIED,
    );
    await outbox.source({}, undefined, as(`reader_${name}`, 'r')).start(intake);
    const backend = new pg.Client({ connectionString: as(`backend_${name}`, 'b') });
    await backend.connect();
    await insert(backend, { key: 'alice', count: 3 });
    await backend.end();
    await outbox.rows('waiting', 0);
    await outbox.rows('dead', 1);
    expect(intake.taken).toHaveLength(3);
  });

  it('does not wait for a Postgres that is away, and brings what is there when it has come', async () => {
    const [port = 0] = await freePorts(1);
    const away = new URL(outbox.url);
    away.port = String(port);
    const source = outbox.source(IMPATIENT, undefined, away.href);
    await source.start(notingIntake());
    expect(source.trouble()).toMatch(/ECONNREFUSED/);
    await source.stop();

    await insert(outbox.app, { key: 'alice' });
    await server.shutDown();
    const later = outbox.source(IMPATIENT);
    const intake = notingIntake();
    await later.start(intake);
    expect(later.trouble()).not.toBeNull();
    await server.restart();
    await intake.brought(1);
    await outbox.reconnect();
    await outbox.rows('waiting', 0);
  });
});
