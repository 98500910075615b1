import type { Metric, Registry } from 'prom-client';

/** Counts whole numbers by powers of two: cheap enough for every flush, where prom-client's own histogram is not. */
export type SizeHistogram = { observe(value: number): void };

export type SizeHistogramOptions = {
  readonly name: string;
  readonly help: string;
  /** The highest bound is 2 to this power; at most 30. */
  readonly highestPower: number;
  /** What one counted unit is in the unit of the name: 0.001 where milliseconds are counted and seconds shown. */
  readonly unit: number;
};

export function createSizeHistogram(
  registry: Registry,
  { name, help, highestPower, unit }: SizeHistogramOptions,
): SizeHistogram {
  // Bounds 0, 1, 2, 4, … and infinity.
  const counts = new Float64Array(highestPower + 3);
  const last = counts.length - 1;
  let sum = 0;
  let count = 0;

  function values(): { metricName: string; labels: Record<string, string>; value: number }[] {
    let below = 0;
    const buckets = Array.from(counts, (inBucket, index) => {
      below += inBucket;
      const bound = index === last ? '+Inf' : String(index === 0 ? 0 : 2 ** (index - 1) * unit);
      return { metricName: `${name}_bucket`, labels: { le: bound }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, value: sum * unit },
      { metricName: `${name}_count`, labels: {}, value: count },
    ];
  }

  const metric = {
    name,
    help,
    type: 'histogram',
    get: () => Promise.resolve({ name, help, type: 'histogram', values: values(), aggregator: 'sum' }),
    reset: () => undefined,
  };
  // A registry only ever calls `get` and reads the name; the declared type asks for one of prom-client's own classes.
  registry.registerMetric(metric as unknown as Metric);

  return {
    observe(value) {
      const whole = Math.ceil(value);
      const index = whole <= 0 ? 0 : 33 - Math.clz32(whole - 1);
      counts[index < last ? index : last] = (counts[index < last ? index : last] ?? 0) + 1;
      sum += value;
      count++;
    },
  };
}
