import type { ChannelRef, OutboundFrame } from '../../core/outbox/frame.ts';
import type { ChannelSpec } from '../../core/channel/channel-spec.ts';
import type { Feed } from '../../core/channel/feed.ts';
import type { PublicationNotice } from '../../ports/broker.ts';
import type { Timer } from '../../ports/clock.ts';
import type { LinkState, LocalSession } from '../link-state.ts';
import type { SignalBatch } from './signals.ts';

/** A channel that somebody on this node is subscribed to, or about to be. */
export type HubChannel = ChannelRef & {
  readonly spec: ChannelSpec;
  readonly params: Readonly<Record<string, string>>;
  /** The name as JSON text, as it stands in every message. */
  readonly json: string;
  readonly subscriptions: Set<Subscription>;
  /** Who is about to subscribe: the channel stays open for them. */
  pins: number;
  opening: Promise<void> | null;
  /** Null while opening, and for signals. */
  feed: Feed<PublicationNotice> | null;
  /** Came while the channel was opening. */
  backlog: PublicationNotice[];
  /** What was missed is being read from the log; what comes meanwhile waits in the feed. */
  reading: boolean;
  /** Something came meanwhile that the reading may not have seen. */
  readAgain: boolean;
  /** Runs while something that came early waits for what is before it. */
  reorder: Timer | null;
  /** Replays that were made for one and may serve the next, by where they begin and end. */
  readonly replays: Map<string, readonly OutboundFrame[]>;
  readonly signals: SignalBatch | null;
  /** Sessions of each user that is in the channel; null where the contract declares no members. */
  readonly members: Map<string, number> | null;
};

/** Why a session may be subscribed, and until when. */
export type Right = {
  readonly by: 'owner' | 'rule' | 'grant';
  /** ms since the epoch; null: as long as the subscription lasts. */
  readonly untilMs: number | null;
};

/** A frame that waits for the replay before it. */
export type Buffered = { readonly offset: number; readonly frame: OutboundFrame };

export type SubscriptionState =
  /** What was missed is being read; what comes meanwhile is kept behind it. `lost`: some of it was not kept, read again. */
  | { readonly name: 'joining'; readonly link: LinkState; readonly buffer: Buffered[]; lost: boolean }
  /** Publications behind `from` are sent. */
  | { readonly name: 'live'; readonly link: LinkState; readonly from: number }
  /** The client was told to subscribe again; nothing is sent until it does. */
  | { readonly name: 'stalled'; readonly link: LinkState }
  /** The session has no connection, or its client has not named the channel again yet. */
  | { readonly name: 'waiting' };

export type Subscription = {
  readonly session: LocalSession;
  readonly channel: HubChannel;
  state: SubscriptionState;
  right: Right;
  /** Whether the user is counted among the members through it. */
  member: boolean;
};

/** What a session has to do with channels and calls. Null on sessions that have nothing. */
export type SessionChannels = {
  /** By channel. */
  readonly subscriptions: Map<string, Subscription>;
  /** Until when a rule lets the session publish, ms since the epoch, by channel. */
  readonly publishRights: Map<string, number>;
  /** Calls of the client that are being served, by request. */
  readonly served: Map<number, { readonly link: LinkState; cancel(): void }>;
  /** Calls of the server that wait for the client's answer, by their number. */
  readonly asked: Map<number, (reply: AskedReply) => void>;
  lastAsk: number;
};

/** What came of a call to a client. */
export type AskedReply =
  | { readonly kind: 'reply'; readonly d: unknown; readonly code: string | undefined }
  | { readonly kind: 'gone' };

export function channelsOf(session: LocalSession): SessionChannels {
  return (session.channels ??= {
    subscriptions: new Map(),
    publishRights: new Map(),
    served: new Map(),
    asked: new Map(),
    lastAsk: 0,
  });
}
