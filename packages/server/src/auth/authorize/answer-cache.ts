/** Answers that hold for a time, the latest used longest kept. */
export type AnswerCache<T> = {
  /** @returns the answer and for how many ms it holds yet */
  get(key: string, nowMs: number): { readonly answer: T; readonly leftMs: number } | undefined;
  put(key: string, answer: T, untilMs: number): void;
  delete(key: string): void;
  keys(): Iterable<string>;
  readonly size: number;
};

/**
 * @param atMost answers kept; beyond it the one that was not asked for longest goes. 0 keeps none.
 */
export function createAnswerCache<T>(atMost: number): AnswerCache<T> {
  // A Map goes through its keys in the order in which they were set: the first is the one that was used longest ago.
  const kept = new Map<string, { readonly answer: T; readonly untilMs: number }>();
  return {
    get(key, nowMs) {
      const found = kept.get(key);
      if (found === undefined) return undefined;
      kept.delete(key);
      const leftMs = found.untilMs - nowMs;
      if (leftMs <= 0) return undefined;
      kept.set(key, found);
      return { answer: found.answer, leftMs };
    },
    put(key, answer, untilMs) {
      if (atMost === 0) return;
      kept.delete(key);
      if (kept.size >= atMost) {
        for (const oldest of kept.keys()) {
          kept.delete(oldest);
          break;
        }
      }
      kept.set(key, { answer, untilMs });
    },
    delete: (key) => void kept.delete(key),
    keys: () => kept.keys(),
    get size() {
      return kept.size;
    },
  };
}
