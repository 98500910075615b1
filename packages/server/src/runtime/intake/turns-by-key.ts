/** Pieces of work that wait for each other where they share a key, and for nothing else. */
export type TurnsByKey = {
  /**
   * Does it behind what was given for the key before. Rejects as the work does.
   *
   * @returns null where the signal was aborted while it waited: nothing is done then, and nothing of it is held
   */
  take<T>(key: string, work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T | null>;
  /** Pieces that wait for others. */
  readonly waiting: number;
};

export function createTurnsByKey(): TurnsByKey {
  /** Behind the piece that is under way, in their order. */
  const queues = new Map<string, Set<() => void>>();

  function next(key: string, queue: Set<() => void>): void {
    const [first] = queue;
    if (first === undefined) {
      queues.delete(key);
      return;
    }
    queue.delete(first);
    first();
  }

  async function run<T>(key: string, queue: Set<() => void>, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      next(key, queue);
    }
  }

  function wait<T>(
    key: string,
    queue: Set<() => void>,
    work: () => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T | null> {
    if (signal?.aborted === true) return Promise.resolve(null);
    return new Promise((resolve) => {
      function proceed(): void {
        signal?.removeEventListener('abort', giveUp);
        resolve(run(key, queue, work));
      }
      function giveUp(): void {
        queue.delete(proceed);
        resolve(null);
      }
      queue.add(proceed);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  return {
    take(key, work, signal) {
      const behind = queues.get(key);
      if (behind !== undefined) return wait(key, behind, work, signal);
      const queue = new Set<() => void>();
      queues.set(key, queue);
      return run(key, queue, work);
    },
    get waiting() {
      let waiting = 0;
      for (const queue of queues.values()) waiting += queue.size;
      return waiting;
    },
  };
}
