import { controlFrame } from '../core/outbox/frame.ts';
import { CLOSES, type CloseReason } from '@carillon/protocol';
import type { SessionRecord } from '../ports/sessions.ts';
import { type NodeContext, removeFollower, removeSession } from './context.ts';
import type { LinkState, LocalSession } from './link-state.ts';
import { applyHeld } from './status.ts';
import { unwatchAll } from './viewing.ts';

/** Ends a connection from the server's side: `bye`, close, and the session goes into its grace. */
export function closeLink(
  context: NodeContext,
  link: LinkState,
  reason: CloseReason,
  afterMs?: number,
): void {
  if (link.phase === 'closed') return;
  const { close, advice, help } = CLOSES[reason];
  const bye = {
    t: 'bye',
    code: reason,
    advice,
    ...(afterMs === undefined ? {} : { afterMs: Math.ceil(afterMs) }),
    m: help,
  };
  context.flusher.send(link, controlFrame(JSON.stringify(bye)));
  context.flusher.flushNow(link);
  context.ports.telemetry.connectionClosed(reason);
  forgetLink(context, link);
  link.connection.close(close, reason);
}

/** The client's side ended the connection, or the line dropped. */
export function linkClosed(context: NodeContext, link: LinkState): void {
  if (link.phase === 'closed') return;
  context.ports.telemetry.connectionClosed('client');
  forgetLink(context, link);
}

/** Takes a connection out of everything on this node, and detaches its session. */
function forgetLink(context: NodeContext, link: LinkState): void {
  link.phase = 'closed';
  link.outbox.current = null;
  link.outbox.held = null;
  link.queued = null;
  link.lanes = null;
  link.tokenExpiry?.cancel();
  link.tokenExpiry = null;
  context.links.delete(link);
  context.loginDeadlines.remove(link);
  context.heartbeats.remove(link);
  context.answerDeadlines.remove(link);
  unwatchAll(context, link);
  context.channels.gone(link);
  leaveSession(context, link);
}

/** Leaves a connection's session to its grace. */
export function leaveSession(context: NodeContext, link: LinkState): void {
  const session = link.session;
  link.session = null;
  // A newer connection may have the session already: then this one has nothing to detach.
  if (session === null || session.link !== link) return;
  if (session.isFollower) {
    session.link = null;
    removeFollower(context, session);
    return;
  }
  void applyHeld(context, session);
  session.link = null;
  context.channels.detached(session);
  detach(context, session);
}

function detach(context: NodeContext, session: LocalSession): void {
  const { sessions, steadyMs, telemetry } = context.ports;
  const { generation } = session;
  // The grace counts from now, whether or not the store can note it at the moment.
  session.detachedAtMs = steadyMs();
  if (context.sessions.get(session.id) === session) context.grace.add(session);
  sessions.detach(session.id, generation, session.detachedAtMs).catch((error: unknown) => {
    telemetry.warn('detach_failed', { error: String(error) });
  });
}

/** Timers and clocks are whole milliseconds: less than this is not left over, ms. */
const PUT_OFF_MS = 1;

/** The grace is over and nobody came back; unless the store was away meanwhile, for that is nobody's absence. */
export function expireSession(context: NodeContext, session: LocalSession): void {
  const leftMs = session.detachedAtMs + context.settings.graceMs - context.ports.steadyMs();
  if (leftMs > PUT_OFF_MS) {
    context.restoredGrace.add(session, leftMs);
    return;
  }
  endSession(context, session).then(
    (ended) => {
      if (ended) context.ports.telemetry.sessionExpired();
    },
    (error: unknown) => {
      // The store is unreachable: the session may not be declared dead for that. Try again after another grace.
      context.ports.telemetry.warn('expire_failed', { error: String(error) });
      if (session.link === null && context.sessions.get(session.id) === session) context.grace.add(session);
    },
  );
}

/** Ends a session that the store has, whichever node is its home. */
export async function endStored(
  context: NodeContext,
  { id, user, device, generation }: SessionRecord,
): Promise<void> {
  const local = context.sessions.get(id);
  if (local !== undefined && local.generation >= generation) {
    await endSession(context, local);
    return;
  }
  // Another node had it since, and its word did not come: what is here may not stand for it.
  if (local?.link != null) context.closeLink(local.link, 'replaced');
  if (await context.ports.sessions.end(id, generation)) await context.leaving.leave({ id, user, device });
}

/** @returns false when the session went on elsewhere, or was ended before */
export async function endSession(context: NodeContext, session: LocalSession): Promise<boolean> {
  // Its device may live on with another session, and has a right to what it last said.
  void applyHeld(context, session);
  const { generation } = session;
  session.ending = true;
  let ended: boolean;
  try {
    ended = await context.ports.sessions.end(session.id, generation);
  } finally {
    session.ending = false;
  }
  if (!ended) {
    // A newer generation has it: here if it resumed on this node, elsewhere if not.
    if (session.generation === generation && session.link === null) removeSession(context, session);
    return false;
  }
  removeSession(context, session);
  await context.leaving.leave(session);
  return true;
}
