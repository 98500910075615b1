import { storeUnavailable } from '@carillon/server/simulation';
import type { Random } from '../random.ts';
import { type Owner, type Plan, type VirtualTime, createOwner } from '../time/virtual-time.ts';

/**
 * The one file that everything durable is written to, as SQLite with one writer is: writes become durable in the order
 * they were made, several with one commit. It outlives the node; a write under way when the node dies may have become
 * durable or not, but none without those before it.
 */
export type Disk = {
  /**
   * @param change makes the write durable; called once, at the commit
   * @returns what it returned, once durable; rejects with `storeUnavailable` where the disk takes no writes
   */
  write<T>(change: () => Promise<T>): Promise<T>;
  /** As `write`, but never refused while the disk works at all: it makes room. */
  drop(change: () => Promise<void>): Promise<void>;
  /** The process dies: of the writes under way a random prefix survives. */
  processDied(): void;
  /** The disk refuses writes for this long; `entirely`: dropping too. */
  fill(forMs: number, entirely: boolean): void;
  calm(): void;
  /** When the disk last refused a write, ms. */
  readonly refusedAtMs: number;
};

type Write = { readonly change: () => Promise<unknown>; done(result: Promise<unknown>): void };

/** @param commitMs how long one commit takes */
export function createDisk(time: VirtualTime, random: Random, commitMs: (random: Random) => number): Disk {
  const owner: Owner = createOwner('disk');
  let waiting: Write[] = [];
  let committing: Write[] = [];
  let commit: Plan | null = null;
  let fullUntilMs = 0;
  let brokenUntilMs = 0;
  let refusedAtMs = -Infinity;

  function enqueue<T>(change: () => Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      waiting.push({ change, done: (result) => resolve(result as Promise<T>) });
      if (committing.length === 0) beginCommit();
    });
  }

  function beginCommit(): void {
    committing = waiting;
    waiting = [];
    if (committing.length > 0) commit = time.plan(commitMs(random), owner, endCommit);
  }

  function endCommit(): void {
    const written = committing;
    committing = [];
    for (const { change, done } of written) done(change());
    beginCommit();
  }

  function refuse(): Promise<never> {
    refusedAtMs = time.nowMs();
    return time
      .sleep(commitMs(random), owner)
      .then(() => Promise.reject(storeUnavailable('the simulated disk is full')));
  }

  return {
    write: (change) => (time.nowMs() < fullUntilMs ? refuse() : enqueue(change)),
    drop: (change) => (time.nowMs() < brokenUntilMs ? refuse() : enqueue(change)),
    processDied() {
      commit?.cancel();
      const underWay = [...committing, ...waiting];
      committing = [];
      waiting = [];
      for (const { change } of underWay.slice(0, random.whole(0, underWay.length))) void change();
    },
    fill(forMs, entirely) {
      fullUntilMs = time.nowMs() + forMs;
      if (entirely) brokenUntilMs = fullUntilMs;
    },
    calm() {
      fullUntilMs = 0;
      brokenUntilMs = 0;
    },
    get refusedAtMs() {
      return refusedAtMs;
    },
  };
}
