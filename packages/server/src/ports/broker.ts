import type { Publication } from './log.ts';
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

/** End sessions of a user, on the inbox topic. */
export type EndMessage = {
  readonly kind: 'end';
  readonly user: string;
  readonly reason: 'user_erased' | 'logged_out' | 'revoked';
  /** Only sessions that logged in with the token of this id; null: all. */
  readonly tokenId: string | null;
};

/** A publication took its place in a channel; on the channel's topic. */
export type PublicationNotice = {
  readonly kind: 'publication';
  readonly channel: string;
  readonly epoch: string;
  readonly publication: Publication;
  /** Which session published it and under which request, where that session is not to be sent the payload. */
  readonly silent: { readonly session: string; readonly request: number | null } | null;
  /** When what it tells of happened, ms since the epoch; null: not known. No client is told. */
  readonly eventMs: number | null;
};

/** Signals on a channel; on its topic. `data` is JSON text. */
export type SignalNotice = {
  readonly kind: 'signal';
  readonly channel: string;
  /** The session that sent it; '' for the server. */
  readonly session: string;
  readonly by: string | null;
  readonly key: string | null;
  readonly data: string;
};

/** Somebody came into a channel or left it; on its topic. */
export type MemberNotice = {
  readonly kind: 'member';
  readonly channel: string;
  readonly user: string;
  readonly joined: boolean;
  /** Numbers the changes of who is in the channel. They rise, not by one. */
  readonly version: number;
  /** The version before this one, 0 for the first; a receiver that holds another has missed a notice. */
  readonly prev: number;
};

/** Where one client id of a document is. */
export type AwarenessOf = {
  readonly client: number;
  /** Of one client id it never steps back, whoever speaks by it. */
  readonly clock: number;
  readonly user: string;
  /** JSON text; null: it is over. */
  readonly state: string | null;
};

/** What a node tells of those who are in a document by its sessions; on the channel's topic. */
export type AwarenessNotice = {
  readonly kind: 'awareness';
  readonly channel: string;
  readonly node: string;
  readonly items: readonly AwarenessOf[];
  /** These are all: whom that node told before and does not name now is gone. */
  readonly all: boolean;
  /** The others are asked to tell all of theirs: it has just begun to listen, or may have missed something. */
  readonly ask: boolean;
};

/** A message to everyone; on the topic `everyone`. `data` is JSON text. */
export type BroadcastNotice = { readonly kind: 'broadcast'; readonly name: string; readonly data: string };

/** Subscribe or unsubscribe a user's sessions; on the inbox topic. */
export type SubscriptionOrder = {
  readonly kind: 'subscription';
  readonly user: string;
  readonly channel: string;
  /** What the clients subscribe with; null: they are unsubscribed. */
  readonly grant: string | null;
};

/** A session went on with a new connection on another node; on the inbox topic. Older connections of it end. */
export type TakenMessage = {
  readonly kind: 'taken';
  readonly user: string;
  readonly session: string;
  readonly generation: number;
};

/**
 * An HTTP status that the node looks after was taken away, or set anew, over another one; on the topic of the node. Where it
 * is lost, the status is held there until it would have run out, or until the line was down.
 */
export type StatusMessage = { readonly kind: 'status'; readonly user: string; readonly device: string };

/** One node asks another to do something for it; on that node's topic. `request` is read by the runtime alone. */
export type AskMessage = {
  readonly kind: 'ask';
  readonly from: string;
  /** Unique among what `from` asks. */
  readonly id: number;
  readonly request: unknown;
};

/** What became of it; on the topic of the node that asked. */
export type AnswerMessage = { readonly kind: 'answer'; readonly id: number; readonly answer: unknown };

/** A node takes clients from now on, or none any more; on the topic `everyone`. */
export type NodeNotice = { readonly kind: 'node'; readonly node: string; readonly joined: boolean };

export type ChannelNotice = PublicationNotice | SignalNotice | MemberNotice | AwarenessNotice;

export type NodeMessage =
  | PresenceMessage
  | EdgeMessage
  | RosterMessage
  | EndMessage
  | ChannelNotice
  | BroadcastNotice
  | SubscriptionOrder
  | TakenMessage
  | StatusMessage
  | AskMessage
  | AnswerMessage
  | NodeNotice;

/**
 * Carries messages between nodes, by topic. It forgets: whoever is not subscribed has missed the message.
 *
 * - Messages of one publisher on one topic MUST arrive in the order they were published.
 * - After `subscribe` resolved, every later publication on the topic MUST arrive, also one's own.
 * - After `unsubscribe` returned, messages MAY still arrive for a moment; receivers ignore what they do not watch.
 * - A message MAY be lost; it MUST NOT be altered, nor delivered to other topics. Messages of kinds that this version
 *   does not know, and such as cannot be read, MUST be dropped: another version may have sent them.
 * - Where messages may have been lost because the line to the broker was, `onGap` MUST be told once it stands again and
 *   everything is subscribed.
 * - `publish` MUST NOT call the listener before it returns to its caller, unless the adapter is in process and the
 *   listener tolerates it: the memory broker delivers at once, in publishing order, never nested.
 */
export interface Broker {
  publish(topic: string, message: NodeMessage): Promise<void> | undefined;
  subscribe(topic: string): Promise<void> | undefined;
  unsubscribe(topic: string): void;
  /**
   * Sets the one listener of this node. Called once, before the first subscription.
   *
   * @param onGap called when messages may have been lost: what is shown has to be compared with what the stores hold. Where it
   *   returns a promise, that resolves when this has been done.
   * @param onLost called as soon as messages may begin to be missing; `onGap` follows when the line stands again
   */
  listen(
    listener: (topic: string, message: NodeMessage) => void,
    onGap?: (() => void) | (() => Promise<void>),
    onLost?: () => void,
  ): void;
}

/**
 * A broker that can say whether anybody listens.
 *
 * - `isHeard` MUST be true while a node that is connected to the broker is subscribed to the topic, and false soon after the last
 *   of them died. It MAY be false of one that lives and has lost its line: whoever draws conclusions looks more than once.
 * - It MUST reject where the broker does not answer. What looks MUST reach no listener.
 */
export interface HearingBroker extends Broker {
  isHeard(topic: string): Promise<boolean>;
}

export function canHear(broker: Broker): broker is HearingBroker {
  return 'isHeard' in broker;
}

/** The topic on which a user's visible presence and edges are published. */
export const presenceTopic = (user: string): string => `presence:${user}`;

/** The topic on which the sessions of a user are addressed. */
export const inboxTopic = (user: string): string => `inbox:${user}`;

/** The topic on which what happens in a channel is published. */
export const channelTopic = (channel: string): string => `channel:${channel}`;

/** The topic on which other nodes address one node. */
export const nodeTopic = (node: string): string => `node:${node}`;

/** The topic of what concerns every session, and every node. */
export const EVERYONE_TOPIC = 'everyone';
