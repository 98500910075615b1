import type { GapReason, LossReason } from '@carillon/protocol';
import type { RefusalCode } from '../events.ts';
import type { MapChange } from './map-view.ts';

export type ChannelKind = 'stream' | 'map' | 'signal';

/** A place in a channel: the offset counts from 1, 0 stands before the first publication ([CHN4]). */
export type Position = { readonly epoch: string; readonly offset: number };

/** One publication of a stream, as it was applied. */
export type Publication = {
  readonly position: Position;
  /** When the server took it, ms since the epoch; null for one's own that the channel does not echo. */
  readonly atMs: number | null;
  /** Who published it; null: the server. */
  readonly by: string | null;
  readonly data: unknown;
  /** What it answers, as the app's backend named it ([PUB8]). */
  readonly ref?: string | undefined;
};

/** The latest signal of a session, or of one key of it. */
export type Signal = {
  /** The sender's session; empty: the server. */
  readonly session: string;
  /** The sender; null: the server. */
  readonly by: string | null;
  readonly key: string | null;
  readonly data: unknown;
  /** Whether this very client sent it. */
  readonly own: boolean;
};

/** Where a subscription begins. Nothing named: with what is published from now on. */
export type Start = {
  /** Behind this position: what an earlier life of the app had applied. */
  readonly position?: Position | undefined;
  /** Stream: with the last so many. */
  readonly last?: number | undefined;
  /** Stream: with those taken at or after this time, ms since the epoch. */
  readonly since?: number | undefined;
};

/**
 * Where a subscription stands. `waiting`: for a line, or for the pause that its `code` asked for. `replaying`: what was
 * missed, or the rest of a map, is coming. `failed`: the server refused for good; the app must act.
 */
export type ChannelStatus = 'idle' | 'waiting' | 'subscribing' | 'replaying' | 'live' | 'failed';

export type ChannelState = {
  readonly status: ChannelStatus;
  /** Why it failed, or waits though there is a line; else null. */
  readonly code: string | null;
  /** What to do, for people; empty where there is no code. */
  readonly detail: string;
};

/**
 * Publications are missing for good. `epoch`, `trimmed`, `ahead`: what was known of the channel counts no more ([REC1]).
 * `dropped`: the server dropped them for this connection ([REC6]).
 */
export type LostReason = LossReason | Extract<GapReason, 'dropped'>;

/** What an app asked for was refused. */
export type Refusal = {
  /** A code of docs/errors.md, a reason of the connection, or of the client's own. */
  readonly code: RefusalCode | 'queue_full' | 'storage_failed' | 'outcome_unknown';
  readonly detail: string;
  /** Whether it may have been carried out all the same. */
  readonly unknown: boolean;
  readonly retryAfterMs?: number | undefined;
  /** `conflict`: the present top. */
  readonly position?: Position | undefined;
  /** `payload_invalid`: where, as a JSON Pointer. */
  readonly path?: string | undefined;
  /** `call_failed`: the app's code of the error, and what it carries. */
  readonly error?: string | undefined;
  readonly data?: unknown;
};

/** A call as the app asks for it. Resolves with the output. */
export type CallCommand = {
  readonly type: 'call';
  readonly ticket: number;
  readonly name: string;
  /** JSON text; null: none. */
  readonly input: string | null;
  readonly timeoutMs: number;
  /** The key that the function is given ([CALL6]). */
  readonly id?: string | undefined;
};

/** A publication as the app asks for it. */
export type PublishCommand = {
  readonly type: 'publish';
  readonly ticket: number;
  readonly channel: string;
  /** Signals are not kept: the latest of each key waits, nothing outlives the line. */
  readonly signal: boolean;
  /** JSON text of the payload; null where `del` deletes a key. */
  readonly data: string | null;
  readonly key?: string | undefined;
  readonly del?: boolean | undefined;
  readonly version?: number | undefined;
  readonly ttlMs?: number | undefined;
  /** Idempotency id; absent: one is made. */
  readonly id?: string | undefined;
  /** Its place in a lane, in place of an id ([PUB7]); whoever gives it sends it again where the line drops. */
  readonly lane?: { readonly queue: string; readonly number: number } | undefined;
  readonly expect?: Position | undefined;
  readonly echo?: boolean | undefined;
};

