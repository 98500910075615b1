import type { ErrorCode } from '@carillon/protocol';
import type { Position } from '../ports/log.ts';

/** What an operation on a node answers: a value, or an error of the catalogue. */
export type Outcome<T = undefined> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly detail: string;
      readonly particulars?: Particulars | undefined;
    };

/** What a refusal tells a program beside its code: what `err` carries on the wire ([ERR1]). */
export type Particulars = {
  /** `payload_invalid`: where in the payload, as a JSON Pointer (RFC 6901). */
  readonly path?: string | undefined;
  /** `conflict`: the present top of the channel. */
  readonly position?: Position | undefined;
  /** When the same request may work, where that is known better than "later". */
  readonly retryAfterMs?: number | undefined;
};
