import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
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
  /** The messages that the bytes read so far hold. */
  texts(): string[];
  send(text: string): void;
};

/** Opens a WebSocket on a raw socket and keeps what it receives. */
export async function openRawWebSocket(port: number): Promise<RawWebSocket> {
  const socket = await connectRaw(port);
  const chunks: Buffer[] = [];
  let handshakeBytes = 0;
  let bytes = 0;
  const opened = Promise.withResolvers<void>();
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (handshakeBytes > 0) return;
    const end = Buffer.concat(chunks).indexOf('\r\n\r\n');
    if (end < 0) return;
    handshakeBytes = end + 4;
    opened.resolve();
  });
  socket.write(upgradeRequest(port));
  await within(opened.promise, 'the upgrade is answered');
  return {
    socket,
    get bytes() {
      return bytes - handshakeBytes;
    },
    texts: () => readTexts(Buffer.concat(chunks).subarray(handshakeBytes)),
    send: (text) => void socket.write(textFrame(text)),
  };
}

/** Whole text frames of a server, which does not mask. */
function readTexts(bytes: Buffer): string[] {
  const texts: string[] = [];
  let from = 0;
  while (from + 2 <= bytes.length) {
    const short = bytes[from + 1]! & 0x7f;
    const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (from + headerBytes > bytes.length) break;
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(from + 2)
          : Number(bytes.readBigUInt64BE(from + 2));
    const end = from + headerBytes + length;
    if (end > bytes.length) break;
    if ((bytes[from]! & 0x0f) === 1) texts.push(bytes.toString('utf8', from + headerBytes, end));
    from = end;
  }
  return texts;
}
