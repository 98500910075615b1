import type { Timer } from '../ports/clock.ts';
import { type SessionStanding, type SharedSessionStore, areSessionsShared } from '../ports/sessions.ts';
import type { NodeContext } from './context.ts';
import type { LocalSession } from './link-state.ts';
import { GAP_PAUSE_MS } from './presence-audit.ts';

/** Sessions that one round asks about: as many short commands, sent together. */
export const SESSIONS_A_ROUND = 500;

/** Looked at before a round is sent with what it has: those that wait in their grace are passed over, in the node's one thread. */
const LOOKED_AT_A_ROUND = 20 * SESSIONS_A_ROUND;

/**
 * Finds connections whose session went on, or ended, on another node where this one was not told: pub/sub loses silently.
 * The store refuses whatever such a connection does, and friends see the user as the newer one says, or not at all; but it answers
 * heartbeats as any other, so nothing else would ever end it. A slice of the sessions that have a connection here is asked
 * about every few seconds; behind a gap all of them are, in slices with a short pause.
 */
export type SessionAudit = {
  /** Does nothing where the node is alone. */
  start(): void;
  stop(): void;
  /** What other nodes said may have been lost: all are asked about. */
  afterGap(): void;
  readonly timers: number;
};

export function createSessionAudit(context: NodeContext): SessionAudit {
  const { clock, sessions, telemetry } = context.ports;
  const { presenceAuditMs } = context.settings;
  /** Goes on over sessions that come and go; null: the next round begins anew. */
  let cursor: IterableIterator<LocalSession> | null = null;
  /** What is being asked about, or could not be. */
  let slice: readonly LocalSession[] = [];
  /** All are being asked about. */
  let hurried = false;
  let gaps = 0;
  let timer: Timer | null = null;
  let running = false;
  let failing = false;
  let stopped = true;

  function arm(store: SharedSessionStore, delayMs: number): void {
    if (stopped || running) return;
    timer?.cancel();
    timer = clock.setTimer(delayMs, () => {
      timer = null;
      void round(store);
    });
  }

  function nextSlice(): readonly LocalSession[] {
    cursor ??= context.sessions.values();
    const attached: LocalSession[] = [];
    for (let looked = 0; looked < LOOKED_AT_A_ROUND && attached.length < SESSIONS_A_ROUND; looked++) {
      const next = cursor.next();
      if (next.done === true) {
        cursor = null;
        break;
      }
      if (isAsked(next.value)) attached.push(next.value);
    }
    return attached;
  }

  /** Streams by ticket have no session that a store would know. */
  function isAsked(session: LocalSession): boolean {
    return session.link !== null && !session.isFollower;
  }

  /** By what holds now, not by what held when the question was sent: the session may have been resumed here since. */
  function judge(session: LocalSession, standing: SessionStanding): void {
    const { link } = session;
    if (link === null || context.sessions.get(session.id) !== session) return;
    // Never there, or lost and about to be put back, or just being created: that tells nothing.
    if (standing === 'unknown') return;
    if (standing !== 'over') {
      // Generations only grow. A lower one is of a store that came back older, or was answered before a resume here.
      if (standing > session.generation) context.closeLink(link, 'replaced');
      return;
    }
    // Whoever ended it here says so to the client itself.
    if (!session.ending) context.closeLink(link, 'node_failed');
  }

  async function askNext(store: SharedSessionStore, gapsBefore: number): Promise<void> {
    if (slice.length === 0) slice = nextSlice();
    const isLast = cursor === null;
    if (slice.length > 0) {
      const asked = slice;
      const standings = await store.generationsOf(asked);
      if (stopped) return;
      asked.forEach((session, i) => judge(session, standings[i] ?? 'unknown'));
    }
    // A gap that came meanwhile has begun another pass, which is not shortened by this one.
    if (gaps !== gapsBefore) return;
    slice = [];
    if (isLast) hurried = false;
  }

  /** One at a time: where the store is slow, rounds do not pile up. */
  async function round(store: SharedSessionStore): Promise<void> {
    running = true;
    try {
      await askNext(store, gaps);
      failing = false;
    } catch (error) {
      // Said once: the store is away for as long as it is away, and who was to be asked about stays to be.
      if (!failing && !stopped) telemetry.warn('session_audit_failed', { error: String(error) });
      failing = true;
    }
    running = false;
    arm(store, hurried && !failing ? GAP_PAUSE_MS : presenceAuditMs);
  }

  return {
    start() {
      if (!areSessionsShared(sessions)) return;
      stopped = false;
      arm(sessions, presenceAuditMs);
    },
    stop() {
      stopped = true;
      timer?.cancel();
      timer = null;
    },
    afterGap() {
      if (stopped || !areSessionsShared(sessions)) return;
      gaps++;
      cursor = null;
      slice = [];
      hurried = true;
      arm(sessions, 0);
    },
    get timers() {
      return timer === null ? 0 : 1;
    },
  };
}
