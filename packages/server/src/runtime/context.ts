import type { CloseReason, ErrorCode } from '@carillon/protocol';
import { controlFrame } from '../core/outbox/frame.ts';
import type { WatchList } from '../core/presence/watch-list.ts';
import type { Channels } from './channels/channels-face.ts';
import type { ClusterRuntime } from './cluster/cluster-face.ts';
import type { DueQueue } from './due-queue.ts';
import type { Flusher } from './flusher.ts';
import type { KeyedRate } from './keyed-rate.ts';
import type { Leaving } from './leaving.ts';
import { type DevicePacing, type Lease, type LinkState, type LocalSession, newPacing } from './link-state.ts';
import type { NodeState } from './node-api.ts';
import type { NodeOptions } from './node-options.ts';
import type { RestoredGrace } from './restored-grace.ts';
import type { Topics } from './topics.ts';

/** What the parts of a node share. Built once, in node.ts. */
export type NodeContext = NodeOptions & {
  state: NodeState;
  readonly links: Set<LinkState>;
  /** Sessions on this node, attached or in their grace, by id. */
  readonly sessions: Map<string, LocalSession>;
  readonly sessionsOf: Map<string, Set<LocalSession>>;
  /** Streams by ticket, by user. */
  readonly followersOf: Map<string, Set<LocalSession>>;
  /** Devices that HTTP statuses hold, by user and name. */
  readonly leases: Map<string, Map<string, Lease>>;
  /** By user. */
  readonly newSessions: KeyedRate;
  readonly watchList: WatchList<LinkState>;
  readonly topics: Topics;
  readonly channels: Channels;
  /** Null where the node is alone. */
  readonly cluster: ClusterRuntime | null;
  readonly flusher: Flusher;
  readonly loginDeadlines: DueQueue<LinkState>;
  readonly heartbeats: DueQueue<LinkState>;
  readonly answerDeadlines: DueQueue<LinkState>;
  readonly grace: DueQueue<LocalSession>;
  /** Sessions with a part of their grace left: of an earlier life, or put off by an outage. */
  readonly restoredGrace: RestoredGrace;
  readonly leaving: Leaving;
  /** Ends a connection: says why, closes, and leaves the session to its grace. */
  closeLink(link: LinkState, reason: CloseReason, afterMs?: number): void;
};

/** This node's name in the stores; '' where it is alone. */
export function nodeName({ ports }: NodeContext): string {
  return ports.cluster?.node ?? '';
}

/** Owes a client a message that is not presence. */
export function sendControl(context: NodeContext, link: LinkState, message: object): void {
  context.flusher.send(link, controlFrame(JSON.stringify(message)));
}

/**
 * Answers with an error of the catalogue.
 *
 * @param detail what was wrong with this very message; never a secret
 */
export function sendError(
  context: NodeContext,
  link: LinkState,
  code: ErrorCode,
  detail: string,
  request?: number,
  retryAfterMs?: number,
): void {
  context.ports.telemetry.error(code);
  sendControl(context, link, {
    t: 'err',
    code,
    m: detail.slice(0, 512),
    ...(request === undefined ? {} : { i: request }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

export function addSession(context: NodeContext, session: LocalSession): void {
  context.sessions.set(session.id, session);
  const ofUser = context.sessionsOf.get(session.user);
  if (ofUser === undefined) context.sessionsOf.set(session.user, new Set([session]));
  else ofUser.add(session);
}

/** The pacing of a device, which its sessions share, and its HTTP status. */
export function pacingOf(context: NodeContext, user: string, device: string): DevicePacing {
  for (const session of context.sessionsOf.get(user) ?? [])
    if (session.device === device) return session.pacing;
  return context.leases.get(user)?.get(device)?.pacing ?? newPacing();
}

/** Forgets a session on this node; its timers end with it. */
export function removeSession(context: NodeContext, session: LocalSession): void {
  context.grace.remove(session);
  if (context.sessions.get(session.id) !== session) return;
  context.sessions.delete(session.id);
  const ofUser = context.sessionsOf.get(session.user);
  if (ofUser === undefined) return;
  ofUser.delete(session);
  if (ofUser.size === 0) {
    context.sessionsOf.delete(session.user);
    if (!context.followersOf.has(session.user)) context.topics.releaseInbox(session.user);
  }
  context.channels.ended(session);
}

/** A stream by ticket: beside the sessions, for what concerns those alone is not told to it. */
export function addFollower({ followersOf }: NodeContext, follower: LocalSession): void {
  const ofUser = followersOf.get(follower.user);
  if (ofUser === undefined) followersOf.set(follower.user, new Set([follower]));
  else ofUser.add(follower);
}

export function removeFollower(context: NodeContext, follower: LocalSession): void {
  const ofUser = context.followersOf.get(follower.user);
  ofUser?.delete(follower);
  if (ofUser?.size === 0) {
    context.followersOf.delete(follower.user);
    if (!context.sessionsOf.has(follower.user)) context.topics.releaseInbox(follower.user);
  }
  context.sessions.delete(follower.id);
  context.channels.ended(follower);
}
