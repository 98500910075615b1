/**
 * MessagePack of what JSON can say, and of nothing else: no extension type, no binary data. The names are those of its
 * specification (github.com/msgpack/msgpack/blob/master/spec.md).
 */

const FIX_MAP = 0x80;
const FIX_ARRAY = 0x90;
const FIX_STR = 0xa0;
const NIL = 0xc0;
const FALSE = 0xc2;
const TRUE = 0xc3;
const FLOAT_32 = 0xca;
const FLOAT_64 = 0xcb;
const UINT_8 = 0xcc;
const INT_8 = 0xd0;
const STR_8 = 0xd9;
const ARRAY_16 = 0xdc;
const MAP_16 = 0xde;

const TWO_TO_32 = 2 ** 32;

/** Most messages fit; where one does not, the scratch grows, and is let go of again. */
const SCRATCH_BYTES = 16 * 1024;

/** Made when it is needed, as the scratch is: this is imported where nothing is packed, and where there is none (React Native). */
let encoder: InstanceType<typeof TextEncoder> | undefined;

// One message is packed at a time, within one call: nothing of it outlives the call but the copy that is returned.
let bytes = new Uint8Array(0);
let view = new DataView(bytes.buffer);
let at = 0;

/**
 * Packs what `JSON.parse` returned, each number and length in its shortest form. A lone surrogate, which UTF-8 cannot
 * carry, becomes U+FFFD.
 *
 * @param value of bounded depth: it is gone down by recursion
 * @param headroom bytes that are left free at the beginning, for a header
 * @returns bytes that are the caller's alone
 */
export function pack(value: unknown, headroom = 0): Uint8Array<ArrayBuffer> {
  at = 0;
  if (bytes.length === 0) use(SCRATCH_BYTES);
  reserve(headroom);
  at = headroom;
  write(value);
  const packed = bytes.slice(0, at);
  if (bytes.length > SCRATCH_BYTES) use(SCRATCH_BYTES);
  return packed;
}

function write(value: unknown): void {
  // Room for the longest head; what is longer makes room for itself.
  reserve(9);
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      return writeNumber(value);
    case 'boolean':
      bytes[at++] = value ? TRUE : FALSE;
      return;
    case 'object':
      if (value === null) break;
      return Array.isArray(value) ? writeArray(value) : writeMap(value as Readonly<Record<string, unknown>>);
    default:
      // As JSON has it within an array; a map leaves such entries out.
      break;
  }
  bytes[at++] = NIL;
}

function writeArray(items: readonly unknown[]): void {
  writeSize(items.length, FIX_ARRAY, 15, ARRAY_16);
  for (const item of items) write(item);
}

function writeMap(map: Readonly<Record<string, unknown>>): void {
  const keys = Object.keys(map);
  let size = keys.length;
  for (const key of keys) if (map[key] === undefined) size--;
  writeSize(size, FIX_MAP, 15, MAP_16);
  for (const key of keys) {
    const value = map[key];
    if (value === undefined) continue;
    reserve(9);
    writeString(key);
    write(value);
  }
}

/** @param wide the type with 16 bits of length; the one with 32 is next to it */
function writeSize(size: number, fix: number, fixMost: number, wide: number): void {
  if (size <= fixMost) bytes[at++] = fix | size;
  else if (size < 0x10000) {
    bytes[at] = wide;
    view.setUint16(at + 1, size);
    at += 3;
  } else {
    bytes[at] = wide + 1;
    view.setUint32(at + 1, size);
    at += 5;
  }
}

function writeString(text: string): void {
  const { length } = text;
  // UTF-8 takes at most three bytes for a UTF-16 unit.
  reserve(5 + 3 * length);
  if (length < 32 && writeShortAscii(text)) return;
  // The length is known only behind the text: it is written where most end up, and moved where that was not so.
  const guess = headLength(length);
  encoder ??= new TextEncoder();
  const size = encoder.encodeInto(text, bytes.subarray(at + guess)).written;
  const head = headLength(size);
  if (head !== guess) bytes.copyWithin(at + head, at + guess, at + guess + size);
  if (head === 1) bytes[at] = FIX_STR | size;
  else if (head === 2) {
    bytes[at] = STR_8;
    bytes[at + 1] = size;
  } else if (head === 3) {
    bytes[at] = STR_8 + 1;
    view.setUint16(at + 1, size);
  } else {
    bytes[at] = STR_8 + 2;
    view.setUint32(at + 1, size);
  }
  at += head + size;
}

function headLength(size: number): number {
  if (size < 32) return 1;
  if (size < 0x100) return 2;
  return size < 0x10000 ? 3 : 5;
}

/** Keys and most values: a call of the encoder takes longer than they do. */
function writeShortAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return false;
    bytes[at + 1 + i] = unit;
  }
  bytes[at] = FIX_STR | text.length;
  at += 1 + text.length;
  return true;
}

function writeNumber(value: number): void {
  // Zero has a sign in JSON's text, which only a float keeps.
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return writeFloat(value);
  if (value >= 0) {
    if (value < 0x80) bytes[at++] = value;
    else writeInteger(value, UINT_8, value < 0x100 ? 0 : value < 0x10000 ? 1 : value < TWO_TO_32 ? 2 : 3);
  } else if (value >= -32) bytes[at++] = value & 0xff;
  else
    writeInteger(value, INT_8, value >= -0x80 ? 0 : value >= -0x8000 ? 1 : value >= -TWO_TO_32 / 2 ? 2 : 3);
}

/** @param power of the bytes that it takes, behind those of `type` */
function writeInteger(value: number, type: typeof UINT_8 | typeof INT_8, power: 0 | 1 | 2 | 3): void {
  bytes[at++] = type + power;
  if (power === 0) bytes[at] = value;
  else if (power === 1) view.setUint16(at, value);
  else if (power === 2) view.setUint32(at, value);
  else {
    view.setUint32(at, Math.floor(value / TWO_TO_32));
    view.setUint32(at + 4, value);
  }
  at += 1 << power;
}

function writeFloat(value: number): void {
  // Half the bytes, where that loses nothing.
  if (Math.fround(value) === value) {
    bytes[at] = FLOAT_32;
    view.setFloat32(at + 1, value);
    at += 5;
    return;
  }
  bytes[at] = FLOAT_64;
  view.setFloat64(at + 1, value);
  at += 9;
}

function reserve(more: number): void {
  if (at + more <= bytes.length) return;
  const old = bytes;
  use(2 * (at + more));
  bytes.set(old);
}

function use(length: number): void {
  bytes = new Uint8Array(length);
  view = new DataView(bytes.buffer);
}
