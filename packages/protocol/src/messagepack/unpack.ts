import { MAX_PACKED_DEPTH } from '../limits.ts';

/** What a frame of MessagePack held, or what is wrong with it. */
export type Unpacked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly detail: string };

/** Up to this length a loop over the bytes is faster than a call of the decoder. */
const SHORT_TEXT_BYTES = 24;

/** Made when it is needed: this is imported where there is none too, or one that cannot be told to be strict (React Native). */
let decoder: InstanceType<typeof TextDecoder> | undefined;

const NOTHING = new Uint8Array(0);
const NO_VIEW = new DataView(NOTHING.buffer);

// One frame is read at a time, within one call. What is wrong with it ends the reading: nothing behind it is looked at.
let bytes: Uint8Array = NOTHING;
let view: DataView = NO_VIEW;
let at = 0;
let problem: string | null = null;

/**
 * Reads MessagePack that says what JSON could say, and refuses everything else: extension types, binary data, numbers
 * that are not finite, integers beyond 2^53, keys that are not strings or come twice, text that is not UTF-8, lengths
 * beyond the frame, bytes behind the value ([PACK2]). Takes what strangers send: never throws, and takes no memory for
 * what was announced but did not come. A key `__proto__` becomes a property like any other, as with `JSON.parse`.
 */
export function unpack(frame: Uint8Array): Unpacked {
  bytes = frame;
  view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  at = 0;
  problem = null;
  const value = read(0);
  if (problem === null && at < bytes.length) problem = 'more than one value';
  const result: Unpacked = problem === null ? { ok: true, value } : { ok: false, detail: problem };
  // The frame is not kept alive until the next one comes.
  bytes = NOTHING;
  view = NO_VIEW;
  return result;
}

/** @returns undefined, which no value is, where something is wrong */
function read(depth: number): unknown {
  const type = bytes[at];
  if (type === undefined) return wrong('it ends too early');
  at++;
  if (type < 0x80) return type;
  if (type < 0x90) return readMap(type & 0x0f, depth);
  if (type < 0xa0) return readArray(type & 0x0f, depth);
  if (type < 0xc0) return readText(type & 0x1f);
  if (type >= 0xe0) return type - 0x100;
  switch (type) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xca:
      return has(4) ? finite(view.getFloat32(at - 4)) : undefined;
    case 0xcb:
      return has(8) ? finite(view.getFloat64(at - 8)) : undefined;
    case 0xcc:
      return has(1) ? view.getUint8(at - 1) : undefined;
    case 0xcd:
      return has(2) ? view.getUint16(at - 2) : undefined;
    case 0xce:
      return has(4) ? view.getUint32(at - 4) : undefined;
    case 0xcf:
      return has(8) ? exact(view.getUint32(at - 8) * 0x100000000 + view.getUint32(at - 4)) : undefined;
    case 0xd0:
      return has(1) ? view.getInt8(at - 1) : undefined;
    case 0xd1:
      return has(2) ? view.getInt16(at - 2) : undefined;
    case 0xd2:
      return has(4) ? view.getInt32(at - 4) : undefined;
    case 0xd3:
      return has(8) ? exact(view.getInt32(at - 8) * 0x100000000 + view.getUint32(at - 4)) : undefined;
    case 0xd9:
      return has(1) ? readText(view.getUint8(at - 1)) : undefined;
    case 0xda:
      return has(2) ? readText(view.getUint16(at - 2)) : undefined;
    case 0xdb:
      return has(4) ? readText(view.getUint32(at - 4)) : undefined;
    case 0xdc:
      return has(2) ? readArray(view.getUint16(at - 2), depth) : undefined;
    case 0xdd:
      return has(4) ? readArray(view.getUint32(at - 4), depth) : undefined;
    case 0xde:
      return has(2) ? readMap(view.getUint16(at - 2), depth) : undefined;
    case 0xdf:
      return has(4) ? readMap(view.getUint32(at - 4), depth) : undefined;
    default:
      return wrong(type <= 0xc6 && type >= 0xc4 ? 'binary data' : 'an extension type');
  }
}

function readArray(length: number, depth: number): unknown {
  if (depth >= MAX_PACKED_DEPTH) return wrong(`nested deeper than ${MAX_PACKED_DEPTH} levels`);
  // Each item takes a byte at least: what cannot be there is not made room for.
  if (length > bytes.length - at) return wrong('it ends too early');
  const items: unknown[] = [];
  for (let i = 0; i < length && problem === null; i++) items.push(read(depth + 1));
  return items;
}

function readMap(size: number, depth: number): unknown {
  if (depth >= MAX_PACKED_DEPTH) return wrong(`nested deeper than ${MAX_PACKED_DEPTH} levels`);
  if (2 * size > bytes.length - at) return wrong('it ends too early');
  const map: Record<string, unknown> = {};
  for (let i = 0; i < size && problem === null; i++) {
    const key = readKey();
    if (key === undefined) return undefined;
    if (Object.hasOwn(map, key)) return wrong('a key twice');
    const value = read(depth + 1);
    if (key === '__proto__')
      Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
    else map[key] = value;
  }
  return map;
}

function readKey(): string | undefined {
  const type = bytes[at] ?? 0xa0;
  if ((type < 0xa0 || type > 0xbf) && (type < 0xd9 || type > 0xdb)) return wrong('a key that is no string');
  return read(0) as string | undefined;
}

function readText(length: number): string | undefined {
  if (!has(length)) return undefined;
  const from = at - length;
  if (length <= SHORT_TEXT_BYTES) {
    let text = '';
    let i = from;
    for (; i < at; i++) {
      const unit = bytes[i] as number;
      if (unit > 0x7f) break;
      text += String.fromCharCode(unit);
    }
    if (i === at) return text;
  }
  decoder ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return decoder.decode(bytes.subarray(from, at));
  } catch {
    return wrong('text that is not UTF-8');
  }
}

/** Steps over so many bytes, where they are there. */
function has(count: number): boolean {
  if (count > bytes.length - at) {
    wrong('it ends too early');
    return false;
  }
  at += count;
  return true;
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : wrong('a number that is not finite');
}

function exact(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : wrong('an integer beyond 2^53');
}

function wrong(detail: string): undefined {
  problem ??= detail;
  return undefined;
}
