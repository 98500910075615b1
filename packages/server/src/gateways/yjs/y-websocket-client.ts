import { adviceForClose, CLOSES, type DownMessage, type Role } from '@carillon/protocol';
import type { Frame, RunBytes, YjsWires } from '../../ports/transport.ts';
import { ByteReader } from './bytes.ts';
import { DocumentClient, type DocumentFace } from './document-client.ts';
import { plainBytes, plainMessage } from './document-wires.ts';
import type { ForeignSocket, SocketOwner } from './foreign-socket.ts';
import { ForeignSession, type SessionMaker, type SessionOwner } from './foreign-session.ts';
import { QUIET_MS } from './rounds.ts';
import type { Login } from './token-user.ts';
import { permissionDenied, readYMessage, STILL_THERE } from './y-messages.ts';

/** What a client has sent and is not kept may be so much before no more of it is read, in bytes of base64. */
export const MOST_UNKEPT = 1024 * 1024;

/** Closes of y-websocket from 4400 to 4499: it stays away until the app calls `connect()`. */
const STOP = {
  bad_message: 4400,
  update_invalid: 4400,
  bad_messages: 4400,
  token_invalid: 4401,
  token_expired: 4401,
  username_mismatch: 4401,
  revoked: 4401,
  logged_out: 4401,
  client_id_taken: 4409,
  too_large: 4413,
  limit_reached: 4429,
} as const satisfies Readonly<Record<string, number>>;

/** Every other reason to stay away: the document is not this user's, or is none. */
const FORBIDDEN = 4403;

function stopCode(reason: string): number {
  return (STOP as Readonly<Record<string, number>>)[reason] ?? FORBIDDEN;
}

export type YWebsocketClientOptions = {
  readonly maker: SessionMaker;
  readonly channel: string;
  readonly user: string;
  readonly messageUnits: number;
};

/** A client with the provider of y-websocket: one socket, one document, one session. */
export class YWebsocketClient implements SocketOwner, SessionOwner, DocumentFace {
  readonly #socket: ForeignSocket;
  readonly #session: ForeignSession;
  readonly #document: DocumentClient;
  #owed: RunBytes[] = [];
  #isReceiving = false;
  #isReader = false;
  /** What it was told last that it may not do: its only way to hear of it is its console. */
  #denied = '';

  constructor(
    id: number,
    socket: ForeignSocket,
    { maker, channel, user, messageUnits }: YWebsocketClientOptions,
  ) {
    this.#socket = socket;
    this.#session = new ForeignSession(maker, { id, address: socket.address }, this);
    this.#document = new DocumentClient(
      { channel, user, line: this.#session.paced, messageUnits, asksReaders: false, clock: maker.clock },
      this,
    );
  }

  logIn(login: Login): void {
    this.#session.logIn(login);
  }

  // What the socket says.

  heard(data: Uint8Array): boolean {
    const reader = new ByteReader(data);
    const message = readYMessage(reader, reader.whole());
    if (message === null) return false;
    this.#document.heard(message);
    this.moved();
    return true;
  }

  drained(): void {
    this.#session.drained();
  }

  answered(): void {
    this.#socket.isThere();
    this.#session.isThere();
  }

  gone(goodbye: boolean): void {
    this.#document.stop();
    this.#session.leave(goodbye);
  }

  // What the session says.

  get writing(): boolean {
    return this.#socket.writing;
  }

  loggedIn(): void {
    this.#document.join();
  }

  receive(message: DownMessage, frame: Frame): void {
    this.#isReceiving = true;
    this.#document.receive(message, frame);
  }

  flushed(): number {
    this.#document.flushed();
    this.#isReceiving = false;
    return this.#write();
  }

  moved(): void {
    this.#socket.isFull = this.#document.bytes + this.#session.paced.waitingBytes > MOST_UNKEPT;
  }

  heartbeat(): void {
    this.#socket.ping();
  }

  ended(code: number, reason: string): void {
    this.#document.stop();
    this.#write();
    // Its token is in its address: the same one is no better next time.
    const stays = adviceForClose(code) === 'stop' || reason === 'token_expired';
    this.#socket.close(stays ? stopCode(reason) : code, reason);
  }

  // What the document says.

  body(...pieces: readonly Uint8Array[]): void {
    this.#owe(plainMessage(pieces));
  }

  wires(wires: YjsWires): void {
    this.#owe(plainBytes(wires));
  }

  role(role: Role): void {
    const isReader = role !== 'write';
    if (isReader !== this.#isReader) this.#denied = '';
    this.#isReader = isReader;
  }

  saved(): void {
    this.moved();
  }

  refused(_what: string, code: string, detail: string): void {
    this.moved();
    const reason = `${code}: ${detail}`;
    if (reason === this.#denied) return;
    this.#denied = reason;
    this.body(permissionDenied(reason));
  }

  over(code: string, detail: string, again: boolean): void {
    this.body(permissionDenied(`${code}: ${detail}`));
    this.#write();
    this.#socket.close(again ? CLOSES.unavailable.close : stopCode(code), code);
    // The socket's end is the session's: `gone` follows.
  }

  /** One of the gateway's rounds. */
  look(nowMs: number): void {
    if (!this.#socket.writing && nowMs - this.#socket.lastWriteMs >= QUIET_MS) this.body(STILL_THERE);
  }

  #owe(bytes: RunBytes): void {
    this.#owed.push(bytes);
    if (!this.#isReceiving) this.#write();
  }

  #write(): number {
    const owed = this.#owed;
    this.#owed = [];
    return this.#socket.write(owed);
  }
}
