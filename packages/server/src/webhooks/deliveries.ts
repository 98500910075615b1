import { createPacedWarning } from '../outbound/paced-warning.ts';
import type { PostResult, SignedPost } from '../outbound/signed-post.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { EventStore, StoredEvent } from '../ports/event-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { createEventLines, type EventLine, type WaitingEvent } from './event-lines.ts';
import { bodyOf } from './webhook-event.ts';

export type DeliverySettings = {
  /** What the receiver is called in the log. */
  readonly receiver: string;
  /** How long an attempt may take. */
  readonly timeoutMs: number;
  /** Attempts at once, all subjects together. */
  readonly atOnce: number;
  /** Events that wait at most; beyond it superseded ones are dropped. */
  readonly queued: number;
  /** An event that is older is not tried again when it could not be delivered; once it is tried in any case. */
  readonly maxAgeMs: number;
};

/** The pause behind a first failure; it doubles with each further one of the same subject. */
export const FIRST_RETRY_MS = 1_000;

/** The longest pause. A receiver that was away for an hour has everything within a minute of its return. */
export const LONGEST_RETRY_MS = 60_000;

/** How long closing waits for the answers to what is in flight: most take less; what is not answered is sent again. */
export const CLOSE_WAIT_MS = 2_000;

export type DeliveryPorts = {
  readonly sender: SignedPost;
  readonly store: Pick<EventStore, 'drop' | 'clear'>;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs' | 'setTimer'>;
  /** Uniform in [0, 1). */
  readonly fraction: () => number;
  readonly telemetry: Pick<Telemetry, 'warn' | 'webhook'>;
};

export type Deliveries = {
  /** The receiver said that it wants nothing more. */
  readonly disabled: boolean;
  /** Events that wait or are in flight. */
  waiting(): number;
  /**
   * @param storing until then it is not sent; null where it is stored. Must not reject
   * @param byTime ahead of those of its subject that happened later
   */
  add(event: StoredEvent, storing: Promise<void> | null, byTime?: boolean): void;
  start(): void;
  /** Begins nothing more, and waits for a moment for what is in flight. What was not delivered stays in the store. */
  close(): Promise<void>;
};

/**
 * Delivers events at least once: those of one subject one after the other, so that none overtakes an earlier one; those of
 * different subjects side by side. Whatever is not answered 2xx is tried again with growing, random pauses.
 */
export function createDeliveries(settings: DeliverySettings, ports: DeliveryPorts): Deliveries {
  const { sender, store, clock, fraction, telemetry } = ports;
  const lines = createEventLines(settings.queued);
  const ready = new Set<EventLine>();
  const pauses = new Map<EventLine, Timer>();
  const failed = createPacedWarning('webhook_failed', clock, telemetry);
  const lost = createPacedWarning('webhook_given_up', clock, telemetry);
  const idle = Promise.withResolvers<void>();
  let inFlight = 0;
  let state: 'new' | 'running' | 'disabled' | 'closed' = 'new';

  function forget(event: StoredEvent): void {
    // Where it cannot be noted now it is sent once more after a restart, which "at least once" allows. The log has it.
    store.drop(event.number).catch(() => undefined);
  }

  function giveUp(event: StoredEvent, reason: string): void {
    forget(event);
    telemetry.webhook('given_up');
    lost({ id: event.id, type: event.type, reason });
  }

  /** A line without events is no line any more. */
  function retire(line: EventLine): void {
    ready.delete(line);
    pauses.get(line)?.cancel();
    pauses.delete(line);
  }

  /** Lets a line's first event be sent, unless it is not stored yet, or goes on by itself: it is in flight, or pauses. */
  function wake(line: EventLine | undefined): void {
    if (line === undefined || line.inFlight || pauses.has(line) || line.events[0]?.stored !== true) return;
    ready.add(line);
    pump();
  }

  function pump(): void {
    for (const line of ready) {
      if (state !== 'running' || inFlight >= settings.atOnce) return;
      ready.delete(line);
      const [first] = line.events;
      // The one before it may have been dropped since for want of room; once this one is stored the line is woken again.
      if (first?.stored === true) send(line, first.event);
    }
  }

  function send(line: EventLine, event: StoredEvent): void {
    inFlight++;
    lines.setInFlight(line, true);
    void sender.post(event.id, bodyOf(event), settings.timeoutMs).then((result) => {
      inFlight--;
      lines.setInFlight(line, false);
      settle(line, event, result);
      if (state === 'closed' && inFlight === 0) idle.resolve();
      pump();
    });
  }

  function settle(line: EventLine, event: StoredEvent, result: PostResult): void {
    // Everything was given up meanwhile.
    if (state === 'disabled') return;
    if (result.kind === 'answered' && result.status >= 200 && result.status <= 299) {
      forget(event);
      telemetry.webhook('delivered');
      line.failures = 0;
      if (lines.shift(line)) wake(line);
      return;
    }
    if (result.kind === 'answered' && result.status === 410) {
      disable();
      return;
    }
    if (state === 'closed') return;
    failed({
      receiver: settings.receiver,
      problem: result.kind === 'answered' ? `it answered ${result.status}` : result.problem,
    });
    if (event.atMs + settings.maxAgeMs <= clock.nowMs()) {
      giveUp(event, `it is older than ${settings.maxAgeMs} ms`);
      if (lines.shift(line)) wake(line);
      return;
    }
    telemetry.webhook('retried');
    const pause = clock.setTimer(pauseMs(line.failures++, fraction()), () => {
      pauses.delete(line);
      wake(line);
    });
    pauses.set(line, pause);
  }

  /** 410 Gone: the receiver asks to be spared. Until the next start nothing is sent. */
  function disable(): void {
    state = 'disabled';
    telemetry.warn('webhooks_disabled', {
      receiver: settings.receiver,
      problem: 'the receiver answered 410: nothing more is sent to it until the server is started anew',
      givenUp: lines.size,
    });
    for (const line of lines) retire(line);
    for (let i = lines.size; i > 0; i--) telemetry.webhook('given_up');
    lines.clear();
    store.clear().catch(() => undefined);
  }

  return {
    get disabled() {
      return state === 'disabled';
    },
    waiting: () => lines.size,
    add(event, storing, byTime = false) {
      if (state === 'disabled') return giveUp(event, 'the receiver wants nothing more');
      const waiting: WaitingEvent = { event, stored: storing === null };
      const dropped = lines.add(waiting, byTime);
      if (dropped !== null) {
        if (dropped.superseded) forget(dropped.event);
        else giveUp(dropped.event, `${settings.queued} events wait already`);
        if (dropped.line.events.length === 0) retire(dropped.line);
      }
      void storing?.then(() => {
        waiting.stored = true;
        wake(lines.lineOf(event.subject));
      });
      wake(lines.lineOf(event.subject));
    },
    start() {
      state = 'running';
      pump();
    },
    async close() {
      const isDisabled = state === 'disabled';
      state = 'closed';
      for (const pause of pauses.values()) pause.cancel();
      pauses.clear();
      if (inFlight > 0 && !isDisabled) {
        const timer = clock.setTimer(CLOSE_WAIT_MS, () => idle.resolve());
        await idle.promise;
        timer.cancel();
      }
      sender.close();
    },
  } satisfies Deliveries;
}

/** Half of the pause is random, so that what failed together is not tried again together. */
function pauseMs(failures: number, fraction: number): number {
  const boundMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 30));
  return (boundMs * (1 + fraction)) / 2;
}
