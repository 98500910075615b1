import { type LaneFacts, type LaneLimits, lanesFull, liveMark } from '../../core/channel/lane-marks.ts';
import type { Lane } from '../../ports/log.ts';
import type { LogRows } from './log-rows.ts';
import { toUnits } from './log-tables.ts';
import type { LogWrites } from './log-writes.ts';
import type { Statements } from './statements.ts';

/** What is known of the lane of an append, and what its row is found by. */
export type LaneRow = LaneFacts & {
  readonly scope: Buffer;
  readonly queue: Buffer;
  /** Whether the table has it, be its time over or not. */
  readonly isHeld: boolean;
};

/** The marks of lanes, as the transaction under way has made them. */
export type LogLanes = {
  find(channel: string, lane: Lane, nowMs: number): LaneRow;
  /** @param offset 0: it is nowhere */
  raise(channel: string, row: LaneRow, number: number, epoch: string, offset: number, nowMs: number): void;
  forget(channel: string): void;
  /** Drops some whose time is over. */
  lookAfter(nowMs: number): void;
  /** After a rollback: what was dropped is there again. */
  reset(): void;
};

/** Marks dropped with each transaction in which some have come due. */
const AGED_A_TRANSACTION = 16;

/** Marks dropped at once before the log says that it is full. */
const AGED_FOR_ROOM = 1_000;

export function createLogLanes(write: Statements<LogWrites>, rows: LogRows, limits: LaneLimits): LogLanes {
  /** When the time of the first is over, at the earliest: until then none is looked for. */
  let dueMs = 0;

  function age(nowMs: number, most: number): void {
    let left = most;
    // All of them before any is dropped: the statement that reads must be over.
    for (const { channel, scope, queue, at_ms } of write.oldestLanes.all(most)) {
      if (nowMs - at_ms <= limits.laneMs) {
        dueMs = at_ms + limits.laneMs;
        return;
      }
      left--;
      write.dropLane.run(channel, scope, queue);
      rows.state.lanes--;
    }
    // As many again, or none is left; one that begins now is not due before its time.
    dueMs = left === 0 ? 0 : nowMs + limits.laneMs;
  }

  function fullOf(channel: string, scope: Buffer, nowMs: number): string | null {
    if (rows.state.lanes >= limits.lanes) age(nowMs, AGED_FOR_ROOM);
    const ofUser = write.lanesOfUser.get(channel, scope, nowMs - limits.laneMs)?.count ?? 0;
    return lanesFull(ofUser, rows.state.lanes, limits);
  }

  return {
    find(channel, lane, nowMs) {
      const scope = toUnits(lane.scope);
      const queue = toUnits(lane.queue);
      const held = write.lane.get(channel, scope, queue);
      const row = liveMark(
        held === undefined ? undefined : { ...held, atMs: held.at_ms },
        limits.laneMs,
        nowMs,
      );
      const full = row === undefined ? fullOf(channel, scope, nowMs) : null;
      return { mark: row, full, scope, queue, isHeld: held !== undefined };
    },
    raise(channel, { scope, queue, isHeld }, number, epoch, offset, nowMs) {
      write.putLane.run(channel, scope, queue, number, epoch, offset, nowMs);
      if (!isHeld) rows.state.lanes++;
    },
    forget(channel) {
      rows.state.lanes -= write.dropLanes.run(channel).changes;
    },
    lookAfter(nowMs) {
      if (rows.state.lanes > 0 && nowMs > dueMs) age(nowMs, AGED_A_TRANSACTION);
    },
    reset() {
      dueMs = 0;
    },
  };
}
