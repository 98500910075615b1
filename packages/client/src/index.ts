/** The Carillon SDK: presence, channels and calls for browsers and Node.js. */
export {
  type AnyChannel,
  type Client,
  type ClientOptions,
  type ContractOptions,
  createClient,
} from './client.ts';
export { type CarillonErrorCode, CarillonError } from './carillon-error.ts';
export type { CallOptions } from './channels/calls.ts';
export type {
  Channel,
  Conflated,
  History,
  HistoryOptions,
  KeptChannel,
  Lost,
  MemberChange,
  MembersOptions,
  SubscribeOptions,
} from './channels/channel.ts';
export type { ChannelOptions } from './channels/channel-options.ts';
export type {
  DeleteOptions,
  MapChangeOf,
  MapChannel,
  MapEntryOf,
  SetOptions,
} from './channels/map-channel.ts';
export type { SignalChannel, SignalOf } from './channels/signal-channel.ts';
export type { PublicationOf, PublishOptions, StreamChannel } from './channels/stream-channel.ts';
export type { AnyContract, Handler, HandlerContext } from './contract-types.ts';
export type {
  ChannelKind,
  ChannelState,
  ChannelStatus,
  LostReason,
  MembersPage,
  Position,
  Published,
} from './core/channels/channel-events.ts';
export type { ConnectionChange, ConnectionReason, ConnectionStatus } from './core/events.ts';
export type { DefaultField, Friend, FriendChange } from './core/friends.ts';
export type { ConnectionOptions } from './options.ts';
export type { OwnPresence } from './own-presence.ts';
export type { Codec, WebSocketConstructor, WebSocketLike } from './platform.ts';
export type { PresenceClient } from './presence-client.ts';
export type { Presence } from './presence-store.ts';
export type { StorageLike } from './resume-keeper.ts';
export type { TabSharing } from './tabs/tab-sharing.ts';
