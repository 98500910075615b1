import type { CloseReason, ErrorCode } from '@carillon/protocol';

export type LoginResult = 'fresh' | 'resumed' | 'resume_failed' | ErrorCode;

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
  /** A connection fell behind; its presence is conflated from now on. */
  slowConsumer(): void;
  /** A connection fell behind so far that it gets one full sync instead of what was held. */
  presenceResync(): void;
  conflated(): void;
  sessionExpired(): void;
  /** A cause that an operator should see; `detail` holds no secret. */
  warn(event: string, detail: Readonly<Record<string, unknown>>): void;
}
