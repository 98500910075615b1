import type { Lane } from '../../ports/log.ts';

/** How far a lane has come: the highest number that was taken. */
export type LaneMark = {
  readonly number: number;
  /** Where that one is, and in which epoch; offset 0: it was dropped as outdated, and is nowhere. */
  readonly epoch: string;
  readonly offset: number;
  /** When it was taken, ms since the epoch. */
  readonly atMs: number;
};

export type LaneLimits = {
  /** ms for which a mark is held behind the last number that was taken; not longer either. */
  readonly laneMs: number;
  /** Lanes of one user on one channel. */
  readonly lanesPerUser: number;
  /** Lanes of the whole log, where one process counts them. */
  readonly lanes: number;
};

/** 30 days: as long as a client may be away and still be told what became of what it had sent. */
export const LANE_LIMITS: LaneLimits = {
  laneMs: 30 * 24 * 3_600_000,
  lanesPerUser: 1_000,
  lanes: 1_000_000,
};

/** What an append is judged by, where it is in a lane. */
export type LaneFacts = {
  /** Undefined: nothing was taken, or its time is over. */
  readonly mark: LaneMark | undefined;
  /** Why no further lane may begin; null: one may. */
  readonly full: string | null;
};

/** A mark, unless its time is over: whether its row is gone by then is the store's own matter. */
export function liveMark<M extends { readonly atMs: number }>(
  mark: M | undefined,
  laneMs: number,
  nowMs: number,
): M | undefined {
  return mark !== undefined && nowMs - mark.atMs > laneMs ? undefined : mark;
}

/**
 * @param ofUser lanes of the user on the channel
 * @param ofLog lanes of the whole log
 * @returns why there may be no further one; null: there may
 */
export function lanesFull(ofUser: number, ofLog: number, { lanesPerUser, lanes }: LaneLimits): string | null {
  if (ofUser >= lanesPerUser) return `${ofUser} lanes are held of this user and channel, as many as may be`;
  return ofLog >= lanes ? `${ofLog} lanes are held, as many as may be` : null;
}

type HeldMark = LaneMark & { readonly channel: string; readonly lane: Lane };

/** The marks of all lanes, in memory. They outlive a channel that gave way to another: only forgetting it drops them. */
export type LaneMarks = {
  readonly size: number;
  facts(channel: string, lane: Lane, nowMs: number): LaneFacts;
  raise(channel: string, lane: Lane, epoch: string, offset: number, nowMs: number): void;
  forget(channel: string): void;
};

/** Marks dropped with one that is raised: as long as marks are raised, none stays long behind its time. */
const AGED_A_RAISE = 2;

export function createLaneMarks(limits: LaneLimits): LaneMarks {
  /** By channel, scope and queue. */
  const channels = new Map<string, Map<string, Map<string, HeldMark>>>();
  /** The one that was raised longest ago first. */
  const byAge = new Set<HeldMark>();

  function drop(held: HeldMark): void {
    const { channel, lane } = held;
    byAge.delete(held);
    const scopes = channels.get(channel);
    const queues = scopes?.get(lane.scope);
    queues?.delete(lane.queue);
    if (queues?.size === 0) scopes?.delete(lane.scope);
    if (scopes?.size === 0) channels.delete(channel);
  }

  function age(nowMs: number, most: number): void {
    let left = most;
    for (const held of byAge) {
      if (left-- === 0 || liveMark(held, limits.laneMs, nowMs) !== undefined) return;
      drop(held);
    }
  }

  function fullOf(channel: string, lane: Lane): string | null {
    const ofUser = channels.get(channel)?.get(lane.scope)?.size ?? 0;
    return lanesFull(ofUser, byAge.size, limits);
  }

  return {
    get size() {
      return byAge.size;
    },
    facts(channel, lane, nowMs) {
      const held = channels.get(channel)?.get(lane.scope)?.get(lane.queue);
      const mark = liveMark(held, limits.laneMs, nowMs);
      if (mark !== undefined || fullOf(channel, lane) === null) return { mark, full: null };
      // All whose time is over: each is dropped once, and nobody is refused for the sake of one of them.
      age(nowMs, Infinity);
      return { mark, full: fullOf(channel, lane) };
    },
    raise(channel, lane, epoch, offset, nowMs) {
      age(nowMs, AGED_A_RAISE);
      let scopes = channels.get(channel);
      if (scopes === undefined) channels.set(channel, (scopes = new Map<string, Map<string, HeldMark>>()));
      let queues = scopes.get(lane.scope);
      if (queues === undefined) scopes.set(lane.scope, (queues = new Map<string, HeldMark>()));
      const before = queues.get(lane.queue);
      if (before !== undefined) byAge.delete(before);
      const held = { channel, lane, number: lane.number, epoch, offset, atMs: nowMs };
      queues.set(lane.queue, held);
      byAge.add(held);
    },
    forget(channel) {
      for (const queues of channels.get(channel)?.values() ?? [])
        for (const held of queues.values()) byAge.delete(held);
      channels.delete(channel);
    },
  };
}
