import type { RefusalCode } from './core/events.ts';

/** Every code that the SDK throws or rejects with: of docs/errors.md, a reason of the connection, or the SDK's own. */
export type CarillonErrorCode = RefusalCode | 'url_invalid' | 'fields_invalid' | 'no_websocket';

/** Codes after which the same call may succeed; a test keeps them equal to the protocol's `ERRORS`. */
const RETRY: readonly CarillonErrorCode[] = [
  'rate_limited',
  'unavailable',
  'too_many_connections',
  'deadline_exceeded',
  'internal',
];

/** What the SDK throws and rejects with. Nothing should parse the message. */
export class CarillonError extends Error {
  /** A server newer than the SDK may name a code that is not among these. */
  readonly code: CarillonErrorCode;
  /** Whether the same call may succeed later as it is. */
  readonly retry: boolean;

  constructor(code: CarillonErrorCode, detail: string) {
    super(detail === '' ? code : `${code}: ${detail}`);
    this.name = 'CarillonError';
    this.code = code;
    this.retry = RETRY.includes(code);
  }
}
