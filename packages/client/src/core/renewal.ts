import type { Auth, Err, Ok } from '@carillon/protocol';
import { serverWindowMs } from './backoff.ts';
import { TOKEN_TIMEOUT_MS } from './line.ts';
import { deadline } from './login.ts';
import type { LivePhase } from './state.ts';
import { type Step, arm, nextId, send } from './step.ts';

/** The part of its remaining life after which a login token is renewed. */
const RENEW_AT = 0.8;

/** A login token is renewed at least this long before it runs out, ms: the callback may be slow. */
const RENEW_BEFORE_MS = 10_000;

/** Renewals come no closer than this, ms, however short a life the token has. */
export const LEAST_RENEWAL_MS = 1_000;

/** After a renewal that failed, ms; jitter of the same length comes on top. */
export const RENEWAL_RETRY_MS = 5_000;

/** Timers of 2^31 ms and more fire at once (HTML, 8.6); a day is far enough ahead. */
const LONGEST_RENEWAL_MS = 24 * 60 * 60_000;

/** Arms the renewal of the login token, where it runs out and another can be had. */
export function renew(step: Step): void {
  const { credential, settings } = step.state;
  if (!settings.renewable || credential === null || credential.goodUntilMs === null) return;
  const leftMs = credential.goodUntilMs - step.turn.nowMs;
  const delayMs = Math.min(leftMs * RENEW_AT, leftMs - RENEW_BEFORE_MS);
  // A server with leeway takes a token that has run out; asking for another every second would not make it newer.
  if (leftMs <= 0) return arm(step, 'refresh', RENEWAL_RETRY_MS * (1 + step.turn.random));
  arm(step, 'refresh', Math.min(Math.max(delayMs, LEAST_RENEWAL_MS), LONGEST_RENEWAL_MS));
}

/**
 * The machine slept: the login token is that much older, and may have run out. Then it is renewed at once, for a server closes
 * the connection when its token runs out.
 *
 * @param stoodMs for how long the clock stood still; less than nothing where the wall clock was set
 */
export function wakeCredential(step: Step, stoodMs: number): void {
  const { credential, phase, settings } = step.state;
  if (phase.name !== 'live' || credential === null || credential.goodUntilMs === null) return;
  const goodUntilMs = credential.goodUntilMs - Math.max(0, stoodMs);
  step.state.credential = { ...credential, goodUntilMs };
  if (phase.renewal !== null || !settings.renewable) return;
  if (goodUntilMs - step.turn.nowMs <= RENEW_BEFORE_MS) onRenewalDue(step, phase);
  else renew(step);
}

export function onRenewalDue(step: Step, phase: LivePhase): void {
  const fetch = nextId(step);
  step.state.phase = { ...phase, renewal: { step: 'fetching', fetch } };
  step.effects.push({ do: 'fetchToken', fetch });
  // A callback or a server that never answers: try again.
  arm(step, 'refresh', TOKEN_TIMEOUT_MS);
}

/** The callback gave a token: it takes over while the connection goes on. */
export function sendRenewal(step: Step, phase: LivePhase, token: string): void {
  const request = nextId(step);
  step.state.phase = { ...phase, renewal: { step: 'sent', request, token } };
  const auth: Auth = { t: 'auth', token, i: request };
  send(step, phase.socket, auth);
}

/** The callback or the server failed. The old token is good until it runs out, so there is time for another try. */
export function retryRenewal(step: Step, phase: LivePhase, windowMs = 0): void {
  step.state.phase = { ...phase, renewal: null };
  arm(step, 'refresh', windowMs + RENEWAL_RETRY_MS * (1 + step.turn.random));
}

/** @returns false when the reply is not about the renewal */
export function takeRenewalReply(step: Step, phase: LivePhase, reply: Ok | Err): boolean {
  const { renewal } = phase;
  if (renewal?.step !== 'sent' || reply.i !== renewal.request) return false;
  if (reply.t === 'err') {
    retryRenewal(step, phase, serverWindowMs(reply.retryAfterMs));
    return true;
  }
  step.state.phase = { ...phase, renewal: null };
  const goodUntilMs = deadline(reply.exp, phase.serverAheadMs);
  step.state.credential = { token: renewal.token, goodUntilMs, proven: true };
  renew(step);
  return true;
}
