import type { FetchedRecord } from './records.ts';
import { createWatermark, type Watermark } from './watermark.ts';

/** Where a partition is read, known once the group's commit was looked up. */
export type Reading = {
  /** The offset to fetch next. */
  next: number;
  /** What was fetched and not brought, oldest first from `at` on. */
  waiting: readonly FetchedRecord[];
  at: number;
  readonly watermark: Watermark;
  /** What the group has committed; -1: nothing. */
  committed: number;
  /** Behind the newest event of the partition, and when that was heard (monotonic ms). */
  end: number;
  endMs: number;
  /** It answered with an error and is left alone for a while. */
  resting: boolean;
};

/** A partition that the group gave to this node. */
export type Held = {
  readonly topic: string;
  readonly partition: number;
  /** False once it was taken away: nothing of it is brought or committed any more. */
  mine: boolean;
  reading: Reading | null;
};

export type HeldPartitions = ReadonlyMap<string, Held>;

export const partitionName = (topic: string, partition: number): string => `${topic}/${partition}`;

/** @param committed null: nothing is; the start is committed then, so that it is the same after a restart */
export function readFrom(start: number, committed: number | null, end: number, nowMs: number): Reading {
  return {
    next: start,
    waiting: [],
    at: 0,
    watermark: createWatermark(start),
    committed: committed ?? -1,
    end: Math.max(end, start),
    endMs: nowMs,
    resting: false,
  };
}

/**
 * Events of a partition that may be brought from the oldest without a verdict on. One that waits for long (its channel's log, or the dead-letter
 * topic, takes nothing) would else have more and more behind it: to be remembered, and to be brought again behind a crash.
 */
export const LONGEST_SPAN = 100_000;

/** Whether nothing more may be brought of it until its oldest event has its verdict. */
export const isFarAhead = (reading: Reading): boolean => reading.watermark.span >= LONGEST_SPAN;

/** Whether all that was fetched of it is brought. */
export const isDrained = (reading: Reading): boolean => reading.at >= reading.waiting.length;
