import { done, LINE_UNKNOWN, refused } from '../../gate/line-answer.ts';
import { TOO_LARGE } from '../../gate/line-closes.ts';
import type { PollRequest } from '../../gate/line-request.ts';
import type { Line, Poller } from '../../gate/lines.ts';
import { newUpward } from '../../gate/upward.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Connection, Frame, FrameRun, Link } from '../../ports/transport.ts';

/** What a line needs of its gateway; one object for all lines. */
export type PollHost = {
  readonly clock: Clock;
  readonly pollWaitMs: number;
  /** Nobody polls the line from now on, or somebody does again. */
  idle(line: PollLine): void;
  polled(line: PollLine): void;
  /** The runtime, or the client, is done with the line; it may still have to tell the code. */
  closed(line: PollLine): void;
  /** The client knows that it is closed: there is nothing left to tell. */
  told(line: PollLine): void;
};

type Waiting = { readonly poller: Poller; readonly timer: Timer };

/**
 * A connection that is polled ([HTTP5]). What the runtime writes is a batch, and is kept until a poll acknowledges it: until
 * then `writing` is true, so that what comes meanwhile is held in the outbox, where the channels' policies act.
 */
export class PollLine implements Connection, Line {
  readonly transport = 'poll';
  readonly id: number;
  readonly address: string;
  readonly upward = newUpward();
  readonly #host: PollHost;
  #link: Link | null = null;
  #line = '';
  /** The number of the newest batch. */
  #k = 0;
  /** What it holds, until it is acknowledged. */
  #batch: readonly Frame[] | null = null;
  #sent = false;
  /** What goes behind it, and is the last. */
  #last: readonly Frame[] = [];
  #waiting: Waiting | null = null;
  /** The highest number of a poll. */
  #p = 0;
  #answering = false;
  #open = true;
  #closeCode: number | null = null;
  /** The batch in which the code is told; 0: in none yet. */
  #closeIn = 0;

  constructor(id: number, address: string, host: PollHost) {
    this.id = id;
    this.address = address;
    this.#host = host;
  }

  get writing(): boolean {
    return this.#batch !== null;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** What clients call it. */
  get line(): string {
    return this.#line;
  }

  /** Whom the line's messages go to. Set once, before the first. */
  drive(line: string, link: Link): void {
    this.#line = line;
    this.#link = link;
  }

  write(run: FrameRun): number {
    if (!this.#open) return 0;
    const frames = run.frames();
    this.#add(frames);
    return bytesOf(frames);
  }

  writeLast(run: FrameRun): number {
    if (!this.#open) return 0;
    this.#last = run.frames();
    return bytesOf(this.#last);
  }

  #add(frames: readonly Frame[]): void {
    this.#k++;
    this.#batch = frames;
    this.#sent = false;
    this.#answerSoon();
  }

  /** At the end of the turn: what closes the line may stand right behind a `bye`, and belongs into the same batch. */
  #answerSoon(): void {
    if (this.#waiting === null || this.#answering) return;
    this.#answering = true;
    this.#host.clock.defer(() => {
      this.#answering = false;
      if (this.#batch !== null && this.#waiting !== null) this.#answerBatch(this.#take(this.#waiting));
    });
  }

  poll({ ack, wait, p = this.#p }: PollRequest, poller: Poller): void {
    // It was long under way: whoever sent it has given it up, and waits by a later one.
    if (p < this.#p) {
      poller.answer(refused('poll_conflict', 'a later poll was here before'));
      return;
    }
    this.#p = p;
    if (ack === this.#k) {
      if (this.#batch !== null) this.#acknowledged();
    } else if (ack !== this.#k - 1 || this.#batch === null) {
      poller.answer(refused('poll_conflict', `the last batch is ${this.#k}`));
      return;
    }
    // The newer poll goes on, also where the older is of a connection that nobody knows to be dead ([HTTP6]).
    if (this.#waiting !== null) this.#take(this.#waiting).answer(refused('poll_conflict'));
    if (this.#batch === null && this.#closeCode !== null) {
      if (this.#closeIn > 0) {
        poller.answer(LINE_UNKNOWN);
        return;
      }
      this.#add(this.#last);
    }
    if (this.#batch === null)
      this.#await(poller, Math.min(wait ?? this.#host.pollWaitMs, this.#host.pollWaitMs));
    else this.#answerBatch(poller);
  }

  #acknowledged(): void {
    this.#batch = null;
    if (this.#closeIn === this.#k) this.#host.told(this);
    else if (this.#open) this.#link?.drained();
  }

  /** Waits for a batch. Whoever opened the line waits for its first. */
  #await(poller: Poller, waitMs: number): void {
    this.#host.polled(this);
    const timer = this.#host.clock.setTimer(waitMs, () => {
      this.#waiting = null;
      this.#host.idle(this);
      poller.answer(done(`{"line":${JSON.stringify(this.#line)},"k":${this.#k},"ms":[]}`));
    });
    this.#waiting = { poller, timer };
  }

  /** The poller's connection is gone. What it was not told is kept. */
  abandon(poller: Poller): void {
    if (this.#waiting?.poller === poller) {
      this.#take(this.#waiting);
      this.#host.idle(this);
    }
  }

  #take({ poller, timer }: Waiting): Poller {
    timer.cancel();
    this.#waiting = null;
    return poller;
  }

  #answerBatch(poller: Poller): void {
    // A batch that was sent before is sent as it was.
    if (this.#closeCode !== null && this.#closeIn === 0 && !this.#sent) this.#closeIn = this.#k;
    this.#sent = true;
    const close = this.#closeIn === this.#k ? `,"close":${this.#closeCode}` : '';
    const ms = (this.#batch ?? []).map(({ text }) => text).join(',');
    this.#host.idle(this);
    poller.answer(done(`{"line":${JSON.stringify(this.#line)},"k":${this.#k},"ms":[${ms}]${close}}`));
  }

  close(code: number): void {
    if (!this.#open) return;
    this.#open = false;
    this.#closeCode = code;
    if (this.#batch === null && this.#waiting !== null) this.#add([]);
    this.#host.closed(this);
  }

  terminate(): void {
    this.#open = false;
    const waiting = this.#waiting;
    if (waiting !== null) {
      const poller = this.#take(waiting);
      // Right behind a `close`: whoever polls is told, and nobody is waited for.
      if (this.#batch === null) poller.answer(LINE_UNKNOWN);
      else this.#answerBatch(poller);
    }
    this.#host.closed(this);
    this.#host.told(this);
  }

  message(text: string): void {
    if (this.#open) this.#link?.message(text);
  }

  tooLarge(): void {
    this.close(TOO_LARGE);
    this.gone(TOO_LARGE);
  }

  /** Nobody polls any more, or the line ended without the runtime. */
  gone(code: number): void {
    this.#open = false;
    const link = this.#link;
    this.#link = null;
    link?.closed(code);
  }
}

function bytesOf(frames: readonly Frame[]): number {
  let bytes = 0;
  for (const { text } of frames) bytes += Buffer.byteLength(text) + 1;
  return bytes;
}
