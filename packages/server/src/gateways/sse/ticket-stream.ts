import type { Socket } from 'node:net';
import { CLOSES } from '@carillon/protocol';
import { DROPPED } from '../../gate/line-closes.ts';
import type { Connection, FrameRun, Link } from '../../ports/transport.ts';
import type { TicketRight } from '../../runtime/node-api.ts';
import { namedEvent, oneLine } from './event-bytes.ts';
import { type EventId, eventIdText } from './event-id.ts';
import { SocketWriter } from './socket-writer.ts';

/** Requests of its own: the one `sub` that counts, and pages of a map. */
const SUB = 1;
const PAGE = 2;

/** Looks of `isStalled` in a row at which the same write was unfinished: then nobody reads. */
const STALLED_LOOKS = 3;

/** Closes behind which the one who comes back would only be refused. */
const FINAL: readonly number[] = [CLOSES.revoked.close, CLOSES.user_erased.close];

/** What the runtime sends, as far as it matters here. */
type Told = {
  readonly t: string;
  readonly i?: number;
  readonly e?: string;
  readonly o?: number;
  readonly rec?: boolean;
  readonly why?: string;
  readonly code?: string;
  readonly es?: readonly object[];
  readonly next?: string;
  readonly ps?: readonly { readonly o: number }[];
};

/**
 * A stream of one channel for whoever has a ticket ([TKT2]). To the runtime it is a client that subscribes, pages through a map, and
 * subscribes again where it is told to; to the one who reads it, events with positions for ids.
 */
export class TicketStream implements Connection {
  readonly transport = 'sse';
  readonly id: number;
  readonly address: string;
  readonly right: TicketRight;
  readonly #writer: SocketWriter;
  /** How each live publication begins: what follows is its data but for the brace. */
  readonly #head: string;
  readonly #channel: string;
  #link: Link | null = null;
  #epoch = '';
  #offset = 0;
  /** Entries are still to come: whoever comes back now must get them all, so nothing may say how far they are. */
  #paging = false;
  #stalledLooks = 0;

  constructor(id: number, address: string, socket: Socket, right: TicketRight) {
    this.id = id;
    this.address = address;
    this.right = right;
    this.#channel = JSON.stringify(right.channel);
    this.#head = `{"t":"p","c":${this.#channel},`;
    this.#writer = new SocketWriter(socket, this);
  }

  get writing(): boolean {
    return this.#writer.writing;
  }

