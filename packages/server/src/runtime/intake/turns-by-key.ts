/** Pieces of work that wait for each other where they share a key, and for nothing else. */
export type TurnsByKey = {
  /** Does it behind what was given for the key before. Rejects as the work does. */
  take<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Keys of which something is under way. */
  readonly size: number;
};

export function createTurnsByKey(): TurnsByKey {
  const tails = new Map<string, Promise<unknown>>();

  async function behind<T>(before: Promise<unknown>, work: () => Promise<T>): Promise<T> {
    await before;
    return work();
  }

  return {
    take(key, work) {
      const before = tails.get(key);
      const done = before === undefined ? work() : behind(before, work);
      const tail = done.then(ignore, ignore).finally(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
      tails.set(key, tail);
      return done;
    },
    get size() {
      return tails.size;
    },
  };
}

function ignore(): void {
  // Whoever gave the work is told how it ended; those behind it only that it did.
}
