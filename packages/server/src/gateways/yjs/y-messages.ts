import { ByteReader, lengthAnd, lengthAndText, wholeBytes } from './bytes.ts';

/** Types of messages, of y-websocket and Hocuspocus alike. */
const SYNC = 0;
const AWARENESS = 1;
export const AUTH = 2;
const QUERY_AWARENESS = 3;

/** Steps of `SYNC` (y-protocols, sync). */
const STEP_1 = 0;
const STEP_2 = 1;
const UPDATE = 2;

/** The only message of `AUTH` in y-protocols. */
const PERMISSION_DENIED = 0;

/** One client id's part of an awareness message. `state` is JSON text, `null` where it is over; not looked into yet. */
export type AwarenessEntry = { readonly client: number; readonly clock: number; readonly state: string };

/** What clients of y-protocols send. */
export type YMessage =
  | { readonly kind: 'step1'; readonly vector: Uint8Array }
  /** `full`: the answer to a state vector, which repeats deletions that are known. */
  | { readonly kind: 'update'; readonly update: Uint8Array; readonly full: boolean }
  | { readonly kind: 'awareness'; readonly entries: readonly AwarenessEntry[] }
  | { readonly kind: 'query' }
  /** Of the app's own: clients may have more types. */
  | { readonly kind: 'other' };

/** Client ids of one awareness message at most: a client that repeats what it was sent names everybody. */
export const MAX_ENTRIES = 10_000;

/**
 * Reads a message of a type that was read already.
 *
 * @returns null where it is none
 */
export function readYMessage(reader: ByteReader, type: number): YMessage | null {
  const message = readBody(reader, type);
  return reader.failed ? null : message;
}

function readBody(reader: ByteReader, type: number): YMessage | null {
  switch (type) {
    case SYNC:
      return readSync(reader);
    case AWARENESS:
      return readAwareness(new ByteReader(reader.bytes()));
    case QUERY_AWARENESS:
      return { kind: 'query' };
    default:
      return { kind: 'other' };
  }
}

function readSync(reader: ByteReader): YMessage | null {
  switch (reader.whole()) {
    case STEP_1:
      return { kind: 'step1', vector: reader.bytes() };
    case STEP_2:
      return { kind: 'update', update: reader.bytes(), full: true };
    case UPDATE:
      return { kind: 'update', update: reader.bytes(), full: false };
    default:
      return null;
  }
}

function readAwareness(reader: ByteReader): YMessage | null {
  const count = reader.whole();
  if (count > MAX_ENTRIES) return null;
  const entries: AwarenessEntry[] = [];
  for (let i = 0; i < count && !reader.failed; i++)
    entries.push({ client: reader.whole(), clock: reader.whole(), state: reader.text() });
  return reader.failed ? null : { kind: 'awareness', entries };
}

/** Asks the client for what the server lacks. */
export function step1(vector: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(SYNC, STEP_1), lengthAnd(vector)]);
}

/** How a message begins that is an update behind its length. */
export const SYNC_UPDATE: Uint8Array = Uint8Array.of(SYNC, UPDATE);

export function updateMessage(update: Uint8Array): Uint8Array {
  return Buffer.concat([SYNC_UPDATE, lengthAnd(update)]);
}

/** An update that changes nothing, as the answer to the client's question: it has all that there is. */
export const SYNCED: Uint8Array = Uint8Array.of(SYNC, STEP_2, 2, 0, 0);

/** How an awareness message begins that has so many entries of so many bytes. */
export function awarenessHead(entries: number, bytes: number): Uint8Array {
  const count = wholeBytes(entries);
  return Buffer.concat([Uint8Array.of(AWARENESS), wholeBytes(count.length + bytes), count]);
}

/** @param state JSON text */
export function awarenessEntry(client: number, clock: number, state: string): Uint8Array {
  return Buffer.concat([wholeBytes(client), wholeBytes(clock), lengthAndText(state)]);
}

/** Awareness of nobody: shows a client that hears nothing else that the server is there. */
export const STILL_THERE: Uint8Array = Uint8Array.of(AWARENESS, 1, 0);

/** @param reason for people: y-websocket writes it to the console */
export function permissionDenied(reason: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(AUTH, PERMISSION_DENIED), lengthAndText(reason)]);
}

/** Whether an update brings nothing and deletes nothing. */
export function isEmptyUpdate(update: Uint8Array): boolean {
  return update.length === 2 && update[0] === 0 && update[1] === 0;
}
