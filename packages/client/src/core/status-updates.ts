import type { Err, ErrorCode, Ok, StatusUpdate } from '@carillon/protocol';
import { LEAST_SERVER_PAUSE_MS, serverWindowMs } from './backoff.ts';
import { retryLater } from './line.ts';
import { confirm, hasPending, markSent, refuse, unsend } from './own-status.ts';
import { type Step, arm, disarm, isArmed, nextId, send, settle } from './step.ts';

/** A change that is not answered after this long will not be on this connection, ms. */
export const REPLY_TIMEOUT_MS = 10_000;

/**
 * Tells the server what it was not told, unless a change is on its way or the server wants none yet. So a fast caller
 * is slowed to one change a round trip, and the latest always goes out.
 */
export function sendStatus(step: Step): void {
  const { own, phase } = step.state;
  // The `status` timer runs while a reply is awaited, or while the server wants no more.
  if (phase.name !== 'live' || isArmed(step, 'status') || !hasPending(own)) return;
  const request = nextId(step);
  const message: StatusUpdate = { t: 'statusUpdate', ...own.pending, i: request };
  step.state.own = markSent(own, request);
  arm(step, 'status', REPLY_TIMEOUT_MS);
  send(step, phase.socket, message);
}

export function onStatusTimer(step: Step): void {
  if (step.state.own.sent === null) return sendStatus(step);
  retryLater(step, 'reply_missing');
}

/** Takes the reply to the change on its way; other replies are passed over. */
export function takeStatusReply(step: Step, reply: Ok | Err): void {
  const { own } = step.state;
  const { sent } = own;
  if (sent === null || reply.i !== sent.request) return;
  disarm(step, 'status');
  if (reply.t === 'ok') {
    step.state.own = confirm(own);
    settle(step, sent.upTo, null);
  } else if (reply.retryAfterMs !== undefined) {
    step.state.own = unsend(own);
    // A server that says 0 must not be asked in a circle, and all whom it told the same must not come at once.
    const windowMs = Math.max(serverWindowMs(reply.retryAfterMs), LEAST_SERVER_PAUSE_MS);
    arm(step, 'status', windowMs + step.turn.random * LEAST_SERVER_PAUSE_MS);
  } else {
    step.state.own = refuse(own);
    settle(step, sent.upTo, reply.code as ErrorCode, reply.m);
  }
  sendStatus(step);
}
