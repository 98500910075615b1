import type { Position } from './core/channels/channel-events.ts';
import type { RefusalCode } from './core/events.ts';

/** Every code that the SDK throws or rejects with: of docs/errors.md, a reason of the connection, or the SDK's own. */
export type CarillonErrorCode =
  | RefusalCode
  | 'url_invalid'
  | 'fields_invalid'
  | 'options_invalid'
  | 'no_websocket'
  | 'queue_full'
  | 'storage_failed'
  | 'outcome_unknown'
  | 'rejected';

/** Codes after which the same call may succeed; a test keeps them equal to the protocol's `ERRORS`. */
const RETRY: readonly CarillonErrorCode[] = [
  'rate_limited',
  'unavailable',
  'too_many_connections',
  'deadline_exceeded',
  'internal',
  'out_of_order',
  // And the SDK's own: room comes back.
  'queue_full',
  'storage_failed',
];

/** What comes with some codes. */
export type CarillonErrorParts = {
  /** Whether what was asked for may have been carried out all the same. */
  readonly unknown?: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly position?: Position | undefined;
  readonly path?: string | undefined;
  readonly error?: string | undefined;
  readonly data?: unknown;
};

/** What the SDK throws and rejects with. Nothing should parse the message. */
export class CarillonError extends Error {
  /** A server newer than the SDK may name a code that is not among these. */
  readonly code: CarillonErrorCode;
  /** Whether the same call may succeed later as it is. */
  readonly retry: boolean;
  /** Whether what was asked for may have been carried out all the same: its answer was lost, or came too late. */
  declare readonly unknown: boolean;
  /** When the server would take it, ms from then; undefined where it did not say. */
  declare readonly retryAfterMs: number | undefined;
  /** `conflict`: where the channel is. */
  declare readonly position: Position | undefined;
  /** `payload_invalid`: where in the payload, as a JSON Pointer (RFC 6901). */
  declare readonly path: string | undefined;
  /** `call_failed`: which of the call's errors it is. */
  declare readonly error: string | undefined;
  /** `call_failed`: what that error carries. */
  declare readonly data: unknown;

  constructor(code: CarillonErrorCode, detail: string, parts: CarillonErrorParts = {}) {
    super(detail === '' ? code : `${code}: ${detail}`);
    this.name = 'CarillonError';
    this.code = code;
    this.retry = RETRY.includes(code);
    Object.assign(this, { unknown: false }, parts);
  }
}
