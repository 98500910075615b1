import { type CloseReason, type Login, isUserId, negotiateVersion } from '@carillon/protocol';
import { syncFrame } from '../core/outbox/frame.ts';
import { readPatch } from '../core/presence/fields.ts';
import type { AuthResult, Principal } from '../ports/auth.ts';
import type { Edge, RosterChanges } from '../ports/directory.ts';
import type { DevicePatch } from '../ports/presence.ts';
import { inboxTopic } from '../ports/broker.ts';
import type { SessionRecord } from '../ports/sessions.ts';
import {
  type NodeContext,
  addSession,
  nodeName,
  pacingOf,
  removeSession,
  sendControl,
  sendError,
} from './context.ts';
import { type LinkState, type LocalSession, isClosed, newLocalSession } from './link-state.ts';
import { endSession, endStored, leaveSession } from './ending.ts';
import { RETRY_UNAVAILABLE_MS } from './retry.ts';
import { endRevoked, endUnresumed } from './revoked-sessions.ts';
import { applyHeld } from './status.ts';
import { armTokenExpiry } from './token-expiry.ts';
import { rosterEdges, settleEdits, watchEdges } from './viewing.ts';

/**
 * Takes a connection from `login` to live: who it is, which session it goes on with, whom it watches, and then, in one
 * turn, `token` and `sync`, so that no change falls between the sync and what follows it.
 */
export async function logIn(context: NodeContext, link: LinkState, message: Login): Promise<void> {
  const v = negotiateVersion(message.v);
  if (v === undefined)
    return refuse(
      context,
      link,
      'version_unsupported',
      `version ${message.v} is not served any more`,
      message.i,
    );
  if (!isUserId(message.username))
    return refuse(context, link, 'user_id_invalid', 'username: not a valid user id', message.i);
  const read = readPatch(context.settings.fields, message);
  // It may be corrected on the same connection, as long as the time for a login lasts.
  if (!read.ok) return sendError(context, link, 'bad_message', read.detail, message.i);
  link.phase = 'authenticating';
  // The check has as long again: a port that hangs must not hold the connection for ever.
  context.loginDeadlines.add(link);
  try {
    await logInOrRefuse(context, link, message, v, read.patch);
  } catch (error) {
    // A port failed. The client is told to come back; the session, if one was taken, waits in its grace.
    context.ports.telemetry.warn('login_failed', { error: String(error) });
    refuse(context, link, 'unavailable', 'the server could not complete the login', message.i);
  }
}

async function logInOrRefuse(
  context: NodeContext,
  link: LinkState,
  message: Login,
  v: number,
  patch: DevicePatch,
): Promise<void> {
  const { ports } = context;
  const startedMs = ports.clock.monotonicMs();
  const verified = await ports.auth.verify(message.token, message.username);
  if (isClosed(link)) return;
  const problem = refusalOf(verified, ports.clock.nowMs());
  if (!verified.ok || problem !== undefined) {
    return refuse(context, link, problem?.reason ?? 'token_invalid', problem?.detail ?? '', message.i);
  }
  const { principal } = verified;
  if (isRevoked(context, principal)) {
    refuseRevoked(context, link, message.i);
    if (message.resume !== undefined) await endUnresumed(context, principal.user, message.resume);
    return;
  }
  const taken = await takeSession(context, link, principal.user, message);
  if (taken === null) return;
  taken.session.tokenExpiresAtMs = principal.expiresAtMs;
  taken.session.tokenId = principal.tokenId ?? null;
  taken.session.name = principal.name ?? null;
  taken.session.issuedAtMs = principal.issuedAtMs ?? null;
  // Revoked while the session was being taken, it may have missed the order to end: that names a token it did not have yet.
  if (isRevoked(context, principal)) {
    refuseRevoked(context, link, message.i);
    await endSession(context, taken.session);
    return;
  }
  await goLive(context, link, taken, message, v, patch);
  if (isClosed(link)) return;
  // Only who is live is looked at when another node's revocation is learned.
  if (isRevoked(context, principal)) return endRevoked(context, taken.session);
  ports.telemetry.login(
    taken.resumed ? 'resumed' : taken.resumeFailed ? 'resume_failed' : 'fresh',
    ports.clock.monotonicMs() - startedMs,
  );
}

type Refusal = { readonly reason: CloseReason & Parameters<typeof sendError>[2]; readonly detail: string };

function refusalOf(result: AuthResult, nowMs: number): Refusal | undefined {
  if (!result.ok) return { reason: result.code, detail: result.detail };
  const { expiresAtMs } = result.principal;
  if (expiresAtMs !== null && expiresAtMs <= nowMs)
    return { reason: 'token_expired', detail: 'the login token ran out' };
  return undefined;
}

