import type { Clock, Timer } from '../../ports/clock.ts';
import type { Directory, LastSeen } from '../../ports/directory.ts';
import type { PresenceStore } from '../../ports/presence.ts';

/** What came within so long is written together, ms. */
export const FLUSH_MS = 1_000;

/** Users that one statement writes. */
export const USERS_A_STATEMENT = 500;

/** How often whoever is online is noted as seen, ms: what a crash of everything costs at most. */
export const ONLINE_EVERY_MS = 5 * 60 * 1000;

/** Users whose records are read at once for that. */
const USERS_A_ROUND = 500;

/** The longest pause behind refusals, which double it, ms. */
const LONGEST_PAUSE_MS = 30_000;

/** Users that wait while the database is away, at some 150 bytes each. Of more, those noted longest ago are given up. */
export const MOST_WAITING = 100_000;

export type LastSeenOptions = {
  readonly directory: Pick<Directory, 'lastSeen' | 'recordLastSeen'>;
  /** Gives the cluster's time. */
  readonly clock: Clock;
  /** Users of whom this node holds something. Only who of them is seen is noted: a device on another node may hide them. */
  readonly users: () => Iterable<string>;
  readonly presence: Pick<PresenceStore, 'read'>;
  readonly warn: (event: string, detail: Readonly<Record<string, unknown>>) => void;
};

/**
 * Last seen, written behind: `recordLastSeen` resolves at once, and the database has it a second later. What is lost with the
 * process is a second, and of whoever is online five minutes.
 *
 * - Of each user only the latest time waits. While the database refuses, it is asked again with growing pauses.
 * - `lastSeen` knows what waits here.
 */
export type LastSeenWriter = Pick<Directory, 'lastSeen' | 'recordLastSeen'> & {
  /** From here on whoever is online is noted every five minutes. */
  start(): void;
  /** Users whose time is not written yet. */
  readonly waiting: number;
  /** Users whose time was given up because too many waited. */
  readonly dropped: number;
  /** Writes what waits; what is refused now is lost. Never rejects. */
  close(): Promise<void>;
};

export function createLastSeenWriter({
  directory,
  clock,
  users,
  presence,
  warn,
}: LastSeenOptions): LastSeenWriter {
  /** Whoever was noted longest ago first. */
  const waiting = new Map<string, number>();
  let writing: ReadonlyMap<string, number> = new Map();
  let flushing: Promise<void> | null = null;
  let flushTimer: Timer | null = null;
  let onlineTimer: Timer | null = null;
  let pauseMs = FLUSH_MS;
  let dropped = 0;
  let untold = 0;
  let closed = false;

  function note(user: string, ms: number): void {
    const before = waiting.get(user);
    if (before === undefined && waiting.size >= MOST_WAITING) {
      const [oldest] = waiting.keys();
      if (oldest !== undefined) waiting.delete(oldest);
      drop();
    }
    waiting.set(user, Math.max(ms, before ?? ms));
  }

  function drop(): void {
    dropped++;
    untold++;
  }

  /** Those of a batch that was refused; what was noted since is newer. */
  function putBack(batch: ReadonlyMap<string, number>): void {
    for (const [user, ms] of batch) {
      const since = waiting.get(user);
      if (since !== undefined) waiting.set(user, Math.max(ms, since));
      else if (waiting.size < MOST_WAITING) waiting.set(user, ms);
      else drop();
    }
  }

  function arm(): void {
    if (closed || flushTimer !== null || waiting.size === 0) return;
    flushTimer = clock.setTimer(pauseMs, () => {
      flushTimer = null;
      void flush();
    });
  }

  /** Writes what waits now, one statement behind the other. Never rejects. */
  function flush(): Promise<void> {
    flushing ??= writeAll().finally(() => {
      flushing = null;
      arm();
    });
    return flushing;
  }

  async function writeAll(): Promise<void> {
    let left = waiting.size;
    while (left > 0) {
      const batch = take(Math.min(left, USERS_A_STATEMENT));
      if (batch.length === 0) return;
      left -= batch.length;
      writing = new Map(batch.map(({ user, ms }) => [user, ms]));
      try {
        await directory.recordLastSeen(batch);
        pauseMs = FLUSH_MS;
      } catch (error) {
        putBack(writing);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
        warn('last_seen_refused', { error: String(error), users: waiting.size, dropped: untold });
        untold = 0;
        return;
      } finally {
        writing = new Map();
      }
    }
  }

  function take(count: number): LastSeen[] {
    const batch: LastSeen[] = [];
    for (const [user, ms] of waiting) {
      if (batch.length === count) break;
      waiting.delete(user);
      batch.push({ user, ms });
    }
    return batch;
  }

  function armOnline(): void {
    if (closed) return;
    onlineTimer = clock.setTimer(ONLINE_EVERY_MS, () => {
      onlineTimer = null;
      noteOnline()
        // Five minutes later it is tried again.
        .catch((error: unknown) => warn('online_not_noted', { error: String(error) }))
        .finally(() => {
          arm();
          armOnline();
        });
    });
  }

  /** Round by round: each waits for its answer, so that nothing else is held up. */
  async function noteOnline(): Promise<void> {
    const names = [...users()];
    for (let from = 0; from < names.length && !closed; from += USERS_A_ROUND) {
      const records = await presence.read(names.slice(from, from + USERS_A_ROUND));
      const ms = clock.nowMs();
      for (const { user, s } of records) if (s !== 'Offline') note(user, ms);
    }
  }

  return {
    async recordLastSeen(batch) {
      for (const { user, ms } of batch) note(user, ms);
      arm();
    },
    async lastSeen(asked) {
      // Before it is asked: what is written meanwhile may be missing from the answer.
      const ahead = asked.map((user) => Math.max(waiting.get(user) ?? -1, writing.get(user) ?? -1));
      const seen = new Map(await directory.lastSeen(asked));
      asked.forEach((user, i) => {
        const ms = ahead[i] ?? -1;
        if (ms >= 0 && ms > (seen.get(user) ?? -1)) seen.set(user, ms);
      });
      return seen;
    },
    start: armOnline,
    get waiting() {
      return waiting.size + writing.size;
    },
    get dropped() {
      return dropped;
    },
    async close() {
      closed = true;
      flushTimer?.cancel();
      onlineTimer?.cancel();
      // What is under way, and what was noted meanwhile.
      await flushing;
      await flush();
      if (waiting.size > 0) warn('last_seen_lost', { users: waiting.size });
    },
  } satisfies LastSeenWriter;
}
