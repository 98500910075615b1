import type { RecordsBatch } from '@platformatic/kafka';
import type { SourceEvent } from '../../ports/source.ts';

/** One record of a partition, as the broker keeps it. */
export type FetchedRecord = {
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [Buffer | null, Buffer | null])[];
  /** Ms since the epoch; negative: the producer said nothing. */
  readonly timestampMs: number;
};

/** Set where a batch holds marks of transactions, which are nobody's events. */
const CONTROL_BATCH = 0b10_0000;

/**
 * The records of a fetched piece of a partition.
 *
 * @param from the offset that was asked for: brokers answer with whole batches, which may begin before it
 * @returns `next`: where to go on reading
 */
export function recordsOf(
  batches: readonly RecordsBatch[],
  from: number,
): { readonly records: readonly FetchedRecord[]; readonly next: number } {
  const records: FetchedRecord[] = [];
  let next = from;
  for (const batch of batches) {
    const first = Number(batch.firstOffset);
    next = Math.max(next, first + batch.lastOffsetDelta + 1);
    if ((batch.attributes & CONTROL_BATCH) !== 0) continue;
    const firstMs = Number(batch.firstTimestamp);
    for (const record of batch.records) {
      const offset = first + record.offsetDelta;
      if (offset < from) continue;
      const { key, value, headers } = record;
      records.push({ offset, key, value, headers, timestampMs: firstMs + Number(record.timestampDelta) });
    }
  }
  return { records, next };
}

export const placeOf = (topic: string, partition: number, offset: number): string =>
  `${topic}/${partition}@${offset}`;

/** A record in the words of the port. A record without a value (a tombstone) has the content `null`. */
export function eventOf(topic: string, partition: number, record: FetchedRecord): SourceEvent {
  // Names come from outside: `__proto__` is one like any other.
  const headers = Object.create(null) as Record<string, string>;
  for (const [name, content] of record.headers)
    if (name !== null && content !== null) headers[name.toString().toLowerCase()] = content.toString();
  return {
    source: 'kafka',
    topic,
    place: placeOf(topic, partition, record.offset),
    lane: `${topic}/${partition}`,
    key: record.key?.toString() ?? null,
    headers,
    id: null,
    atMs: record.timestampMs < 0 ? null : record.timestampMs,
    content:
      record.value === null
        ? { kind: 'value', value: null }
        : { kind: 'bytes', bytes: record.value, type: headers['content-type'] ?? null },
  };
}
