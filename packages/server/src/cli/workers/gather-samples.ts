import type { Samples, WorkerSamples } from './worker-messages.ts';

/** A worker that does not answer within this hangs, and the others are shown without it. Scrapes wait 10 s. */
export const COLLECT_TIME_LIMIT_MS = 2_000;

export type GatherOptions = {
  /** How many workers there are to be, whether they run or not. */
  readonly size: number;
  /** Asks a worker; false where it does not run. */
  ask(worker: number, collection: number): boolean;
  readonly timeLimitMs?: number;
};

export type SampleGathering = {
  /** The samples of every worker, in their order. Never rejects. */
  gather(): Promise<readonly WorkerSamples[]>;
  /** A worker answered. */
  answered(worker: number, collection: number, samples: Samples): void;
};

type Collection = {
  readonly samples: Map<number, Samples>;
  readonly owed: Set<number>;
  readonly done: () => void;
};

/**
 * Asks all workers what they have measured. prom-client's own way of doing so fails as a whole where one worker does not
 * answer, which is when the metrics of the others are looked at.
 */
export function createSampleGathering({
  size,
  ask,
  timeLimitMs = COLLECT_TIME_LIMIT_MS,
}: GatherOptions): SampleGathering {
  const collections = new Map<number, Collection>();
  let last = 0;

  return {
    async gather() {
      const id = ++last;
      const { promise, resolve } = Promise.withResolvers<void>();
      const collection: Collection = { samples: new Map(), owed: new Set(), done: resolve };
      collections.set(id, collection);
      const workers = Array.from({ length: size }, (_, index) => index + 1);
      for (const worker of workers) if (ask(worker, id)) collection.owed.add(worker);
      const timer = setTimeout(resolve, timeLimitMs);
      if (collection.owed.size === 0) resolve();
      await promise;
      clearTimeout(timer);
      collections.delete(id);
      return workers.map((worker) => ({ worker, samples: collection.samples.get(worker) ?? null }));
    },
    answered(worker, id, samples) {
      const collection = collections.get(id);
      // Too late, or the answer of a process whose place another has taken.
      if (collection === undefined || !collection.owed.delete(worker)) return;
      collection.samples.set(worker, samples);
      if (collection.owed.size === 0) collection.done();
    },
  };
}
