import { type ChannelEpochs, createChannelEpochs } from '../../core/channel/channel-epochs.ts';
import { createDueHeap } from '../../core/channel/due-heap.ts';
import { newestOf, pageOf, trimByAge, trimOldest } from '../../core/channel/history.ts';
import { type HeldKey, entriesBehind, keyFacts } from '../../core/channel/key-table.ts';
import { LANE_LIMITS, type LaneLimits, createLaneMarks } from '../../core/channel/lane-marks.ts';
import { type NotAppended, raisesLane, refuseAppend } from '../../core/channel/log-rules.ts';
import { findId, onceKey } from '../../core/channel/taken-ids.ts';
import type {
  Append,
  AppendResult,
  Expired,
  HistoryPage,
  HistoryQuery,
  Log,
  LogCounts,
  MapEntry,
  MapPage,
  Position,
  ReadResult,
  Retention,
} from '../../ports/log.ts';
import {
  type Channel,
  type LogTotals,
  ageChannel,
  ageTaken,
  createChannel,
  expireKey,
  isEmpty,
  keepPublication,
} from './log-channel.ts';

export type MemoryLogLimits = LaneLimits & {
  /** Channels that had a publication. One that holds nothing any more gives way to a new one. */
  readonly channels: number;
  /** Idempotency ids held of one channel: one more is refused with `limit_reached`, for none may be forgotten early. */
  readonly oncePerChannel: number;
};

export const MEMORY_LOG_LIMITS: MemoryLogLimits = {
  channels: 100_000,
  oncePerChannel: 500_000,
  ...LANE_LIMITS,
};

export type MemoryLogOptions = {
  /** A name that was never given before, also not by an earlier life of the process. Asked once. */
  readonly newEpoch: () => string;
  readonly limits?: Partial<MemoryLogLimits> | undefined;
};

/** Every result is there at once. */
export interface MemoryLog extends Log {
  append(append: Append): AppendResult;
  top(channel: string): Position;
  read(channel: string, position: Position, retention: Retention, nowMs: number): ReadResult;
  history(channel: string, query: HistoryQuery, retention: Retention, nowMs: number): HistoryPage;
  entries(channel: string, after: string | null, limit: number): MapPage;
  entry(channel: string, key: string): MapEntry | undefined;
  expire(nowMs: number, limit: number): readonly Expired[];
  trim(channel: string, upTo: Position): undefined;
  settle(channel: string): undefined;
  forget(channel: string): undefined;
}

/** Channels whose age is looked after with each append. Each has come due once since it was last looked at. */
const AGED_AN_APPEND = 2;

/** Channels looked through for one that can give way, before the log says that it is full. */
const LOOKED_THROUGH = 64;