/** Whether the login counts no more, whatever its token says of itself. */
export function isRevoked({ ports }: NodeContext, { user, tokenId, issuedAtMs }: Principal): boolean {
  return ports.revocations.isRevoked(user, tokenId ?? null, issuedAtMs ?? null);
}

/** What clients are told of a revoked login. */
export const REVOKED = 'the login was revoked';

function refuseRevoked(context: NodeContext, link: LinkState, request: number | undefined): void {
  if (isClosed(link)) return;
  context.ports.telemetry.login('token_invalid', 0);
  sendError(context, link, 'token_invalid', REVOKED, request);
  context.closeLink(link, 'revoked');
}

function refuse(
  context: NodeContext,
  link: LinkState,
  reason: Refusal['reason'],
  detail: string,
  request?: number,
  retryAfterMs = reason === 'unavailable' ? RETRY_UNAVAILABLE_MS : undefined,
): void {
  if (isClosed(link)) return;
  context.ports.telemetry.login(reason, 0);
  sendError(context, link, reason, detail, request, retryAfterMs);
  context.closeLink(link, reason, retryAfterMs);
}

type Taken = {
  readonly session: LocalSession;
  readonly resumeToken: string;
  readonly resumed: boolean;
  readonly resumeFailed: boolean;
};

/** The session that the login names, or a new one. Null when the connection closed meanwhile. */
async function takeSession(
  context: NodeContext,
  link: LinkState,
  user: string,
  message: Login,
): Promise<Taken | null> {
  const { sessions, secrets, steadyMs } = context.ports;
  const resumeToken = secrets.token();
  const tokenHash = secrets.hash(resumeToken);
  if (message.resume !== undefined) {
    const result = await sessions.resume({
      user,
      tokenHash: secrets.hash(message.resume),
      nextTokenHash: tokenHash,
      node: nodeName(context),
      nowMs: steadyMs(),
    });
    if (result.ok) {
      const { id, device, generation } = result.session;
      if (result.from !== nodeName(context)) tellTaken(context, user, id, generation);
      const session =
        context.sessions.get(id) ??
        newLocalSession(id, user, device, generation, pacingOf(context, user, device));
      // Two resumes of one session may come back in either order: the higher generation has it.
      if (session.generation > generation) {
        context.closeLink(link, 'replaced');
        return null;
      }
      const older = session.link;
      // What the older connection asked for is answered on it: its request ids mean nothing on this one.
      void applyHeld(context, session);
      session.generation = generation;
      // Its subscriptions wait until the client names them on this connection.
      context.channels.detached(session);
      attach(context, link, session);
      if (older !== null && older !== link) context.closeLink(older, 'replaced');
      if (isClosed(link)) {
        // The line dropped while the session was being taken: nobody else will say that it has no connection.
        leaveSession(context, link);
        return null;
      }
      if (!stillOpen(context, link, session)) return null;
      await context.topics.subscribeInbox(user);
      link.tokenUnshown = true;
      return stillOpen(context, link, session)
        ? { session, resumeToken, resumed: true, resumeFailed: false }
        : null;
    }
    if (isClosed(link)) return null;
    // One text for whatever was wrong with the token: it tells nobody whether it ever was one ([RES4]).
    sendError(context, link, 'resume_failed', 'the session cannot go on; a new one was begun');
  }
  // Before a session makes room: whoever logs in and out in a loop would have all of their friends told of it.
  const waitMs = context.newSessions.take(user, context.ports.clock.monotonicMs());
  if (waitMs > 0) {
    refuse(context, link, 'rate_limited', 'too many new sessions of one user', message.i, waitMs);
    return null;
  }
  const id = secrets.id();
  const device = message.device ?? id;
  const session = newLocalSession(id, user, device, 1, pacingOf(context, user, device));
  attach(context, link, session);
  const [, created] = await Promise.all([
    context.topics.subscribeInbox(user),
    createStored(context, {
      id,
      user,
      device,
      node: nodeName(context),
      generation: 1,
      tokenHash,
      previousTokenHash: null,
      detachedAtMs: null,
    }),
  ]);
  if (!created) {
    const { sessionsPerUser, graceMs } = context.settings;
    dropUnstored(context, link, session);
    if (isClosed(link)) return null;
    sendError(context, link, 'limit_reached', `open sessions of one user: ${sessionsPerUser}`, message.i);
    context.closeLink(link, 'too_many_connections', graceMs);
    return null;
  }
  return stillOpen(context, link, session)
    ? { session, resumeToken, resumed: false, resumeFailed: message.resume !== undefined }
    : null;
}

/**
 * Stores a new session. A session that nobody holds gives way to it: a client that forgets its token must not lock its
 * user out.
 *
 * @returns false where the user has as many as may be, each with a connection
 */
