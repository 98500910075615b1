/** A place in a channel: `offset` publications have been taken since the incarnation that `epoch` names began. */
export type Position = { readonly epoch: string; readonly offset: number };

/** A publication as kept. `data` is the payload as JSON text: it is encoded once, when it is taken. */
export type Publication = {
  /** From 1, without a gap within an epoch. */
  readonly offset: number;
  /** When it was taken, ms since the epoch. */
  readonly atMs: number;
  /** Who published it; null: the server. */
  readonly by: string | null;
  /** JSON text of the payload; null where a key was deleted. */
  readonly data: string | null;
  /** Map: the key that it sets or deletes; null in a stream. */
  readonly key: string | null;
  /** Map: the publisher's version; null where none was given. */
  readonly version: number | null;
  /** What it answers, as the server's side named it ([PUB8]); null: nothing. */
  readonly ref: string | null;
};

/** A key of a map as it is now. */
export type MapEntry = Publication & { readonly key: string; readonly data: string };

/**
 * What is kept of a channel. Limits are applied by the log at each append; what runs out by age, at the latest when read. `Infinity`
 * for `count`, `ageMs` and `units`: nothing goes but by `trim`.
 */
export type Retention = {
  /** Publications kept at most. */
  readonly count: number;
  /** ms a publication is kept. */
  readonly ageMs: number;
  /** UTF-16 units of payloads kept at most; the newest publication is kept whatever its size. */
  readonly units: number;
  /** Map: keys at most; one more is refused with `limit_reached`. */
  readonly keys: number;
  /** ms for which an idempotency id is held at least. */
  readonly onceMs: number;
};

/** A place in a lane: what one user's queue has published on a channel, by numbers that rise. */
export type Lane = {
  /** The user. */
  readonly scope: string;
  readonly queue: string;
  /** From 1; numbers may be left out. */
  readonly number: number;
};

export type Append = {
  readonly channel: string;
  readonly kind: 'stream' | 'map';
  readonly retention: Retention;
  readonly by: string | null;
  readonly data: string | null;
  readonly key: string | null;
  readonly version: number | null;
  readonly ref: string | null;
  /**
   * When what it tells of happened, ms since the epoch; null: not known. Nodes are told it, and it is not kept. For logs that
   * publish; the others leave it to their caller.
   */
  readonly eventMs: number | null;
  /** Map: the key is deleted after so many ms; null: never. */
  readonly ttlMs: number | null;
  /** Only at this position; null: at any. Offset 0 of any epoch matches a channel that has had no publication. */
  readonly expect: Position | null;
  /**
   * Publishes once for each value. `scope` keeps publishers apart (the user, or '' for the server); `print` stands for the
   * payload: the same id with another print is refused.
   */
  readonly once: { readonly scope: string; readonly id: string; readonly print: string } | null;
  /** Publishes each number of a lane once, and none below it any more; not beside `once`. Null: it is in none. */
  readonly lane: Lane | null;
  /**
   * Which session publishes it and under which request, where that session is not to be sent the payload. For logs that
   * publish (`PublishingLog`); the others leave it to their caller.
   */
  readonly silent: { readonly session: string; readonly request: number | null } | null;
  readonly nowMs: number;
};

export type AppendResult =
  | { readonly ok: true; readonly epoch: string; readonly publication: Publication }
  /** It had been taken before, at this position; nothing was appended. Null: of a lane, and where it was is not known. */
  | { readonly ok: true; readonly duplicate: Position | null }
  /** Map: the key has this version or a newer one; nothing was appended. The position is the top. */
  | { readonly ok: true; readonly outdated: Position }
  | { readonly ok: false; readonly code: 'conflict'; readonly top: Position }
  | { readonly ok: false; readonly code: 'id_reused' }
  | { readonly ok: false; readonly code: 'limit_reached'; readonly detail: string };

/** What is read behind a position. Never partial: everything behind it up to `top`, or the reason why not. */
export type ReadResult =
  | { readonly ok: true; readonly top: Position; readonly publications: readonly Publication[] }
  | { readonly ok: false; readonly why: 'epoch' | 'trimmed' | 'ahead'; readonly top: Position };

export type HistoryQuery = {
  /** Behind it, with `reverse` before it; null: from the oldest, with `reverse` from the newest. */
  readonly offset: number | null;
  readonly reverse: boolean;
  readonly limit: number;
  /** Only publications taken at or after this time; null: all. */
  readonly sinceMs: number | null;
};

