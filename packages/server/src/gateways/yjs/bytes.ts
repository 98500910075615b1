/**
 * Reads what y-protocols is made of (the encoding of lib0): unsigned integers of 7 bits a byte, least first, and bytes and UTF-8 behind
 * their length. Never throws: what is not there, or too large, sets `failed`, and reads as nothing.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** A whole number up to 2^53 - 1. */
  whole(): number {
    let value = 0;
    let weight = 1;
    for (;;) {
      const byte = this.#bytes[this.#at++];
      // Zeros that go on for ever name no number.
      if (byte === undefined || weight > Number.MAX_SAFE_INTEGER) return this.#fail();
      value += (byte & 0x7f) * weight;
      if (value > Number.MAX_SAFE_INTEGER) return this.#fail();
      if (byte < 0x80) return value;
      weight *= 128;
    }
  }

  /** A part of what is read, not a copy. */
  bytes(): Uint8Array {
    const length = this.whole();
    const end = this.#at + length;
    if (this.failed || end > this.#bytes.length) {
      this.#fail();
      return NOTHING;
    }
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  text(): string {
    const part = this.bytes();
    return Buffer.from(part.buffer, part.byteOffset, part.length).toString('utf8');
  }

  #fail(): 0 {
    this.failed = true;
    this.#at = this.#bytes.length;
    return 0;
  }
}

const NOTHING = new Uint8Array(0);

/** A whole number as `ByteReader.whole` reads it. */
export function wholeBytes(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest % 128) | 0x80);
    // No shift: numbers have up to 53 bits.
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Bytes behind their length. */
export function lengthAnd(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([wholeBytes(bytes.length), bytes]);
}

/** UTF-8 behind its length. */
export function lengthAndText(text: string): Uint8Array {
  return lengthAnd(Buffer.from(text));
}
