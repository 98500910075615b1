import type { Socket } from 'node:net';
import { type RawData, WebSocket } from 'ws';
import { CLOSES, PACKED_SUBPROTOCOL } from '@carillon/protocol';
import { CLOSE_TIMEOUT_MS } from '../../gate/web-sockets.ts';
import { writeBytes } from '../../gate/write-bytes.ts';
import type { Connection, FrameRun, Link } from '../../ports/transport.ts';
import { packedRunBytes, runBytes } from './frame-bytes.ts';

/**
 * Pings and pongs from one message of a client to its next. They pass by the limits on messages, and each ping costs an
 * answer; a client that pings every few seconds, and answers its heartbeats, stays well below.
 */
const MAX_CONTROL_FRAMES = 128;

const NOTHING = Buffer.alloc(0);
const { OPEN } = WebSocket;

/**
 * One WebSocket as the runtime sees it. A class, because there is one for each of many thousands of idle clients:
 * closures would cost each of them several hundred bytes.
 *
 * Frames are written to the raw socket, already framed. `ws` writes its own frames (pong, close) to the same socket,
 * each whole and within one call, so that the two cannot interleave inside a frame.
 */
export class SocketConnection implements Connection {
  readonly transport = 'websocket';
  readonly id: number;
  readonly address: string;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  /** Whether it speaks MessagePack. */
  readonly #packed: boolean;
  #link: Link | null = null;
  #writing = false;
  /** False from our own close on: the runtime is told nothing more but that the link is gone. */
  #open = true;
  #controlFrames = 0;

  constructor(id: number, address: string, webSocket: WebSocket, socket: Socket) {
    this.id = id;
    this.address = address;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#packed = webSocket.protocol === PACKED_SUBPROTOCOL;
  }

  get writing(): boolean {
    return this.#writing;
  }

  /** Whom the socket's events go to. Set once, before the first event. */
  drive(link: Link): void {
    this.#link = link;
  }

  write(run: FrameRun): number {
    // Nothing may follow a close frame, ours or one that `ws` sent of itself (RFC 6455, section 5.5.1).
    if (this.#webSocket.readyState !== OPEN) return 0;
    const length = writeBytes(this.#socket, this.#packed ? packedRunBytes(run) : runBytes(run));
    // The kernel takes most writes whole and at once. Only the rest pays for a callback: an empty write behind them.
    if (this.#socket.writableLength > 0) {
      this.#writing = true;
      this.#socket.write(NOTHING, (error) => this.#written(error));
    }
    return length;
  }

  #written(error: Error | null | undefined): void {
    // A socket that failed takes nothing more; `gone` follows.
    if (error != null) return;
    this.#writing = false;
    if (this.#open) this.#link?.drained();
  }

  close(code: number, reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#webSocket.readyState === OPEN) {
      this.#webSocket.close(code, reason);
      return;
    }
    // The peer has closed its half and `ws` waits, for any time, until what was written before has been read.
    setTimeout(() => this.#webSocket.terminate(), CLOSE_TIMEOUT_MS).unref();
  }

  terminate(): void {
    this.#open = false;
    this.#webSocket.terminate();
  }

  received(data: RawData, isBinary: boolean): void {
    this.#controlFrames = 0;
    if (!this.#open || this.#link === null) return;
    if (this.#packed !== isBinary) this.#link.unspoken(isBinary ? 'binary' : 'text');
    else if (isBinary) this.#link.packed(data as Buffer);
    else this.#link.message((data as Buffer).toString('utf8'));
  }

  receivedControlFrame(): void {
    if (++this.#controlFrames > MAX_CONTROL_FRAMES) this.close(CLOSES.rate_limited.close, 'rate_limited');
  }

  /** Called once, when the socket has closed. */
  gone(code: number): void {
    this.#open = false;
    this.#link?.closed(code);
  }
}
