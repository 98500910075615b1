/** Places for so much that is under way at once; whoever finds none waits in a line. */
export type Slots = {
  /** False where the signal was aborted before there was a place. With true comes the duty to give it back. */
  take(signal: AbortSignal): Promise<boolean>;
  giveBack(): void;
};

/** @param count of places, 1 or more */
export function createSlots(count: number): Slots {
  let free = count;
  const waiting = new Set<() => void>();

  return {
    take(signal) {
      if (signal.aborted) return Promise.resolve(false);
      if (free > 0) {
        free--;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        function proceed(): void {
          signal.removeEventListener('abort', giveUp);
          resolve(true);
        }
        function giveUp(): void {
          waiting.delete(proceed);
          resolve(false);
        }
        waiting.add(proceed);
        signal.addEventListener('abort', giveUp, { once: true });
      });
    },
    giveBack() {
      const [next] = waiting;
      if (next === undefined) {
        free++;
        return;
      }
      // The place goes from hand to hand: nobody who comes in between may have it.
      waiting.delete(next);
      next();
    },
  };
}
