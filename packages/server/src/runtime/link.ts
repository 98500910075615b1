import { type Decoded, type ErrorCode, type UpMessage, decodePackedUp, decodeUp } from '@carillon/protocol';
import { admit } from '../core/session/admission.ts';
import { heard } from '../core/session/heartbeat.ts';
import { BAD_MESSAGE_COST, readingCost, spend } from '../core/session/message-rate.ts';
import type { Auth, Logout } from '@carillon/protocol';
import type { Link } from '../ports/transport.ts';
import { type NodeContext, sendControl, sendError } from './context.ts';
import { endSession, linkClosed } from './ending.ts';
import { type LinkState, isClosed } from './link-state.ts';
import { isRevoked, logIn, REVOKED } from './login.ts';
import { RETRY_UNAVAILABLE_MS } from './retry.ts';
import { applyHeld, updateStatus } from './status.ts';
import { armTokenExpiry } from './token-expiry.ts';

/**
 * What a gateway drives: decodes, limits and routes the messages of one connection. A class, because there is one for
 * each of many thousands of idle connections, and four closures would cost ten times as much.
 */
export class ConnectionLink implements Link {
  readonly #context: NodeContext;
  readonly #link: LinkState;

  constructor(context: NodeContext, link: LinkState) {
    this.#context = context;
    this.#link = link;
  }

