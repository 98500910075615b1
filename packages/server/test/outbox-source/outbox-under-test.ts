import pg from 'pg';
import { migrateOutbox } from '../../src/adapters/sql/postgres/outbox-schema.ts';
import type { OutboxSettings } from '../../src/adapters/sql/postgres/outbox-options.ts';
import { createOutboxSource } from '../../src/adapters/sql/postgres/outbox-source.ts';
import { connectPostgres } from '../../src/adapters/sql/postgres/postgres.ts';
import { createNodeClock } from '../../src/adapters/node/clock.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Intake, Source, SourceEvent, Verdict } from '../../src/ports/source.ts';
import type { PostgresServer } from '../servers/postgres-server.ts';

export const APPLIED: Verdict = { result: 'applied', duplicate: false };

/** The other side of the port: notes what it is brought, and says what a test wants to be said. */
export type NotingIntake = Intake & {
  /** In the order in which they were brought. */
  readonly taken: readonly SourceEvent[];
  /** Those without a verdict. */
  inFlight(): number;
  mostInFlight(): number;
  /** Resolves when so many were brought in all. */
  brought(count: number): Promise<void>;
};

type Say = (event: SourceEvent, signal: AbortSignal | undefined) => Verdict | Promise<Verdict>;

export function notingIntake(say: Say = () => APPLIED): NotingIntake {
  const taken: SourceEvent[] = [];
  const waiting: { readonly at: number; readonly resolve: () => void }[] = [];
  let inFlight = 0;
  let most = 0;
  return {
    taken,
    inFlight: () => inFlight,
    mostInFlight: () => most,
    async take(event, signal) {
      taken.push(event);
      most = Math.max(most, ++inFlight);
      for (const { at, resolve } of waiting) if (taken.length >= at) resolve();
      try {
        return await say(event, signal);
      } finally {
        inFlight--;
      }
    },
    brought: (count) =>
      taken.length >= count
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ at: count, resolve })),
  };
}

export type Warning = { readonly event: string; readonly detail: Readonly<Record<string, unknown>> };

/** An app's database with an outbox in it. */
export type Outbox = {
  readonly url: string;
  /** A connection of the backend's. */
  readonly app: pg.Client;
  readonly warnings: readonly Warning[];
  /** A source over it, as a node has one. */
  source(settings?: Partial<OutboxSettings>, clock?: Clock): Source;
  /** Resolves when so many rows are in a state. */
  rows(state: 'waiting' | 'done' | 'dead', count: number): Promise<void>;
  close(): Promise<void>;
};

/** @param through where sources connect, if not to the server itself */
export async function createOutbox(
  server: Pick<PostgresServer, 'createDatabase'>,
  through: (url: string) => string = (url) => url,
): Promise<Outbox> {
  const url = await server.createDatabase();
  const postgres = await connectPostgres({ url });
  await migrateOutbox(postgres, 'carillon_outbox');
  await postgres.close();
  const app = new pg.Client({ connectionString: url });
  app.on('error', () => undefined); // It is told by what it makes reject.
  await app.connect();
  const warnings: Warning[] = [];
  const sources: Source[] = [];
  return {
    url,
    app,
    warnings,
    source(settings = {}, clock = createNodeClock()) {
      const source = createOutboxSource({
        ...settings,
        url: through(url),
        clock,
        secrets: { fraction: () => 0.5 },
        telemetry: { warn: (event, detail) => void warnings.push({ event, detail }) },
      });
      sources.push(source);
      return source;
    },
    async rows(state, count) {
      for (let now = -1; now !== count;) {
        const { rows } = await app.query<{ n: number }>(
          'SELECT count(*)::int AS n FROM carillon_outbox WHERE state = $1',
          [state],
        );
        now = rows[0]?.n ?? -1;
      }
    },
    async close() {
      for (const source of sources) await source.stop();
      await app.end().catch(() => undefined); // Ended with the server already.
    },
  };
}

/** Inserts rows as a backend does, in one statement: `key` and the payload `{"n": …}`, from `first` on. */
export async function insert(
  app: Pick<pg.Client, 'query'>,
  {
    key,
    count = 1,
    first = 1,
  }: { readonly key: string | null; readonly count?: number; readonly first?: number },
): Promise<void> {
  await app.query(
    `INSERT INTO carillon_outbox (event_id, topic, key, payload)
      SELECT coalesce($1, 'none') || '-' || n, 'task-updates', $1, jsonb_build_object('n', n)
      FROM generate_series($2::int, $2::int + $3::int - 1) AS n ORDER BY n`,
    [key, first, count],
  );
}
