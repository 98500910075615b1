import type { LaneFacts, LaneMark } from './lane-marks.ts';
import type { Append, AppendResult, Position, Publication, Retention } from '../../ports/log.ts';

/** What an append is judged by: its channel as it is before. */
export type ChannelFacts = {
  readonly epoch: string;
  /** Offset of the newest publication; 0: none in this epoch. */
  readonly top: number;
  /** Map: keys that are set. */
  readonly keys: number;
  /** Idempotency ids that are held. */
  readonly ids: number;
};

/** A publication that named an idempotency id. */
export type TakenId = { readonly offset: number; readonly print: string };

/** Map: what is known of a key. One that was deleted with a version is known for a while. */
export type KeyFacts = { readonly set: boolean; readonly version: number | null };

/** Why nothing was appended. */
export type NotAppended = Exclude<AppendResult, { readonly publication: Publication }>;

/**
 * Decides an append, in the order that the port asks for: what was published already counts before `expect`.
 *
 * @param taken the publication that named this id before
 * @param key what is known of the key
 * @param lane what is known of its lane; null: it is in none
 * @param idsKept idempotency ids held of one channel at most
 * @returns null where it is to be appended
 */
export function refuseAppend(
  append: Append,
  channel: ChannelFacts,
  taken: TakenId | undefined,
  key: KeyFacts | undefined,
  lane: LaneFacts | null,
  idsKept: number,
): NotAppended | null {
  if (append.once !== null && taken !== undefined) {
    if (taken.print !== append.once.print) return { ok: false, code: 'id_reused' };
    return { ok: true, duplicate: { epoch: channel.epoch, offset: taken.offset } };
  }
  if (lane !== null && append.lane !== null) {
    const { mark } = lane;
    if (mark !== undefined && append.lane.number <= mark.number)
      return { ok: true, duplicate: placeOf(mark, append.lane.number, channel.epoch) };
  }
  if (append.expect !== null && !isTop(append.expect, channel)) {
    return { ok: false, code: 'conflict', top: { epoch: channel.epoch, offset: channel.top } };
  }
  // Before what is outdated, which needs a mark as well.
  if (lane !== null && lane.mark === undefined && lane.full !== null)
    return { ok: false, code: 'limit_reached', detail: lane.full };
  if (append.version !== null && key !== undefined && key.version !== null && append.version <= key.version) {
    return { ok: true, outdated: { epoch: channel.epoch, offset: channel.top } };
  }
  if (append.kind === 'map' && append.key !== null && append.data !== null && key?.set !== true) {
    if (channel.keys >= append.retention.keys)
      return {
        ok: false,
        code: 'limit_reached',
        detail: `the map has ${channel.keys} keys, as many as it may`,
      };
  }
  if (append.once !== null && channel.ids >= idsKept) {
    return { ok: false, code: 'limit_reached', detail: `${channel.ids} ids are held of this channel` };
  }
  return null;
}

/** Whether a decision raises the mark of its lane: what was appended, and what was not only because the key is newer. */
export function raisesLane(refused: NotAppended | null): boolean {
  return refused === null || 'outdated' in refused;
}

/** Where the number of a lane is; null: that is known only of the highest, and only as long as its epoch goes on. */
function placeOf({ number, epoch, offset }: LaneMark, asked: number, present: string): Position | null {
  return asked === number && offset > 0 && epoch === present ? { epoch, offset } : null;
}

/** Whether this is where the channel stands. No offset at all is the same in every epoch. */
function isTop(position: Position, { epoch, top }: ChannelFacts): boolean {
  if (position.offset === 0) return top === 0;
  return position.offset === top && position.epoch === epoch;
}

/**
 * Whether the oldest publication that is kept has to go. Only the oldest ever goes, so that what is kept has no gap: after
 * the clock was set back, one behind it may be older.
 *
 * @param kept how many are kept, the oldest included
 * @param units of the payloads of all of them
 */
export function isOverdue(
  kept: number,
  units: number,
  oldestAtMs: number,
  retention: Retention,
  nowMs: number,
): boolean {
  return (
    kept > retention.count ||
    oldestAtMs + retention.ageMs <= nowMs ||
    // The newest is kept whatever its size.
    (units > retention.units && kept > 1)
  );
}

/** UTF-16 units that a publication counts for. */
export function unitsOf(data: string | null): number {
  return data === null ? 0 : data.length;
}
