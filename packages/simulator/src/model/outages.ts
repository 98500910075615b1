/** When the service was down: time that consumes nobody's grace. */
export type Outages = {
  began(): void;
  ended(): void;
  readonly isDown: boolean;
  /** How much of the time between the beginning and now the service was down, ms. */
  totalMs(): number;
};

export function createOutages(nowMs: () => number): Outages {
  let pastMs = 0;
  let sinceMs: number | null = null;
  return {
    began() {
      sinceMs ??= nowMs();
    },
    ended() {
      if (sinceMs !== null) pastMs += nowMs() - sinceMs;
      sinceMs = null;
    },
    get isDown() {
      return sinceMs !== null;
    },
    totalMs: () => pastMs + (sinceMs === null ? 0 : nowMs() - sinceMs),
  };
}
