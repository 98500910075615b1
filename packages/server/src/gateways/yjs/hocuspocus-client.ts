import { adviceForClose, CLOSES, type DownMessage } from '@carillon/protocol';
import type { Clock } from '../../ports/clock.ts';
import type { Frame, RunBytes } from '../../ports/transport.ts';
import { namedMessage } from './document-wires.ts';
import type { ForeignSocket, SocketOwner } from './foreign-socket.ts';
import { ForeignSession, type SessionMaker, type SessionOwner } from './foreign-session.ts';
import { HocuspocusDocument } from './hocuspocus-document.ts';
import { ASK_TOKEN, denied, nameOf, readHocuspocus } from './hocuspocus-messages.ts';
import { QUIET_MS } from './rounds.ts';
import { type Login, loginOf } from './token-user.ts';
import { isEmptyUpdate, STILL_THERE, type YMessage } from './y-messages.ts';
import { MOST_UNKEPT } from './y-websocket-client.ts';

/** Documents of one socket. */
export const MAX_DOCUMENTS = 100;

/** How long a socket may be without a session once it has had one, ms. */
const IDLE_MS = 60_000;

/** A newer token is asked for so long before the one that there is runs out, ms. */
const RENEW_MS = 60_000;

/** What the server of Hocuspocus closes with. */
const TIMEOUT = 4408;
const RESET = 4205;

export type HocuspocusOptions = {
  readonly maker: SessionMaker;
  readonly messageUnits: number;
  readonly loginTimeoutMs: number;
  channelOf(name: string): string | null;
  /** Counts one session more of this address. @returns its id */
  enter(address: string): number;
  leave(address: string): void;
};

type Early = { readonly messages: YMessage[]; bytes: number };

/** A socket of Hocuspocus's provider: any number of documents, each with a token of its own; those of one user share a session. */
export class HocuspocusClient implements SocketOwner {
  readonly #socket: ForeignSocket;
  readonly #options: HocuspocusOptions;
  readonly #clock: Clock;
  /** The user named in the address, for tokens that only the app can read. */
  readonly #user: string | null;
  readonly #documents = new Map<string, HocuspocusDocument>();
  readonly #sessions = new Set<UserSession>();
  /** What came before the token of its document. */
  readonly #early = new Map<string, Early>();
  #earlyBytes = 0;
  /** Documents that were refused: what still comes for them is nothing, until another token does. */
  readonly #denied = new Set<string>();
  #firstId: number | null;
  #owed: RunBytes[] = [];
  receiving = 0;
  #emptySinceMs: number;
  #wasIn = false;

  constructor(id: number, socket: ForeignSocket, user: string | null, options: HocuspocusOptions) {
    this.#firstId = id;
    this.#socket = socket;
    this.#user = user;
    this.#options = options;
    this.#clock = options.maker.clock;
    this.#emptySinceMs = this.#clock.monotonicMs();
  }

  get writing(): boolean {
    return this.#socket.writing;
  }

  heard(data: Uint8Array): boolean {
    const heard = readHocuspocus(data);
    if (heard === null) return false;
    switch (heard.kind) {
      case 'pong':
        break;
      case 'token':
        this.#authenticate(heard.key, heard.token);
        break;
      case 'close':
        this.#closed(heard.key);
        break;
      case 'document':
        this.#heard(heard.key, heard.message, data.length);
        break;
    }
    this.moved();
    return true;
  }

  #heard(key: string, message: YMessage, bytes: number): void {
    const document = this.#documents.get(key);
    if (document !== undefined) document.client.heard(message);
    else if (!this.#denied.has(key)) this.#keep(key, message, bytes);
  }