/** What happens to the channels of a client. Tickets rise from 1 over all commands that have one. */
export type ChannelEvent =
  /** The connection has its sync. What is sent names `socket`. */
  | { readonly type: 'live'; readonly socket: number; readonly session: string | null }
  /** There is no line. `stopped`: and there will be none before the app acts: what waits is refused with this code. */
  /** `moving`: the next line stands already, and the app need not hear of the change. */
  | { readonly type: 'down'; readonly stopped: RefusalCode | null; readonly moving?: boolean }
  /**
   * The session is being ended, by the user or the server: everything is forgotten, what waits is refused, and the line is
   * this session's no more. What the app asks for from here on is for the next.
   */
  | { readonly type: 'forget'; readonly code: RefusalCode }
  /** A message of the server that the connection itself has no use for, or a reply to an odd request id. */
  | { readonly type: 'message'; readonly message: unknown }
  | { readonly type: 'alarm' }
  /**
   * The app wants the channel. Where it is wanted already only a `start` or a `grant` has an effect, or that it had failed.
   */
  | {
      readonly type: 'subscribe';
      readonly channel: string;
      readonly kind: ChannelKind;
      readonly start?: Start | undefined;
      readonly grant?: string | undefined;
    }
  /** The app wants it no more: its position and a map's entries are forgotten. */
  | { readonly type: 'unsubscribe'; readonly channel: string }
  | PublishCommand
  /** `position`: read behind it, or before it with `reverse`; null: from that end. Resolves with a `HistoryPage`. */
  | {
      readonly type: 'history';
      readonly ticket: number;
      readonly channel: string;
      readonly position: Position | null;
      readonly reverse: boolean;
      readonly limit?: number | undefined;
    }
  /** Resolves with a `MembersPage`. */
  | {
      readonly type: 'members';
      readonly ticket: number;
      readonly channel: string;
      readonly after?: string | undefined;
      readonly limit?: number | undefined;
    }
  | CallCommand
  /** The app no longer waits for a call. */
  | { readonly type: 'cancel'; readonly ticket: number }
  /** Answers a `serve`. `output`: JSON text, also of an error's data; null: none. `code`: it failed with this. */
  | {
      readonly type: 'answer';
      readonly call: number;
      readonly output: string | null;
      readonly code?: string | undefined;
      readonly detail?: string | undefined;
    };

export type HistoryPage = {
  /** In the order asked for. */
  readonly publications: readonly HistoryItem[];
  /** Whether there are more in that direction. */
  readonly more: boolean;
  /** The channel's top. */
  readonly top: Position;
};

export type HistoryItem = Publication & {
  /** Map: the key that it sets or deletes. */
  readonly key: string | null;
  readonly deleted: boolean;
};

export type MembersPage = {
  /** User ids, in their order. */
  readonly ids: readonly string[];
  /** How many are in the channel. */
  readonly count: number;
  /** The page behind this one begins behind this id; null: this was the last. */
  readonly next: string | null;
};

/** What a publication came to. `position` is null for a signal. */
export type Published = {
  readonly position: Position | null;
  /** It had been published before, at this position. */
  readonly duplicate: boolean;
  /** Map: the key has this version or a newer one, so nothing was published. */
  readonly outdated: boolean;
};

/** What a driver must do, in this order. */
export type ChannelEffect =
  | { readonly do: 'send'; readonly socket: number; readonly text: string }
  /** Replaces the one that runs; on time, report `alarm`. */
  | { readonly do: 'setAlarm'; readonly delayMs: number }
  | { readonly do: 'clearAlarm' }
  /** The server owes a reply for too long: report `replyMissing` to the connection. */
  | { readonly do: 'failLine' }
  | { readonly do: 'resolve'; readonly ticket: number; readonly value: unknown }
  | { readonly do: 'reject'; readonly ticket: number; readonly refusal: Refusal }
  | { readonly do: 'state'; readonly channel: string; readonly state: ChannelState }
  /** In order, none twice, none left out but those that a `lost` or `conflated` before them speaks of. */
  | { readonly do: 'publications'; readonly channel: string; readonly publications: readonly Publication[] }
  | {
      readonly do: 'lost';
      readonly channel: string;
      readonly why: LostReason;
      /** Behind this position; null: nothing had been applied. */
      readonly from: Position | null;
      /** It goes on behind this. */
      readonly to: Position;
    }
  /** Left out because later ones say all that they said. */
  | {
      readonly do: 'conflated';
      readonly channel: string;
      readonly from: Position | null;
      readonly to: Position;
    }
  /** The entries have changed already. */
  | { readonly do: 'changes'; readonly channel: string; readonly changes: readonly MapChange[] }
  /** The map is complete. */
  | { readonly do: 'complete'; readonly channel: string }
  | { readonly do: 'signals'; readonly channel: string; readonly signals: readonly Signal[] }
  /** `user` null: only the number was told. */
  | {
      readonly do: 'member';
      readonly channel: string;
      readonly user: string | null;
      readonly joined: boolean;
      readonly count: number;
    }
  /** The server subscribed the client, who was not subscribed before. */
  | { readonly do: 'invited'; readonly channel: string; readonly kind: ChannelKind }
  | { readonly do: 'broadcast'; readonly name: string; readonly data: unknown }
  /** The server calls: report one `answer` with this number. */
  | {
      readonly do: 'serve';
      readonly call: number;
      readonly name: string;
      readonly input: unknown;
      readonly timeoutMs: number | null;
    };
