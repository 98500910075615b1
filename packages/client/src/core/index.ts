/**
 * The client without a platform: decisions only, no sockets, clocks or randomness. It is what `createClient` runs, and
 * what a simulator or a shell for another platform can run.
 *
 * The contract of a driver:
 *
 * - It holds one state, from `initialState(settings)`, and one `createFriends(fields)`. For each event it calls
 *   `transition(state, event, turn, ownStatus)`, keeps the new state and carries the effects out in their order.
 * - One event at a time: an event that arises while effects are carried out MUST wait until they all are.
 * - `turn.nowMs` MUST NOT step back between events; `turn.random` MUST be drawn anew for each event.
 * - `openSocket`: connect, then report `socketOpened`, `socketMessage` and at last `socketClosed`, with the same number.
 *   `closeSocket`: end it; nothing more need be reported, and whatever is reported is ignored. At most one socket is
 *   open at a time; `send` MUST be in order, and MAY be dropped where the socket is no longer open.
 * - `climb` is for a driver that opened a better line beside the one that is there, and chose a moment at which little is
 *   unanswered. Where the connection is live, `adoptSocket` follows: that line is the connection's from then on, by this number; it
 *   is open. Where none follows, the driver closes it.
 * - `setTimer` replaces the timer of that name; on time, report `timer`. After `clearTimer`, or once replaced,
 *   it MUST NOT fire.
 * - `fetchToken`: report `tokenReady` or `tokenFailed` with the same number, now or later.
 * - `presence` and `clearPresence` go to `Friends.apply` and `Friends.clear`.
 * - `saveResume` and `clearResume`: keep the token where it should outlive the state, or do nothing. `saveOwn`: keep the own
 *   status beside it, or do nothing. The first `start` of the next life hands both back.
 * - `emitStatus` is the connection's new status. `settle`: every `setStatus` whose ticket is at most `upTo`, and that was
 *   not settled before, is acknowledged, or refused with `code`.
 * - Tickets MUST rise from 1. A patch MUST name at least one field, and none that the login message uses itself
 *   (`RESERVED_FIELD_NAMES` of @carillon/protocol).
 *
 * `stop` leaves no timer and no socket, and keeps the session for a later `start`.
 *
 * With null in place of `ownStatus` the client says nothing of its user, and `setStatus` MUST NOT be dispatched.
 *
 * Channels and calls are a second machine beside it, from `createChannels(settings)`. A driver that has them:
 *
 * - For each event it calls `channels.handle(event, turn)` and carries the effects out in their order; one event at a time,
 *   with turns as above. Entries, positions and states that it asks for are those behind the last event.
 * - After each transition of the connection it hands on `channelEventsOf(event, state, effects)`.
 * - `send`: on that socket, in order, as the connection's; MAY be dropped where it is no longer open.
 * - `setAlarm` replaces the alarm; on time, report `alarm`. After `clearAlarm`, or once replaced, it MUST NOT ring.
 * - `failLine`: report `replyMissing` to the connection.
 * - `resolve` and `reject` settle the command with that ticket, each once. Tickets MUST rise from 1.
 * - `serve`: answer by `answer` with that number, now or later. The first answer counts.
 * - Everything else is for the app, in this order.
 */
export { transition } from './transition.ts';
export { type ClientState, type CoreSettings, type Phase, connectionOf, initialState } from './state.ts';
export type {
  ClientEvent,
  ConnectionChange,
  ConnectionReason,
  ConnectionStatus,
  Effect,
  PresenceMessage,
  RefusalCode,
  TimerName,
  Transport,
  Turn,
} from './events.ts';
export { type Friend, type FriendChange, type Friends, createFriends } from './friends.ts';
export { FIRST_PAUSE_MS, LONGEST_PAUSE_MS, LONGEST_SERVER_WINDOW_MS, pauseMs } from './backoff.ts';
export type { OwnPart } from './step.ts';
export { ownStatus } from './own-status-part.ts';
export { type KeptStatus, type StatusPatch, wanted } from './own-status.ts';
export { createChannels, type Channels } from './channels/channels.ts';
export type {
  ChannelEffect,
  ChannelEvent,
  ChannelKind,
  ChannelState,
  ChannelStatus,
  HistoryItem,
  HistoryPage,
  LostReason,
  MembersPage,
  Position,
  Publication,
  PublishCommand,
  Published,
  Refusal,
  Signal,
  Start,
} from './channels/channel-events.ts';
export { channelEventsOf } from './channels/connection-events.ts';
export type { ChannelSettings } from './channels/machine.ts';
export type { MapChange, MapEntry } from './channels/map-view.ts';
export { type OutboxMachine, createOutboxMachine } from './outbox/outbox.ts';
export type {
  DurableRequest,
  OutboxEffect,
  OutboxEvent,
  OutboxItem,
  OutboxMessage,
} from './outbox/outbox-events.ts';
export type { OutboxSettings } from './outbox/queue.ts';
export { edited, newQueue } from './outbox/stored-entry.ts';