/** The log in memory: it is lost with the process, and the next one begins new epochs. */
export function createMemoryLog({ newEpoch, limits }: MemoryLogOptions): MemoryLog {
  const allLimits = { ...MEMORY_LOG_LIMITS, ...limits };
  const { channels: channelLimit, oncePerChannel } = allLimits;
  const lanes = createLaneMarks(allLimits);
  const epochs: ChannelEpochs = createChannelEpochs(newEpoch);
  const channels = new Map<string, Channel>();
  /** Channels in which nothing is left that ages. Those of them that hold nothing at all can give way. */
  const quiet = new Set<Channel>();
  const aging = createDueHeap<Channel>();
  const expiry = createDueHeap<HeldKey>();
  const totals: LogTotals = { publications: 0, keys: 0 };

  function lookAfter(nowMs: number, most: number): void {
    for (let i = 0; i < most; i++) {
      const channel = aging.peek();
      if (channel === undefined || channel.dueMs > nowMs) return;
      const nextMs = ageChannel(channel, nowMs, totals);
      if (nextMs !== null) aging.put(channel, nextMs);
      else {
        aging.remove(channel);
        quiet.add(channel);
      }
    }
  }

  function drop(channel: Channel): void {
    if (channel.map !== null) for (const held of channel.map.held.values()) expiry.remove(held);
    aging.remove(channel);
    quiet.delete(channel);
    channels.delete(channel.name);
    totals.publications -= channel.history.size;
    totals.keys -= channel.keys;
    epochs.end(channel.name);
  }

  function makeRoom(nowMs: number): boolean {
    if (channels.size < channelLimit) return true;
    lookAfter(nowMs, LOOKED_THROUGH);
    let left = LOOKED_THROUGH;
    for (const channel of quiet) {
      if (isEmpty(channel)) {
        drop(channel);
        return true;
      }
      // To the end: the next search begins with others.
      quiet.delete(channel);
      quiet.add(channel);
      if (--left === 0) return false;
    }
    return false;
  }

  function refuse(append: Append, channel: Channel | undefined): NotAppended | null {
    const lane = append.lane === null ? null : lanes.facts(append.channel, append.lane, append.nowMs);
    if (channel === undefined) {
      const untouched = { epoch: epochs.of(append.channel), top: 0, keys: 0, ids: 0 };
      return refuseAppend(append, untouched, undefined, undefined, lane, oncePerChannel);
    }
    const { map, taken } = channel;
    if (taken !== null) ageTaken(channel, taken, append.retention.onceMs, append.nowMs);
    return refuseAppend(
      append,
      channel,
      taken === null || append.once === null ? undefined : findId(taken, onceKey(append.once)),
      map === null || append.key === null
        ? undefined
        : keyFacts(map, append.key, append.retention.ageMs, append.nowMs),
      lane,
      oncePerChannel,
    );
  }

  function positionOf(channel: string): Position {
    const { epoch, top } = channels.get(channel) ?? { epoch: epochs.of(channel), top: 0 };
    return { epoch, offset: top };
  }

  return {
    append(append) {
      const { nowMs, retention } = append;
      lookAfter(nowMs, AGED_AN_APPEND);
      let channel = channels.get(append.channel);
      const refused = refuse(append, channel);
      if (refused !== null) {
        if (append.lane !== null && raisesLane(refused))
          lanes.raise(append.channel, append.lane, positionOf(append.channel).epoch, 0, nowMs);
        return refused;
      }
      if (channel === undefined) {
        if (!makeRoom(nowMs))
          return {
            ok: false,
            code: 'limit_reached',
            detail: `there are ${channels.size} channels, as many as may be`,
          };
        channel = createChannel(append.channel, epochs.begin(append.channel), retention);
        channels.set(append.channel, channel);
      }
      const publication = keepPublication(channel, append, expiry, totals);
      if (append.lane !== null)
        lanes.raise(append.channel, append.lane, channel.epoch, publication.offset, nowMs);
      if (channel.heapIndex < 0) {
        quiet.delete(channel);
        aging.put(channel, nowMs + Math.min(retention.ageMs, retention.onceMs));
      }
      return { ok: true, epoch: channel.epoch, publication };
    },
    top: positionOf,
    read(name, position, retention, nowMs) {
      const channel = channels.get(name);
      const top = positionOf(name);
      if (position.epoch !== top.epoch) return { ok: false, why: 'epoch', top };
      if (position.offset > top.offset) return { ok: false, why: 'ahead', top };
      if (channel === undefined) return { ok: true, top, publications: [] };
      totals.publications -= trimByAge(channel.history, retention.ageMs, nowMs);
      if (top.offset - position.offset > channel.history.size) return { ok: false, why: 'trimmed', top };
      return { ok: true, top, publications: newestOf(channel.history, top.offset - position.offset) };
    },
    history(name, query, retention, nowMs) {
      const channel = channels.get(name);
      const top = positionOf(name);
      if (channel === undefined) return { top, publications: [], more: false, floor: 0 };
      totals.publications -= trimByAge(channel.history, retention.ageMs, nowMs);
      const floor = top.offset - channel.history.size;
      return { top, ...pageOf(channel.history, top.offset, query), floor };
    },
    entries(name, after, limit) {
      const map = channels.get(name)?.map;
      if (map === undefined || map === null) return { top: positionOf(name), entries: [], next: null };
      return { top: positionOf(name), ...entriesBehind(map, after, limit) };
    },
    entry: (name, key) => channels.get(name)?.map?.held.get(key)?.entry,
    expire(nowMs, limit) {
      lookAfter(nowMs, limit);
      const expired: Expired[] = [];
      while (expired.length < limit) {
        const held = expiry.peek();
        if (held === undefined || held.dueMs > nowMs) break;
        const channel = channels.get(held.channel) as Channel;
        const map = channel.map as NonNullable<Channel['map']>;
        const publication = expireKey(channel, map, held, nowMs, expiry, totals);
        if (channel.heapIndex < 0) {
          quiet.delete(channel);
          aging.put(channel, nowMs + channel.retention.ageMs);
        }
        expired.push({ channel: channel.name, epoch: channel.epoch, publication });
      }
      return expired;
    },
    nextExpiryMs: () => expiry.peek()?.dueMs ?? null,
    trim(name, { epoch, offset }) {
      const channel = channels.get(name);
      if (channel === undefined || channel.epoch !== epoch) return undefined;
      const floor = channel.top - channel.history.size;
      totals.publications -= trimOldest(channel.history, offset - floor);
      return undefined;
    },
    // Whatever can be read is kept as it is kept here.
    settle: () => undefined,
    forget(name) {
      const channel = channels.get(name);
      if (channel !== undefined) drop(channel);
      lanes.forget(name);
      return undefined;
    },
    counts: (): LogCounts => ({ channels: channels.size, ...totals }),
  } satisfies MemoryLog;
}
