import { LEAST_SERVER_PAUSE_MS, pauseMs, serverWindowMs } from '../backoff.ts';
import type { Machine } from './machine.ts';
import { type Subscription, IDLE } from './subscription.ts';
import { tellState } from './telling.ts';

// Where a subscription goes that does not go on. How it begins stands in subscribing.ts.

/** Codes behind which the same request may work a little later, though the server names no time. */
const PASSING: readonly string[] = ['unavailable', 'internal'];

export function isPassing(code: string): boolean {
  return PASSING.includes(code);
}

/** Asks again after a pause. */
export function pause(
  machine: Machine,
  subscription: Subscription,
  delayMs: number,
  code: string,
  detail: string,
): void {
  subscription.attempt++;
  subscription.own = [];
  subscription.phase = { name: 'paused', untilMs: machine.turn.nowMs + Math.ceil(delayMs), code, detail };
  machine.paused.add(subscription);
  tellState(machine, subscription);
}

/** The server cannot do it at the moment: the pause doubles while that lasts, and is never shorter than it asked for. */
export function retryLater(
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

/** The server refused for good: the app must act. */
export function fail(machine: Machine, subscription: Subscription, code: string, detail: string): void {
  subscription.attempt++;
  subscription.own = [];
  subscription.phase = { name: 'failed', code, detail };
  machine.paused.delete(subscription);
  tellState(machine, subscription);
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
