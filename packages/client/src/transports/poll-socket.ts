import type { WebSocketLike } from '../platform.ts';
import { type HttpParts, ABNORMAL_CLOSE, createHttpSocket } from './http-socket.ts';

/** How long a poll waits for something to come, ms: `limits.pollWaitMs` ([HTTP5]). */
export const POLL_WAIT_MS = 25_000;

/** An answer may take so much longer than the poll waits, ms. */
const ANSWER_MARGIN_MS = 8_000;

/** The opening is answered with the first batch, ms; a login may take its time. */
const OPENING_TIMEOUT_MS = 10_000;

/** What brings nothing, and comes at once, is not of the server: it is not asked for more often than this, ms. */
const LEAST_ROUND_MS = 1_000;

/** A request that failed after waiting so long, ms, was cut off for its idleness, as it seems. */
const LEAST_IDLE_MS = 2_000;

type Batch = {
  readonly line?: string;
  readonly k?: number;
  readonly ms?: readonly unknown[];
  readonly close?: number;
};

export type PollParts = HttpParts & {
  /** How long a request may stay unanswered here, ms; null: nothing is known. */
  readonly idleMs: () => number | null;
  /** A request was cut off after so long, ms. */
  readonly onIdleCut: (afterMs: number) => void;
};

/** A line of long polls ([HTTP5]). */
export function createPollSocket(parts: PollParts): WebSocketLike {
  const { platform } = parts;
  return createHttpSocket(parts, async (line, opening) => {
    let askedMs = platform.nowMs();
    const response = await line.post(opening, OPENING_TIMEOUT_MS);
    if (!response.ok) return line.refused(response);
    let batch = (await response.json()) as Batch | null;
    const id = batch?.line;
    if (id === undefined) return line.closed(ABNORMAL_CLOSE);
    line.opened(id);
    let ack = 0;
    let polls = 0;
    while (batch !== null) {
      // Something between answers on its own account: with that no line goes on.
      if (typeof batch.k !== 'number') break;
      const isNext = batch.k === ack + 1;
      if (isNext) {
        ack = batch.k;
        for (const message of batch.ms ?? []) line.message(JSON.stringify(message));
      }
      if (batch.close !== undefined) return line.closed(batch.close);
      // An answer that was kept somewhere on the way, and comes for another request.
      if (!isNext && platform.nowMs() - askedMs < LEAST_ROUND_MS) await line.pause(LEAST_ROUND_MS);
      const wait = Math.floor(Math.min(parts.idleMs() ?? POLL_WAIT_MS, POLL_WAIT_MS));
      // Numbered anew each time: one that was given up may arrive behind that which took its place ([HTTP6]).
      const body = (): string => JSON.stringify({ line: id, ack, wait, p: ++polls });
      askedMs = platform.nowMs();
      batch = (await line.insist(body, wait + ANSWER_MARGIN_MS, (afterMs) => {
        if (afterMs >= LEAST_IDLE_MS) parts.onIdleCut(afterMs);
      })) as Batch | null;
    }
    line.closed(ABNORMAL_CLOSE);
  });
}
