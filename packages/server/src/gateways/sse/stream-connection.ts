import type { Socket } from 'node:net';
import { TOO_LARGE } from '../../gate/line-closes.ts';
import type { Line } from '../../gate/lines.ts';
import { newUpward } from '../../gate/upward.ts';
import type { Connection, FrameRun, Link } from '../../ports/transport.ts';
import { namedEvent, runEvents } from './event-bytes.ts';
import { SocketWriter } from './socket-writer.ts';

/** One stream of a line as the runtime sees it. A class, because there is one for each of many thousands of idle clients. */
export class StreamConnection implements Connection, Line {
  readonly transport = 'sse';
  readonly id: number;
  readonly address: string;
  readonly upward = newUpward();
  readonly #writer: SocketWriter;
  #link: Link | null = null;
  #line = '';

  constructor(id: number, address: string, socket: Socket) {
    this.id = id;
    this.address = address;
    this.#writer = new SocketWriter(socket, this);
  }

  get writing(): boolean {
    return this.#writer.writing;
  }

  /** False from our own close on: the runtime is told nothing more but that the link is gone. */
  get isOpen(): boolean {
    return this.#writer.isOpen;
  }

  /** Its first event ([HTTP4]), with what clients call it. */
  begin(line: string): void {
    this.#line = line;
    this.#writer.first(namedEvent('line', JSON.stringify({ line })));
  }

  /** What clients call it. */
  get line(): string {
    return this.#line;
  }

  /** Whom the line's messages go to. Set once, before the first. */
  drive(link: Link): void {
    this.#link = link;
  }

  write(run: FrameRun): number {
    return this.#writer.isOpen ? this.#writer.bytes(runEvents(run)) : 0;
  }

  drained(): void {
    this.#link?.drained();
  }

  keepAlive(): void {
    this.#writer.keepAlive();
  }

  close(code: number): void {
    this.#writer.end(namedEvent('close', JSON.stringify({ close: code })));
  }

  terminate(): void {
    this.#writer.destroy();
  }

  message(text: string): void {
    if (this.isOpen) this.#link?.message(text);
  }

  tooLarge(): void {
    this.close(TOO_LARGE);
    this.gone(TOO_LARGE);
  }

  /** The socket has closed, or the line ended without the runtime. */
  gone(code: number): void {
    const link = this.#link;
    this.#link = null;
    link?.closed(code);
  }
}
