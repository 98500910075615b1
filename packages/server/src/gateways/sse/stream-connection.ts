import type { Socket } from 'node:net';
import type { Line } from '../../gate/lines.ts';
import { newUpward } from '../../gate/upward.ts';
import type { Connection, FrameRun, Link } from '../../ports/transport.ts';
import { namedEvent, runEvents } from './event-bytes.ts';

/** How long a peer has to take what was written before the socket is ended. */
export const END_TIMEOUT_MS = 2_000;

/** What a message of more than `limits.messageBytes` closes a connection with (RFC 6455, section 7.4.1). */
const TOO_LARGE = 1009;

/** A line that says nothing (WHATWG HTML, section 9.2.6). */
const COMMENT = Buffer.from(':\n\n');

const NOTHING = Buffer.alloc(0);

/**
 * One stream as the runtime sees it: written to the raw socket, behind the head of a response that ends with the
 * connection (RFC 9112, section 6.3), so that there are no chunks to frame. A class, because there is one for each of many
 * thousands of idle clients.
 */
export class StreamConnection implements Connection, Line {
  readonly transport = 'sse';
  readonly id: number;
  readonly address: string;
  readonly upward = newUpward();
  readonly #socket: Socket;
  #link: Link | null = null;
  #line = '';
  #writing = false;
  /** False from our own close on: the runtime is told nothing more but that the link is gone. */
  #open = true;
  /** Since the last look of `keepAlive`. */
  #wrote = true;

  constructor(id: number, address: string, socket: Socket) {
    this.id = id;
    this.address = address;
    this.#socket = socket;
  }

  get writing(): boolean {
    return this.#writing;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** What clients call it. */
  get line(): string {
    return this.#line;
  }

  /** Its first event ([HTTP4]). */
  begin(line: string): void {
    this.#line = line;
    this.#socket.write(namedEvent('line', JSON.stringify({ line })));
  }

  /** Whom the line's messages go to. Set once, before the first. */
  drive(link: Link): void {
    this.#link = link;
  }

  write(run: FrameRun): number {
    if (!this.#open) return 0;
    const bytes = runEvents(run);
    this.#wrote = true;
    const length = bytes instanceof Uint8Array ? this.#writeWhole(bytes) : this.#writePieces(bytes);
    this.#awaitDrain();
    return length;
  }

  #writeWhole(bytes: Uint8Array): number {
    this.#socket.write(bytes);
    return bytes.length;
  }

  /** One call of the system for all of them. */
  #writePieces(pieces: readonly Uint8Array[]): number {
    let length = 0;
    this.#socket.cork();
    for (const piece of pieces) {
      this.#socket.write(piece);
      length += piece.length;
    }
    this.#socket.uncork();
    return length;
  }

  /** The kernel takes most writes whole and at once. Only the rest pays for a callback: an empty write behind them. */
  #awaitDrain(): void {
    if (this.#writing || this.#socket.writableLength === 0) return;
    this.#writing = true;
    this.#socket.write(NOTHING, (error) => this.#written(error));
  }

  #written(error: Error | null | undefined): void {
    // A socket that failed takes nothing more; `gone` follows.
    if (error != null) return;
    this.#writing = false;
    if (this.#open) this.#link?.drained();
  }

  /** Called every half of `limits.sseKeepAliveMs`: says something where nothing was said since the last time ([HTTP4]). */
  keepAlive(): void {
    // Behind an unfinished write it would only be more that is not read.
    const isSilent = !this.#wrote && !this.#writing && this.#open;
    if (isSilent) {
      this.#socket.write(COMMENT);
      this.#awaitDrain();
    }
    // A comment is something said, too.
    this.#wrote = isSilent;
  }

  close(code: number): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.end(namedEvent('close', JSON.stringify({ close: code })));
    setTimeout(() => this.#socket.destroy(), END_TIMEOUT_MS).unref();
  }

  terminate(): void {
    this.#open = false;
    this.#socket.destroy();
  }

  message(text: string): void {
    if (this.#open) this.#link?.message(text);
  }

  tooLarge(): void {
    this.close(TOO_LARGE);
    this.gone(TOO_LARGE);
  }

  /** The socket has closed, or the line ended without the runtime. */
  gone(code: number): void {
    this.#open = false;
    const link = this.#link;
    this.#link = null;
    link?.closed(code);
  }
}
