import { isUtf8 } from 'node:buffer';

/** How deep values may be nested in one another. Decoders and `JSON.stringify` go down by recursion; editors nest a dozen deep. */
export const MAX_VALUE_NESTING = 100;

/** Bytes of the longest number that can be below 2^53. Longer ones are padded, and only there to be read for a long time. */
const MAX_NUMBER_BYTES = 8;

/**
 * A place in bytes that somebody sent. A reader that cannot go on notes why in `fault` and gives 0; from then on all of them do.
 * Whoever loops over a count that was read looks at `fault`, for the count may be anything.
 */
export type Cursor = { readonly bytes: Uint8Array; at: number; fault: string | null };

export function cursorOn(bytes: Uint8Array): Cursor {
  return { bytes, at: 0, fault: null };
}

export function fail(cursor: Cursor, detail: string): 0 {
  cursor.fault ??= detail;
  cursor.at = cursor.bytes.length;
  return 0;
}

const TRUNCATED = 'it ends too early';

export function readByte(cursor: Cursor): number {
  const { bytes, at } = cursor;
  if (at >= bytes.length) return fail(cursor, TRUNCATED);
  cursor.at = at + 1;
  return bytes[at] as number;
}

/** An unsigned number of up to 2^53 - 1, seven bits a byte, the lowest first. */
export function readVarUint(cursor: Cursor): number {
  const first = readByte(cursor);
  return first < 0x80 ? first : readMore(cursor, first & 0x7f, 0x80);
}

/** A signed number, of which nothing is wanted but its end. */
function skipVarInt(cursor: Cursor): void {
  const first = readByte(cursor);
  if (first >= 0x80) readMore(cursor, first & 0x3f, 0x40);
}

function readMore(cursor: Cursor, begun: number, firstUnit: number): number {
  let value = begun;
  let unit = firstUnit;
  for (let i = 1; i < MAX_NUMBER_BYTES; i++) {
    const byte = readByte(cursor);
    value += (byte & 0x7f) * unit;
    if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : fail(cursor, 'a number is too large');
    unit *= 0x80;
  }
  return fail(cursor, 'a number is too large');
}

export function skipBytes(cursor: Cursor, length: number): void {
  if (length > cursor.bytes.length - cursor.at) fail(cursor, TRUNCATED);
  else cursor.at += length;
}

/** A text with its length before it. @returns its length in UTF-16 units */
export function readText(cursor: Cursor): number {
  const length = readVarUint(cursor);
  const from = cursor.at;
  skipBytes(cursor, length);
  if (cursor.fault !== null) return 0;
  const { bytes } = cursor;
  const to = from + length;
  let units = length;
  let bits = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    bits |= byte;
    if (byte < 0x80) continue;
    // A byte that goes on with a character is no unit of its own; one that begins four bytes stands for two units.
    if (byte < 0xc0) units--;
    else if (byte >= 0xf0) units++;
  }
  if (bits < 0x80 || isUtf8(bytes.subarray(from, to))) return units;
  return fail(cursor, 'a text is not UTF-8');
}

/** A text that must be JSON. `orUndefined`: or the word "undefined", which stands for it in lists of values. */
export function skipJson(cursor: Cursor, orUndefined: boolean): void {
  const before = cursor.at;
  readText(cursor);
  if (cursor.fault !== null) return;
  const text = textAt(cursor.bytes, before);
  if (text === 'true' || text === 'null' || (orUndefined && text === 'undefined')) return;
  if (isTooDeep(text)) {
    fail(cursor, 'values are nested too deep');
    return;
  }
  try {
    JSON.parse(text);
  } catch {
    fail(cursor, 'a value is not JSON');
  }
}

/** The text whose length stands at `at`. It has been read before: nothing can be wrong with it. */
export function textAt(bytes: Uint8Array, at: number): string {
  const cursor = { bytes, at, fault: null };
  const length = readVarUint(cursor);
  return Buffer.from(bytes.buffer, bytes.byteOffset + cursor.at, length).toString('utf8');
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function isTooDeep(json: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < json.length; i++) {
    const unit = json.charCodeAt(i);
    if (quoted) {
      if (unit === BACKSLASH) i++;
      else if (unit === QUOTE) quoted = false;
    } else if (unit === QUOTE) quoted = true;
    // [ and {, ] and }
    else if (unit === 0x5b || unit === 0x7b) {
      depth++;
      if (depth > MAX_VALUE_NESTING) return true;
    } else if (unit === 0x5d || unit === 0x7d) depth--;
  }
  return false;
}

/** The marks before the values of lib0's "any" encoding. */
export const ANY = {
  bytes: 116,
  list: 117,
  object: 118,
  text: 119,
  yes: 120,
  no: 121,
  bigint: 122,
  float64: 123,
  float32: 124,
  integer: 125,
  null: 126,
  undefined: 127,
} as const;

/** A value of any type. */
export function skipAny(cursor: Cursor, depth = 0): void {
  switch (readByte(cursor)) {
    case ANY.undefined:
    case ANY.null:
    case ANY.no:
    case ANY.yes:
      return;
    case ANY.integer:
      skipVarInt(cursor);
      return;
    case ANY.float32:
      skipBytes(cursor, 4);
      return;
    case ANY.float64:
    case ANY.bigint:
      skipBytes(cursor, 8);
      return;
    case ANY.text:
      readText(cursor);
      return;
    case ANY.bytes:
      skipBytes(cursor, readVarUint(cursor));
      return;
    case ANY.object:
      skipMembers(cursor, depth, true);
      return;
    case ANY.list:
      skipMembers(cursor, depth, false);
      return;
    default:
      fail(cursor, 'a value is of no known type');
  }
}

function skipMembers(cursor: Cursor, depth: number, keyed: boolean): void {
  if (depth >= MAX_VALUE_NESTING) {
    fail(cursor, 'values are nested too deep');
    return;
  }
  const count = readVarUint(cursor);
  for (let i = 0; i < count && cursor.fault === null; i++) {
    if (keyed) readText(cursor);
    skipAny(cursor, depth + 1);
  }
}