  /** A provider sends its token first, but what was changed while it fetched it comes before. */
  #keep(key: string, message: YMessage, bytes: number): void {
    if (message.kind === 'update' && isEmptyUpdate(message.update)) return;
    const early = this.#early.get(key) ?? { messages: [], bytes: 0 };
    if (this.#earlyBytes + bytes > MOST_UNKEPT || (early.bytes === 0 && this.#isFull())) {
      this.#socket.close(RESET, 'login_timeout');
      return;
    }
    early.messages.push(message);
    early.bytes += bytes;
    this.#earlyBytes += bytes;
    this.#early.set(key, early);
  }

  #isFull(): boolean {
    return this.#documents.size + this.#early.size >= MAX_DOCUMENTS;
  }

  #takeEarly(key: string): readonly YMessage[] {
    const early = this.#early.get(key);
    this.#early.delete(key);
    this.#earlyBytes -= early?.bytes ?? 0;
    return early?.messages ?? [];
  }

  #authenticate(key: string, token: string): void {
    const login = loginOf(token, this.#user);
    const there = this.#documents.get(key);
    if (there !== undefined) {
      this.#renew(there, login);
      return;
    }
    const early = this.#takeEarly(key);
    const channel = this.#options.channelOf(nameOf(key));
    if (login === null) return this.#deny(key, 'token_invalid');
    // The same answer as for one that is not theirs.
    if (channel === null) return this.#deny(key, 'forbidden');
    if (this.#isFull()) return this.#deny(key, 'limit_reached');
    this.#denied.delete(key);
    const session = this.#sessionFor(login, channel);
    const { messageUnits } = this.#options;
    const document = new HocuspocusDocument(
      key,
      { channel, user: login.user, line: session.session.paced, messageUnits, clock: this.#clock },
      early,
      {
        owe: (bytes) => this.owe(bytes),
        moved: () => this.moved(),
        over: (one, again) => this.#over(one, again),
      },
    );
    this.#documents.set(key, document);
    session.add(document, login.token, (refusal) => {
      if (document.client.isOver) return;
      if (refusal === null) document.client.join();
      else {
        document.deny(refusal);
        this.#remove(document);
      }
    });
  }

  /** A newer token for a document that is open: of the session then, and of all its documents. */
  #renew(document: HocuspocusDocument, login: Login | null): void {
    const session = this.#sessionOf(document);
    if (session === undefined) return;
    if (login === null || login.user !== session.user)
      return this.owe(namedMessage(document.key, [denied('username_mismatch')]));
    session.renew(login.token, (refusal) => {
      if (refusal !== null) this.owe(namedMessage(document.key, [denied(refusal)]));
    });
  }

  #sessionOf(document: HocuspocusDocument): UserSession | undefined {
    return [...this.#sessions].find((session) => session.documents.get(document.channel) === document);
  }

  /** One of the user that has not this channel: two providers of one document are two sessions. */
  #sessionFor(login: Login, channel: string): UserSession {
    for (const session of this.#sessions)
      if (session.user === login.user && !session.session.isOver && !session.documents.has(channel))
        return session;
    const { address } = this.#socket;
    const isFirst = this.#firstId !== null;
    const id = this.#firstId ?? this.#options.enter(address);
    this.#firstId = null;
    this.#wasIn = true;
    const session = new UserSession(this, this.#options.maker, { id, address, isFirst }, login);
    this.#sessions.add(session);
    session.session.logIn(login);
    return session;
  }

  #deny(key: string, reason: string): void {
    if (this.#denied.size < MAX_DOCUMENTS) this.#denied.add(key);
    this.owe(namedMessage(key, [denied(reason)]));
  }

  #closed(key: string): void {
    this.#takeEarly(key);
    this.#denied.delete(key);
    const document = this.#documents.get(key);
    if (document === undefined) return;
    const session = this.#sessionOf(document);
    session?.session.paced.send({ t: 'unsub', c: document.channel }, document.channel.length);
    document.client.stop();
    this.#remove(document);
    this.#denied.delete(key);
  }

  #over(document: HocuspocusDocument, again: boolean): void {
    this.#remove(document);
    if (again) this.close(CLOSES.unavailable.close, 'unavailable');
  }

  #remove(document: HocuspocusDocument): void {
    this.#documents.delete(document.key);
    this.#sessionOf(document)?.documents.delete(document.channel);
    if (this.#denied.size < MAX_DOCUMENTS) this.#denied.add(document.key);
  }

  /** The server has ended a session's connection. */
  ended(session: UserSession, code: number, reason: string): void {
    this.sessionGone(session);
    const isFinal = adviceForClose(code) === 'stop' || (reason === 'token_expired' && !session.wasIn);
    const documents = [...session.documents.values()];
    for (const document of documents) {
      if (isFinal) document.deny(reason);
      else document.client.stop();
      this.#remove(document);
    }
    if (!isFinal) this.close(code, reason);
  }

  sessionGone(session: UserSession): void {
    this.#sessions.delete(session);
    if (!session.isFirst) this.#options.leave(this.#socket.address);
    if (this.#sessions.size === 0) this.#emptySinceMs = this.#clock.monotonicMs();
  }

  close(code: number, reason: string): void {
    this.write();
    this.#socket.close(code, reason);
  }

  drained(): void {
    for (const { session } of this.#sessions) session.drained();
  }

  ping(): void {
    this.#socket.ping();
  }

  answered(): void {
    this.#socket.isThere();
    for (const { session } of this.#sessions) session.isThere();
  }

  gone(goodbye: boolean): void {
    for (const document of this.#documents.values()) document.client.stop();
    this.#documents.clear();
    for (const session of [...this.#sessions]) {
      session.session.leave(goodbye);
      this.sessionGone(session);
    }
  }

  moved(): void {
    let bytes = this.#earlyBytes;
    for (const document of this.#documents.values()) bytes += document.bytes;
    for (const { session } of this.#sessions) bytes += session.paced.waitingBytes;
    this.#socket.isFull = bytes > MOST_UNKEPT;
  }

  /** One of the gateway's rounds. */
  look(nowMs: number): void {
    const mostIdleMs = this.#wasIn ? IDLE_MS : this.#options.loginTimeoutMs;
    if (this.#sessions.size === 0 && nowMs - this.#emptySinceMs >= mostIdleMs)
      return this.close(TIMEOUT, 'login_timeout');
    for (const session of this.#sessions) session.look(this.#clock.nowMs() + RENEW_MS);
    const [document] = this.#documents.values();
    if (document !== undefined && !this.#socket.writing && nowMs - this.#socket.lastWriteMs >= QUIET_MS)
      document.body(STILL_THERE);
  }

  owe(bytes: RunBytes): void {
    this.#owed.push(bytes);
    if (this.receiving === 0) this.write();
  }

  write(): number {
    const owed = this.#owed;
    this.#owed = [];
    return this.#socket.write(owed);
  }
}

/** A session of one user on a socket, with the documents it is in by their channels. */
class UserSession implements SessionOwner {
  readonly session: ForeignSession;
  readonly user: string;
  readonly isFirst: boolean;
  readonly documents = new Map<string, HocuspocusDocument>();
  readonly #client: HocuspocusClient;
  #token: string;
  #waiting: ((refusal: null) => void)[] = [];
  #isReceiving = false;
  /** For which end of a token a newer one was asked for. */
  #askedForMs: number | null = null;
  wasIn = false;

  constructor(
    client: HocuspocusClient,
    maker: SessionMaker,
    { id, address, isFirst }: { readonly id: number; readonly address: string; readonly isFirst: boolean },
    { user, token }: Login,
  ) {
    this.#client = client;
    this.user = user;
    this.isFirst = isFirst;
    this.#token = token;
    this.session = new ForeignSession(maker, { id, address }, this);
  }

  /** @param ready with the code of why its token is not good, or null: it may begin */
  add(document: HocuspocusDocument, token: string, ready: (refusal: string | null) => void): void {
    this.documents.set(document.channel, document);
    if (!this.session.isLive) {
      if (token === this.#token) this.#waiting.push(ready);
      else this.#waiting.push(() => this.renew(token, ready));
    } else if (token === this.#token) ready(null);
    else this.renew(token, ready);
  }

  renew(token: string, answered: (refusal: string | null) => void): void {
    this.session.renew(token, (refusal) => {
      if (refusal === null) this.#token = token;
      answered(refusal);
    });
  }

  get writing(): boolean {
    return this.#client.writing;
  }

  loggedIn(): void {
    this.wasIn = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const ready of waiting) ready(null);
  }

  receive(message: DownMessage, frame: Frame): void {
    if (!this.#isReceiving) this.#client.receiving++;
    this.#isReceiving = true;
    if ('c' in message && message.c !== undefined)
      this.documents.get(message.c)?.client.receive(message, frame);
  }

  flushed(): number {
    for (const document of this.documents.values()) document.client.flushed();
    if (this.#isReceiving) this.#client.receiving--;
    this.#isReceiving = false;
    return this.#client.write();
  }

  moved(): void {
    this.#client.moved();
  }

  heartbeat(): void {
    this.#client.ping();
  }

  ended(code: number, reason: string): void {
    this.#client.ended(this, code, reason);
  }

  /** Asks for another token where the one that there is runs out before `beforeMs`. */
  look(beforeMs: number): void {
    const { expiresAtMs } = this.session;
    const [document] = this.documents.values();
    if (expiresAtMs === null || expiresAtMs > beforeMs || this.#askedForMs === expiresAtMs) return;
    this.#askedForMs = expiresAtMs;
    document?.body(ASK_TOKEN);
  }
}
