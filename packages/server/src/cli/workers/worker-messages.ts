import type { MetricObjectWithValues, MetricValue } from 'prom-client';

/** What a worker has measured, as prom-client gives it away. */
export type Samples = readonly MetricObjectWithValues<MetricValue<string>>[];

/** The samples of one worker; null: it did not answer. */
export type WorkerSamples = { readonly worker: number; readonly samples: Samples | null };

/** What a worker tells the process that supervises it. */
export type FromWorker =
  | { readonly carillon: 'serving' }
  | { readonly carillon: 'not-started'; readonly reason: string }
  /** Somebody asked this worker for the metrics of all. */
  | { readonly carillon: 'scrape'; readonly scrape: number }
  | { readonly carillon: 'samples'; readonly collection: number; readonly samples: Samples };

/** What a worker is told. */
export type ToWorker =
  | { readonly carillon: 'collect'; readonly collection: number }
  | { readonly carillon: 'scraped'; readonly scrape: number; readonly workers: readonly WorkerSamples[] };

/**
 * Messages come over the channel between a process and its own children, so that only whose they are has to be told: other
 * code in the process, an app's configuration for one, may use the channel for its own.
 */
export function isOurs<M extends FromWorker | ToWorker>(message: unknown): message is M {
  return typeof message === 'object' && message !== null && 'carillon' in message;
}
