import { type Line, numberIn } from '../processes/line-process.ts';

export type Latencies = {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
};

/**
 * What several generators counted, as one: each tells `[[microsecond, how many], …]` in steps of about a hundredth.
 *
 * @throws Error when a line has no such list
 */
export function latenciesIn(lines: readonly Line[]): Latencies {
  const counts = new Map<number, number>();
  let total = 0;
  for (const line of lines) {
    const buckets = line['latencies'];
    if (!Array.isArray(buckets)) throw new Error(`no latencies in ${JSON.stringify(line).slice(0, 200)}`);
    for (const [micros, count] of buckets as [number, number][]) {
      counts.set(micros, (counts.get(micros) ?? 0) + count);
      total += count;
    }
  }
  const sorted = [...counts].toSorted(([a], [b]) => a - b);
  const at = (share: number): number => {
    let seen = 0;
    for (const [micros, count] of sorted) {
      seen += count;
      if (seen > share * total) return micros / 1000;
    }
    return 0;
  };
  const maxMs = Math.max(...lines.map((line) => numberIn(line, 'maxMs')));
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs };
}
