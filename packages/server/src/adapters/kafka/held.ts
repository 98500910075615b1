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

/** Whether all that was fetched of it is brought. */
export const isDrained = (reading: Reading): boolean => reading.at >= reading.waiting.length;
