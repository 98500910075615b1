const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

const PAD = '=';

/** Characters by what they stand for, and what they stand for by their code. */
const CODES = new Uint8Array(128);
for (let at = 0; at < ALPHABET.length; at++) CODES[ALPHABET.charCodeAt(at)] = at;

/** Younger than the browsers that the SDK runs in, and some twenty times as fast as a table. */
type Native = { toBase64?(): string };
type NativeClass = { fromBase64?(text: string): Uint8Array };

/** Bytes as base64 (RFC 4648, section 4), padded. */
export function toBase64(bytes: Uint8Array): string {
  return (bytes as Native).toBase64?.() ?? tableToBase64(bytes);
}

/**
 * @param text base64 of the server's, padded
 * @returns undefined where it is none
 */
export function fromBase64(text: string): Uint8Array | undefined {
  const { fromBase64: native } = Uint8Array as NativeClass;
  if (native === undefined) return tableFromBase64(text);
  try {
    return native.call(Uint8Array, text);
  } catch {
    // Undefined says it.
    return undefined;
  }
}

/** `toBase64` where the browser has none. */
export function tableToBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const left = bytes.length - at;
    text += ALPHABET.charAt(a >> 2) + ALPHABET.charAt(((a & 3) << 4) | (b >> 4));
    text += left > 1 ? ALPHABET.charAt(((b & 15) << 2) | (c >> 6)) : PAD;
    text += left > 2 ? ALPHABET.charAt(c & 63) : PAD;
  }
  return text;
}

/** `fromBase64` where the browser has none. */
export function tableFromBase64(text: string): Uint8Array | undefined {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith(PAD) ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let from = 0, to = 0; from < text.length; from += 4, to += 3) {
    const word =
      (codeAt(text, from) << 18) |
      (codeAt(text, from + 1) << 12) |
      (codeAt(text, from + 2) << 6) |
      codeAt(text, from + 3);
    // What lies behind the end is the padding's, and dropped.
    bytes[to] = word >> 16;
    bytes[to + 1] = (word >> 8) & 255;
    bytes[to + 2] = word & 255;
  }
  return bytes;
}

function codeAt(text: string, at: number): number {
  return CODES[text.charCodeAt(at)] ?? 0;
}
