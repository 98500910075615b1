import type { Advice } from '@carillon/protocol';
import { pauseMs, serverWindowMs } from './backoff.ts';
import { unsend } from './own-status.ts';
import type { Phase } from './state.ts';
import { type Step, arm, enter, nextId } from './step.ts';

/** The app has this long to come up with a login token, ms: it may have to ask its own server over a bad line. */
export const TOKEN_TIMEOUT_MS = 20_000;

/** A socket that is not open after this long will not be soon, ms. */
export const OPEN_TIMEOUT_MS = 10_000;

/** A connection was of use when it lived this long, ms. Failures are forgotten then, and not before: a server that takes
 * connections only to close them must not be asked every second by everyone. */
export const USEFUL_AFTER_MS = 5_000;

/** The least pause where a server says to reconnect after a pause but not after how long, ms. */
export const RECONNECT_PAUSE_MS = 1_000;

/** A login token that runs out this soon is not worth a login, ms. */
const TOKEN_MARGIN_MS = 5_000;

/** Reasons after which the session cannot be taken up again by this client. */
const SESSION_OVER: readonly string[] = ['replaced', 'logged_out', 'user_erased'];

/** Reasons after which the friends are none of this client's business any more. */
const FRIENDS_OVER: readonly string[] = ['logged_out', 'user_erased'];

/** The socket that a phase holds, or null. */
export function socketOf(phase: Phase): number | null {
  switch (phase.name) {
    case 'opening':
    case 'authenticating':
    case 'live':
    case 'leaving':
      return phase.socket;
    case 'idle':
    case 'stopped':
    case 'fetching':
    case 'waiting':
      return null;
  }
}

/** Starts an attempt: a login token first, then the line. */
export function attempt(step: Step): void {
  const { credential, settings } = step.state;
  const usable =
    credential !== null &&
    (!settings.renewable ||
      credential.expiresAtMs === null ||
      credential.expiresAtMs - step.turn.wallMs > TOKEN_MARGIN_MS);
  if (usable) return open(step);
  const fetch = nextId(step);
  enter(step, { name: 'fetching', fetch });
  arm(step, 'attempt', TOKEN_TIMEOUT_MS);
  step.effects.push({ do: 'fetchToken', fetch });
}

export function open(step: Step): void {
  const socket = nextId(step);
  enter(step, { name: 'opening', socket });
  arm(step, 'attempt', OPEN_TIMEOUT_MS);
  step.effects.push({ do: 'openSocket', socket });
}

/** Gives up the socket, if there is one, and what was unanswered on it. */
export function dropLine(step: Step): void {
  const socket = socketOf(step.state.phase);
  if (socket !== null && !step.socketGone) step.effects.push({ do: 'closeSocket', socket });
  step.state.own = unsend(step.state.own);
}

/** Ends the line and comes back after a pause; never sooner than `windowMs`, which the server asked for. */
export function retryLater(step: Step, reason: string, windowMs = 0): void {
  const { phase } = step.state;
  const useful = phase.name === 'live' && step.turn.nowMs - phase.sinceMs >= USEFUL_AFTER_MS;
  const failures = useful ? 0 : step.state.failures;
  dropLine(step);
  // The jitter comes on top of the window: whoever was told the same window must not come back in the same instant.
  const retryInMs = windowMs + pauseMs(failures, step.turn.random);
  step.state.failures = failures + 1;
  enter(step, { name: 'waiting', reason, retryInMs, notBeforeMs: step.turn.nowMs + windowMs });
  arm(step, 'retry', retryInMs);
}

/** Ends the line for good: trying again would end the same way, so the app must act. */
export function halt(step: Step, reason: string): void {
  dropLine(step);
  if (SESSION_OVER.includes(reason)) forgetSession(step);
  if (FRIENDS_OVER.includes(reason)) step.effects.push({ do: 'clearPresence' });
  abandonPending(step, reason);
  step.state.credential = null;
  enter(step, { name: 'stopped', reason });
}

/** Ends the line because the app said so. */
export function rest(step: Step): void {
  dropLine(step);
  enter(step, { name: 'idle' });
}

/** Follows the server's advice, from a `bye`, an `err` to the login or a close code ([ERR3]). */
export function followAdvice(step: Step, advice: Advice, reason: string, afterMs?: unknown): void {
  const { settings, credential } = step.state;
  const windowMs = serverWindowMs(afterMs);
  if (reason === 'token_expired') {
    step.state.credential = null;
    return settings.renewable ? retryLater(step, reason, windowMs) : halt(step, reason);
  }
  if (reason === 'token_invalid' && settings.renewable && credential?.proven) {
    // It was good before: the server's keys changed. A fresh one is worth one attempt; it is not proven, so not two.
    step.state.credential = null;
    return retryLater(step, reason, windowMs);
  }
  switch (advice) {
    case 'stop':
      return halt(step, reason);
    case 'reconnect':
      return retryLater(step, reason, Math.max(windowMs, RECONNECT_PAUSE_MS));
    case 'resume':
      return retryLater(step, reason, windowMs);
  }
}

export function forgetSession(step: Step): void {
  step.state.session = null;
  step.state.resume = null;
  step.effects.push({ do: 'clearResume' });
}

/** Tells the app that changes it waits for will not be made. */
export function abandonPending(step: Step, code: string, detail = ''): void {
  const { own } = step.state;
  if (own.upTo > 0) step.effects.push({ do: 'settle', upTo: own.upTo, code, detail });
  step.state.own = { ...own, pending: {}, upTo: 0 };
}
