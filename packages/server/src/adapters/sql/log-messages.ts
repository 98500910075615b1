import type { LaneLimits } from '../../core/channel/lane-marks.ts';
import type { NotAppended } from '../../core/channel/log-rules.ts';
import type { Append, Expired, Lane } from '../../ports/log.ts';
import type { QueryTexts } from './compile.ts';
import type { DocumentWrite } from './document-messages.ts';
import type { DocumentWrites } from './document-queries.ts';
import type { LogWrites } from './log-writes.ts';

/** An append as it crosses to the thread. Flat, because thousands may be cloned in one turn. */
export type FlatAppend = readonly [
  name: 'append',
  channel: string,
  kind: Append['kind'],
  keepCount: number,
  keepAgeMs: number,
  keepUnits: number,
  keepKeys: number,
  keepOnceMs: number,
  by: string | null,
  data: string | null,
  key: string | null,
  version: number | null,
  ref: string | null,
  ttlMs: number | null,
  expectEpoch: string | null,
  expectOffset: number,
  onceScope: string | null,
  onceId: string,
  oncePrint: string,
  nowMs: number,
  /** Whole: most are in none. */
  lane: Lane | null,
];

export type LogWrite =
  | FlatAppend
  | readonly [name: 'expire', nowMs: number, limit: number]
  | readonly [name: 'trim', channel: string, epoch: string, offset: number]
  | readonly [name: 'forget', channel: string]
  | readonly [name: 'documents', write: DocumentWrite]
  /** Writes nothing but that it was there: to find out whether the disk takes anything. */
  | readonly [name: 'probe'];

/** Where an append went: what else is known of the publication is known to who sent it. */
export type Taken = readonly [epoch: string, offset: number];

/** A write that the database refused by itself. */
export type RefusedWrite = { readonly refused: string };

export type LogWriteResult = Taken | NotAppended | readonly Expired[] | RefusedWrite | boolean | undefined;

/** What to commit together, in this order. */
export type LogBatch = {
  readonly kind: 'batch';
  readonly batch: number;
  readonly writes: readonly LogWrite[];
};

export type ToLogThread = LogBatch | { readonly kind: 'close' };

export type FromLogThread =
  /** @property renewed why a new era began although there was one; null: it did not */
  | { readonly kind: 'ready'; readonly era: string; readonly renewed: string | null }
  | { readonly kind: 'not_ready'; readonly message: string; readonly code: string }
  | { readonly kind: 'committed'; readonly batch: number; readonly results: readonly LogWriteResult[] }
  | { readonly kind: 'refused'; readonly batch: number; readonly message: string };

export type LogThreadLimits = LaneLimits & {
  readonly channels: number;
  readonly oncePerChannel: number;
};

export type LogThreadData = {
  readonly path: string;
  /** A name that was never given before: the era, where one has to begin. */
  readonly newEra: string;
  readonly limits: LogThreadLimits;
  readonly texts: QueryTexts<LogWrites>;
  readonly documentTexts: QueryTexts<DocumentWrites>;
};

export function flatten(append: Append): FlatAppend {
  const { retention, expect, once } = append;
  return [
    'append',
    append.channel,
    append.kind,
    retention.count,
    retention.ageMs,
    retention.units,
    retention.keys,
    retention.onceMs,
    append.by,
    append.data,
    append.key,
    append.version,
    append.ref,
    append.ttlMs,
    expect === null ? null : expect.epoch,
    expect === null ? 0 : expect.offset,
    once === null ? null : once.scope,
    once === null ? '' : once.id,
    once === null ? '' : once.print,
    append.nowMs,
    append.lane,
  ];
}

export function unflatten([
  ,
  channel,
  kind,
  count,
  ageMs,
  units,
  keys,
  onceMs,
  by,
  data,
  key,
  version,
  ref,
  ttlMs,
  expectEpoch,
  expectOffset,
  scope,
  id,
  print,
  nowMs,
  lane,
]: FlatAppend): Append {
  return {
    channel,
    kind,
    retention: { count, ageMs, units, keys, onceMs },
    by,
    data,
    key,
    version,
    ref,
    ttlMs,
    expect: expectEpoch === null ? null : { epoch: expectEpoch, offset: expectOffset },
    once: scope === null ? null : { scope, id, print },
    lane,
    // Whoever appends publishes it.
    silent: null,
    eventMs: null,
    nowMs,
  };
}
