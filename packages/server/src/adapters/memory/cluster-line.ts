/**
 * A node's line to the stores that it shares with others: in process it always stands, in the simulator everything goes
 * wrong with it. As the line to Redis (`RedisLink`) has it:
 *
 * - Steps are carried out in the order of the calls. One that rejects with `storeUnavailable` may have been carried out, or may
 *   be yet, but not behind a later one that is.
 * - After the line was down nothing is let through before `onUp` has resolved, but the listener's own steps.
 */
export type StoreLine = {
  run<T>(step: () => T): Promise<T>;
  /** Brings what was published to the node, later, in the order given; or loses it. */
  carry(deliver: () => void): void;
  /** Called each time that the line stands again. Where it rejects, the line is given up and tried again. */
  onUp(listener: (run: StoreLine['run']) => Promise<void>): void;
  onDown(listener: () => void): void;
};

/** A line that always stands, and takes no time but a turn. */
export function createSoundLine(): StoreLine {
  return {
    // oxlint-disable-next-line require-await -- a step that throws must reject
    run: async (step) => step(),
    carry: (deliver) => queueMicrotask(deliver),
    onUp: () => undefined,
    onDown: () => undefined,
  };
}
