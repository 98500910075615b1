import type { Random } from '../random.ts';

/** How long the outside of a node takes, ms; drawn anew for each call. */
export type Latencies = {
  /** Until a call reaches the stores, which take calls in their order. */
  readonly storeRequestMs: number;
  /** Until their answers are back, in any order. */
  readonly storeReplyMs: number;
  readonly directoryMs: number;
  readonly commitMs: number;
  readonly subscribeMs: number;
  readonly authMs: number;
  readonly bootMs: number;
};

/** Nothing takes time: for runs that are compared with each other. */
export const NO_LATENCIES: Latencies = {
  storeRequestMs: 0,
  storeReplyMs: 0,
  directoryMs: 0,
  commitMs: 0,
  subscribeMs: 0,
  authMs: 0,
  bootMs: 0,
};

/** The most a call may take in any profile; what may still be under way is judged by it. */
export const LONGEST_LATENCY_MS = 300;

/** In process, on a good disk, over a network, on a bad day. */
const MOST_MS = [0, 2, 20, LONGEST_LATENCY_MS];

export function chooseLatencies(random: Random): Latencies {
  return {
    storeRequestMs: random.pick(MOST_MS),
    storeReplyMs: random.pick(MOST_MS),
    directoryMs: random.pick(MOST_MS),
    commitMs: random.pick(MOST_MS),
    subscribeMs: random.pick(MOST_MS),
    authMs: random.pick(MOST_MS),
    bootMs: random.pick([20, LONGEST_LATENCY_MS]),
  };
}

/** Zero as often as anything else: what comes at once is what surprises code written for a network. */
export function drawMs(random: Random, mostMs: number): number {
  return mostMs === 0 ? 0 : random.whole(-Math.ceil(mostMs / 3), mostMs);
}
