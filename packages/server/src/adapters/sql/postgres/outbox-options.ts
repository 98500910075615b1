import type { Clock } from '../../../ports/clock.ts';
import type { Secrets } from '../../../ports/secrets.ts';
import type { Telemetry } from '../../../ports/telemetry.ts';

/** What an outbox table is called unless the configuration says otherwise. */
export const DEFAULT_OUTBOX_TABLE = 'carillon_outbox';

/** How an outbox is read. Plain values: the configuration fills them. */
export type OutboxSettings = {
  /** The table, with its schema or without: `carillon_outbox`, `app.carillon_outbox`. */
  readonly table: string;
  /** ms after which the table is looked at although nobody notified. */
  readonly pollMs: number;
  /** Rows of one round at most; so many times `atOnce` wait for a verdict at most. */
  readonly batch: number;
  /** Bytes of payload of one round at most, but for one row that is larger by itself. */
  readonly batchBytes: number;
  /** Rounds at once, each on a connection of its own. */
  readonly atOnce: number;
  /** A row with a larger payload is dead at once, unread (`event_too_large`). */
  readonly maxEventBytes: number;
  /** ms after which a round gives up what the log has not taken, so that no lane is held for longer. */
  readonly takeMs: number;
  /** ms for which rows that are done are kept; 0: they are deleted in the transaction that takes them for done. */
  readonly keepDoneMs: number;
  /** ms until a connection stands. */
  readonly connectMs: number;
  /** ms a statement may take. */
  readonly statementMs: number;
};

export const DEFAULT_OUTBOX: OutboxSettings = {
  table: DEFAULT_OUTBOX_TABLE,
  pollMs: 1_000,
  batch: 256,
  batchBytes: 16 * 1024 * 1024,
  atOnce: 2,
  maxEventBytes: 1024 * 1024,
  takeMs: 10_000,
  keepDoneMs: 0,
  connectMs: 5_000,
  statementMs: 5_000,
};

export type OutboxSourceOptions = Partial<OutboxSettings> & {
  /** Of the app's own Postgres. Holds a password: never shown. */
  readonly url: string;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  readonly secrets: Pick<Secrets, 'fraction'>;
  readonly telemetry: Pick<Telemetry, 'warn' | 'feedEvent'>;
};

/** Names made of it (`_lanes`, `_notify`) must fit into Postgres's 63 bytes. */
const MAX_NAME_LENGTH = 48;

/** Why a table cannot be called so, or undefined. */
export function outboxTableProblem(table: string): string | undefined {
  const parts = table.split('.');
  return parts.length <= 2 && parts.every((part) => isName(part))
    ? undefined
    : `is no name of a table: write it like ${DEFAULT_OUTBOX_TABLE} or app.${DEFAULT_OUTBOX_TABLE}, in lower case, with ${MAX_NAME_LENGTH} characters a part at most`;
}

function isName(part: string): boolean {
  return part.length <= MAX_NAME_LENGTH && /^[a-z_][a-z0-9_]*$/.test(part);
}
