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
  const totals = { sum: 0, count: 0 };
  const bounds = Array.from({ length: last }, (_, i) => (i === 0 ? 0 : 2 ** (i - 1) * unit));
  register(registry, name, help, bounds, counts, totals, unit);

  return {
    observe(value) {
      const whole = Math.ceil(value);
      const index = whole <= 0 ? 0 : 33 - Math.clz32(whole - 1);
      counts[index < last ? index : last] = (counts[index < last ? index : last] ?? 0) + 1;
      totals.sum += value;
      totals.count++;
    },
  };
}

/** Counts milliseconds by bounds that are chosen, which rise; seconds are shown. For what has an objective to be seen beside. */
export function createLatencyHistogram(
  registry: Registry,
  {
    name,
    help,
    boundsMs,
  }: { readonly name: string; readonly help: string; readonly boundsMs: readonly number[] },
): SizeHistogram {
  const counts = new Float64Array(boundsMs.length + 1);
  const totals = { sum: 0, count: 0 };
  register(
    registry,
    name,
    help,
    boundsMs.map((bound) => bound / 1_000),
    counts,
    totals,
    0.001,
  );

  return {
    observe(value) {
      let index = 0;
      while (index < boundsMs.length && value > (boundsMs[index] as number)) index++;
      counts[index] = (counts[index] as number) + 1;
      totals.sum += value;
      totals.count++;
    },
  };
}

/** @param counts one more than there are bounds: the last is of what lies beyond them */
function register(
  registry: Registry,
  name: string,
  help: string,
  bounds: readonly number[],
  counts: Float64Array,
  totals: { readonly sum: number; readonly count: number },
  unit: number,
): void {
  function values(): { metricName: string; labels: Record<string, string>; value: number }[] {
    let below = 0;
    const buckets = Array.from(counts, (inBucket, index) => {
      below += inBucket;
      const bound = bounds[index];
      const le = bound === undefined ? '+Inf' : String(bound);
      return { metricName: `${name}_bucket`, labels: { le }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, value: totals.sum * unit },
      { metricName: `${name}_count`, labels: {}, value: totals.count },
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
}
