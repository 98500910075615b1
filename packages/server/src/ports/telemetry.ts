import type { CloseReason, ErrorCode, GapReason } from '@carillon/protocol';
import type { PoisonCode } from './source.ts';

export type LoginResult = 'fresh' | 'resumed' | 'resume_failed' | ErrorCode;

/** What became of a `sub` that named a position ([REC1]). */
export type RecoveryResult = 'recovered' | 'epoch' | 'trimmed' | 'ahead';

/** How the content of a document came to somebody who joined: by what they missed, by the state, or by what their vector lacks. */
export type DocumentJoin = 'position' | 'state' | 'difference';

/** What became of an update of a document. `known`: all of it was there. */
export type DocumentUpdateResult = 'taken' | 'known' | ErrorCode;

/** `retried`: an attempt failed and another follows; `given_up`: the last one failed. */
export type WebhookResult = 'delivered' | 'retried' | 'given_up';

/** What became of an event that a source brought. */
export type FeedResult = 'applied' | 'duplicate' | 'ignored' | 'unavailable' | PoisonCode;

/** `silent`: the line's node did not answer within its time; `gone`: there is no such node any more. */
export type RelayResult = 'answer' | 'silent' | 'gone';

/**
 * What the runtime reports about itself. Called on hot paths: an implementation MUST be cheap (add to a number),
 * MUST NOT throw, and MUST NOT keep what it is given.
 */
export interface Telemetry {
  connectionOpened(): void;
  connectionClosed(reason: CloseReason | 'client'): void;
  /** @param bytes of its text in UTF-8; 0 for a binary message, which nobody reads */
  messageIn(type: string, bytes: number): void;
  error(code: ErrorCode): void;
  login(result: LoginResult, durationMs: number): void;
  /** One visible change went to this many viewers of this node. */
  fanOut(viewers: number): void;
  /** One flush of one outbox. */
  flush(frames: number, bytes: number): void;
  /** A connection fell behind: what it is owed is held from now on, presence conflated, channels by their policy. */
  slowConsumer(): void;
  /** A connection fell behind so far that it gets one full sync instead of what was held. */
  presenceResync(): void;
  conflated(): void;
  sessionExpired(): void;
  /** A publication, or one flush of a signal, went to this many subscribers of this node. */
  publication(kind: 'stream' | 'map' | 'signal' | 'document', subscribers: number): void;
  /** One subscriber was told that publications are missing. */
  gap(reason: GapReason): void;
  /** Frames held for a connection that does not read were dropped, or folded into a later one, by the channel's policy. */
  channelDropped(policy: 'drop-oldest' | 'conflate' | 'resync', frames: number): void;
  /** @param publications that were sent for it; 0 where it was not recovered */
  recovered(result: RecoveryResult, publications: number): void;
  /** A client's call was answered. */
  callServed(result: 'ok' | ErrorCode, durationMs: number): void;
  /** A call of the server to one session was answered, or its time was over. */
  clientCall(result: 'ok' | ErrorCode): void;
  webhook(result: WebhookResult): void;
  /** A request about another node's line was handed to that node ([HTTP7]). */
  relayed(result: RelayResult): void;
  /** An event of another system had its verdict, this long after it was brought. */
  feedEvent(source: string, topic: string, result: FeedResult, durationMs: number): void;
  /** A publication was handed to sockets of this node, so many ms behind the event that it tells of; 0 at least. Once each. */
  feedDelivered(lateMs: number): void;
  /** An update of a document had its answer. @param bytes of the update, before base64 */
  documentUpdate(result: DocumentUpdateResult, bytes: number): void;
  documentJoined(way: DocumentJoin): void;
  /** The tail of a document was put into its snapshot, or that failed and is tried again. */
  documentCompacted(done: boolean, durationMs: number): void;
  /** A version was kept: by somebody, or by itself. */
  documentVersion(made: 'asked' | 'automatic'): void;
  /** A cause that an operator should see; `detail` holds no secret. */
  warn(event: string, detail: Readonly<Record<string, unknown>>): void;
}
