import * as z from 'zod';
import type { OutboxSettings } from '../../adapters/sql/postgres/outbox-options.ts';
import { text, whole } from '../setting.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Names that the server makes of it have to fit into Postgres's 63 bytes too. */
const TABLE = /^(?:[a-z_][a-z0-9_]{0,47}\.)?[a-z_][a-z0-9_]{0,47}$/;

/** An outbox table in the app's own Postgres. */
export const outboxSchema = z.strictObject({
  url: text(
    "The app's own Postgres, `postgres://USER:PASSWORD@HOST:5432/DATABASE`; unless set, no outbox is read.",
    { env: 'CARILLON_OUTBOX_URL', secret: true },
    (url) =>
      /^postgres(?:ql)?:\/\/[^/]+\/[^/]+/.test(url) && URL.canParse(url)
        ? undefined
        : 'is no address of a Postgres: write it like postgres://USER:PASSWORD@HOST:5432/DATABASE',
  ).optional(),
  table: text('Its table, with its schema or without.', {}, (table) =>
    TABLE.test(table)
      ? undefined
      : 'is no name of a table: write it like app.carillon_outbox, in lower case, with 48 characters a part at most',
  ).default('carillon_outbox'),
  pollMs: whole('After so long the table is looked at although nobody notified.', 1_000, 50, 60 * MINUTE),
  batch: whole('Rows of one round at most.', 256, 1, 10_000),
  batchBytes: whole(
    'Bytes of payload of one round at most, but for the last row.',
    16 * 1024 * 1024,
    1024,
    256 * 1024 * 1024,
  ),
  atOnce: whole('Rounds at once, each on a connection of its own.', 2, 1, 32),
  takeMs: whole(
    'A round gives up what the log has not taken after so long, so that another node may try.',
    10_000,
    100,
    10 * MINUTE,
  ),
  keepDoneMs: whole('How long rows that are done are kept; 0 deletes them at once.', 0, 0, 365 * DAY),
  connectMs: whole('How long a connection may take to stand.', 5_000, 100, MINUTE),
  statementMs: whole('How long a statement may take.', 5_000, 100, 10 * MINUTE),
});

/** What an outbox source is given of the configuration. */
export type OutboxConfig = OutboxSettings & { readonly url: string };

/** @returns null where no outbox is read */
export function toOutboxConfig(
  { url, ...settings }: z.output<typeof outboxSchema>,
  eventBytes: number,
): OutboxConfig | null {
  return url === undefined ? null : { ...settings, url, maxEventBytes: eventBytes };
}
