import type { NodeState } from '../runtime/node-api.ts';

/** A store that cannot write within this is as good as gone for whoever logs in. */
export const PROBE_TIME_LIMIT_MS = 2_000;

export type ReadinessOptions = {
  readonly state: () => NodeState;
  /** Writes something and resolves when it is durable; rejects where it cannot. */
  readonly probe: () => Promise<void>;
  readonly timeLimitMs?: number;
};

/** Whether a server can serve: its node is ready, and its database can be written. Never rejects. */
export async function readiness({
  state,
  probe,
  timeLimitMs = PROBE_TIME_LIMIT_MS,
}: ReadinessOptions): Promise<{ readonly ready: boolean; readonly reason: string }> {
  const now = state();
  if (now !== 'ready') return { ready: false, reason: now };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), timeLimitMs);
  });
  try {
    const outcome = await Promise.race([probe().then(() => 'written' as const), late]);
    return outcome === 'written'
      ? { ready: true, reason: 'ready' }
      : { ready: false, reason: 'the database does not answer' };
  } catch {
    // The cause is in the log of whoever failed; a probe from outside gets no more than this.
    return { ready: false, reason: 'the database cannot be written' };
  } finally {
    clearTimeout(timer);
  }
}
