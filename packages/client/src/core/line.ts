import type { Advice } from '@carillon/protocol';
import { pauseMs, serverWindowMs } from './backoff.ts';
import type { ConnectionReason } from './events.ts';
import type { Phase } from './state.ts';
import { type Step, arm, enter, nextId } from './step.ts';

/** The app has this long to come up with a login token, ms: it may have to ask its own server over a bad line. */
export const TOKEN_TIMEOUT_MS = 20_000;

/** A connection was of use when it lived this long, ms. Failures are forgotten then, and not before: a server that takes
 * connections only to close them must not be asked every second by everyone. */
export const USEFUL_AFTER_MS = 5_000;

/** The least pause where a server says to reconnect after a pause but not after how long, ms. */
export const RECONNECT_PAUSE_MS = 1_000;

/** A login token that runs out this soon is not worth a login, ms. */
const TOKEN_MARGIN_MS = 5_000;

/**
 * Pauses before another login token is fetched when a fresh one was refused, ms. Most often the app's own server is in
 * trouble for a while, or its keys and the realtime server's are being changed; after the last the app must act.
 */
const REFUSED_PAUSES_MS: readonly number[] = [5_000, 20_000, 60_000];

/** Reasons after which the session cannot be taken up again by this client. */
const SESSION_OVER: readonly ConnectionReason[] = ['replaced', 'logged_out', 'user_erased'];

/** Reasons after which neither the friends nor what the user wanted to be seen as are this client's business any more. */
const FRIENDS_OVER: readonly ConnectionReason[] = ['logged_out', 'user_erased'];

/** The socket that a phase holds, or null. */
export function socketOf(phase: Phase): number | null {
  return 'socket' in phase ? phase.socket : null;
}

/** Starts an attempt: a login token first, then the line. */
export function attempt(step: Step): void {
  const { credential, settings } = step.state;
  const usable =
    credential !== null &&
    (!settings.renewable ||
      credential.goodUntilMs === null ||
      credential.goodUntilMs - step.turn.nowMs > TOKEN_MARGIN_MS);
  if (usable) return open(step);
  const fetch = nextId(step);
  enter(step, { name: 'fetching', fetch });
  arm(step, 'attempt', TOKEN_TIMEOUT_MS);
  step.effects.push({ do: 'fetchToken', fetch });
}

export function open(step: Step): void {
  const socket = nextId(step);
  enter(step, { name: 'opening', socket });
  arm(step, 'attempt', step.state.settings.openTimeoutMs);
  step.effects.push({ do: 'openSocket', socket });
}

/** Gives up the socket, if there is one, and what was unanswered on it. */
export function dropLine(step: Step): void {
  const socket = socketOf(step.state.phase);
  if (socket !== null && !step.socketGone) step.effects.push({ do: 'closeSocket', socket });
  step.own?.unsend(step);
}

/** Ends the line and comes back after a pause; never sooner than `windowMs`, which the server asked for. */
export function retryLater(step: Step, reason: ConnectionReason, windowMs = 0): void {
  const { settings, credential } = step.state;
  const failures = failuresSoFar(step);
  dropLine(step);
  // A token that no login has worked with may have run out in the app's cache: nobody knows when it was made.
  if (settings.renewable && credential?.proven === false) step.state.credential = null;
  wait(step, reason, windowMs, failures);
}

function failuresSoFar(step: Step): number {
  const { phase, failures } = step.state;
  const useful = phase.name === 'live' && step.turn.nowMs - phase.sinceMs >= USEFUL_AFTER_MS;
  return useful ? 0 : failures;
}

function wait(step: Step, reason: ConnectionReason, windowMs: number, failures: number): void {
  // The jitter comes on top of the window: whoever was told the same window must not come back in the same instant.
  const retryInMs = windowMs + pauseMs(failures, step.turn.random);
  step.state.failures = failures + 1;
  enter(step, { name: 'waiting', reason, retryInMs, notBeforeMs: step.turn.nowMs + windowMs });
  arm(step, 'retry', retryInMs);
}

/** Ends the line for good: trying again would end the same way, so the app must act. */
export function halt(step: Step, reason: ConnectionReason): void {
  step.state.failures = failuresSoFar(step);
  dropLine(step);
  if (SESSION_OVER.includes(reason)) forgetSession(step);
  const over = FRIENDS_OVER.includes(reason);
  step.own?.abandon(step, reason, over);
  if (over) step.effects.push({ do: 'clearPresence' });
  step.state.credential = null;
  enter(step, { name: 'stopped', reason });
}

/**
 * The page is looked at again, and another connection had gone on with its session: a duplicate of the page, most often,
 * to which the browser copied the resume token. It begins a session of its own, so neither takes the other's again; a
 * server that says `replaced` to that as well is asked ever more seldom.
 */
export function comeBack(step: Step, reason: ConnectionReason): void {
  if (reason === 'replaced') wait(step, reason, 0, step.state.failures);
}

/** Ends the line because the app said so. */
export function rest(step: Step): void {
  dropLine(step);
  enter(step, { name: 'idle' });
}

/** Follows the server's advice, from a `bye`, an `err` to the login or a close code ([ERR3]). */
export function followAdvice(step: Step, advice: Advice, reason: ConnectionReason, afterMs?: unknown): void {
  const { settings, credential } = step.state;
  const windowMs = serverWindowMs(afterMs);
  if (reason === 'token_expired') {
    step.state.credential = null;
    return settings.renewable ? retryLater(step, reason, windowMs) : halt(step, reason);
  }
  if (reason === 'token_invalid' && settings.renewable) {
    // One that was good before shows that the server's keys changed: a fresh one is worth an attempt at once.
    const pause = credential?.proven ? 0 : REFUSED_PAUSES_MS[step.state.refusals++];
    step.state.credential = null;
    if (pause !== undefined) return retryLater(step, reason, Math.max(windowMs, pause));
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
