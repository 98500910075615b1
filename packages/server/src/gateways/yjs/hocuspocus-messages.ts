import type { Role } from '@carillon/protocol';
import { ByteReader, lengthAndText } from './bytes.ts';
import { AUTH, readYMessage, type YMessage } from './y-messages.ts';

/** Types of messages of Hocuspocus 4 beside those of y-protocols. Each message begins with the document it is about. */
const CLOSE = 7;
const SYNC_STATUS = 8;
const PONG = 10;

/** Messages of `AUTH`. */
const TOKEN = 0;
const PERMISSION_DENIED = 1;
const AUTHENTICATED = 2;

export type HocuspocusMessage =
  | { readonly kind: 'token'; readonly key: string; readonly token: string }
  | { readonly kind: 'close'; readonly key: string }
  | { readonly kind: 'document'; readonly key: string; readonly message: YMessage }
  | { readonly kind: 'pong' };

/** @returns null where it is no message */
export function readHocuspocus(data: Uint8Array): HocuspocusMessage | null {
  if (data.length === 1 && data[0] === PONG) return { kind: 'pong' };
  const reader = new ByteReader(data);
  const key = reader.text();
  const type = reader.whole();
  const message = readRest(reader, key, type);
  return reader.failed ? null : message;
}

function readRest(reader: ByteReader, key: string, type: number): HocuspocusMessage | null {
  switch (type) {
    case AUTH:
      return reader.whole() === TOKEN ? { kind: 'token', key, token: reader.text() } : null;
    case CLOSE:
      return { kind: 'close', key };
    default: {
      const message = readYMessage(reader, type);
      return message === null ? null : { kind: 'document', key, message };
    }
  }
}

/** The document's name: providers of one name on one socket put an id of their own behind it. */
export function nameOf(key: string): string {
  const end = key.indexOf('\0');
  return end < 0 ? key : key.slice(0, end);
}

export function authenticated(role: Role): Uint8Array {
  return withText([AUTH, AUTHENTICATED], role === 'write' ? 'read-write' : 'readonly');
}

export function denied(reason: string): Uint8Array {
  return withText([AUTH, PERMISSION_DENIED], reason);
}

/** Asks the provider for its token. */
export const ASK_TOKEN: Uint8Array = Uint8Array.of(AUTH, TOKEN);

/** Whether a message with changes is kept. */
export const SAVED: Uint8Array = Uint8Array.of(SYNC_STATUS, 1);
export const NOT_SAVED: Uint8Array = Uint8Array.of(SYNC_STATUS, 0);

export function closed(reason: string): Uint8Array {
  return withText([CLOSE], reason);
}

function withText(head: readonly number[], text: string): Uint8Array {
  return Buffer.concat([Uint8Array.from(head), lengthAndText(text)]);
}
