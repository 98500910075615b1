import type { Clock, Timer } from '../../ports/clock.ts';
import type { Keys } from './keys.ts';
import type { RedisLink } from './redis-link.ts';
import { rosterKeys } from './roster-keys.ts';
import { loadScript } from './script.ts';

const BEGIN = loadScript('roster-begin');
const END = loadScript('roster-end');

/**
 * How long an edit counts as under way where nobody says that it is over, ms: longer than the database may take for one. A
 * node that dies in the midst of one leaves it so, and rosters it concerned are read from the database until then.
 */
export const EDIT_MS = 120_000;

/** Viewers told of at once: an import concerns tens of thousands. */
const VIEWERS_AT_ONCE = 500;

/** The pause before what could not be said is said again, ms. */
const RETRY_MS = 5_000;

/** Viewers whose edit could not be ended; of more than that the marks run out by themselves. */
const MOST_OWED = 100_000;

export type RosterEditOptions = {
  readonly link: RedisLink;
  readonly keys: Keys;
  /** Gives the cluster's time. */
  readonly clock: Clock;
  /** Unique among all nodes. */
  readonly id: () => string;
};

export type RosterEdits = {
  /**
   * Runs an edit while nothing is read of these viewers' entries.
   *
   * @param others who else is concerned, as the edit itself found
   * @returns what the edit resolves with; rejects with what the edit rejects with, or with `storeUnavailable` and without
   *   having begun it where Redis cannot be told
   */
  during<T>(
    viewers: readonly string[],
    edit: () => Promise<T>,
    others?: (result: T) => readonly string[],
  ): Promise<T>;
  close(): void;
};

export function createRosterEdits({ link, keys, clock, id }: RosterEditOptions): RosterEdits {
  /** Edits that could not be ended, by viewer. */
  const owed = new Map<string, string>();
  let retry: Timer | null = null;
  let closed = false;
  // Before anything else is let through: until then nobody here reads what may be behind an edit.
  link.onUp(endOwed);

  async function inSlices(
    viewers: readonly string[],
    each: (viewer: string) => Promise<void>,
  ): Promise<void> {
    for (let from = 0; from < viewers.length; from += VIEWERS_AT_ONCE)
      await Promise.all(viewers.slice(from, from + VIEWERS_AT_ONCE).map(each));
  }

  async function begin(viewer: string, edit: string): Promise<void> {
    const now = clock.nowMs();
    const args = [edit, String(now), String(now + EDIT_MS), String(EDIT_MS)];
    await link.run(BEGIN, rosterKeys(keys, viewer), args);
  }

  /** Never rejects: the edit is done, and the mark keeps everybody from what was before it. */
  async function end(viewer: string, edit: string): Promise<void> {
    try {
      await link.run(END, rosterKeys(keys, viewer), [edit]);
    } catch {
      // Redis went away meanwhile; it is said again when it is back.
      if (owed.size < MOST_OWED) owed.set(viewer, edit);
      arm();
    }
  }

  async function endOwed(): Promise<void> {
    await inSlices([...owed.keys()], async (viewer) => {
      const edit = owed.get(viewer) ?? '';
      await link.run(END, rosterKeys(keys, viewer), [edit]);
      // A later one may be owed by now.
      if (owed.get(viewer) === edit) owed.delete(viewer);
    });
  }

  function arm(): void {
    if (closed || retry !== null || owed.size === 0) return;
    retry = clock.setTimer(RETRY_MS, () => {
      retry = null;
      // What is still refused is tried again.
      endOwed().then(arm, arm);
    });
  }

  return {
    async during(viewers, edit, others) {
      const mark = id();
      await inSlices(viewers, (viewer) => begin(viewer, mark));
      // Where it rejects it may still come to pass in the database: the marks stay until that is over.
      const result = await edit();
      const concerned = others === undefined ? viewers : [...new Set([...viewers, ...others(result)])];
      await inSlices(concerned, (viewer) => end(viewer, mark));
      return result;
    },
    close() {
      closed = true;
      retry?.cancel();
      retry = null;
    },
  };
}