async function createStored(context: NodeContext, record: SessionRecord): Promise<boolean> {
  for (let attempts = 1; ; attempts++) {
    const created = await context.ports.sessions.create(record, context.settings.sessionsPerUser);
    if (created.ok) return true;
    // Others log in at the same time, and take the places that are made; not for ever.
    if (created.oldestUnheld === null || attempts > context.settings.sessionsPerUser) return false;
    await endStored(context, created.oldestUnheld);
  }
}

/** The session was never stored: nobody can come back to it, and nothing of it is to be ended. */
function dropUnstored(context: NodeContext, link: LinkState, session: LocalSession): void {
  if (session.link === link) session.link = null;
  link.session = null;
  removeSession(context, session);
}

/** Another node may hold an older connection of the session. */
function tellTaken(context: NodeContext, user: string, session: string, generation: number): void {
  const { broker, telemetry } = context.ports;
  // Where it is lost, the store refuses what the older generation still does, and that node finds it out (session-audit.ts).
  broker.publish(inboxTopic(user), { kind: 'taken', user, session, generation })?.catch((error: unknown) => {
    telemetry.warn('taken_untold', { error: String(error) });
  });
}

function attach(context: NodeContext, link: LinkState, session: LocalSession): void {
  session.link = link;
  link.session = session;
  context.grace.remove(session);
  addSession(context, session);
}

function stillOpen(context: NodeContext, link: LinkState, session: LocalSession): boolean {
  return !isClosed(link) && session.link === link && context.sessions.get(session.id) === session;
}

/** From which stamp on a delta sync must tell, or null where only everything will do. */
function deltaStart({ ports, settings }: NodeContext, at: number | undefined): number | null {
  // What hooks answered before is not known: who was visible then, or followed, cannot be compared with now.
  if (settings.followsOf !== null || settings.audience.kind === 'hook') return null;
  if (at === undefined) return null;
  const now = ports.stamps.next(ports.clock.nowMs());
  // A stamp from the future is no stamp of ours, and one from a time when the clock was set back tells nothing.
  if (at >= now || at <= ports.stamps.aheadUntil()) return null;
  // Somebody of whom the store knows nothing any more would be left out, and be shown for ever.
  if (ports.cluster !== null && at < ports.cluster.completeSinceMs * 1000) return null;
  return at - settings.stampMarginMs * 1000;
}

/**
 * The roster, then how it changed. In this order: an edge that goes between the two is watched, so its edit will say that it
 * is gone; the other way round it would be missing from both.
 */
async function readRoster(
  context: NodeContext,
  user: string,
  since: number | null,
): Promise<{ readonly edges: readonly Edge[]; readonly changes: RosterChanges | null }> {
  const edges = await rosterEdges(context, user);
  const changes = since === null ? null : await context.ports.directory.changesSince(user, since);
  return { edges, changes };
}

async function goLive(
  context: NodeContext,
  link: LinkState,
  taken: Taken,
  message: Login,
  v: number,
  patch: DevicePatch,
): Promise<void> {
  const { ports, settings, watchList } = context;
  const { session, resumed } = taken;
  const { user, device } = session;
  link.knowsDelta = message.v !== undefined || message.at !== undefined;
  const since = resumed ? deltaStart(context, message.at) : null;
  // Behind the session: an erasure ends the sessions that are there, and whoever comes after it is a new user.
  await ports.directory.ensureUser(user);
  if (!stillOpen(context, link, session)) return;
  const { generation } = session;
  const holder = { kind: 'session', session: session.id, generation } as const;
  const joined = ports.presence.join(user, device, holder, patch);
  const [{ edges, changes }, own] = await Promise.all([readRoster(context, user, since), joined]);
  if (!stillOpen(context, link, session)) return;
  // Another node has it by now, and has told this one, or will.
  if (own === null) return context.closeLink(link, 'replaced');
  await watchEdges(context, link, user, edges);
  const edited = await settleEdits(context, link, user);
  if (!stillOpen(context, link, session)) return;

  const at = ports.seen();
  link.phase = 'live';
  context.loginDeadlines.remove(link);
  sendControl(context, link, {
    // First, so that no field of an app could take the place of what follows.
    ...own.fields,
    t: 'token',
    token: taken.resumeToken,
    session: session.id,
    v,
    resumed,
    at,
    graceMs: settings.graceMs,
    hbMs: settings.heartbeatMs,
    ...(session.tokenExpiresAtMs === null ? {} : { exp: Math.floor(session.tokenExpiresAtMs) }),
    s: own.s,
  });
  // An edit that came meanwhile may be missing from `changes`: only everything is surely the truth then.
  const sync =
    since !== null && changes?.complete === true && !edited
      ? watchList.deltaSync(link, since, changes.changed, changes.gone)
      : watchList.fullSync(link);
  context.flusher.send(link, syncFrame(sync));
  context.channels.attached(session);
  context.heartbeats.add(link);
  armTokenExpiry(context, link);
}