  message(text: string): void {
    receive(this.#context, this.#link, text);
  }

  packed(frame: Uint8Array): void {
    receivePacked(this.#context, this.#link, frame);
  }

  unspoken(kind: 'binary' | 'text'): void {
    refuseFrame(this.#context, this.#link, `${kind}_unsupported`, `${kind} frames are not spoken here`);
  }

  drained(): void {
    this.#context.flusher.drained(this.#link);
  }

  closed(): void {
    linkClosed(this.#context, this.#link);
  }
}

function receive(context: NodeContext, link: LinkState, text: string): void {
  if (link.phase === 'closed') return;
  heard(link.pulse);
  const cost = readingCost(text.length);
  if (cost > 0 && !mayPass(context, link, cost, undefined)) return;
  take(context, link, decodeUp(text), Buffer.byteLength(text));
}

function receivePacked(context: NodeContext, link: LinkState, frame: Uint8Array): void {
  if (link.phase === 'closed') return;
  heard(link.pulse);
  const cost = readingCost(frame.length);
  if (cost > 0 && !mayPass(context, link, cost, undefined)) return;
  take(context, link, decodePackedUp(frame), frame.length);
}

function take(context: NodeContext, link: LinkState, decoded: Decoded<UpMessage>, bytes: number): void {
  if (!decoded.ok) {
    refuseFrame(context, link, decoded.code, decoded.detail, { bytes, request: decoded.i });
    if (decoded.code === 'user_id_invalid' && link.phase === 'opened')
      context.closeLink(link, 'user_id_invalid');
    return;
  }
  const message = decoded.message;
  context.ports.telemetry.messageIn(message.t, bytes);
  if (!mayPass(context, link, 1, requestOf(message))) return;
  route(context, link, message);
}

/** The request id of a message. Where its shape has none, an `i` beside it was never checked and may not be sent back. */
function requestOf(message: UpMessage): number | undefined {
  switch (message.t) {
    case 'hb':
    case 'cancel':
    case 're':
      return undefined;
    default:
      return message.i;
  }
}

function refuseFrame(
  context: NodeContext,
  link: LinkState,
  code: ErrorCode,
  detail: string,
  { bytes = 0, request }: { readonly bytes?: number; readonly request?: number | undefined } = {},
): void {
  if (link.phase === 'closed') return;
  heard(link.pulse);
  context.ports.telemetry.messageIn('bad', bytes);
  if (mayPass(context, link, BAD_MESSAGE_COST, request)) sendError(context, link, code, detail, request);
}

function mayPass(context: NodeContext, link: LinkState, cost: number, request: number | undefined): boolean {
  const { clock } = context.ports;
  const decision = spend(link.rate, context.settings.messageRate, clock.monotonicMs(), cost);
  switch (decision.kind) {
    case 'pass':
      return true;
    case 'refuse':
      sendError(context, link, 'rate_limited', 'too many messages', request, decision.retryAfterMs);
      return false;
    case 'close':
      context.closeLink(
        link,
        cost === BAD_MESSAGE_COST ? 'bad_messages' : 'rate_limited',
        RETRY_UNAVAILABLE_MS,
      );
      return false;
  }
}

function route(context: NodeContext, link: LinkState, message: UpMessage): void {
  const admission = admit(link.phase, message.t, link.queued?.length ?? 0);
  if (admission === 'ignore') return;
  if (admission === 'login') {
    if (message.t === 'login') void logIn(context, link, message).then(() => handleQueued(context, link));
    return;
  }
  if (admission === 'queue') {
    (link.queued ??= []).push(message);
    return;
  }
  if (admission === 'handle') {
    handle(context, link, message);
    return;
  }
  const retryAfterMs = admission.refuse === 'rate_limited' ? RETRY_UNAVAILABLE_MS : undefined;
  sendError(
    context,
    link,
    admission.refuse,
    `"${message.t}" cannot be handled now`,
    requestOf(message),
    retryAfterMs,
  );
}

/** What came in while the login was checked, in its order; refused like any other message if the login failed. */
function handleQueued(context: NodeContext, link: LinkState): void {
  const queued = link.queued ?? [];
  link.queued = null;
  for (const message of queued) if (!isClosed(link)) route(context, link, message);
}

function handle(context: NodeContext, link: LinkState, message: UpMessage): void {
  switch (message.t) {
    case 'hb':
      if (message.q !== undefined) sendControl(context, link, { t: 'hb', q: message.q });
      else if (link.tokenUnshown && link.askedSinceToken) tokenShown(context, link);
      return;
    case 'statusUpdate':
      if (link.session !== null) updateStatus(context, link, link.session, message);
      return;
    case 'auth':
      void refreshToken(context, link, message);
      return;
    case 'logout':
      logOut(context, link, message);
      return;
    case 'login':
      return;
    default:
      if (link.session !== null) context.channels.handle(link, link.session, message);
  }
}

/** The client answered a heartbeat that was asked behind its `token`, so it has the token: the older one ends ([RES2]). */
function tokenShown(context: NodeContext, link: LinkState): void {
  link.tokenUnshown = false;
  const session = link.session;
  if (session === null) return;
  context.ports.sessions.confirm(session.id, session.generation).catch((error: unknown) => {
    // The previous token merely stays good for longer; the next heartbeat's answer tries again.
    link.tokenUnshown = true;
    context.ports.telemetry.warn('token_confirm_failed', { error: String(error) });
  });
}

/** Replaces the login token of an open session ([LOG5]). */
async function refreshToken(context: NodeContext, link: LinkState, message: Auth): Promise<void> {
  const session = link.session;
  if (session === null) return;
  const offered = ++session.tokensOffered;
  const verified = await context.ports.auth.verify(message.token, session.user);
  if (isClosed(link) || link.session !== session) return;
  if (!verified.ok) {
    const retryAfterMs = verified.code === 'unavailable' ? RETRY_UNAVAILABLE_MS : undefined;
    sendError(context, link, verified.code, verified.detail, message.i, retryAfterMs);
    return;
  }
  if (isRevoked(context, verified.principal)) {
    sendError(context, link, 'token_invalid', REVOKED, message.i);
    return;
  }
  const { expiresAtMs, tokenId = null, issuedAtMs = null } = verified.principal;
  // Answers may come in any order; the token that was offered last is the one that counts.
  if (offered > session.tokenTaken) {
    session.tokenTaken = offered;
    session.tokenExpiresAtMs = expiresAtMs;
    session.tokenId = tokenId;
    session.issuedAtMs = issuedAtMs;
    armTokenExpiry(context, link);
  }
  if (message.i === undefined || isClosed(link)) return;
  sendControl(context, link, {
    t: 'ok',
    i: message.i,
    ...(expiresAtMs === null ? {} : { exp: Math.floor(expiresAtMs) }),
  });
}

/** Ends the session without a grace: friends see the user go at once. */
function logOut(context: NodeContext, link: LinkState, message: Logout): void {
  const session = link.session;
  if (session === null) return;
  applyHeld(context, session)
    .then(() => endSession(context, session))
    .then(
      (ended) => {
        if (isClosed(link)) return;
        // A newer connection is just taking the session over: this one may not end it any more ([RES3]).
        if (!ended && context.sessions.get(session.id) === session) {
          context.closeLink(link, 'replaced');
          return;
        }
        if (message.i !== undefined) sendControl(context, link, { t: 'ok', i: message.i });
        context.closeLink(link, 'logged_out');
      },
      (error: unknown) => {
        context.ports.telemetry.warn('logout_failed', { error: String(error) });
        sendError(
          context,
          link,
          'unavailable',
          'the session could not be ended',
          message.i,
          RETRY_UNAVAILABLE_MS,
        );
      },
    );
}
