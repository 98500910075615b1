import type { Clock } from '../../../ports/clock.ts';

/** Who of several workers is awake. A wake-up is never lost: where nobody sleeps, the next that would does not. */
export type OutboxTurns = {
  wakeOne(): void;
  /** Resolves when woken or stopped. */
  sleep(): Promise<void>;
  /** Resolves after so many ms, or when stopped. */
  pause(ms: number): Promise<void>;
  stop(): void;
  stopped(): boolean;
};

export function createOutboxTurns(clock: Pick<Clock, 'setTimer'>): OutboxTurns {
  const sleepers: (() => void)[] = [];
  const pausing = new Set<() => void>();
  let wanted = false;
  let isStopped = false;
  return {
    wakeOne() {
      const wake = sleepers.shift();
      if (wake === undefined) wanted = true;
      else wake();
    },
    sleep() {
      if (wanted || isStopped) {
        wanted = false;
        return Promise.resolve();
      }
      return new Promise((resolve) => sleepers.push(resolve));
    },
    pause(ms) {
      if (isStopped) return Promise.resolve();
      return new Promise((resolve) => {
        const end = (): void => {
          timer.cancel();
          pausing.delete(end);
          resolve();
        };
        const timer = clock.setTimer(ms, end);
        pausing.add(end);
      });
    },
    stop() {
      isStopped = true;
      for (const wake of sleepers.splice(0)) wake();
      for (const end of pausing) end();
    },
    stopped: () => isStopped,
  };
}
