/** When the service was down: time that consumes nobody's grace. */
export type Outages = {
  began(): void;
  ended(): void;
  readonly isDown: boolean;
  /** How much of the time since then the service was down, ms. */
  sinceMs(fromMs: number): number;
};

type Span = { readonly fromMs: number; toMs: number | null };

/** @param leastMs shorter ones do not count, for nobody notices them */
export function createOutages(nowMs: () => number, leastMs = 0): Outages {
  const spans: Span[] = [];
  return {
    began() {
      if (spans.length === 0 || spans.at(-1)?.toMs !== null) spans.push({ fromMs: nowMs(), toMs: null });
    },
    ended() {
      const last = spans.at(-1);
      if (last !== undefined) last.toMs ??= nowMs();
    },
    get isDown() {
      return spans.at(-1)?.toMs === null;
    },
    sinceMs(fromMs) {
      let sum = 0;
      for (const span of spans) {
        const toMs = span.toMs ?? nowMs();
        if (toMs - span.fromMs >= leastMs) sum += Math.max(0, toMs - Math.max(span.fromMs, fromMs));
      }
      return sum;
    },
  };
}
