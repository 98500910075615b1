import type { Random } from '../random.ts';
import type { Owner, Plan, VirtualTime } from '../time/virtual-time.ts';

/** How long bytes are on their way, ms. */
export type Delay = { readonly leastMs: number; readonly mostMs: number };

/**
 * One direction of a line: everything arrives in the order it was sent, like TCP, after a delay that varies. Bytes
 * count as buffered until the other side has read them.
 */
export type Pipe = {
  push(bytes: number, arrive: () => void): void;
  readonly bufferedBytes: number;
  /** Nothing arrives, nothing is lost. */
  pause(): void;
  unpause(): void;
  /** The other side reads this many bytes a second; null for as fast as they come. */
  setRate(bytesPerSecond: number | null): void;
  /** Whatever has not arrived never does, and whatever is pushed from now on stays buffered for good. */
  breakOff(): void;
};

type Item = { readonly readyMs: number; readonly bytes: number; readonly arrive: () => void };

/** @param onRead called after bytes were read, when `bufferedBytes` has gone down */
export function createPipe(
  time: VirtualTime,
  owner: Owner,
  random: Random,
  delay: Delay,
  onRead: () => void,
): Pipe {
  const queue: Item[] = [];
  let bufferedBytes = 0;
  let lastReadyMs = 0;
  let readerFreeMs = 0;
  let bytesPerSecond: number | null = null;
  let paused = false;
  let broken = false;
  let pump: Plan | null = null;

  function schedule(): void {
    pump?.cancel();
    pump = null;
    const head = queue[0];
    if (head === undefined || paused) return;
    pump = time.plan(Math.max(head.readyMs, readerFreeMs) - time.nowMs(), owner, deliver);
  }

  function deliver(): void {
    pump = null;
    const item = queue.shift();
    if (item === undefined) return;
    bufferedBytes -= item.bytes;
    if (bytesPerSecond !== null) readerFreeMs = time.nowMs() + (item.bytes / bytesPerSecond) * 1000;
    schedule();
    item.arrive();
    onRead();
  }

  return {
    get bufferedBytes() {
      return bufferedBytes;
    },
    push(bytes, arrive) {
      bufferedBytes += bytes;
      if (broken) return;
      const arrivesMs = time.nowMs() + random.whole(delay.leastMs, delay.mostMs);
      lastReadyMs = Math.max(lastReadyMs, arrivesMs);
      queue.push({ readyMs: lastReadyMs, bytes, arrive });
      if (queue.length === 1) schedule();
    },
    pause() {
      paused = true;
      schedule();
    },
    unpause() {
      paused = false;
      schedule();
    },
    setRate(rate) {
      bytesPerSecond = rate;
      readerFreeMs = time.nowMs();
      schedule();
    },
    breakOff() {
      broken = true;
      queue.length = 0;
      schedule();
    },
  };
}
