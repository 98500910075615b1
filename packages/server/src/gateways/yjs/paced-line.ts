import type { Err, Ok, UpMessage } from '@carillon/protocol';
import type { InnerLine, InnerRequest } from '../../gate/inner-line.ts';
import type { Clock, Timer } from '../../ports/clock.ts';

/** Messages a connection may send: `perSecond` on average, `burst` at once. */
export type Rate = { readonly perSecond: number; readonly burst: number };

type Waiting = { readonly cost: number; readonly bytes: number; send(): void };

/**
 * What goes up on a line, no faster than the line may send. Clients of Yjs know no refusal of a rate: an update that were refused would be
 * a gap to them. So what is too fast waits here, and its socket is not read meanwhile.
 */
export type PacedLine = {
  /** Bytes that wait. */
  readonly waitingBytes: number;
  /** Nothing waits, and something could be sent now. */
  readonly isFree: boolean;
  /** @param bytes how much the message is, about: never less than its text */
  ask(message: InnerRequest, bytes: number, answered: (answer: Ok | Err | null) => void): void;
  send(message: UpMessage, bytes: number): void;
  /** Called once when all that waits now has gone. */
  whenSent(done: () => void): void;
  stop(): void;
};

/** A message of more is counted by its size as well, one for each 1,024 ([LIM1]). */
const FREE_BYTES = 4_096;

/** What the node counts is never less than what is counted here: the two clocks may differ by a moment. */
const SPARE = 2;

/**
 * @param moved something that waited has gone
 */
export function createPacedLine(
  line: () => InnerLine,
  { perSecond, burst }: Rate,
  clock: Pick<Clock, 'monotonicMs' | 'setTimer'>,
  moved: () => void,
): PacedLine {
  const most = Math.max(1, burst - SPARE);
  const waiting: Waiting[] = [];
  let waitingBytes = 0;
  let tokens = most;
  let atMs = clock.monotonicMs();
  let timer: Timer | null = null;
  let stopped = false;

  function refill(): void {
    const nowMs = clock.monotonicMs();
    tokens = Math.min(most, tokens + ((nowMs - atMs) / 1_000) * perSecond);
    atMs = nowMs;
  }

  function costOf(bytes: number): number {
    return Math.min(most, bytes <= FREE_BYTES ? 1 : 1 + Math.ceil(bytes / 1_024));
  }

  function put(bytes: number, send: () => void): void {
    if (stopped) return;
    waiting.push({ cost: costOf(bytes), bytes, send });
    waitingBytes += bytes;
    pump();
  }

  function pump(): void {
    if (timer !== null) return;
    let sent = false;
    for (let next = waiting[0]; next !== undefined && !stopped; next = waiting[0]) {
      refill();
      if (tokens < next.cost) {
        const waitMs = Math.ceil(((next.cost - tokens) / perSecond) * 1_000);
        timer = clock.setTimer(waitMs, () => {
          timer = null;
          pump();
        });
        break;
      }
      tokens -= next.cost;
      waiting.shift();
      waitingBytes -= next.bytes;
      sent = true;
      next.send();
    }
    if (sent) moved();
  }

  return {
    get waitingBytes() {
      return waitingBytes;
    },
    get isFree() {
      refill();
      return waiting.length === 0 && tokens >= 1;
    },
    ask: (message, bytes, answered) => put(bytes, () => line().ask(message, answered)),
    send: (message, bytes) => put(bytes, () => line().send(message)),
    whenSent(done) {
      if (stopped || waiting.length === 0) done();
      else waiting.push({ cost: 0, bytes: 0, send: done });
    },
    stop() {
      stopped = true;
      waiting.length = 0;
      waitingBytes = 0;
      timer?.cancel();
      timer = null;
    },
  };
}
