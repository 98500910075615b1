import type { PgTransaction } from './connection.ts';
import { outboxTableProblem } from './outbox-options.ts';

/**
 * Keys are spread over so many lanes, and a lane is read by one node at a time: more nodes than lanes would have nothing to do.
 * It is part of the table (a generated column): another number would need another table.
 */
export const OUTBOX_LANES = 64;

/**
 * What a row may hold beside its payload, in characters; a larger payload is marked unread, and these are read with every row.
 * As of `POST /v1/events`.
 */
const MAX_NAME_LENGTHS = { eventId: 512, topic: 249, key: 1_024 } as const;

const MAX_HEADERS_BYTES = 65_536;

/** Held while the table is made, so that several may make it at once. Any number, the same in every process. */
const SCHEMA_LOCK = 3_405_691_586;

/** The names of what belongs to an outbox, quoted where they stand in statements. */
export type OutboxNames = {
  readonly table: string;
  readonly lanes: string;
  readonly notify: string;
  /** The channel of LISTEN: the table's name without its schema. */
  readonly channel: string;
};

/**
 * @param table a name that `outboxTableProblem` has nothing against
 * @throws TypeError where it has
 */
export function outboxNames(table: string): OutboxNames {
  const problem = outboxTableProblem(table);
  if (problem !== undefined) throw new TypeError(`the outbox table ${JSON.stringify(table)} ${problem}`);
  const parts = table.split('.');
  const channel = parts.at(-1) ?? table;
  const named = (suffix: string): string =>
    [...parts.slice(0, -1), `${channel}${suffix}`].map((part) => `"${part}"`).join('.');
  return { table: named(''), lanes: named('_lanes'), notify: named('_notify'), channel };
}

/**
 * What makes an outbox in an app's own database. It may be run several times, by several at once, and while rows are written;
 * it changes nothing that is there.
 *
 * `lane` is generated, so that a backend need not know of lanes. Rows without a key are in no order and spread by their id.
 */
export function outboxSchema(table: string): string {
  const names = outboxNames(table);
  return `-- Of several that make it at once the others wait.
SELECT pg_advisory_xact_lock(${SCHEMA_LOCK});

-- One row is one event; a backend inserts it in the transaction of the change that it tells of.
CREATE TABLE IF NOT EXISTS ${names.table} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id text NOT NULL DEFAULT gen_random_uuid()::text CHECK (length(event_id) <= ${MAX_NAME_LENGTHS.eventId}),
  topic text NOT NULL CHECK (length(topic) <= ${MAX_NAME_LENGTHS.topic}),
  key text CHECK (length(key) <= ${MAX_NAME_LENGTHS.key}),
  headers jsonb NOT NULL DEFAULT '{}'
    CHECK (jsonb_typeof(headers) = 'object' AND octet_length(headers::text) <= ${MAX_HEADERS_BYTES}),
  payload jsonb,
  body bytea CHECK (body IS NULL OR payload IS NULL),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- From here on it is Carillon's.
  lane smallint NOT NULL GENERATED ALWAYS AS ((hashtext(coalesce(key, event_id)) & ${OUTBOX_LANES - 1})::smallint) STORED,
  bytes bigint NOT NULL GENERATED ALWAYS AS
    (coalesce(octet_length(payload::text), 0) + coalesce(octet_length(body), 0)) STORED,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'dead')),
  attempts integer NOT NULL DEFAULT 0,
  settled_at timestamptz,
  code text,
  detail text
);
CREATE INDEX IF NOT EXISTS ${indexName(names, 'waiting')} ON ${names.table} (lane, id) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS ${indexName(names, 'settled')} ON ${names.table} (state, settled_at) WHERE state <> 'waiting';

-- Whoever reads rows of a lane has its row here locked.
CREATE TABLE IF NOT EXISTS ${names.lanes} (
  lane smallint PRIMARY KEY,
  failures integer NOT NULL DEFAULT 0,
  paused_until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO ${names.lanes} (lane) SELECT generate_series(0, ${OUTBOX_LANES - 1}) ON CONFLICT DO NOTHING;

-- Wakes whoever listens when the transaction commits; several rows of one transaction are one notification.
CREATE OR REPLACE FUNCTION ${names.notify}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify(TG_TABLE_NAME, '');
  RETURN NULL;
END
$$;
DO $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_trigger WHERE tgrelid = '${names.table}'::regclass AND tgname = '${names.channel}_notify'
  ) THEN
    CREATE TRIGGER "${names.channel}_notify" AFTER INSERT ON ${names.table}
      FOR EACH STATEMENT EXECUTE FUNCTION ${names.notify}();
  END IF;
END
$$;
`;
}

function indexName({ channel }: OutboxNames, what: string): string {
  return `"${channel}_${what}"`;
}

/**
 * Makes the outbox where it is not there yet, all or nothing.
 *
 * @returns whether it was made now
 * @throws StoreUnavailable
 */
export async function migrateOutbox(
  postgres: { transaction<T>(work: (within: PgTransaction) => Promise<T>): Promise<T> },
  table: string,
): Promise<boolean> {
  return postgres.transaction(async (within) => {
    await within.exec(`SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`);
    const [before] = await within.exec(
      `SELECT to_regclass('${outboxNames(table).table}') IS NOT NULL AS there`,
    );
    await within.exec(outboxSchema(table));
    return before?.['there'] !== true;
  });
}
