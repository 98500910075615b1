import type { EventContent, SourceEvent } from '../../../ports/source.ts';
import type { OutboxNames } from './outbox-schema.ts';

/** What the source is called in metrics and logs. */
export const OUTBOX = 'outbox';

/** A row that waits, as it is read. */
export type OutboxRow = {
  readonly id: number;
  readonly event_id: string;
  readonly topic: string;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly lane: number;
  readonly bytes: number;
  /** ms since the epoch */
  readonly at_ms: number;
  /** JSON as text; null: none, or too large to be read. */
  readonly payload: string | null;
  readonly body: Buffer | null;
};

export function placeOf(names: OutboxNames, row: Pick<OutboxRow, 'id'>): string {
  return `${names.channel}@${row.id}`;
}

export function eventOf(names: OutboxNames, row: OutboxRow): SourceEvent {
  const headers = textHeaders(row.headers);
  return {
    source: OUTBOX,
    topic: row.topic,
    place: placeOf(names, row),
    lane: `${names.channel}/${row.lane}`,
    key: row.key,
    headers,
    id: row.event_id === '' ? null : row.event_id,
    // Postgres has times that are `infinity`.
    atMs: Number.isFinite(row.at_ms) ? row.at_ms : null,
    content: contentOf(row, headers['content-type'] ?? null),
  };
}

function contentOf({ payload, body }: OutboxRow, type: string | null): EventContent {
  if (body !== null) return { kind: 'bytes', bytes: body, type };
  // Bytes, and not a value: what is too large or nested too deeply is judged ahead of reading, as with any other source.
  if (payload !== null) return { kind: 'bytes', bytes: Buffer.from(payload), type };
  return { kind: 'value', value: null };
}

/** Whoever inserts may have written a number or a list where a header is a text. */
function textHeaders(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(headers)) {
    if (value === null) continue;
    texts[name.toLowerCase()] = typeof value === 'string' ? value : JSON.stringify(value);
  }
  return texts;
}
