import type { Timer } from '../../ports/clock.ts';
import type { NodePorts } from '../node-options.ts';

/**
 * Tells the list that all nodes share what became of this node's own: who is in a channel, and whether anybody is
 * subscribed. Only the latest counts, and it is told however often the list refuses.
 *
 * What is owed is bounded by what the list had taken before it began to refuse, and by who is in a channel here: who comes
 * and goes meanwhile is one entry.
 */
export type MemberTelling = {
  /**
   * @param about what is told, the same for all that takes each other's place
   * @param tell idempotent: it is repeated after a failure, with what holds then
   */
  set(about: string, present: boolean, tell: Tell): void;
  /** What is being told, or could not be told yet. */
  readonly size: number;
  readonly timers: number;
  /** Gives up what is left: the other nodes find it, for this one's lease runs out. */
  stop(): void;
};

type Tell = (present: boolean) => Promise<void> | undefined;

type Owed = {
  present: boolean;
  readonly tell: Tell;
  /** Whether it is being told. What changes meanwhile is told behind it, or a leave might overtake its join. */
  underWay: boolean;
};

/** The pause behind a first refusal; each further round that is refused doubles it. */
const FIRST_PAUSE_MS = 1_000;

/** Others see who came or left no longer than this after the list has recovered. */
const LONGEST_PAUSE_MS = 10_000;

/** What one round tells: a list that was away must not be met by all that happened meanwhile at once. */
const TOLD_A_ROUND = 100;

export function createMemberTelling({
  clock,
  telemetry,
}: Pick<NodePorts, 'clock' | 'telemetry'>): MemberTelling {
  /** By what it is about; those that were tried longest ago first. */
  const owed = new Map<string, Owed>();
  let refused = 0;
  let timer: Timer | null = null;
  let pauseMs = FIRST_PAUSE_MS;
  let stopped = false;

  /** @returns why it was refused, or null */
  async function told(about: string, entry: Owed, under: Promise<void>): Promise<string | null> {
    let telling: Promise<void> | undefined = under;
    for (;;) {
      const { present } = entry;
      try {
        await telling;
      } catch (error) {
        entry.underWay = false;
        refused++;
        // To the end of the line: one that is refused for ever must not keep the others from their turn.
        owed.delete(about);
        if (!stopped) owed.set(about, entry);
        return String(error);
      }
      if (entry.present === present || stopped) break;
      telling = entry.tell(entry.present);
    }
    owed.delete(about);
    return null;
  }

  function arm(delayMs: number): void {
    if (timer !== null || stopped) return;
    timer = clock.setTimer(delayMs, () => {
      timer = null;
      void tellAgain();
    });
  }

  async function tellAgain(): Promise<void> {
    const round: Promise<string | null>[] = [];
    for (const [about, entry] of owed) {
      if (round.length === TOLD_A_ROUND) break;
      if (entry.underWay) continue;
      entry.underWay = true;
      refused--;
      round.push(told(about, entry, Promise.resolve(entry.tell(entry.present))));
    }
    const error = (await Promise.all(round)).find((outcome) => outcome !== null);
    if (error !== undefined) return wait(error);
    pauseMs = FIRST_PAUSE_MS;
    if (refused > 0) arm(0);
  }

  function wait(error: string): void {
    if (timer !== null || stopped) return;
    telemetry.warn('member_refused', { error, owed: refused, retryInMs: pauseMs });
    arm(pauseMs);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }

  return {
    set(about, present, tell) {
      const there = owed.get(about);
      if (there !== undefined) {
        there.present = present;
        return;
      }
      const telling = tell(present);
      if (telling === undefined) return;
      const entry: Owed = { present, tell, underWay: true };
      owed.set(about, entry);
      void told(about, entry, telling).then((error) => {
        if (error !== null) wait(error);
      });
    },
    get size() {
      return owed.size;
    },
    get timers() {
      return timer === null ? 0 : 1;
    },
    stop() {
      stopped = true;
      owed.clear();
      timer?.cancel();
      timer = null;
    },
  };
}
