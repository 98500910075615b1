import type { Refusal } from '../channels/channel-events.ts';
import type { DurableRequest, StoreEdit } from './outbox-events.ts';

/** The form of the records. One of a newer SDK is left alone: neither sent nor removed. */
const FORM = 1;

/** An entry as it lies in the store: JSON text. */
export type StoredEntry = {
  readonly v: typeof FORM;
  /** What is asked for. */
  readonly what: DurableRequest;
  /** When, ms since the epoch. */
  readonly at: number;
  /** When it may first have been sent, ms since the epoch, and in which queue; both or none. */
  readonly first?: number | undefined;
  readonly q?: string | undefined;
  /** How it ended, where it was not confirmed. */
  readonly end?: { readonly state: 'rejected' | 'unknown'; readonly refusal: Refusal } | undefined;
};

export function encode(entry: Omit<StoredEntry, 'v'>): string {
  return JSON.stringify({ v: FORM, ...entry });
}

/** What the store holds was written by whoever may write there. @returns null: it is none of this SDK's */
export function decode(text: string): StoredEntry | null {
  try {
    const entry = JSON.parse(text) as StoredEntry | null;
    return entry?.v === FORM && typeof entry.at === 'number' && isRequest(entry.what) ? entry : null;
  } catch {
    // Not written by the SDK, or cut short: there is nothing that could be sent.
    return null;
  }
}

/** @throws where its payload is no JSON: on the wire that would cost the line, each time anew */
function isRequest(what: Readonly<Record<string, unknown>> | DurableRequest | null): boolean {
  const { channel, name, data, input } = (what ?? {}) as Readonly<Record<string, unknown>>;
  const payload = channel === undefined ? input : data;
  if (typeof (channel ?? name) !== 'string') return false;
  if (typeof payload === 'string') JSON.parse(payload);
  else if (payload !== null) return false;
  return true;
}

/**
 * What an edit makes of a record. A store calls it within the step in which it writes.
 *
 * @param now undefined: the record is gone, and MUST NOT come back
 * @returns undefined: it is removed
 */
export function edited(edit: StoreEdit, now: string | undefined): string | undefined {
  if (now === undefined || edit.do === 'remove') return undefined;
  if (edit.do === 'save') return edit.text;
  const entry = decode(now);
  if (entry === null || entry.first !== undefined) return now;
  return edit.do === 'drop' ? undefined : encode({ ...entry, first: edit.atMs, q: edit.queue });
}

/** An id that no other queue of the user has. @param random uniform in [0, 1) */
export function newQueue(random: number, wallMs: number): string {
  return `${random.toString(36).slice(2)}-${Math.trunc(wallMs).toString(36)}`;
}
