import type { Clock, Timer } from '../../ports/clock.ts';
import type { DocumentRole } from '../link-state.ts';

/** Roles are looked at once in so many ms, together: one may last so much longer than it says. */
const GRANULARITY_MS = 1_000;

/** When roles run out, or are to be asked for again. */
export type RoleChecks = {
  /** Its time, if it has one, is another than before. */
  watch(role: DocumentRole): void;
  forget(role: DocumentRole): void;
  readonly size: number;
  stop(): void;
};

/** @param due its time has come; it is watched no more, unless it is again */
export function createRoleChecks(
  clock: Pick<Clock, 'nowMs' | 'monotonicMs' | 'setTimer'>,
  due: (role: DocumentRole) => void,
): RoleChecks {
  const watched = new Set<DocumentRole>();
  let timer: Timer | null = null;
  /** A rule may answer behind the end of the node. */
  let stopped = false;

  function arm(): void {
    if (!stopped) timer ??= clock.setTimer(GRANULARITY_MS, sweep);
  }

  function sweep(): void {
    timer = null;
    const nowMs = clock.nowMs();
    const monotonicMs = clock.monotonicMs();
    for (const role of [...watched]) {
      if (!isDue(role, nowMs, monotonicMs)) continue;
      watched.delete(role);
      due(role);
    }
    if (watched.size > 0) arm();
  }

  return {
    watch(role) {
      if (stopped || timeless(role)) {
        watched.delete(role);
        return;
      }
      watched.add(role);
      arm();
    },
    forget: (role) => void watched.delete(role),
    get size() {
      return watched.size;
    },
    stop() {
      stopped = true;
      timer?.cancel();
      timer = null;
      watched.clear();
    },
  };
}

function timeless({ right, unanswered }: DocumentRole): boolean {
  return unanswered === null && (right === null || right.untilMs === null);
}

function isDue({ right, unanswered }: DocumentRole, nowMs: number, monotonicMs: number): boolean {
  if (unanswered !== null) return unanswered.retryAtMs <= monotonicMs;
  return right !== null && right.untilMs !== null && right.untilMs <= nowMs;
}
