import type { Clock, Timer } from '../ports/clock.ts';
import { done, LINE_UNKNOWN, type LineAnswer, refused } from './line-answer.ts';
import type { SendRequest } from './line-request.ts';

/** How long a request that overtook another is kept for it ([HTTP3]). */
export const ORDER_WAIT_MS = 5_000;

/** Requests of a line that wait so at most. */
export const MAX_OUT_OF_ORDER = 8;

/** What a client has sent on a line. Numbers begin with 1. */
export type Upward = {
  /** The number that is expected next. */
  next: number;
  /** Requests that overtook another; null until one does. */
  early: Early[] | null;
};

type Early = {
  readonly n: number;
  /** As text, which is as large as what came: the same as objects may take twenty times as much. */
  readonly texts: readonly string[];
  readonly bytes: number;
  readonly timer: Timer;
  readonly resolve: (answer: LineAnswer) => void;
};

/** Where a line's messages go. */
export type Receiver = {
  readonly upward: Upward;
  /** False from its end on. */
  readonly isOpen: boolean;
  message(text: string): void;
  /** A message of more than `limits.messageBytes` ([MSG4]). */
  tooLarge(): void;
};

export type UpwardLimits = {
  readonly messageBytes: number;
  /** Of all that wait on a line, bytes. */
  readonly lineBytes: number;
};

export function newUpward(): Upward {
  return { next: 1, early: null };
}

/** Hands on messages in the order of their numbers, each once, however the requests came ([HTTP3]). */
export function createSending(clock: Clock, limits: UpwardLimits) {
  /** Takes what was not taken before. */
  function take(line: Receiver, n: number, texts: readonly string[]): void {
    const { upward } = line;
    for (let at = Math.max(0, upward.next - n); line.isOpen; at++) {
      const text = texts[at];
      if (text === undefined) return;
      // Counted before it is handed on: what it leads to may look at the number.
      upward.next = n + at + 1;
      if (Buffer.byteLength(text) > limits.messageBytes) line.tooLarge();
      else line.message(text);
    }
  }

  function expected(line: Receiver): LineAnswer {
    return done(`{"n":${line.upward.next}}`);
  }

  /** Those that waited for what has come now. */
  function takeEarly(line: Receiver): void {
    const { upward } = line;
    for (;;) {
      const at = upward.early?.findIndex(({ n }) => n <= upward.next) ?? -1;
      if (at < 0 || upward.early === null) return;
      const [early] = upward.early.splice(at, 1);
      if (early === undefined) return;
      early.timer.cancel();
      take(line, early.n, early.texts);
      early.resolve(expected(line));
    }
  }

  function wait(line: Receiver, { n, ms, bytes }: SendRequest): LineAnswer | Promise<LineAnswer> {
    const early = (line.upward.early ??= []);
    const held = early.reduce((sum, { bytes: its }) => sum + its, bytes);
    if (early.length >= MAX_OUT_OF_ORDER || held > limits.lineBytes) return outOfOrder(line);
    const texts = textsOf(ms);
    return new Promise((resolve) => {
      const timer = clock.setTimer(ORDER_WAIT_MS, () => {
        early.splice(early.indexOf(entry), 1);
        resolve(outOfOrder(line));
      });
      const entry: Early = { n, texts, bytes, timer, resolve };
      early.push(entry);
    });
  }

  return {
    /** What opened the line. */
    open(line: Receiver, ms: readonly unknown[]): void {
      take(line, 1, textsOf(ms));
    },
    send(line: Receiver, request: SendRequest): LineAnswer | Promise<LineAnswer> {
      if (!line.isOpen) return LINE_UNKNOWN;
      if (request.n > line.upward.next) return wait(line, request);
      take(line, request.n, textsOf(request.ms));
      takeEarly(line);
      return expected(line);
    },
  };
}

function textsOf(ms: readonly unknown[]): readonly string[] {
  return ms.map((message) => JSON.stringify(message));
}

export type Sending = ReturnType<typeof createSending>;

/** Answers whoever still waits on a line that has ended. */
export function endUpward(upward: Upward): void {
  for (const { timer, resolve } of upward.early ?? []) {
    timer.cancel();
    resolve(LINE_UNKNOWN);
  }
  upward.early = null;
}

function outOfOrder({ upward }: Receiver): LineAnswer {
  return refused('out_of_order', `number ${upward.next} is expected`);
}
