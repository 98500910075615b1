import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { noteFrame } from './frame-check.ts';
import { within } from './within.ts';

// WebSocket by hand (RFC 6455), for what no library sends: broken frames, and a reader that stops.

/** A text message; clients mask, with a key of zeros here, which leaves the payload readable. */
export function textFrame(text: string): Buffer {
  return frame(0x81, Buffer.from(text));
}

/** @param first FIN, reserved bits and opcode */
export function frame(first: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const header = length < 126 ? Buffer.from([first, 0x80 | length]) : Buffer.alloc(length < 65_536 ? 4 : 10);
  if (length >= 126) {
    header[0] = first;
    if (length < 65_536) {
      header[1] = 0x80 | 126;
      header.writeUInt16BE(length, 2);
    } else {
      header[1] = 0x80 | 127;
      header.writeBigUInt64BE(BigInt(length), 2);
    }
  }
  return Buffer.concat([header, Buffer.alloc(4), payload]);
}

/** The request that opens a WebSocket. */
export function upgradeRequest(port: number, extra = ''): string {
  return (
    `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${extra}\r\n`
  );
}

/** A plain TCP connection; errors of a peer that resets it are its end and nothing more. */
export async function connectRaw(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  await within(once(socket, 'connect'), 'the TCP connection is open');
  return socket;
}

export type RawWebSocket = {
  readonly socket: Socket;
  /** Bytes received after the handshake. */
  readonly bytes: number;
  /** The text messages received so far. */
  readonly texts: readonly string[];
  send(text: string): void;
  /** The first text message, from the first on, that fits; waits for it. */
  waitFor(what: string, fits: (text: string) => boolean): Promise<string>;
};

/** Opens a WebSocket on a raw socket and keeps what it receives. */
export async function openRawWebSocket(port: number): Promise<RawWebSocket> {
  const socket = await connectRaw(port);
  const texts: string[] = [];
  const waiting: { readonly fits: (text: string) => boolean; readonly resolve: (text: string) => void }[] =
    [];
  const opened = Promise.withResolvers<void>();
  let isOpen = false;
  let bytes = 0;
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    if (!isOpen) {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      rest = rest.subarray(end + 4);
      bytes = rest.length;
      isOpen = true;
      opened.resolve();
    } else bytes += chunk.length;
    rest = rest.subarray(readTexts(rest, hear));
  });

  function hear(text: string): void {
    noteFrame(text);
    texts.push(text);
    for (const { fits, resolve } of waiting) if (fits(text)) resolve(text);
  }

  socket.write(upgradeRequest(port));
  await within(opened.promise, 'the upgrade is answered');
  return {
    socket,
    texts,
    get bytes() {
      return bytes;
    },
    send: (text) => void socket.write(textFrame(text)),
    waitFor(what, fits) {
      const before = texts.find(fits);
      if (before !== undefined) return Promise.resolve(before);
      const { promise, resolve } = Promise.withResolvers<string>();
      waiting.push({ fits, resolve });
      return within(promise, what);
    },
  };
}

/**
 * Reads the whole text frames at the start of what a server sent, unmasked and in one piece each.
 *
 * @returns how many bytes they took
 */
function readTexts(bytes: Buffer, hear: (text: string) => void): number {
  let from = 0;
  while (from + 2 <= bytes.length) {
    const short = bytes[from + 1]! & 0x7f;
    const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (from + headerBytes > bytes.length) break;
    const long = (): number =>
      short === 126 ? bytes.readUInt16BE(from + 2) : Number(bytes.readBigUInt64BE(from + 2));
    const end = from + headerBytes + (short < 126 ? short : long());
    if (end > bytes.length) break;
    if ((bytes[from]! & 0x0f) === 1) hear(bytes.toString('utf8', from + headerBytes, end));
    from = end;
  }
  return from;
}
