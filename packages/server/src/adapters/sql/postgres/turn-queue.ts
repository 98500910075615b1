import { storeUnavailable } from '../../../ports/unavailable.ts';
import { asUnavailable, isOfOneWrite } from './postgres-errors.ts';

export type TurnQueueOptions<Item, Result> = {
  /** What the items are written to, for who is refused. */
  readonly what: string;
  /** Writes items in this order, all or nothing, and gives the results in it. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Items of one run at most. */
  readonly atOnce: number;
  /** Items that wait at most; one more is refused. */
  readonly waiting: number;
  /** What an item weighs, and how much may wait and run at once. */
  readonly weigh?: { of(item: Item): number; readonly waiting: number; readonly atOnce: number };
  /** Items that are run by themselves. */
  readonly alone?: (item: Item) => boolean;
  /** Runs behind the answers of each run and before the next. MUST NOT reject. */
  readonly behind?: () => Promise<void>;
  /** Items that are taken even when others are refused, for they make room. */
  readonly makesRoom?: (item: Item) => boolean;
  readonly onRefused?: ((detail: string) => void) | undefined;
};

/** Writes that share transactions: those of one turn, and whatever comes while one is under way. */
export type TurnQueue<Item, Result> = {
  /** Answered in the order of the calls. Rejects with `storeUnavailable`. */
  ask(item: Item): Promise<Result>;
  /** Items that have not been answered. */
  waiting(): number;
  /** Resolves when everything was answered; what comes then is refused. */
  close(): Promise<void>;
};

type Waiting<Item, Result> = {
  readonly item: Item;
  readonly units: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
};

export function createTurnQueue<Item, Result>({
  what,
  run,
  atOnce,
  waiting: mostWaiting,
  weigh,
  alone,
  behind,
  makesRoom,
  onRefused,
}: TurnQueueOptions<Item, Result>): TurnQueue<Item, Result> {
  let queue: Waiting<Item, Result>[] = [];
  let waiting = 0;
  let waitingUnits = 0;
  let pumping = false;
  let closed = false;
  const idle: (() => void)[] = [];

  function takeNext(): readonly Waiting<Item, Result>[] {
    let units = 0;
    let count = 0;
    for (const one of queue) {
      if (count >= atOnce || (weigh !== undefined && count > 0 && units + one.units > weigh.atOnce)) break;
      const isAlone = alone?.(one.item) === true;
      if (isAlone && count > 0) break;
      units += one.units;
      count++;
      if (isAlone) break;
    }
    const next = queue.slice(0, count);
    queue = queue.slice(count);
    return next;
  }

  function settled({ units }: Waiting<Item, Result>): void {
    waiting--;
    waitingUnits -= units;
  }

  function refuse(one: Waiting<Item, Result>, error: unknown): void {
    settled(one);
    one.reject(asUnavailable(error));
  }

  async function runTogether(items: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await run(items.map(({ item }) => item));
      items.forEach((one, i) => {
        settled(one);
        one.resolve(results[i] as Result);
      });
    } catch (error) {
      // One write must not fail because of another's: each once more, alone. A server that is gone would only be waited
      // for again.
      if (items.length > 1 && isOfOneWrite(error)) {
        for (const one of items) await runTogether([one]);
        return;
      }
      onRefused?.(asUnavailable(error).message);
      for (const one of items) refuse(one, error);
    }
  }

  async function pump(): Promise<void> {
    while (queue.length > 0) {
      await runTogether(takeNext());
      await behind?.();
    }
    pumping = false;
    for (const resolve of idle.splice(0)) resolve();
  }

  return {
    ask(item) {
      if (closed) return Promise.reject(storeUnavailable('the database is closed'));
      const units = weigh?.of(item) ?? 0;
      const isFull =
        waiting >= mostWaiting ||
        (weigh !== undefined && waiting > 0 && waitingUnits + units > weigh.waiting);
      if (isFull && makesRoom?.(item) !== true)
        return Promise.reject(storeUnavailable(`${waiting} writes wait for ${what}`));
      waiting++;
      waitingUnits += units;
      if (!pumping) {
        pumping = true;
        // At the end of the turn, after the sockets that were readable in it: their writes share the transaction.
        setImmediate(() => void pump());
      }
      return new Promise((resolve, reject) => queue.push({ item, units, resolve, reject }));
    },
    waiting: () => waiting,
    close() {
      closed = true;
      return pumping ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve();
    },
  };
}
