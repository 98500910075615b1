import type { AwarenessDown, ChannelDownMessage, Err, Ok, Role } from '@carillon/protocol';
import type { Position, Refusal } from '../channels/channel-events.ts';
import type { RefusalCode } from '../events.ts';

/** The copy of the document that the app works on. Updates are of Yjs, format 1. */
export type Replica = {
  /** By which the app changes it now. */
  clientId(): number;
  /** Whether it holds anything that was made by this client id. */
  hasOf(clientId: number): boolean;
  vector(): Uint8Array;
  /**
   * What it has and somebody else lacks.
   *
   * @param vector of what they have
   * @param seen what they sent, from which it shows what they know to be deleted
   * @returns null: nothing
   */
  missing(vector: Uint8Array, seen: readonly Uint8Array[]): Uint8Array | null;
  merge(updates: readonly Uint8Array[]): Uint8Array;
  /** The client ids that an update was made by. */
  clientsOf(update: Uint8Array): readonly number[];
  /** @returns false where it could not be applied */
  apply(updates: readonly Uint8Array[]): boolean;
};

/** What a machine is told once. */
export type DocumentSettings = {
  readonly channel: string;
  /** How long changes are gathered before they are sent, ms. */
  readonly delayMs: number;
  /** The least between two messages about where the user is, ms. */
  readonly awarenessMs: number;
  /** UTF-16 units of base64 in one message. */
  readonly partUnits: number;
};

/** A change of one's own: what the store calls it, and what it is. */
export type OwnUpdate = { readonly id: number; readonly update: Uint8Array };

export type DocumentEvent =
  /**
   * The store was read, and what was in it is in the replica. `position`: all up to there is. `unsure`: the replica has something of which it is not
   * known whether the server has it.
   */
  | {
      readonly type: 'opened';
      readonly position: Position | null;
      readonly own: readonly OwnUpdate[];
      readonly unsure: boolean;
    }
  /** There is a line. */
  | { readonly type: 'live' }
  /** There is none. `stopped`: and there will be none before the app acts, and why. */
  | { readonly type: 'down'; readonly stopped: RefusalCode | null }
  /** The session is over. */
  | { readonly type: 'forget'; readonly code: RefusalCode }
  /** A message of the document's channel. */
  | { readonly type: 'message'; readonly message: ChannelDownMessage }
  /** The reply to an `ask`. */
  | { readonly type: 'answered'; readonly ask: number; readonly reply: Ok | Err }
  /** The line went before the reply came. `sent`: whether it had been sent. */
  | { readonly type: 'unanswered'; readonly ask: number; readonly sent: boolean }
  /** The app changed the replica. */
  | { readonly type: 'edited'; readonly own: OwnUpdate }
  /** The replica is changed by another client id from now on. */
  | { readonly type: 'renamed' }
  /** Where the user is, as JSON text; null: nowhere. */
  | { readonly type: 'moved'; readonly state: string | null }
  /** The app asks about versions. `fields`: of the message `doc`. `reads`: it may be asked again where the line drops. */
  | {
      readonly type: 'request';
      readonly ticket: number;
      readonly fields: Readonly<Record<string, unknown>>;
      readonly reads: boolean;
    }
  /** The app wants to follow the document, or no more. */
  | { readonly type: 'follow'; readonly follows: boolean }
  /** The replica has another client id, and `own` is all that it holds. */
  | { readonly type: 'rewritten'; readonly own: OwnUpdate }
  /** The replica is thrown away for an empty one, with all that the server does not have. */
  | { readonly type: 'discard' }
  | { readonly type: 'alarm' };

/** What a driver must do, in this order. */
export type DocumentEffect =
  /** Sends a request. `lane`: those of one go out in their order. `text`: asked each time that it is sent; null: nobody wants it any more. */
  | {
      readonly do: 'ask';
      readonly ask: number;
      readonly lane: 'request' | 'update' | 'awareness';
      readonly text: (id: number) => string | null;
    }
  /** Sends a message that gets no reply, behind what was asked before. */
  | { readonly do: 'say'; readonly text: string }
  | { readonly do: 'setAlarm'; readonly delayMs: number }
  | { readonly do: 'clearAlarm' }
  /** The server has these changes of one's own. */
  | { readonly do: 'acknowledged'; readonly ids: readonly number[] }
  /** These were applied. `position`: all up to there was; null: that is not known. */
  | { readonly do: 'applied'; readonly updates: readonly Uint8Array[]; readonly position: Position | null }
  /** Where others are. `all`: whoever is not named is not there. */
  | { readonly do: 'people'; readonly people: AwarenessDown['ss']; readonly all: boolean }
  /** The client id is somebody else's: the replica needs a new one. */
  | { readonly do: 'rename' }
  /** And so is what was made by it: it is made by a new one, in a replica that takes the place of this one. Report `rewritten`. */
  | { readonly do: 'rewrite' }
  | { readonly do: 'resolve'; readonly ticket: number; readonly value: unknown }
  | { readonly do: 'reject'; readonly ticket: number; readonly refusal: Refusal }
  /** Something that `view` tells has changed. */
  | { readonly do: 'changed' };

/**
 * `connecting`: the server is asked, or is sending what was missed. `live`: everything is here. `offline`: no line. `resting`: the app does not want it now.
 * `ended`: the server refused for good.
 */
export type DocumentStatus = 'connecting' | 'live' | 'offline' | 'resting' | 'ended';

/** A document as the app is told of it. */
export type DocumentView = {
  readonly status: DocumentStatus;
  /** Why it ended, or why it is not live although there is a line; else null. */
  readonly code: string | null;
  readonly detail: string;
  /** Null: not known yet. */
  readonly role: Role | null;
  /** Changes that no connection has, and those that were sent and not acknowledged. */
  readonly unsent: number;
  readonly unsaved: number;
  /** Why changes are not sent: the server refused them. */
  readonly refused: { readonly code: string; readonly detail: string } | null;
};
