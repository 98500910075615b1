/** Spans of time in which something was going on, by name; what is long past is forgotten. */
export type Windows = {
  /** @param untilMs Infinity for something that goes on until `close` */
  open(name: string, fromMs: number, untilMs: number): { close(untilMs: number): void };
  /** Whether anything was going on between the two. */
  overlap(name: string, fromMs: number, toMs: number): boolean;
};

type Span = { readonly fromMs: number; untilMs: number };

/** What a slow viewer may still be owed is never older than this. */
const KEPT_MS = 600_000;

export function createWindows(): Windows {
  const byName = new Map<string, Span[]>();
  return {
    open(name, fromMs, untilMs) {
      const span: Span = { fromMs, untilMs };
      const kept = (byName.get(name) ?? []).filter((other) => other.untilMs > fromMs - KEPT_MS);
      kept.push(span);
      byName.set(name, kept);
      return {
        close(at) {
          span.untilMs = Math.min(span.untilMs, at);
        },
      };
    },
    overlap(name, fromMs, toMs) {
      return byName.get(name)?.some((span) => span.fromMs <= toMs && span.untilMs >= fromMs) ?? false;
    },
  };
}
