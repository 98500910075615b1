import type { ChannelUpMessage } from '@carillon/protocol';
import type { BroadcastNotice, ChannelNotice, SubscriptionOrder } from '../../ports/broker.ts';
import type { PresenceRecord } from '../../ports/presence.ts';
import type { ClosingIntake } from '../../ports/source.ts';
import type { DocumentsApi } from '../documents/documents-api.ts';
import type { LinkState, LocalSession } from '../link-state.ts';
import type { Asking } from './asking-face.ts';
import type { ChannelsApi } from './channels-api.ts';
import type { TicketsApi } from './tickets-api.ts';

/** Everything of a node that deals with channels and calls, as the rest of the runtime sees it. */
export type Channels = {
  readonly api: ChannelsApi;
  readonly tickets: TicketsApi;
  readonly documents: DocumentsApi;
  readonly intake: ClosingIntake;
  /** The same for this node alone, for other nodes to ask. */
  readonly local: ChannelsApi & Pick<Asking, 'collect'>;
  start(): Promise<void>;
  /** Messages of other nodes may have been lost: what was delivered is compared with the logs. */
  afterGap(): void;
  stop(): void;
  counts(): {
    readonly channels: number;
    readonly subscriptions: number;
    readonly calls: number;
    readonly timers: number;
  };
  handle(link: LinkState, session: LocalSession, message: ChannelUpMessage): void;
  receive(message: ChannelNotice | BroadcastNotice | SubscriptionOrder): void;
  presence(record: PresenceRecord): void;
  /** The session has a new connection: what it does not subscribe to again soon has ended. */
  attached(session: LocalSession): void;
  /** The session lost its connection. Its subscriptions wait with it. */
  detached(session: LocalSession): void;
  /** A connection is gone, with a session or without. */
  gone(link: LinkState): void;
  /** The session is over. */
  ended(session: LocalSession): void;
  /** The connection does not read, and by the channel's policy nothing more is sent of it until it subscribes again. */
  stalled(link: LinkState, channel: string): void;
};
