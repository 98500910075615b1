/** Plays what two do at the same time in a given order, a command at a time. */
export type Stepper = {
  /** Waits until it is this one's turn to send its next command. */
  turn(who: 0 | 1): Promise<void>;
  /** Tells when one is done. */
  ends<T>(who: 0 | 1, work: T | Promise<T>): Promise<T>;
  /** Gives out turns in this order; turns of one who is done are left out, and who is not done at the end goes on. */
  play(order: readonly (0 | 1)[]): Promise<void>;
};

export function stepper(): Stepper {
  const waiting: ((() => void) | null)[] = [null, null];
  const done = [false, false];
  let changed: () => void = () => undefined;

  async function settled(who: 0 | 1): Promise<void> {
    while (waiting[who] === null && !done[who]) await new Promise<void>((resolve) => (changed = resolve));
  }

  async function step(who: 0 | 1): Promise<void> {
    await settled(who);
    const go = waiting[who];
    waiting[who] = null;
    go?.();
    // Its command is answered once it asks for the next turn.
    await settled(who);
  }

  return {
    turn: (who) =>
      new Promise((resolve) => {
        waiting[who] = resolve;
        changed();
      }),
    ends(who, work) {
      return Promise.resolve(work).finally(() => {
        done[who] = true;
        changed();
      });
    },
    async play(order) {
      for (const who of order) await step(who);
      while (!done[0] || !done[1]) for (const who of [0, 1] as const) if (!done[who]) await step(who);
    },
  };
}

/** All orders in which so many steps of the one and so many of the other can come. */
export function interleavings(ofFirst: number, ofSecond: number): readonly (readonly (0 | 1)[])[] {
  if (ofFirst === 0) return [Array.from({ length: ofSecond }, () => 1 as const)];
  if (ofSecond === 0) return [Array.from({ length: ofFirst }, () => 0 as const)];
  return [
    ...interleavings(ofFirst - 1, ofSecond).map((rest) => [0 as const, ...rest]),
    ...interleavings(ofFirst, ofSecond - 1).map((rest) => [1 as const, ...rest]),
  ];
}
