import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import type { Connection, FrameRun, Link } from '../../ports/transport.ts';
import { runBytes } from './frame-bytes.ts';

const NOTHING = Buffer.alloc(0);

/**
 * One WebSocket as the runtime sees it. A class, and shared listeners that find it by `connectionOf`, because there is
 * one for each of many thousands of idle clients: closures would cost each of them several hundred bytes.
 *
 * Frames are written to the raw socket, already framed. `ws` writes its own frames (pong, close) to the same socket,
 * each whole and within one call, so that the two cannot interleave inside a frame.
 */
export class SocketConnection implements Connection {
  readonly id: number;
  readonly address: string;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  #link: Link | null = null;
  #writing = false;
  #closed = false;

  constructor(id: number, address: string, webSocket: WebSocket, socket: Socket) {
    this.id = id;
    this.address = address;
    this.#webSocket = webSocket;
    this.#socket = socket;
  }

  get writing(): boolean {
    return this.#writing;
  }

  /** Whom the socket's events go to. Set once, before the first event. */
  drive(link: Link): void {
    this.#link = link;
  }

  write(run: FrameRun): number {
    const bytes = runBytes(run);
    if (this.#closed || this.#socket.destroyed) return 0;
    this.#socket.write(bytes);
    // The kernel takes most writes whole and at once. Only the rest pays for a callback: an empty write behind them.
    if (this.#socket.writableLength > 0) {
      this.#writing = true;
      this.#socket.write(NOTHING, () => this.#drained());
    }
    return bytes.length;
  }

  #drained(): void {
    this.#writing = false;
    if (!this.#closed) this.#link?.drained();
  }

  close(code: number, reason: string): void {
    this.#webSocket.close(code, reason);
  }

  terminate(): void {
    this.#webSocket.terminate();
  }

  received(data: RawData, isBinary: boolean): void {
    if (this.#closed || this.#link === null) return;
    if (isBinary) this.#link.binary();
    else this.#link.message((data as Buffer).toString('utf8'));
  }

  gone(code: number): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#link?.closed(code);
  }
}
