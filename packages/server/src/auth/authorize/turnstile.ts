/** A place among those who run or wait. */
export type Place = {
  /** Gives the place up, whether it was running or still waited; whoever waits longest is next. May be called again. */
  leave(): void;
};

/** Lets a bounded number run at once and a bounded number wait, first come, first served. */
export type Turnstile = {
  /**
   * @param start called once it is its turn: at once where there is room
   * @returns null where as many wait as may; `start` is then never called
   */
  enter(start: (place: Place) => void): Place | null;
  counts(): { readonly running: number; readonly waiting: number };
};

/**
 * @param atOnce how many run at once
 * @param mayWait how many wait beside them
 */
export function createTurnstile(atOnce: number, mayWait: number): Turnstile {
  const waiting = new Map<Place, (place: Place) => void>();
  let running = 0;
  let admitting = false;

  function admit(): void {
    // Whoever gives up as soon as it is let in must not let in the next from within: the stack would be as deep as the queue.
    if (admitting) return;
    admitting = true;
    for (const [place, start] of waiting) {
      if (running >= atOnce) break;
      waiting.delete(place);
      running++;
      start(place);
    }
    admitting = false;
  }

  return {
    enter(start) {
      if (running >= atOnce && waiting.size >= mayWait) return null;
      let left = false;
      const place: Place = {
        leave() {
          if (left) return;
          left = true;
          if (waiting.delete(place)) return;
          running--;
          admit();
        },
      };
      waiting.set(place, start);
      admit();
      return place;
    },
    counts: () => ({ running, waiting: waiting.size }),
  };
}
