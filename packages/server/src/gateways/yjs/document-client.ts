import type { DownMessage, Err, Gap, Ok, Role } from '@carillon/protocol';
import type { Clock } from '../../ports/clock.ts';
import type { AwarenessPlace, Frame, YjsWires } from '../../ports/transport.ts';
import { awarenessWires, awarenessWithout, publicationWires, stateWires } from './document-wires.ts';
import { createOwnAwareness, type OwnAwareness } from './own-awareness.ts';
import type { PacedLine } from './paced-line.ts';
import { createUpdateQueue, type UpdateQueue } from './update-queue.ts';
import { isEmptyUpdate, step1, STILL_THERE, SYNCED, type YMessage } from './y-messages.ts';

/** The side of a client: what becomes of one document, in the words of its protocol. */
export type DocumentFace = {
  /** A message of y-protocols, to this client alone, in pieces. */
  body(...pieces: readonly Uint8Array[]): void;
  /** Messages that many get. */
  wires(wires: YjsWires): void;
  /** What it may do, at first and whenever it has changed. Comes before what the role leads to. */
  role(role: Role): void;
  /** So many of its messages with changes are kept. */
  saved(messages: number): void;
  /** Something of what it sent was refused, and it goes on. */
  refused(what: 'update' | 'awareness', code: string, detail: string): void;
  /** The document is over for this client, with a code of docs/errors.md; `again`: it may come back by itself. */
  over(code: string, detail: string, again: boolean): void;
};

export type DocumentClientOptions = {
  readonly channel: string;
  readonly user: string;
  readonly line: PacedLine;
  readonly messageUnits: number;
  /** Whether somebody who may not write is asked for what they have: Hocuspocus counts it as unsaved until it is answered. */
  readonly asksReaders: boolean;
  readonly clock: Pick<Clock, 'setTimer'>;
};

/** Codes behind which nothing changes by coming back. */
const FINAL = new Set([
  ...['forbidden', 'channel_unknown', 'channel_invalid', 'kind_mismatch', 'bad_message'],
  ...['update_invalid', 'client_id_taken', 'too_large', 'limit_reached'],
]);

/** One document of one client that speaks y-protocols: a subscription, in the messages of ours. */
export class DocumentClient {
  readonly #options: DocumentClientOptions;
  readonly #face: DocumentFace;
  readonly #updates: UpdateQueue;
  readonly #awareness: OwnAwareness;
  #phase: 'unasked' | 'joining' | 'filling' | 'live' | 'over' = 'unasked';
  #role: Role = 'none';
  #vector: Uint8Array | null = null;
  /** The client waits to be told that it has everything. */
  #isAsking = false;
  /** It asked again while an answer was under way. */
  #askedAgain = false;
  #epoch = '';
  #offset = 0;
  #parts: Frame[] = [];

