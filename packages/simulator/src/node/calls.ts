import type { Random } from '../random.ts';
import type { Owner, VirtualTime } from '../time/virtual-time.ts';
import { drawMs } from './latencies.ts';

/** Calls of one life of a node to what lies outside of it. Once the life is over no call is answered any more. */
export type Calls = {
  /** Carried out in the order of the calls, answered in any. */
  inOrder<T>(operation: () => Promise<T>): Promise<T>;
  /** Carried out some time between the call and the answer. */
  anytime<T>(operation: () => Promise<T>): Promise<T>;
  /** Carried out at once. */
  atOnce<T>(operation: () => Promise<T>): Promise<T>;
};

export function createCalls(
  time: VirtualTime,
  life: Owner,
  random: Random,
  requestMs: number,
  replyMs: number,
): Calls {
  let lastArrivalMs = 0;

  /** Passes an answer on to whoever is still alive to take it. */
  function whileAlive<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      answer.then(
        (value) => {
          if (life.alive) resolve(value);
        },
        (error: unknown) => {
          if (life.alive) reject(error);
        },
      );
    });
  }

  async function replied<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } finally {
      await pause(replyMs);
    }
  }

  async function pause(mostMs: number): Promise<void> {
    const ms = drawMs(random, mostMs);
    if (ms > 0) await time.sleep(ms, life);
  }

  function arrival(): Promise<void> | undefined {
    const arrivesMs = Math.max(lastArrivalMs, time.nowMs() + drawMs(random, requestMs));
    lastArrivalMs = arrivesMs;
    // Also where the delay is nothing: an earlier call may be on its way at this very moment.
    return requestMs === 0 ? undefined : time.sleep(arrivesMs - time.nowMs(), life);
  }

  return {
    inOrder(operation) {
      const arriving = arrival();
      return whileAlive(replied(arriving === undefined ? operation() : arriving.then(operation)));
    },
    async anytime(operation) {
      await pause(requestMs);
      return whileAlive(replied(operation()));
    },
    atOnce: (operation) => whileAlive(operation()),
  };
}
