import type { Socket } from 'node:net';
import { writeBytes } from '../../gate/write-bytes.ts';
import type { RunBytes } from '../../ports/transport.ts';

/** How long a peer has to take what was written before the socket is ended. */
export const END_TIMEOUT_MS = 2_000;

/** A line that says nothing (WHATWG HTML, section 9.2.6). */
const COMMENT = Buffer.from(':\n\n');

const NOTHING = Buffer.alloc(0);

/** Told when the kernel has taken what it did not take at once. */
export type Drained = { drained(): void };

/**
 * Writes to the raw socket, behind the head of a response that ends with the connection (RFC 9112, section 6.3), so that there are
 * no chunks to frame.
 */
export class SocketWriter {
  readonly #socket: Socket;
  readonly #owner: Drained;
  #writing = false;
  #open = true;
  /** Since the last look of `keepAlive`. */
  #wrote = true;

  constructor(socket: Socket, owner: Drained) {
    this.#socket = socket;
    this.#owner = owner;
  }

  get writing(): boolean {
    return this.#writing;
  }

  /** False from `end` or `destroy` on. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** What stands right behind the head, in the same packet: the socket is corked, and nobody waits for it. */
  first(text: string): void {
    this.#socket.write(text);
  }

  text(text: string): void {
    if (!this.#open) return;
    this.#wrote = true;
    this.#socket.write(text);
    this.#awaitDrain();
  }

  /** @returns the bytes handed over */
  bytes(bytes: RunBytes): number {
    if (!this.#open) return 0;
    this.#wrote = true;
    const length = writeBytes(this.#socket, bytes);
    this.#awaitDrain();
    return length;
  }

  /** The kernel takes most writes whole and at once. Only the rest pays for a callback: an empty write behind them. */
  #awaitDrain(): void {
    if (this.#writing || this.#socket.writableLength === 0) return;
    this.#writing = true;
    this.#socket.write(NOTHING, (error) => this.#written(error));
  }

  #written(error: Error | null | undefined): void {
    // A socket that failed takes nothing more; its `close` follows.
    if (error != null) return;
    this.#writing = false;
    if (this.#open) this.#owner.drained();
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

  /** Ends the stream behind a last text, and the socket at the latest when the peer has had its time to read. */
  end(text: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.end(text);
    setTimeout(() => this.#socket.destroy(), END_TIMEOUT_MS).unref();
  }

  destroy(): void {
    this.#open = false;
    this.#socket.destroy();
  }
}
