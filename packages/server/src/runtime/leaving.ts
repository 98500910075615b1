import type { Timer } from '../ports/clock.ts';
import type { LocalSession } from './link-state.ts';
import type { NodePorts } from './node-options.ts';

/** A session that is over. */
type Ended = Pick<LocalSession, 'id' | 'user' | 'device'>;

/** Takes the devices of ended sessions out of presence, however often the store refuses. */
export type Leaving = {
  /**
   * Lets go of a session's device. The session is over already and nothing else would ever try again: where the store
   * refuses, it is asked until it does not, or its user would be shown for ever.
   *
   * @returns resolves behind the first attempt; never rejects
   */
  leave(session: Ended): Promise<void>;
  /** Sessions whose device has not been let go. */
  readonly size: number;
  /** Gives up what is left: a restart, or the other nodes, find holders whose session is gone. */
  stop(): void;
};

/** The pause behind a first refusal; each further round that is refused doubles it. */
const FIRST_PAUSE_MS = 1_000;

/** Friends see whoever left no longer than this after the store has recovered. */
const LONGEST_PAUSE_MS = 30_000;

/** Sessions that one round asks for: a store that was away must not be met by all that ended meanwhile at once. */
const SESSIONS_A_ROUND = 100;

export function createLeaving({
  clock,
  presence,
  telemetry,
}: Pick<NodePorts, 'clock' | 'presence' | 'telemetry'>): Leaving {
  /** Who is still shown, those asked for longest ago first. */
  const owed = new Set<Ended>();
  let timer: Timer | null = null;
  let pauseMs = FIRST_PAUSE_MS;
  let asking = false;
  let stopped = false;

  function arm(delayMs: number): void {
    if (owed.size === 0 || timer !== null || asking || stopped) return;
    timer = clock.setTimer(delayMs, () => {
      timer = null;
      void askAgain();
    });
  }

  /** @returns why it was refused, or null */
  async function ask(session: Ended): Promise<string | null> {
    try {
      await presence.leave(session.user, session.device, session.id);
      owed.delete(session);
      return null;
    } catch (error) {
      // To the end of the line: one that is refused for ever must not keep the others from their turn.
      owed.delete(session);
      if (!stopped) owed.add(session);
      return String(error);
    }
  }

  async function askAgain(): Promise<void> {
    asking = true;
    const refusals = await Promise.all([...owed].slice(0, SESSIONS_A_ROUND).map(ask));
    asking = false;
    const error = refusals.find((refusal) => refusal !== null);
    if (error === undefined) {
      pauseMs = FIRST_PAUSE_MS;
      arm(0);
      return;
    }
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    telemetry.warn('leave_failed', { error, sessions: owed.size, retryInMs: pauseMs });
    arm(pauseMs);
  }

  return {
    async leave(session) {
      const error = await ask(session);
      if (error === null) return;
      telemetry.warn('leave_failed', { error, sessions: owed.size, retryInMs: pauseMs });
      arm(pauseMs);
    },
    get size() {
      return owed.size;
    },
    stop() {
      stopped = true;
      owed.clear();
      timer?.cancel();
      timer = null;
    },
  };
}
