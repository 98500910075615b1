import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type RawData, WebSocket } from 'ws';
import { joinBytes } from '../../gate/join-bytes.ts';
import { type Accepted, CLOSE_TIMEOUT_MS, type OpenedSocket } from '../../gate/web-sockets.ts';
import { writeBytes } from '../../gate/write-bytes.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { RunBytes } from '../../ports/transport.ts';
import type { Rate } from './paced-line.ts';

/**
 * Frames that a client may send for each message that its line may: clients of y-websocket repeat what they are sent of others, which
 * goes no further. A frame counts as one for each 4 KiB.
 */
export const FRAMES_A_MESSAGE = 20;
const FRAME_UNIT_BYTES = 4_096;

/** Pings of a client between two of its messages. */
const MAX_PINGS = 128;

/** The longest reason that a close frame has room for (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;

const NOTHING = Buffer.alloc(0);
const { OPEN } = WebSocket;

/** The peer said goodbye: it left, and does not only change its line (RFC 6455, section 7.4.1; 1005: without a code). */
const GOODBYES: readonly number[] = [1000, 1001, 1005];

export type SocketOwner = {
  /** One binary message. @returns false where it is none that a client sends: the socket is closed */
  heard(data: Uint8Array): boolean;
  drained(): void;
  /** An answer to `ping`. */
  answered(): void;
  /** Called once. `goodbye`: it left by its own will. */
  gone(goodbye: boolean): void;
};

/** One WebSocket of a client with a protocol of its own. Frames are written to the raw socket, already framed, as the native gateway does. */
export class ForeignSocket implements Accepted {
  readonly address: string;
  readonly request: IncomingMessage;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  readonly #rate: Rate;
  #owner: SocketOwner | null = null;
  #writing = false;
  #open = true;
  #tokens: number;
  #atMs: number;
  #pings = 0;
  #slowed: Timer | null = null;
  #isFull = false;
  /** When something was written last. */
  lastWriteMs: number;

  constructor(
    { webSocket, socket, address, request }: OpenedSocket,
    { perSecond, burst }: Rate,
    clock: Pick<Clock, 'monotonicMs' | 'setTimer'>,
  ) {
    this.address = address;
    this.request = request;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#clock = clock;
    this.#rate = { perSecond: perSecond * FRAMES_A_MESSAGE, burst: burst * FRAMES_A_MESSAGE };
    this.#tokens = this.#rate.burst;
    this.#atMs = clock.monotonicMs();
    this.lastWriteMs = this.#atMs;
  }

  get writing(): boolean {
    return this.#writing;
  }

  /** False from our own close on, and once the socket is gone. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Whom the socket's events go to. Set once, before the first. */
  drive(owner: SocketOwner): void {
    this.#owner = owner;
  }

  /** @returns the bytes handed over */
  write(frames: readonly RunBytes[]): number {
    if (this.#webSocket.readyState !== OPEN || !this.#open || frames.length === 0) return 0;
    const length = writeBytes(this.#socket, joinBytes(frames.flat()));
    this.lastWriteMs = this.#clock.monotonicMs();
    if (this.#socket.writableLength > 0 && !this.#writing) {
      this.#writing = true;
      this.#socket.write(NOTHING, (error) => this.#written(error));
    }
    return length;
  }

  #written(error: Error | null | undefined): void {
    // A socket that failed takes nothing more; `gone` follows.
    if (error != null) return;
    this.#writing = false;
    if (this.#open) this.#owner?.drained();
  }

  ping(): void {
    if (this.#webSocket.readyState === OPEN) this.#webSocket.ping();
  }

  /** What the client sent has not gone further, and there is so much of it that no more is read. */
  set isFull(isFull: boolean) {
    if (this.#isFull === isFull) return;
    this.#isFull = isFull;
    this.#readOrNot();
  }

  #readOrNot(): void {
    if (this.#open && (this.#isFull || this.#slowed !== null)) this.#webSocket.pause();
    else this.#webSocket.resume();
  }

  received(data: RawData, isBinary: boolean): void {
    if (!this.#open || this.#owner === null) return;
    this.#pings = 0;
    const bytes = data as Buffer;
    this.#count(bytes.length);
    if (!isBinary || !this.#owner.heard(bytes)) this.close(BAD_MESSAGE, 'bad_message');
  }

  /** What comes faster than anybody needs is read more slowly. */
  #count(bytes: number): void {
    const nowMs = this.#clock.monotonicMs();
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#atMs) / 1_000) * perSecond);
    this.#atMs = nowMs;
    this.#tokens -= Math.ceil((bytes + 1) / FRAME_UNIT_BYTES);
    if (this.#tokens >= 0 || this.#slowed !== null) return;
    this.#slowed = this.#clock.setTimer(Math.ceil((-this.#tokens / perSecond) * 1_000), () => {
      this.#slowed = null;
      this.#readOrNot();
    });
    this.#readOrNot();
  }

  receivedControlFrame(isPong: boolean): void {
    if (isPong) this.#owner?.answered();
    if (++this.#pings > MAX_PINGS) this.close(BAD_MESSAGE, 'rate_limited');
  }

  /** A heartbeat was answered that was asked for. */
  isThere(): void {
    this.#pings = 0;
  }

  close(code: number, reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    // Its answer must be read.
    this.#readOrNot();
    if (this.#webSocket.readyState === OPEN) {
      this.#webSocket.close(code, Buffer.from(reason).subarray(0, MAX_REASON_BYTES).toString());
      return;
    }
    setTimeout(() => this.#webSocket.terminate(), CLOSE_TIMEOUT_MS).unref();
  }

  terminate(): void {
    this.#open = false;
    this.#webSocket.terminate();
  }

  gone(code: number): void {
    const goodbye = this.#open && GOODBYES.includes(code);
    this.#open = false;
    this.#slowed?.cancel();
    this.#owner?.gone(goodbye);
    this.#owner = null;
  }
}

/** What is no message of a client closes its socket: y-websocket takes 4400 to 4499 for a reason to stay away. */
const BAD_MESSAGE = 4400;