  constructor(options: DocumentClientOptions, face: DocumentFace) {
    this.#options = options;
    this.#face = face;
    const { channel, line, messageUnits, clock } = options;
    this.#updates = createUpdateQueue(channel, line, messageUnits, clock, {
      saved: (messages) => face.saved(messages),
      forbidden: (detail) => face.refused('update', 'forbidden', detail),
      askAnew: () => this.#goOn(),
      failed: (code, detail) => this.#fail(code, detail),
    });
    this.#awareness = createOwnAwareness(channel, line, messageUnits, clock, {
      named: (client) => this.#name(client),
      refused: (code, detail) => face.refused('awareness', code, detail),
    });
  }

  get isOver(): boolean {
    return this.#phase === 'over';
  }

  /** Bytes of the client's that are not kept yet. */
  get bytes(): number {
    return this.#updates.bytes;
  }

  /** The line is logged in: what the client has sent by now may go. */
  join(): void {
    const sv = this.#vector === null ? '' : base64(this.#vector);
    // One that has no room in a message is as good as none: the client is sent the whole.
    const hasRoom = sv !== '' && sv.length + ENVELOPE_UNITS <= this.#options.messageUnits;
    this.#subscribe(hasRoom ? { sv } : {});
  }

  /** What the client sends. */
  heard(message: YMessage): void {
    if (this.#phase === 'over') return;
    switch (message.kind) {
      case 'step1':
        this.#asked(message.vector);
        return;
      case 'update':
        this.#heardUpdate(message.update, message.full);
        return;
      case 'awareness':
        this.#awareness.heard(message.entries);
        return;
      case 'query':
        // Everybody is told to whoever joins, and each change from then on: there is nothing that it has not.
        this.#face.body(STILL_THERE);
        return;
      case 'other':
        return;
    }
  }

  #asked(vector: Uint8Array): void {
    this.#vector = vector;
    this.#isAsking = true;
    if (this.#phase === 'live') this.join();
    else if (this.#phase !== 'unasked') this.#askedAgain = true;
  }

  #heardUpdate(update: Uint8Array, full: boolean): void {
    // Nothing to keep: the answer of a client that has no more than the server.
    if (full && isEmptyUpdate(update)) this.#face.saved(1);
    else if (this.#phase !== 'unasked' && this.#phase !== 'joining' && this.#role !== 'write')
      this.#face.refused('update', 'forbidden', READS_ONLY);
    else this.#updates.add(update, full);
  }

  /** Begins, or begins anew. */
  #subscribe(from: { readonly sv?: string; readonly e?: string; readonly o?: number }): void {
    this.#phase = 'joining';
    this.#askedAgain = false;
    this.#parts = [];
    this.#updates.hold();
    this.#awareness.hold();
    const { line, channel } = this.#options;
    const { client } = this.#awareness;
    const message = { t: 'sub', c: channel, ...from, ...(client === null ? {} : { cl: [client] }) } as const;
    line.ask(message, (from.sv?.length ?? 0) + ENVELOPE_UNITS, (answer) => {
      if (this.#phase !== 'joining' || answer === null) return;
      if (answer.t === 'ok') this.#joined(answer);
      else this.#refused(answer);
    });
  }

  /** Goes on from where it is, for the server's state vector. */
  #goOn(): void {
    if (this.#phase === 'live')
      this.#subscribe(this.#epoch === '' ? {} : { e: this.#epoch, o: this.#offset });
  }

  /** The client's own id became known behind the `sub`. */
  #name(client: number): void {
    if (this.#phase === 'unasked') return;
    const { line, channel } = this.#options;
    line.ask({ t: 'sub', c: channel, cl: [client] }, ENVELOPE_UNITS, (answer) => {
      if (answer?.t === 'err') this.#face.refused('awareness', answer.code, answer.m);
    });
  }

  #joined({ e, o, rec, role, sv }: Ok): void {
    this.#phase = 'filling';
    this.#epoch = e ?? '';
    if (rec !== true) this.#offset = o ?? 0;
    this.#setRole(role ?? 'none');
    if (sv !== undefined && (this.#role === 'write' || this.#options.asksReaders))
      this.#face.body(step1(Buffer.from(sv, 'base64')));
  }

  #refused({ code, m }: Err): void {
    this.#end(code, m, !FINAL.has(code));
  }

  /** What the server sends. */
  receive(message: DownMessage, frame: Frame): void {
    if (this.#phase === 'over' || this.#phase === 'unasked') return;
    switch (message.t) {
      case 'ds':
        this.#parts.push(frame);
        if (message.n === message.of) this.#filled();
        return;
      case 'ps':
        this.#offset = message.ps.at(-1)?.o ?? this.#offset;
        this.#face.wires(publicationWires(frame, message.ps));
        return;
      case 'p':
        this.#offset = message.o;
        if (message.own !== true) this.#face.wires(publicationWires(frame, [message]));
        return;
      case 'aw':
        this.#tellAwareness(awarenessWires(frame, message));
        return;
      case 'role':
        this.#roleChanged(message.role);
        return;
      case 'gap':
        this.#gap(message);
        return;
      case 'unsub':
        // While a `sub` is under way its answer counts: it was sent behind what this ends.
        if (this.#phase !== 'joining') this.#end(message.code, message.m ?? '', !FINAL.has(message.code));
        return;
      default:
        return;
    }
  }

  #tellAwareness(wires: YjsWires): void {
    const without = this.#ownPlaces(wires);
    if (this.#awareness.client === null) {
      const { user } = this.#options;
      for (const [client, { by }] of wires.places ?? []) if (by !== user) this.#awareness.told(client);
    }
    if (without.length === 0) return this.#face.wires(wires);
    const pieces = awarenessWithout(wires, without);
    if (pieces !== null) this.#face.body(...pieces);
  }

  /** The client's own id; while that is not known, whatever its user has said: in an earlier life, or on another page. */
  #ownPlaces({ places }: YjsWires): readonly AwarenessPlace[] {
    const { client } = this.#awareness;
    if (places === null) return [];
    if (client === null) return [...places.values()].filter(({ by }) => by === this.#options.user);
    const own = places.get(client);
    return own === undefined ? [] : [own];
  }

  #filled(): void {
    const wires = stateWires(this.#parts);
    this.#parts = [];
    if (wires !== null) this.#face.wires(wires);
  }

  /** All that was sent at once has come: the answer to a `sub`, and what it begins with, come so. */
  flushed(): void {
    if (this.#phase !== 'filling') return;
    this.#phase = 'live';
    if (this.#isAsking && !this.#askedAgain) {
      this.#isAsking = false;
      this.#face.body(SYNCED);
    }
    this.#awareness.open();
    if (this.#role === 'write') this.#updates.open();
    else this.#forsake();
    if (this.#askedAgain) this.join();
  }

  #roleChanged(role: Role): void {
    const before = this.#role;
    this.#setRole(role);
    if (role === before) return;
    if (role !== 'write') this.#forsake();
    // What it changed meanwhile was refused, and it does not send it again unless it is asked.
    else this.#goOn();
  }

  /** What waits is not kept, nor what comes: it is the client's alone, until it may write and is asked. */
  #forsake(): void {
    if (this.#updates.bytes > 0) this.#face.refused('update', 'forbidden', READS_ONLY);
    this.#updates.forsake();
  }

  #setRole(role: Role): void {
    this.#role = role;
    this.#face.role(role);
  }

  #gap({ why, e, o }: Gap): void {
    if (why === 'conflated' || (why !== 'resync' && o === undefined)) return;
    if (e !== undefined) this.#epoch = e;
    // What the client has is known to it alone: it is sent the whole.
    if (why === 'resync') this.#goOn();
    else if (this.#phase === 'live') this.#subscribe({});
  }

  #fail(code: string, detail: string): void {
    this.#end(code, detail, !FINAL.has(code));
  }

  #end(code: string, detail: string, again: boolean): void {
    if (this.#phase === 'over') return;
    this.stop();
    this.#face.over(code, detail, again);
  }

  /** The client has left it. */
  stop(): void {
    this.#phase = 'over';
    this.#updates.stop();
    this.#awareness.stop();
    this.#parts = [];
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

const READS_ONLY = 'your role on this document does not allow changes';

/** What stands around a state vector in its message, in UTF-16 units. */
const ENVELOPE_UNITS = 1_000;
