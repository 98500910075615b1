import type { NodeState } from '../runtime/node-api.ts';

/** A store that cannot write within this is as good as gone for whoever logs in. */
export const PROBE_TIME_LIMIT_MS = 2_000;

/** One thing without which a server cannot serve. */
export type Probe = {
  /** As it is named where it does not answer: `Redis`. */
  readonly of: string;
  /**
   * Tries it out. Resolves with null, or with what is wrong in words that anybody may read; the cause is in the log of whoever
   * failed. Never rejects; may take for ever.
   */
  ask(): Promise<string | null>;
};

export type ReadinessOptions = {
  readonly state: () => NodeState;
  readonly probes: readonly Probe[];
  readonly timeLimitMs?: number;
};

/** Whether a server can serve: its node is ready, and so is all that it needs. What is missing is named. Never rejects. */
export async function readiness({
  state,
  probes,
  timeLimitMs = PROBE_TIME_LIMIT_MS,
}: ReadinessOptions): Promise<{ readonly ready: boolean; readonly reason: string }> {
  const now = state();
  // A node that is cut off is so because something is missing. Of the others nothing else needs to be known.
  if (now !== 'ready' && now !== 'cut_off') return { ready: false, reason: now };
  const answers = await Promise.all(probes.map((probe) => within(timeLimitMs, probe)));
  const missing = answers.filter((answer) => answer !== null).join('; ');
  if (now === 'cut_off') return { ready: false, reason: missing === '' ? now : `${now}: ${missing}` };
  return missing === '' ? { ready: true, reason: 'ready' } : { ready: false, reason: missing };
}

async function within(timeLimitMs: number, { of, ask }: Probe): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`${of} does not answer`), timeLimitMs);
  });
  try {
    return await Promise.race([ask(), late]);
  } finally {
    clearTimeout(timer);
  }
}
