import type { Clock, Timer } from '../ports/clock.ts';
import type { LocalSession } from './link-state.ts';

/** Sessions whose grace ends within this of each other share a timer: after a restart there may be very many. */
const GRANULARITY_MS = 100;

/** Sessions that an earlier life of the process left, each with what is left of its grace. */
export type RestoredGrace = {
  add(session: LocalSession, leftMs: number): void;
  /** Timers that are armed. */
  readonly size: number;
  clear(): void;
};

type Group = {
  readonly timer: Timer;
  readonly sessions: { readonly session: LocalSession; readonly generation: number }[];
};

/** @param onOver told of each session that nobody has resumed, at most `GRANULARITY_MS` after its time */
export function createRestoredGrace(clock: Clock, onOver: (session: LocalSession) => void): RestoredGrace {
  const groups = new Map<number, Group>();

  function open(dueMs: number): Group {
    const sessions: Group['sessions'] = [];
    const timer = clock.setTimer(Math.max(0, dueMs - clock.monotonicMs()), () => {
      groups.delete(dueMs);
      for (const { session, generation } of sessions) {
        // It may have been resumed, and may even wait in a grace of its own since.
        if (session.link === null && session.generation === generation) onOver(session);
      }
    });
    const group = { timer, sessions };
    groups.set(dueMs, group);
    return group;
  }

  return {
    add(session, leftMs) {
      const dueMs = Math.ceil((clock.monotonicMs() + leftMs) / GRANULARITY_MS) * GRANULARITY_MS;
      const group = groups.get(dueMs) ?? open(dueMs);
      group.sessions.push({ session, generation: session.generation });
    },
    get size() {
      return groups.size;
    },
    clear() {
      for (const { timer } of groups.values()) timer.cancel();
      groups.clear();
    },
  };
}
