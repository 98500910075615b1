import { createEventHeap } from './event-heap.ts';

/** Whoever plans events: a process, a page, the network. What a dead owner had planned does not happen any more. */
export type Owner = {
  readonly name: string;
  alive: boolean;
  planned: number;
  /** Whether its delays are kept to the microsecond also where the world goes by a grid. */
  readonly exact: boolean;
};

export function createOwner(name: string, exact = false): Owner {
  return { name, alive: true, planned: 0, exact };
}

export type Plan = { cancel(): void };

/**
 * Time that passes only when nothing more can happen at the present moment. Whole microseconds inside; everything that
 * happens is planned here, so one seed gives one run.
 */
export type VirtualTime = {
  /** Since the beginning, ms. */
  nowMs(): number;
  /** Plans an event; delays below one microsecond mean "later at this moment". */
  plan(delayMs: number, owner: Owner, run: () => void): Plan;
  /** Runs once, when the input of the present moment has been handled, and before time passes. */
  defer(owner: Owner, run: () => void): void;
  /** Resolves after the delay; never, where the owner dies before. */
  sleep(delayMs: number, owner: Owner): Promise<void>;
  /** Lets time pass. Rejects with what an event threw. */
  pass(ms: number): Promise<void>;
};

type Event = {
  readonly atUs: number;
  readonly order: number;
  readonly owner: Owner;
  run: (() => void) | null;
};

/**
 * @param mayStop asked after each event; time stops passing where it says so
 * @param gridMs delays are rounded up to a multiple of this, except those of exact owners; 0 for none
 */
export function createVirtualTime(mayStop: () => boolean, gridMs = 0): VirtualTime {
  const heap = createEventHeap<Event>();
  let deferred: { readonly owner: Owner; readonly run: () => void }[] = [];
  let nowUs = 0;
  let order = 0;

  function plan(delayMs: number, owner: Owner, run: () => void): Plan {
    const event: Event = { atUs: nowUs + delayUs(delayMs, owner), order: order++, owner, run };
    owner.planned++;
    heap.push(event);
    return {
      cancel() {
        if (event.run === null) return;
        event.run = null;
        owner.planned--;
      },
    };
  }

  function delayUs(delayMs: number, { exact }: Owner): number {
    const positiveMs = Math.max(delayMs, 0);
    if (gridMs === 0 || exact) return Math.ceil(positiveMs * 1000);
    return Math.ceil(positiveMs / gridMs) * gridMs * 1000;
  }

  /** One thing at a time. @returns false when nothing is left to happen until then */
  function step(untilUs: number): boolean {
    for (;;) {
      const next = heap.peek();
      if (next !== undefined && (next.run === null || !next.owner.alive)) {
        heap.pop();
        continue;
      }
      if (next === undefined || next.atUs > nowUs) {
        if (deferred.length > 0) {
          endTurn();
          return true;
        }
        if (next === undefined || next.atUs > untilUs) return false;
        nowUs = next.atUs;
      }
      heap.pop();
      const run = next.run;
      next.run = null;
      next.owner.planned--;
      run?.();
      return true;
    }
  }

  function endTurn(): void {
    const turn = deferred;
    deferred = [];
    for (const { owner, run } of turn) if (owner.alive) run();
  }

  return {
    nowMs: () => nowUs / 1000,
    plan,
    defer(owner, run) {
      deferred.push({ owner, run });
    },
    sleep: (delayMs, owner) => new Promise((resolve) => void plan(delayMs, owner, resolve)),
    pass(ms) {
      const untilUs = nowUs + Math.round(ms * 1000);
      return new Promise((resolve, reject) => {
        // Between two events every promise that can settle does: an immediate runs when no microtask is left.
        function turn(): void {
          try {
            if (mayStop()) return resolve();
            if (step(untilUs)) {
              setImmediate(turn);
              return;
            }
            nowUs = untilUs;
            resolve();
          } catch (error) {
            reject(error);
          }
        }
        setImmediate(turn);
      });
    },
  };
}
