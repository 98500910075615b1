import { expect } from 'vitest';
import type { Append, AppendResult, Log, Publication, Retention } from '../ports/log.ts';

/** The limits that a log under test is opened with. */
export type LogTestLimits = {
  readonly channels: number;
  readonly oncePerChannel: number;
  readonly laneMs: number;
  readonly lanesPerUser: number;
  readonly lanes: number;
};

export type LogSubject = {
  readonly log: Log;
  /** Ends the log and opens it again over what it kept; null where nothing outlives it. */
  readonly reopen: (() => Promise<Log>) | null;
  close(): Promise<void>;
};

/**
 * What a log in a store of many nodes is excused from: it counts nothing and limits no channels, `nextExpiryMs` tells to ask
 * again and again for what others noted, and what is appended to several channels may be answered in any order. One that limits
 * its channels all the same says so.
 */
export type LogTraits = { readonly shared?: boolean; readonly limitsChannels?: boolean };

/** Opens a new, empty log. */
export type OpenLog = (limits?: Partial<LogTestLimits>) => Promise<LogSubject>;

/** When the tests begin, ms since the epoch. */
export const T0 = 1_700_000_000_000;

/** Keeps whatever a test appends. */
export const PLENTY: Retention = {
  count: 10_000,
  ageMs: 3_600_000,
  units: 10_000_000,
  keys: 1_000,
  onceMs: 5 * 60_000,
};

/** A publication of a stream, or of a map where a key is named. */
export function appendOf(patch: Partial<Append> = {}): Append {
  return {
    channel: 'chat:1',
    kind: (patch.key ?? null) === null ? 'stream' : 'map',
    retention: PLENTY,
    by: 'alice',
    data: '"hello"',
    key: null,
    version: null,
    ref: null,
    eventMs: null,
    ttlMs: null,
    expect: null,
    once: null,
    lane: null,
    silent: null,
    nowMs: T0,
    ...patch,
  };
}

/** An idempotency id, of alice's unless somebody else is named. */
export const once = (id: string, patch: { scope?: string; print?: string } = {}) => ({
  once: { scope: 'alice', id, print: 'print', ...patch },
});

/** Appends what must be taken. */
export async function taken(
  log: Log,
  patch: Partial<Append> = {},
): Promise<{ readonly epoch: string; readonly publication: Publication }> {
  const result: AppendResult = await log.append(appendOf(patch));
  expect(result).toMatchObject({ ok: true, publication: {} });
  return result as { readonly epoch: string; readonly publication: Publication };
}

/** Appends so many, one after the other, with their number as payload. */
export async function takenMany(
  log: Log,
  count: number,
  patch: Partial<Append> = {},
): Promise<Publication[]> {
  const publications: Publication[] = [];
  for (let i = 1; i <= count; i++)
    publications.push((await taken(log, { data: String(i), ...patch })).publication);
  return publications;
}

/** What is read behind an offset of the present epoch. */
export async function behind(
  log: Log,
  offset: number,
  channel = 'chat:1',
  retention: Retention = PLENTY,
  nowMs = T0,
): Promise<unknown> {
  const { epoch } = await log.top(channel);
  const result = await log.read(channel, { epoch, offset }, retention, nowMs);
  return result.ok ? result.publications.map((publication) => publication.offset) : result.why;
}
