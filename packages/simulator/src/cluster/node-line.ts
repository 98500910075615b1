import { type StoreLine, storeUnavailable } from '@carillon/server/simulation';
import { drawMs } from '../node/latencies.ts';
import type { Random } from '../random.ts';
import type { Owner, Plan, VirtualTime } from '../time/virtual-time.ts';
import type { SharedStore } from './shared-store.ts';

/** Without an answer for this long the line is given up, ms. */
const COMMAND_TIMEOUT_MS = 4_000;

/** A line that was given up is made anew after this pause, ms. */
const RECONNECT_MS = 400;

/** One life of a node's line to the store, with everything that goes wrong on it. */
export type NodeLine = StoreLine & {
  /** Resolves when the line stands for the first time. */
  open(): Promise<void>;
  /** Nothing passes, and nobody is told; until `mend`. */
  cut(): void;
  mend(): void;
  readonly isCut: boolean;
  /** Since when it is, ms; null where it is not. */
  readonly cutSinceMs: number | null;
};

/** One connection. What it still carries when it is given up is lost, unless it had arrived. */
type Link = {
  broken: boolean;
  lastThereMs: number;
  lastBackMs: number;
  lastToldMs: number;
  readonly held: (() => void)[];
  readonly waiting: Set<{ readonly reject: (error: Error) => void; readonly deadline: Plan }>;
};

export function createNodeLine(
  store: SharedStore,
  time: VirtualTime,
  life: Owner,
  random: Random,
  delayMs: number,
): NodeLine {
  const upListeners: ((run: StoreLine['run']) => Promise<void>)[] = [];
  const downListeners: (() => void)[] = [];
  const opened = Promise.withResolvers<void>();
  let cutSinceMs: number | null = null;
  let link: Link | null = null;
  let stands = false;

  function newLink(): Link {
    return { broken: false, lastThereMs: 0, lastBackMs: 0, lastToldMs: 0, held: [], waiting: new Set() };
  }

  function giveUp(given: Link, why: string): void {
    if (given.broken) return;
    given.broken = true;
    given.held.length = 0;
    stands = false;
    for (const { reject, deadline } of given.waiting) {
      deadline.cancel();
      reject(storeUnavailable(why));
    }
    given.waiting.clear();
    for (const listener of downListeners) listener();
    time.plan(RECONNECT_MS + random.whole(0, RECONNECT_MS), life, () => void connect());
  }

  /** What comes along the line at its end, unless it is cut; then once it is mended. */
  function reach(given: Link, deliver: () => void): void {
    if (given.broken) return;
    if (cutSinceMs !== null) given.held.push(() => reach(given, deliver));
    else deliver();
  }

  function runOn<T>(given: Link, step: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const call = {
        reject,
        deadline: time.plan(COMMAND_TIMEOUT_MS, life, () => giveUp(given, 'no answer in time')),
      };
      given.waiting.add(call);
      given.lastThereMs = Math.max(given.lastThereMs, time.nowMs() + drawMs(random, delayMs));
      // By the store: what was sent arrives also where the node dies meanwhile.
      time.plan(given.lastThereMs - time.nowMs(), store.owner, () => {
        reach(given, () => store.arrive(() => answer(given, call, resolve, step)));
      });
    });
  }

  function answer<T>(
    given: Link,
    call: { readonly reject: (error: Error) => void; readonly deadline: Plan },
    resolve: (value: T) => void,
    step: () => T,
  ): void {
    const value = step();
    given.lastBackMs = Math.max(given.lastBackMs, time.nowMs() + drawMs(random, delayMs));
    time.plan(given.lastBackMs - time.nowMs(), life, () => {
      reach(given, () => {
        if (!given.waiting.delete(call)) return;
        call.deadline.cancel();
        resolve(value);
      });
    });
  }

  async function connect(): Promise<void> {
    const made = newLink();
    link = made;
    if (store.state === 'down') return giveUp(made, 'nobody listens');
    try {
      await runOn(made, () => undefined);
      for (const listener of upListeners) await listener((step) => runOn(made, step));
      if (made.broken) return;
      stands = true;
      opened.resolve();
    } catch {
      // It was given up, and is made anew; whoever called has been told.
      giveUp(made, 'the line could not be taken up');
    }
  }

  store.onLost(() => {
    if (link !== null && life.alive && cutSinceMs === null) giveUp(link, 'the server closed the line');
  });

  return {
    run: (step) =>
      link === null || !stands ? Promise.reject(storeUnavailable('the line is down')) : runOn(link, step),
    carry(deliver) {
      if (link === null || !life.alive) return;
      const carrying = link;
      carrying.lastToldMs = Math.max(carrying.lastToldMs, time.nowMs() + drawMs(random, delayMs));
      time.plan(carrying.lastToldMs - time.nowMs(), life, () => reach(carrying, deliver));
    },
    onUp: (listener) => void upListeners.push(listener),
    onDown: (listener) => void downListeners.push(listener),
    open() {
      void connect();
      return opened.promise;
    },
    cut() {
      cutSinceMs ??= time.nowMs();
    },
    mend() {
      cutSinceMs = null;
      for (const go of link?.held.splice(0) ?? []) go();
    },
    get isCut() {
      return cutSinceMs !== null;
    },
    get cutSinceMs() {
      return cutSinceMs;
    },
  };
}
