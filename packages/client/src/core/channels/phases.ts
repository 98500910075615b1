import type { Err } from '@carillon/protocol';
import { LEAST_SERVER_PAUSE_MS, pauseMs, serverWindowMs } from '../backoff.ts';
import type { Machine } from './machine.ts';
import { type Subscription, type SubscriptionPhase, IDLE } from './subscription.ts';
import { tellState } from './telling.ts';

// Where a subscription goes that does not go on. How it begins stands in subscribing.ts.

/** Codes behind which the same request may work a little later, though the server names no time. */
const PASSING: readonly string[] = ['unavailable', 'internal'];

/** Goes where nothing comes of the channel: answers that are still to come are to an earlier question. */
export function enter(machine: Machine, subscription: Subscription, phase: SubscriptionPhase): void {
  subscription.attempt++;
  subscription.own = [];
  subscription.until = 0;
  subscription.phase = phase;
  tellState(machine, subscription);
}

/** Asks again after a pause. */
export function pause(
  machine: Machine,
  subscription: Subscription,
  delayMs: number,
  code: string,
  detail: string,
): void {
  machine.paused.add(subscription);
  enter(machine, subscription, {
    name: 'paused',
    untilMs: machine.turn.nowMs + Math.ceil(delayMs),
    code,
    detail,
  });
}

/** The server cannot do it at the moment: the pause doubles while that lasts, and is never shorter than it asked for. */
function retryLater(
  machine: Machine,
  subscription: Subscription,
  code: string,
  detail: string,
  retryAfterMs: number | undefined,
): void {
  const windowMs = Math.max(serverWindowMs(retryAfterMs), LEAST_SERVER_PAUSE_MS);
  const jitterMs = pauseMs(subscription.failures++, machine.turn.random);
  pause(machine, subscription, windowMs + jitterMs, code, detail);
}

/** What a server says when it refuses. */
export type Refused = Pick<Err, 'code' | 'm' | 'retryAfterMs'>;

/** The server refused, for now or for good. */
export function takeRefusal(
  machine: Machine,
  subscription: Subscription,
  { code, m, retryAfterMs }: Refused,
): void {
  if (retryAfterMs === undefined && !PASSING.includes(code)) fail(machine, subscription, code, m);
  else retryLater(machine, subscription, code, m, retryAfterMs);
}

/** The server refused for good: the app must act. */
function fail(machine: Machine, subscription: Subscription, code: string, detail: string): void {
  machine.paused.delete(subscription);
  enter(machine, subscription, { name: 'failed', code, detail });
  // Nobody asked for it: an invitation that does not work leaves nothing behind.
  if (subscription.kind === null) drop(machine, subscription);
}

/** Forgets a subscription, and tells the app. */
export function drop(machine: Machine, subscription: Subscription): void {
  const { channel, view } = subscription;
  machine.subscriptions.delete(channel);
  machine.paused.delete(subscription);
  // An answer that is still to come is to an earlier question.
  subscription.attempt++;
  if (view !== null && view.entries.size > 0) {
    const changes = [...view.entries.values()].map((before) => ({
      key: before.key,
      before,
      after: undefined,
    }));
    machine.effects.push({ do: 'changes', channel, changes });
  }
  if (subscription.told.status === 'idle') return;
  subscription.told = IDLE;
  machine.effects.push({ do: 'state', channel, state: IDLE });
}
