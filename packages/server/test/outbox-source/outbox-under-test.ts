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

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The other side of the port: notes what it is brought, and says what a test wants to be said. */
export type NotingIntake = Intake & {
  /** In the order in which they were brought. */
  readonly taken: readonly SourceEvent[];
  /** The same, numbered over all intakes of the process. */
  readonly noted: readonly Noted[];
  /** Those without a verdict. */
  inFlight(): number;
  mostInFlight(): number;
  /** Resolves when so many were brought in all. */
  brought(count: number): Promise<void>;
};

type Say = (event: SourceEvent, signal: AbortSignal | undefined) => Verdict | Promise<Verdict>;

type Noted = { readonly event: SourceEvent; readonly at: number };

let notedInAll = 0;

export function notingIntake(say: Say = () => APPLIED): NotingIntake {
  const taken: SourceEvent[] = [];
  const noted: Noted[] = [];
  const waiting: { readonly at: number; readonly resolve: () => void }[] = [];
  let inFlight = 0;
  let most = 0;
  return {
    taken,
    noted,
    inFlight: () => inFlight,
    mostInFlight: () => most,
    async take(event, signal) {
      taken.push(event);
      noted.push({ event, at: ++notedInAll });
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
  readonly app: Pick<pg.Client, 'query'>;
  readonly warnings: readonly Warning[];
  /** What sources counted that no intake has seen: `outbox//event_too_large`. */
  readonly counted: readonly string[];
  /** A source over it, as a node has one. */
  source(settings?: Partial<OutboxSettings>, clock?: Clock, through?: string): Source;
  /** The backend connects again: its Postgres was away. */
  reconnect(): Promise<void>;
  /** Resolves when so many rows are in a state. */
  rows(state: 'waiting' | 'done' | 'dead', count: number): Promise<void>;
  close(): Promise<void>;
};

export async function createOutbox(server: Pick<PostgresServer, 'createDatabase'>): Promise<Outbox> {
  const url = await server.createDatabase();
  const postgres = await connectPostgres({ url });
  await migrateOutbox(postgres, 'carillon_outbox');
  await postgres.close();
  let app = await connect();
  const warnings: Warning[] = [];
  const counted: string[] = [];
  const sources: Source[] = [];

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined); // It is told by what it makes reject.
    await client.connect();
    return client;
  }

  return {
    url,
    get app() {
      return app;
    },
    async reconnect() {
      await app.end().catch(() => undefined); // Broken already.
      app = await connect();
    },
    warnings,
    counted,
    source(settings = {}, clock = createNodeClock(), through = url) {
      const source = createOutboxSource({
        ...settings,
        url: through,
        clock,
        secrets: { fraction: () => 0.5 },
        telemetry: {
          warn: (event, detail) => void warnings.push({ event, detail }),
          feedEvent: (source, topic, result) => void counted.push(`${source}/${topic}/${result}`),
        },
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

/** The ids of what was brought, by key, in order, without those that were brought again. */
export function firstByKey(events: readonly Noted[]): ReadonlyMap<string | null, readonly string[]> {
  const seen = new Set<string>();
  const byKey = new Map<string | null, string[]>();
  for (const { event } of events) {
    const { id, key } = event;
    if (id === null || seen.has(id)) continue;
    seen.add(id);
    const ids = byKey.get(key) ?? [];
    ids.push(id);
    byKey.set(key, ids);
  }
  return byKey;
}
