import type { Timer } from '../../ports/clock.ts';
import type { KafkaDeps, KafkaTiming } from './kafka-settings.ts';

/** Waits that end at once when the source does. */
export type Pauses = {
  /** True behind `ms`; false once the source ends. */
  wait(ms: number): Promise<boolean>;
  /** As `wait`, longer with each attempt (from 0), and never the same for two nodes. */
  backoff(attempt: number): Promise<boolean>;
  /** Ends all waits, and those to come. */
  end(): void;
};

export function createPauses(
  { clock, random }: Pick<KafkaDeps, 'clock' | 'random'>,
  { retryMs, longestRetryMs }: KafkaTiming,
): Pauses {
  const waiting = new Map<Timer, (goOn: boolean) => void>();
  let ended = false;
  const wait = (ms: number): Promise<boolean> =>
    new Promise((resolve) => {
      if (ended) {
        resolve(false);
        return;
      }
      const timer = clock.setTimer(ms, () => {
        waiting.delete(timer);
        resolve(true);
      });
      waiting.set(timer, resolve);
    });
  return {
    wait,
    backoff(attempt) {
      const longest = Math.min(longestRetryMs, retryMs * 2 ** Math.min(attempt, 10));
      return wait(longest / 2 + (random() * longest) / 2);
    },
    end() {
      ended = true;
      for (const [timer, resolve] of waiting) {
        timer.cancel();
        resolve(false);
      }
      waiting.clear();
    },
  };
}
