/** Edits committed within this are told to all who resume: they ask for what is above two seconds before their stamp. */
export const IN_TIME_MS = 1_500;

/** Added to what an edit took: stamps go by the wall clock, which need not run as this clock does. */
export const SLACK_MS = 1_000;

/** Spans kept apart; further ones are taken together, which only makes some more resumes full ones. */
const MAX_SPANS = 16;

/**
 * Edits whose commit came long after their stamp. A client that was given a stamp meanwhile, and lost its line before
 * the commit, asks only for what is above that stamp, and the edit is below it: it must be sent everything.
 */
export type LateEdits = {
  /** Follows an edit until it is committed or refused. */
  follow<T>(at: number, edit: Promise<T>): Promise<T>;
  /** Whether what lies above this stamp may lack an edit. */
  mayLack(at: number): boolean;
};

type Span = { from: number; until: number };

/**
 * @param nowMs a clock in milliseconds
 * @param onLate told of each span, for processes that share the directory: it is they whom a client may ask then
 */
export function createLateEdits(
  nowMs: () => number,
  onLate: (from: number, until: number) => void = () => undefined,
): LateEdits {
  /** In the order in which they were made, which is that of their stamps. */
  const underWay = new Set<{ readonly at: number }>();
  const spans: Span[] = [];

  function note(from: number, until: number): void {
    const last = spans.at(-1);
    if (last !== undefined && (from <= last.until || spans.length === MAX_SPANS)) {
      last.from = Math.min(last.from, from);
      last.until = Math.max(last.until, until);
    } else spans.push({ from, until });
  }

  return {
    async follow(at, edit) {
      const entry = { at };
      const beganMs = nowMs();
      underWay.add(entry);
      try {
        return await edit;
      } finally {
        underWay.delete(entry);
        const tookMs = nowMs() - beganMs;
        if (tookMs > IN_TIME_MS) {
          const until = Math.ceil(at + (tookMs + SLACK_MS) * 1000);
          note(at, until);
          onLate(at, until);
        }
      }
    },
    mayLack(at) {
      for (const oldest of underWay) {
        // It may be committed already, and this thread not have heard of it.
        if (oldest.at <= at) return true;
        break;
      }
      return spans.some(({ from, until }) => from <= at && at < until);
    },
  };
}
