import type { EndMessage, NodeMessage } from '../ports/broker.ts';
import type { NodeContext } from './context.ts';
import { endSession } from './ending.ts';
import type { LinkState } from './link-state.ts';
import { createRosterReloads } from './roster-reloads.ts';

/**
 * What other nodes, and this one, published.
 *
 * @param leases told of statuses over HTTP that another node took away or set anew
 */
export function createNodeMessages(
  context: NodeContext,
  leases: { replaced(user: string, device: string): void },
): (message: NodeMessage) => void {
  const reloads = createRosterReloads(context);
  return (message) => {
    switch (message.kind) {
      case 'presence': {
        const told = context.watchList.apply(message.record);
        if (told >= 0) context.ports.telemetry.fanOut(told);
        context.channels.presence(message.record);
        return;
      }
      case 'edge':
        for (const link of linksOf(context, message.viewer)) reloads.edge(link, message.viewer, message.user);
        return;
      case 'roster':
        for (const link of linksOf(context, message.user)) reloads.roster(link, message.user);
        return;
      case 'end':
        endAll(context, message);
        return;
      case 'taken': {
        const session = context.sessions.get(message.session);
        if (session === undefined || session.generation >= message.generation) return;
        // The store refuses what this generation still does, also its detaching; the copy here goes with its grace.
        if (session.link !== null) context.closeLink(session.link, 'replaced');
        return;
      }
      case 'status':
        leases.replaced(message.user, message.device);
        return;
      case 'ask':
      case 'answer':
      case 'node':
        context.cluster?.receive(message);
        return;
      case 'publication':
      case 'signal':
      case 'member':
      case 'awareness':
      case 'broadcast':
      case 'subscription':
        context.channels.receive(message);
        return;
    }
  };
}

function linksOf(context: NodeContext, user: string): LinkState[] {
  const links: LinkState[] = [];
  for (const session of context.sessionsOf.get(user) ?? [])
    if (session.link !== null) links.push(session.link);
  return links;
}

/** Ends the sessions of a user that are on this node, and where it is about all of them the streams by ticket too. */
export function endAll(context: NodeContext, { user, reason, tokenId }: EndMessage): void {
  if (tokenId === null) {
    // One whose ticket is good for more comes back; erased and revoked, it is told that it need not.
    for (const { link } of [...(context.followersOf.get(user) ?? [])])
      if (link !== null) context.closeLink(link, reason);
  }
  for (const session of [...(context.sessionsOf.get(user) ?? [])]) {
    if (tokenId !== null && session.tokenId !== tokenId) continue;
    const link = session.link;
    if (link !== null) context.closeLink(link, reason);
    endSession(context, session).catch((error: unknown) => {
      context.ports.telemetry.warn('end_failed', { error: String(error) });
    });
  }
}
