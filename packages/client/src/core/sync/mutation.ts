import type { RefusalCode } from '../events.ts';

/**
 * Where a mutation stands. `queued`: it was not sent in this life of the page. `sent`: the backend has not answered for good.
 * `accepted`: it has, and its event is not here yet. The others are ends. `confirmed`: what the channel shows includes it. `settled`:
 * it was accepted, and nothing was seen of it for so long that what the channel shows counts. `rejected`: it was rolled back.
 * `cancelled`: the user has logged out, or was.
 */
export type MutationState =
  | 'queued'
  | 'sent'
  | 'accepted'
  | 'confirmed'
  | 'settled'
  | 'rejected'
  | 'cancelled';

/** What to wait for: a publication by its `ref`, or a version of a key. */
export type SyncToken = string | { readonly key: string; readonly version: number };

/** Why a mutation was rejected or cancelled. */
export type Rejection = {
  /** `rejected`: the backend said no, with `error` as its code. `conflict`: its mutator threw. The others are the SDK's. */
  readonly code: RefusalCode | 'rejected' | 'queue_full' | 'storage_failed' | 'outcome_unknown';
  readonly detail: string;
  /** Whether it may have been carried out all the same. */
  readonly unknown: boolean;
  readonly error?: string | undefined;
  readonly data?: unknown;
};

/** One change as the user made it. Nothing of it changes. */
export type Change = {
  /** Names it to everybody: the key of its request, and the `ref` of its publication. */
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly args: unknown;
  /** When, ms since the epoch. */
  readonly atMs: number;
};

/** One mutation as it stands; a new object for each change. */
export type MutationItem = Change & {
  readonly state: MutationState;
  /** Why it was rejected or cancelled. */
  readonly rejection: Rejection | null;
  /** What the backend's answer named. */
  readonly token: SyncToken | null;
};

/** What came of sending one. */
export type SendResult =
  | { readonly result: 'accepted'; readonly token?: SyncToken | undefined }
  /** For good: it is rolled back. */
  | {
      readonly result: 'rejected';
      readonly code: string;
      readonly message: string;
      readonly data?: unknown;
    }
  /** It is sent again under its id. `failed`: the backend was there and failed; so many of these and it is given up. */
  | {
      readonly result: 'retry';
      readonly reason: string;
      readonly retryAfterMs?: number | undefined;
      readonly failed?: boolean | undefined;
    };

/** The form of the records. One of a newer SDK is left alone: neither sent nor removed. */
const FORM = 1;

/** A mutation as it lies in the store. */
type Stored = Change & {
  /** What the backend's answer named; null: nothing. Absent: it has not taken it. */
  readonly token?: SyncToken | null | undefined;
};

export function encodeMutation({ id, name, key, args, atMs, token }: Stored): string {
  return JSON.stringify({ v: FORM, id, name, key, args, atMs, token });
}

/** What the store holds was written by whoever may write there. @returns null: it is none of this SDK's */
export function decodeMutation(text: string): Stored | null {
  try {
    const stored = JSON.parse(text) as (Stored & { readonly v: unknown }) | null;
    const fits =
      stored?.v === FORM &&
      [stored.id, stored.name, stored.key].every((each) => typeof each === 'string') &&
      typeof stored.atMs === 'number';
    if (!fits) return null;
    // In the order in which it was made: a backend may hold a repetition against the first, word for word.
    const { id, name, key, args, atMs, token } = stored;
    return { id, name, key, args, atMs, token };
  } catch {
    // Not written by the SDK, or cut short: there is nothing that could be sent.
    return null;
  }
}
