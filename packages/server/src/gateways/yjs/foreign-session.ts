import { CLOSES, type DownMessage } from '@carillon/protocol';
import { type InnerClient, type InnerLine, openInnerLine } from '../../gate/inner-line.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Frame, Transport } from '../../ports/transport.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import { createPacedLine, type PacedLine, type Rate } from './paced-line.ts';
import type { Login } from './token-user.ts';

/** How long a client that left may take for what it sent last, ms. */
const LEAVE_MS = 5_000;

/** A line that dropped without a word (RFC 6455, section 7.4.1). */
const DROPPED = 1006;

/** What opens sessions for clients of one gateway. */
export type SessionMaker = {
  readonly node: Pick<RealtimeNode, 'open'>;
  readonly clock: Clock;
  readonly rate: Rate;
  readonly transport: Transport;
};

export type SessionOwner = {
  readonly writing: boolean;
  /** The server has let it in. */
  loggedIn(): void;
  receive(message: DownMessage, frame: Frame): void;
  flushed(): number;
  /** Something that waited to be sent has gone. */
  moved(): void;
  /** The server asks whether the client is there; `isThere` says so. */
  heartbeat(): void;
  /** The server has ended the session's connection, with a code of docs/errors.md. */
  ended(code: number, reason: string): void;
};

/** A session of a client that speaks for itself in other words. */
export class ForeignSession implements InnerClient {
  readonly paced: PacedLine;
  readonly #clock: Clock;
  readonly #owner: SessionOwner;
  readonly #line: InnerLine;
  #phase: 'new' | 'live' | 'leaving' | 'over' = 'new';
  #isAsked = false;
  #impatient: Timer | null = null;
  /** When the login token runs out, ms since the epoch; null: never. */
  expiresAtMs: number | null = null;

  constructor(
    { node, clock, rate, transport }: SessionMaker,
    { id, address }: { readonly id: number; readonly address: string },
    owner: SessionOwner,
  ) {
    this.#clock = clock;
    this.#owner = owner;
    this.paced = createPacedLine(
      () => this.#line,
      rate,
      clock,
      () => owner.moved(),
    );
    this.#line = openInnerLine({ node, id, address, transport }, this);
  }

  get isLive(): boolean {
    return this.#phase === 'live';
  }

  get isOver(): boolean {
    return this.#phase === 'leaving' || this.#phase === 'over';
  }

  logIn({ user, token }: Login): void {
    // Not through what paces it: it is the first message, and may be a large one.
    this.#line.send({ t: 'login', username: user, token, v: 1 });
  }

  /** Offers a newer token of the same user. */
  renew(token: string, answered: (refusal: string | null) => void): void {
    this.paced.ask({ t: 'auth', token }, token.length, (answer) => {
      if (answer?.t === 'ok' && answer.exp !== undefined) this.expiresAtMs = answer.exp;
      if (answer !== null) answered(answer.t === 'err' ? answer.code : null);
    });
  }

  get writing(): boolean {
    return this.isOver ? false : this.#owner.writing;
  }

  receive(message: DownMessage, frame: Frame): void {
    if (message.t === 'token') {
      this.expiresAtMs = message.exp ?? null;
      if (this.#phase === 'new') {
        this.#phase = 'live';
        this.#owner.loggedIn();
      }
    } else if (this.isOver) {
      if (message.t === 'err') this.#over(DROPPED);
    } else if (message.t === 'err' && message.code === 'rate_limited' && this.isLive) {
      // Nobody knows what it was of; what is missing now, the client sends again when it comes back.
      this.leave(false);
      this.#owner.ended(CLOSES.rate_limited.close, 'rate_limited');
    } else this.#owner.receive(message, frame);
  }

  flushed(): number {
    return this.isOver ? 0 : this.#owner.flushed();
  }

  heartbeat(): void {
    this.#isAsked = true;
    this.#owner.heartbeat();
  }

  /** The client has shown that it is there. */
  isThere(): void {
    if (!this.#isAsked) return;
    this.#isAsked = false;
    this.#line.send({ t: 'hb' });
  }

  drained(): void {
    this.#line.drained();
  }

  close(code: number, reason: string): void {
    const wasLeaving = this.#phase === 'leaving';
    if (this.#phase === 'over') return;
    // Not within the turn in which the node closes it.
    setImmediate(() => this.#over(code));
    if (!wasLeaving) this.#owner.ended(code, reason);
  }

  terminate(): void {
    this.close(DROPPED, 'terminated');
  }

  /**
   * The client is gone. What it sent goes out first. `goodbye`: it left by its own will, so the session ends with it; else it waits for
   * its grace, so that nobody sees it go for a moment.
   */
  leave(goodbye: boolean): void {
    if (this.isOver) return;
    const wasLive = this.#phase === 'live';
    this.#phase = 'leaving';
    if (!wasLive) return this.#over(DROPPED);
    this.#impatient = this.#clock.setTimer(LEAVE_MS, () => this.#over(DROPPED));
    this.paced.whenSent(() => {
      if (this.#phase !== 'leaving') return;
      if (goodbye) this.#line.send({ t: 'logout' });
      else this.#over(DROPPED);
    });
  }

  #over(code: number): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#impatient?.cancel();
    this.paced.stop();
    this.#line.closed(code);
  }
}
