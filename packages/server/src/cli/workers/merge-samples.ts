import { AggregatorRegistry, Gauge, Registry } from 'prom-client';
import type { WorkerSamples } from './worker-messages.ts';

/**
 * The metrics of all workers as one page, each sample with the number of its worker. Sums would be wrong: where a worker is
 * replaced its counters begin at 0, and in a sum of several that looks like a jump by all that the others have counted.
 *
 * @returns the Prometheus text format
 */
export async function mergeSamples(workers: readonly WorkerSamples[]): Promise<string> {
  const registry = new Registry();
  const up = new Gauge({
    name: 'carillon_worker_up',
    help: 'Whether a worker answered this scrape, by `worker`.',
    labelNames: ['worker'],
    registers: [registry],
  });
  for (const { worker, samples } of workers) up.set({ worker }, samples === null ? 0 : 1);
  const labelled = workers.map(({ worker, samples }) =>
    (samples ?? []).map((metric) => ({
      ...metric,
      // By itself prom-client would leave out some that must not be added up. Nothing is: no two have the same labels.
      aggregator: 'first' as const,
      values: metric.values.map((sample) => ({ ...sample, labels: { worker, ...sample.labels } })),
    })),
  );
  return AggregatorRegistry.aggregate([await registry.getMetricsAsJSON(), ...labelled]).metrics();
}
