import type { NodeMessage } from '../ports/broker.ts';
import type { Timer } from '../ports/clock.ts';
import type { NodeContext } from './context.ts';
import { createLostRecords } from './lost-records.ts';
import { createRosterCatchUp } from './roster-catch-up.ts';

/** Users that one round reads again: one command, and some 100 KB of answer. */
export const USERS_A_ROUND = 500;

/** Between two rounds while everything is read again, ms: all nodes do so together when Redis comes back. */
export const GAP_PAUSE_MS = 100;

/** Stamps kept of what had surely been seen, one a round. The oldest counts: the newest may be of the gap itself. */
const STAMPS_KEPT = 3;

/**
 * Finds what pub/sub lost. A slice of the users that this node listens for is read again every few seconds, in a fixed number
 * of commands however many there are; behind a gap all of them are, in slices with a short pause, and the rosters of whoever
 * is connected are brought up to date.
 */
export type PresenceAudit = {
  /** Does nothing where the node is alone: there messages are not lost. */
  start(): void;
  stop(): void;
  /** Messages of other nodes may be missing from now on: what still comes of presence is not to be shown. */
  blind(): void;
  readonly isBlind: boolean;
  /** The line stands again. Resolves when rosters and records have been read again; or the audit was stopped. */
  afterGap(): Promise<void>;
  readonly timers: number;
};

/** @param receive takes what would have been published, as a message that came */
export function createPresenceAudit(
  context: NodeContext,
  receive: (message: NodeMessage) => void,
): PresenceAudit {
  const { clock, presence, cluster, telemetry, seen } = context.ports;
  const { presenceAuditMs, graceMs } = context.settings;
  const lost = createLostRecords(context, cluster === null ? 0 : 2 * (graceMs + cluster.leaseMs));
  const rosters = createRosterCatchUp(context, receive);
  /** Goes on over users that come and go; null: the next round begins anew. */
  let cursor: IterableIterator<string> | null = null;
  /** What is being read, or could not be. */
  let slice: readonly string[] = [];
  /** Everything is being read again. */
  let hurried = false;
  let gaps = 0;
  let timer: Timer | null = null;
  let running = false;
  let failing = false;
  let stopped = true;
  let isBlind = false;
  /** Resolved when the last gap was made good. */
  let madeGood = Promise.withResolvers<void>();
  let stamps: number[] = [];

  function arm(delayMs: number): void {
    if (stopped || running) return;
    timer?.cancel();
    timer = clock.setTimer(delayMs, () => {
      timer = null;
      void round();
    });
  }

  function nextSlice(): readonly string[] {
    cursor ??= context.topics.presenceUsers();
    const users: string[] = [];
    while (users.length < USERS_A_ROUND) {
      const next = cursor.next();
      if (next.done === true) {
        cursor = null;
        break;
      }
      users.push(next.value);
    }
    return users;
  }

  async function readAgain(users: readonly string[]): Promise<void> {
    if (users.length === 0) return;
    const held = users.map((user) => context.watchList.recordOf(user)?.version);
    const records = await presence.read(users);
    if (stopped) return;
    records.forEach((record, i) => {
      const { isWatched, isLoaded } = context.watchList;
      // Whoever is joining reads it behind the subscription, which may not have stood when this was read.
      if (isWatched(record.user) && !isLoaded(record.user)) return;
      const truth = lost.judge(record, held[i]);
      receive({ kind: 'presence', prev: held[i] ?? 0, record: truth });
    });
  }

  async function readNext(gapsBefore: number): Promise<void> {
    if (slice.length === 0) slice = nextSlice();
    const isLast = cursor === null;
    await readAgain(slice);
    slice = [];
    if (isLast) lost.forgetUnwatched();
    // A gap that came meanwhile has begun another pass.
    if (!isLast || gaps !== gapsBefore || !hurried) return;
    hurried = false;
    madeGood.resolve();
  }

  /** One at a time: where the store is slow, rounds do not pile up. */
  async function round(): Promise<void> {
    running = true;
    const gapsBefore = gaps;
    try {
      // Behind a gap the rosters come first: who may be shown at all has to be known before anybody is.
      if (rosters.waiting) await rosters.next();
      if (isBlind && hurried && !rosters.waiting && gaps === gapsBefore) isBlind = false;
      if (!isBlind) await readNext(gapsBefore);
      failing = false;
    } catch (error) {
      // Said once: the store is away for as long as it is away, and what was to be read stays to be read.
      if (!failing && !stopped) telemetry.warn('presence_audit_failed', { error: String(error) });
      failing = true;
    }
    running = false;
    note();
    arm((hurried || rosters.waiting) && !failing ? GAP_PAUSE_MS : presenceAuditMs);
  }

  /** What has surely been seen by now. */
  function note(): void {
    stamps = [...stamps, seen()].slice(-STAMPS_KEPT);
  }

  return {
    start() {
      if (cluster === null) return;
      stopped = false;
      note();
      arm(presenceAuditMs);
    },
    stop() {
      stopped = true;
      timer?.cancel();
      timer = null;
      madeGood.resolve();
    },
    blind() {
      if (stopped) return;
      isBlind = true;
      // What is read from here on counts only behind the gap.
      gaps++;
    },
    get isBlind() {
      return isBlind;
    },
    async afterGap() {
      if (stopped) return;
      gaps++;
      cursor = null;
      slice = [];
      const hurriedBefore = hurried;
      hurried = true;
      isBlind = true;
      if (!hurriedBefore) madeGood = Promise.withResolvers<void>();
      rosters.begin(stamps[0] ?? 0);
      arm(0);
      await madeGood.promise;
    },
    get timers() {
      return timer === null ? 0 : 1;
    },
  };
}
