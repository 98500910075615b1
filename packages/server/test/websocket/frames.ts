/** Frames by hand (RFC 6455, section 5.2), for what no client library would send and to read what a server sent. */

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export type Opcode = keyof typeof OPCODES;

export type ReceivedFrame = { readonly fin: boolean; readonly opcode: number; readonly payload: Buffer };

/** A frame as a client sends it, masked. */
export function maskedFrame(
  opcode: Opcode,
  payload: Uint8Array,
  { fin = true, mask = Buffer.alloc(4) }: { readonly fin?: boolean; readonly mask?: Uint8Array } = {},
): Buffer {
  const { length } = payload;
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const head = Buffer.alloc(size);
  head[0] = (fin ? 0x80 : 0) | OPCODES[opcode];
  head[1] = 0x80 | (size === 2 ? length : size === 4 ? 126 : 127);
  if (size === 4) head.writeUInt16BE(length, 2);
  if (size === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ mask[at % 4]!)]);
}

/** Takes a server's bytes apart. Throws where they are no whole, unmasked frames without reserved bits. */
export function framesOf(bytes: Buffer): ReceivedFrame[] {
  const frames: ReceivedFrame[] = [];
  let at = 0;
  while (at < bytes.length) {
    const first = bytes.readUInt8(at);
    const second = bytes.readUInt8(at + 1);
    if ((first & 0x70) !== 0 || second > 127) throw new Error(`no frame begins at byte ${at}`);
    at += 2;
    let length = second;
    if (second === 126) {
      length = bytes.readUInt16BE(at);
      at += 2;
    } else if (second === 127) {
      length = Number(bytes.readBigUInt64BE(at));
      at += 8;
    }
    if (at + length > bytes.length) throw new Error(`the frame before byte ${at} is cut off`);
    frames.push({
      fin: (first & 0x80) !== 0,
      opcode: first & 0x0f,
      payload: bytes.subarray(at, at + length),
    });
    at += length;
  }
  return frames;
}
