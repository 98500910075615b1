import type { PresenceRecord } from './presence.ts';

/**
 * What nodes tell each other about one user, on that user's topic `presence:{user}`. `record` is the whole visible
 * state, not a delta: a node that missed a message is whole again with the next.
 */
export type PresenceMessage = {
  readonly kind: 'presence';
  /** Version of the record before this one; a receiver that holds another has missed a message. */
  readonly prev: number;
  readonly record: PresenceRecord;
};

/** The edge from `viewer` to the topic's user changed: followed, unfollowed, blocked, unblocked, close or not. */
export type EdgeMessage = { readonly kind: 'edge'; readonly viewer: string; readonly user: string };

/** Everything about a viewer's roster may have changed (bulk import, hook refresh, erasure). On the inbox topic. */
export type RosterMessage = { readonly kind: 'roster'; readonly user: string };

/** End all sessions of a user, on the inbox topic. */
export type EndMessage = {
  readonly kind: 'end';
  readonly user: string;
  readonly reason: 'user_erased' | 'logged_out';
};

export type NodeMessage = PresenceMessage | EdgeMessage | RosterMessage | EndMessage;

/**
 * Carries messages between nodes, by topic. It forgets: whoever is not subscribed has missed the message.
 *
 * - Messages of one publisher on one topic MUST arrive in the order they were published.
 * - After `subscribe` resolved, every later publication on the topic MUST arrive, also one's own.
 * - After `unsubscribe` returned, messages MAY still arrive for a moment; receivers ignore what they do not watch.
 * - A message MAY be lost; it MUST NOT be altered, nor delivered to other topics.
 * - `publish` MUST NOT call the listener before it returns to its caller, unless the adapter is in process and the
 *   listener tolerates it: the memory broker delivers at once, in publishing order, never nested.
 */
export interface Broker {
  publish(topic: string, message: NodeMessage): Promise<void> | undefined;
  subscribe(topic: string): Promise<void> | undefined;
  unsubscribe(topic: string): void;
  /** Sets the one listener of this node. Called once, before the first subscription. */
  listen(listener: (topic: string, message: NodeMessage) => void): void;
}

/** The topic on which a user's visible presence and edges are published. */
export const presenceTopic = (user: string): string => `presence:${user}`;

/** The topic on which the sessions of a user are addressed. */
export const inboxTopic = (user: string): string => `inbox:${user}`;
