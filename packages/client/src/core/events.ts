import type { CloseReason, DownMessage, ErrorCode, Offline, Online, Sync, Update } from '@carillon/protocol';
import type { KeptStatus, StatusPatch } from './own-status.ts';

/** What a transition may know of the world at its moment. */
export type Turn = {
  /** A clock that never steps back, ms. */
  readonly nowMs: number;
  /** The wall clock, ms since the epoch; may step. */
  readonly wallMs: number;
  /** Uniform in [0, 1), new for each event. */
  readonly random: number;
};

/** Timers by name; at most one of each runs. */
export type TimerName = 'attempt' | 'retry' | 'watch' | 'probe' | 'refresh' | 'status' | 'leave';

/**
 * What happens to a client. `socket` and `fetch` are the numbers of the effects that asked for them: an event of an
 * older one is ignored, whenever it comes.
 */
export type ClientEvent =
  /** The app connects. `resume` and `own`: the resume token and the own status that an earlier life of the page kept. */
  | { readonly type: 'start'; readonly resume: string | null; readonly own?: KeptStatus | null }
  /** The app disconnects; the session can be resumed within its grace. */
  | { readonly type: 'stop' }
  /** The app ends the session. */
  | { readonly type: 'logout' }
  | { readonly type: 'socketOpened'; readonly socket: number }
  | { readonly type: 'socketMessage'; readonly socket: number; readonly text: string }
  /** `code`: the WebSocket close code, 1006 where the line was never there or dropped. */
  | { readonly type: 'socketClosed'; readonly socket: number; readonly code: number }
  | { readonly type: 'timer'; readonly name: TimerName }
  | { readonly type: 'tokenReady'; readonly fetch: number; readonly token: string }
  | { readonly type: 'tokenFailed'; readonly fetch: number }
  | { readonly type: 'networkOnline' }
  | { readonly type: 'networkOffline' }
  /** The page is looked at again, or something else makes a stale line likely. */
  | { readonly type: 'visible' }
  /** A better line stands open beside the one that is there: the session moves to it, where it is live ([RES3]). */
  | { readonly type: 'climb' }
  /** The channels wait in vain for a reply that the server owes them. */
  | { readonly type: 'replyMissing' }
  /** `patch` names at least one field. `ticket` rises with each call; `settle` says which are done. */
  | { readonly type: 'setStatus'; readonly patch: StatusPatch; readonly ticket: number };

export type ConnectionStatus = 'connecting' | 'connected' | 'disconnected';

/**
 * Why there is no connection: a close reason of docs/errors.md, an error that a login was answered with, a close code
 * that says stop and has no name, or what the client found by itself. A server newer than the client may name others.
 */
export type ConnectionReason =
  | CloseReason
  | 'bad_message'
  | 'internal'
  | `close_${number}`
  | 'line_lost'
  | 'line_silent'
  | 'connect_timeout'
  | 'token_failed'
  | 'reply_missing';

/** Why a `setStatus` was not carried out. */
export type RefusalCode = ErrorCode | ConnectionReason;

/** The connection as the app sees it. */
export type ConnectionChange = {
  readonly status: ConnectionStatus;
  /** Null while connecting or connected, and after `disconnect()`. */
  readonly reason: ConnectionReason | null;
  /** When the next attempt is made, ms from now; null when none will be: the app must act. */
  readonly retryInMs: number | null;
  /** What carries the connection; absent where there is none, and where nothing but WebSocket is known. The driver's to add. */
  readonly transport?: Transport;
};

/** The ways to a server, the best first: [MSG1], [HTTP4], [HTTP5]. */
export type Transport = 'websocket' | 'sse' | 'longpoll';

export type PresenceMessage = Sync | Update | Online | Offline;

/** What the connection itself has no use for: messages of channels and calls, and replies to odd request ids. */
export type ChannelMessage = Exclude<DownMessage, PresenceMessage>;

/** What a driver must do, in this order. */
export type Effect =
  | { readonly do: 'openSocket'; readonly socket: number }
  | { readonly do: 'send'; readonly socket: number; readonly text: string }
  | { readonly do: 'closeSocket'; readonly socket: number }
  /** The line that stands open beside is the connection's from here on, by this number. */
  | { readonly do: 'adoptSocket'; readonly socket: number }
  | { readonly do: 'setTimer'; readonly name: TimerName; readonly delayMs: number }
  | { readonly do: 'clearTimer'; readonly name: TimerName }
  | { readonly do: 'fetchToken'; readonly fetch: number }
  | { readonly do: 'emitStatus'; readonly change: ConnectionChange }
  /** Give the message to the friends (`Friends.apply`). */
  | { readonly do: 'presence'; readonly message: PresenceMessage }
  | { readonly do: 'clearPresence' }
  /** Give the message to the channels; without them, do nothing. */
  | { readonly do: 'channelMessage'; readonly message: ChannelMessage }
  | { readonly do: 'saveResume'; readonly token: string }
  | { readonly do: 'clearResume' }
  | { readonly do: 'saveOwn'; readonly own: KeptStatus }
  /** Every `setStatus` up to this ticket is acknowledged (`code` null) or refused. */
  | {
      readonly do: 'settle';
      readonly upTo: number;
      readonly code: RefusalCode | null;
      readonly detail: string;
    };
