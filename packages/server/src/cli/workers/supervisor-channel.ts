import cluster from 'node:cluster';
import { type Metrics, metricsUnavailable } from '../../ops/metrics.ts';
import { mergeSamples } from './merge-samples.ts';
import { type FromWorker, isOurs, type ToWorker, type WorkerSamples } from './worker-messages.ts';

/** A supervisor that does not answer a scrape within this hangs. It waits 2 s for its workers; scrapers mostly wait 10 s. */
export const SCRAPE_TIME_LIMIT_MS = 5_000;

/** What a worker has of the process that supervises it. */
export type Supervisor = {
  /**
   * Its metrics in place of the worker's own: those of all workers. They cannot be rendered where the supervisor does not
   * answer: a page of this worker alone would look as if the others had gone.
   */
  readonly metrics: Metrics;
  /** Resolves once it is on its way, so that a process that ends then was heard. */
  tell(message: FromWorker): Promise<void>;
};

/**
 * A worker's end of the channel to its supervisor. The channel's end is the worker's: node:cluster ends it where the supervisor is
 * gone, for nobody would hand it clients.
 *
 * @param own what this worker measures
 */
export function supervisorOf(own: Metrics, timeLimitMs = SCRAPE_TIME_LIMIT_MS): Supervisor {
  const scrapes = new Map<number, (workers: readonly WorkerSamples[]) => void>();
  let last = 0;

  function tell(message: FromWorker): Promise<void> {
    // Where it cannot be sent the supervisor is gone, and so is this process.
    return new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
  }

  process.on('message', (message: unknown) => {
    if (!isOurs<ToWorker>(message)) return;
    if (message.carillon === 'scraped') {
      scrapes.get(message.scrape)?.(message.workers);
      scrapes.delete(message.scrape);
      return;
    }
    const { collection } = message;
    void own.samples().then((samples) => tell({ carillon: 'samples', collection, samples }));
  });

  return {
    tell,
    metrics: {
      ...own,
      async render() {
        const scrape = ++last;
        const { promise, resolve, reject } = Promise.withResolvers<readonly WorkerSamples[]>();
        const timer = setTimeout(() => {
          scrapes.delete(scrape);
          reject(metricsUnavailable('the process that supervises the workers does not answer'));
        }, timeLimitMs);
        scrapes.set(scrape, resolve);
        void tell({ carillon: 'scrape', scrape });
        const workers = await promise.finally(() => clearTimeout(timer));
        return { contentType: own.registry.contentType, text: await mergeSamples(workers) };
      },
    },
  };
}

/**
 * Takes leave of the supervisor, before the process ends. A connection may be on its way here that was handed out before the
 * supervisor heard that this worker takes none. It would be lost with the process; node:cluster's farewell waits for an
 * answer, behind which none can come, and sends it elsewhere.
 */
export function leaveCluster(): Promise<void> {
  return new Promise((resolve) => {
    process.once('disconnect', () => resolve());
    cluster.worker?.disconnect();
  });
}