export type HistoryPage = {
  readonly top: Position;
  /** In the order asked for. */
  readonly publications: readonly Publication[];
  readonly more: boolean;
  /** The offset before the oldest publication that is kept. */
  readonly floor: number;
};

export type MapPage = {
  /** Read before the entries: whoever applies the publications behind it to the entries misses nothing. */
  readonly top: Position;
  /** By key, in the order of UTF-16 units. */
  readonly entries: readonly MapEntry[];
  /** The key behind which the next page begins; null: this was the last. */
  readonly next: string | null;
};

/** A result that is there at once where the log is in process, and later where it is not. */
export type Soon<T> = T | Promise<T>;

/**
 * The ordered history of channels. It remembers, and assigns positions.
 *
 * - `append` MUST give each publication of a channel the offset behind the one before, in the order of the calls, and
 *   resolve in that order. It MUST NOT resolve before the publication is kept at the log's level: `memory` at once,
 *   `stored` once it is committed and synced to disk.
 * - An append that rejects (`storeUnavailable`) MUST have appended nothing, or, where that is not known, MUST behave as
 *   a duplicate when it is repeated with the same `once`.
 * - `once` MUST be checked in the same step as the append, before `expect`, and kept for at least the `onceMs` of its
 *   channel's retention, whatever becomes of the publication.
 * - The mark of a lane, the highest number taken, MUST be raised in the same step as the append, and looked at before
 *   `expect`: what is not above it is a `duplicate`, with a position only where it is that very number and its epoch goes
 *   on. What is `outdated` raises it too, for that was decided; what is refused MUST NOT. It is kept for `laneMs` behind the
 *   last number taken and no longer, also where the channel itself gave way; where there may be no further lane, one that
 *   would begin is refused with `limit_reached`: a mark MUST NOT be dropped early for another.
 * - `top` of a channel that never had a publication MUST be `{epoch, offset: 0}` with an epoch that stays while anybody
 *   may hold it: the next append MUST get offset 1 of that very epoch.
 * - An epoch MUST NOT come back: where earlier publications may be lost (a memory that is gone, an older copy of the
 *   file, another server that took over), a new one begins, and every method tells it. Offsets MAY go on in it.
 * - `read` MUST return everything behind the position or say why not; never a part.
 * - A key that ran out MUST be reported by `expire`, each once, as a publication that deletes it.
 * - `trim` MUST drop the publications up to the position, and nothing behind it: a `read` from before is answered `trimmed`. It MUST
 *   do nothing where the epoch has changed. A channel of which nothing is left MAY give way as any other.
 * - `settle` MUST NOT resolve before everything of the channel that a `read` shows is kept at the log's level, also what an
 *   append brought that rejected.
 * - `forget` drops the channel and its lanes; its next publication begins a new epoch.
 */
export interface Log {
  append(append: Append): Soon<AppendResult>;
  top(channel: string): Soon<Position>;
  /** Everything behind a position. */
  read(channel: string, position: Position, retention: Retention, nowMs: number): Soon<ReadResult>;
  history(channel: string, query: HistoryQuery, retention: Retention, nowMs: number): Soon<HistoryPage>;
  /** Map: a page of the entries behind `after`; null begins. */
  entries(channel: string, after: string | null, limit: number): Soon<MapPage>;
  /** Map: one key; undefined where it is not set. */
  entry(channel: string, key: string): Soon<MapEntry | undefined>;
  /** Deletes keys that ran out, at most `limit`, and says which publications that made. */
  expire(nowMs: number, limit: number): Soon<readonly Expired[]>;
  /** When the next key runs out, ms since the epoch; null: none will. May be too early, never too late. */
  nextExpiryMs(): number | null;
  /** Drops everything up to this position, it included: what lies in a snapshot need not be kept. */
  trim(channel: string, upTo: Position): Soon<void>;
  settle(channel: string): Soon<void>;
  forget(channel: string): Soon<void>;
  /** How much is kept; for metrics. Null where that is no matter of one node. */
  counts(): LogCounts | null;
}

/**
 * A log that also publishes what it appends and what runs out, on the channel's topic, in the same step: nobody can see the
 * one without the other, and nothing is published twice. Others leave publishing to their caller, behind the append.
 */
export interface PublishingLog extends Log {
  readonly publishes: true;
}

export function publishes(log: Log): log is PublishingLog {
  return 'publishes' in log && log.publishes === true;
}

export type Expired = { readonly channel: string; readonly epoch: string; readonly publication: Publication };

export type LogCounts = { readonly channels: number; readonly publications: number; readonly keys: number };