  drive(link: Link, from: EventId | null): void {
    this.#link = link;
    if (from === null) this.#subscribe('');
    else {
      [this.#epoch, this.#offset] = [from.epoch, from.offset];
      this.#subscribe(`,"e":${JSON.stringify(from.epoch)},"o":${from.offset}`);
    }
  }

  #subscribe(position: string): void {
    this.#paging = this.right.isMap && position === '';
    this.#link?.message(
      `{"t":"sub","i":${SUB},"c":${this.#channel},"g":${JSON.stringify(this.right.grant)}${position}}`,
    );
  }

  write(run: FrameRun): number {
    let text = '';
    for (const frame of run.frames()) text += this.#eventsOf(frame.text);
    if (text !== '') this.#writer.text(text);
    return Buffer.byteLength(text);
  }

  #eventsOf(text: string): string {
    if (text.startsWith(this.#head)) {
      // "o" comes first; a parser would read the payload too, for each of those who follow.
      this.#offset = Number.parseInt(text.slice(this.#head.length + '"o":'.length), 10);
      return `${this.#idLine()}data: {${oneLine(text.slice(this.#head.length))}\n\n`;
    }
    const told = JSON.parse(text) as Told;
    switch (told.t) {
      case 'ok':
        return told.i === SUB ? this.#begun(told) : this.#page(told);
      case 'ps':
        return (told.ps ?? []).map((item) => this.#publication(item)).join('');
      case 'gap':
        return this.#gap(told);
      case 'unsub':
        this.#endSoon(told.code ?? 'forbidden');
        return '';
      case 'err':
        // What may work later, the one who comes back tries.
        this.#endSoon(
          told.code === 'unavailable' || told.code === 'rate_limited' ? null : (told.code ?? null),
        );
        return '';
      default:
        return '';
    }
  }

  #begun({ e = '', o = 0, rec, why, es, next }: Told): string {
    if (rec === true) {
      this.#epoch = e;
      return this.#mark();
    }
    [this.#epoch, this.#offset] = [e, o];
    if (rec === false) {
      const lost = this.#lost(why);
      if (!this.right.isMap) return lost;
      this.#subscribeSoon();
      return lost;
    }
    return es === undefined
      ? this.#mark()
      : this.#page({ t: 'ok', es, ...(next === undefined ? {} : { next }) });
  }

  #page({ es = [], next }: Told): string {
    const events = es.map((entry) => `data: ${JSON.stringify(entry)}\n\n`).join('');
    if (next === undefined) {
      this.#paging = false;
      return events + this.#mark();
    }
    const page = `{"t":"page","i":${PAGE},"c":${this.#channel},"k":${JSON.stringify(next)}}`;
    setImmediate(() => this.#link?.message(page));
    return events;
  }

  #publication(item: { readonly o: number }): string {
    this.#offset = item.o;
    return `${this.#idLine()}data: ${JSON.stringify(item)}\n\n`;
  }

  #gap({ why, e, o }: Told): string {
    if (why === 'conflated') return '';
    if (why === 'resync') {
      const position = `,"e":${JSON.stringify(this.#epoch)},"o":${this.#offset}`;
      setImmediate(() => this.#subscribe(position));
      return '';
    }
    // Without an offset only who came and went is missing, which is not told here.
    if (o === undefined) return '';
    if (e !== undefined) this.#epoch = e;
    this.#offset = o;
    const lost = this.#lost(why);
    if (this.right.isMap) this.#subscribeSoon();
    return lost;
  }

  /** From the entries on; not within the turn in which the runtime writes. A `sub` alone would only renew the right. */
  #subscribeSoon(): void {
    this.#paging = true;
    setImmediate(() => {
      this.#link?.message(`{"t":"unsub","c":${this.#channel}}`);
      this.#subscribe('');
    });
  }

  #lost(why = 'epoch'): string {
    const data = JSON.stringify({ why, e: this.#epoch, o: this.#offset });
    return `${this.right.isMap ? '' : this.#idLine()}${namedEvent('lost', data)}`;
  }

  /** Sets the id without an event. */
  #mark(): string {
    return `${this.#idLine()}\n`;
  }

  #idLine(): string {
    if (this.#paging) return '';
    return `id: ${eventIdText({ epoch: this.#epoch, offset: this.#offset, proof: this.right.proof })}\n`;
  }

  /** The right is over; null: only this stream is. */
  #endSoon(code: string | null): void {
    setImmediate(() => {
      this.end(code);
      this.gone();
    });
  }

  /** @param code why the right is over; null: whoever comes back may go on */
  end(code: string | null): void {
    this.#writer.end(code === null ? '' : namedEvent('end', JSON.stringify({ code })));
  }

  drained(): void {
    // Somebody reads, however slowly: what is written next may be unfinished at the next look again.
    this.#stalledLooks = 0;
    this.#link?.drained();
  }

  keepAlive(): void {
    this.#writer.keepAlive();
  }

  /** Whether what was written has been lying there since several looks. */
  isStalled(): boolean {
    this.#stalledLooks = this.#writer.writing ? this.#stalledLooks + 1 : 0;
    return this.#stalledLooks >= STALLED_LOOKS;
  }

  close(code: number, reason: string): void {
    this.end(FINAL.includes(code) ? reason : null);
  }

  terminate(): void {
    this.#writer.destroy();
  }

  /** The socket has closed, or the stream ended without the runtime. */
  gone(): void {
    const link = this.#link;
    this.#link = null;
    link?.closed(DROPPED);
  }
}
