import type { Platform } from '../platform.ts';
import type { LockManagerLike } from './tab-host.ts';

/** A tab that is looked at asks the leader so often whether it is there, ms. */
export const PING_MS = 250;

/** One that is not, ms: browsers fire its timers late, and nobody waits for what it shows. */
export const HIDDEN_PING_MS = 20_000;

/** A leader that has not answered after so long is frozen, ms. With `PING_MS` it is found within a second. */
export const SILENT_MS = 650;

/** A timer that fires this late says that this tab itself stood still: the answer may lie in its own queue, ms. */
const LATE_MS = 200;

/** Answers in a row by which a leader that nobody looks at is found idle: switching to and fro moves nothing. */
const IDLE_ANSWERS = 8;

export type LeadershipParts = {
  readonly platform: Platform;
  readonly locks: LockManagerLike;
  /** Of the lock that the leader holds. */
  readonly name: string;
  /** Of the lock that this tab holds as long as it lives. */
  readonly ownName: string;
  /** Asks whoever leads for an answer. */
  readonly ping: () => void;
  /** This tab may open lines now. `alone`: by itself, for the browser gives the page no locks. */
  readonly onReady: (alone: boolean) => void;
  /** This tab leads. @param locks the names of all that are held */
  readonly onLead: (term: string, locks: readonly string[]) => void;
  /** It does not any more. */
  readonly onLost: () => void;
  /** Another tab leads. */
  readonly onLeader: (term: string, locks: readonly string[]) => void;
};

/**
 * Who of the tabs leads: whoever holds a lock. It passes on by itself when its tab is closed; from a tab that stands still it is
 * stolen by one that hears nothing, and the browser tells the former when it moves again.
 */
export type Leadership = {
  /** Ends taking part; what it leads passes on. */
  leave(): void;
  /** The leader answered, or said that it leads. */
  heard(term: string, idle: boolean): void;
  /** Asks for the leader at once. */
  ask(): void;
  /** Begins another term, with another line to the server. @returns null where this tab does not lead */
  renew(): string | null;
  /** Whether this tab holds the lock still. */
  holds(): Promise<boolean>;
};

type Held = { readonly release: () => void };

export function joinTabs(parts: LeadershipParts): Leadership {
  const { platform, locks, name, ownName } = parts;
  const { page } = platform;
  const over = new AbortController();
  let queued: AbortController | null = null;
  let leading: Held | null = null;
  let leader: string | null = null;
  let clientId: string | undefined;
  let cancelPing: (() => void) | null = null;
  let cancelSilence: (() => void) | null = null;
  let idleAnswers = 0;

  const isVisible = (): boolean => page?.hidden() === false;

  /**
   * Holds a lock until it is told otherwise. A wait that was called off may have come to its end in the same instant.
   *
   * @param lost it was stolen, or cannot be had (then null); not when the wait was called off
   */
  function hold(
    lock: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    held: (own: Held) => void,
    lost: (own: Held | null) => void,
  ): void {
    let own: Held | null = null;
    const isOver = (): boolean => over.signal.aborted || options.signal?.aborted === true;
    locks
      .request(lock, options, () => {
        return new Promise<void>((release) => {
          if (isOver()) return release();
          own = { release };
          held(own);
        });
      })
      .catch(() => (own === null && isOver() ? undefined : lost(own)));
  }

  /** Whose page holds a lock, by its name. */
  async function holders(): Promise<ReadonlyMap<string, string | undefined>> {
    const { held = [] } = await locks.query();
    return new Map(held.map((lock) => [lock.name ?? '', lock.clientId]));
  }

  async function holds(): Promise<boolean> {
    const held = await holders();
    return leading !== null && held.has(name) && held.get(name) === held.get(ownName);
  }

  /** Stands in the queue for the lock, or takes it from whoever holds it. */
  function want(steal: boolean): void {
    queued?.abort();
    queued = steal ? null : new AbortController();
    quiet();
    const options = queued === null ? { steal } : { signal: queued.signal };
    hold(name, options, lead, (own) => {
      if (over.signal.aborted || (own !== null && own !== leading)) return;
      leading = null;
      parts.onLost();
      follow();
    });
  }

  /** Of no time of leading before, whoever led: a page may have several clients, and one may take part anew. */
  const newTerm = (): string => (leader = `${clientId}/${platform.random()}`);

  function lead(own: Held): void {
    leading = own;
    queued = null;
    quiet();
    holders().then(
      (held) => {
        if (leading !== own) return;
        clientId = held.get(ownName);
        parts.onLead(newTerm(), [...held.keys()]);
      },
      (error: unknown) => {
        platform.report(error);
        own.release();
        leading = null;
        // Again, when nobody has answered.
        ask();
      },
    );
  }

  function follow(): void {
    if (over.signal.aborted) return;
    want(false);
    ask();
  }

  /** Asks the leader for an answer, and again after a while. */
  function ask(): void {
    if (leading !== null || over.signal.aborted) return;
    cancelPing?.();
    cancelPing = platform.setTimer(isVisible() ? PING_MS : HIDDEN_PING_MS, ask);
    parts.ping();
    if (cancelSilence !== null) return;
    const dueMs = platform.nowMs() + SILENT_MS;
    cancelSilence = platform.setTimer(SILENT_MS, () => {
      cancelSilence = null;
      if (platform.nowMs() - dueMs > LATE_MS) ask();
      else want(true);
    });
  }

  function quiet(): void {
    cancelPing?.();
    cancelSilence?.();
    cancelPing = cancelSilence = null;
    idleAnswers = 0;
  }

  function answered(idle: boolean): void {
    cancelSilence?.();
    cancelSilence = null;
    idleAnswers = idle && isVisible() ? idleAnswers + 1 : 0;
    if (idleAnswers >= IDLE_ANSWERS) want(true);
  }

  const unwatch = page?.watch((event) => event === 'visible' && ask());
  hold(
    ownName,
    { signal: over.signal },
    (own) => {
      over.signal.addEventListener('abort', own.release);
      parts.onReady(false);
      follow();
    },
    () => parts.onReady(true),
  );
  return {
    leave() {
      over.abort();
      unwatch?.();
      quiet();
      queued?.abort();
      leading?.release();
      leading = null;
    },
    heard(term, idle) {
      if (leading !== null) return;
      if (term === leader) return answered(idle);
      // What a leader says that stood still and does not know yet that it leads no more is told apart by who holds the lock.
      holders().then((held) => {
        if (leading !== null || over.signal.aborted || !term.startsWith(`${held.get(name)}/`)) return;
        answered(false);
        if (term === leader) return;
        leader = term;
        parts.onLeader(term, [...held.keys()]);
      }, platform.report);
    },
    ask,
    renew: () => (leading === null || leader === null ? null : newTerm()),
    holds,
  };
}
