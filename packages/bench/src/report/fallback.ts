import {
  type FallbackPlan,
  type FallbackResult,
  type FallbackSample,
  OTHER_WAYS,
  PUBLISH_EVERY_MS,
} from '../scenarios/fallback.ts';
import { median } from '../statistics.ts';
import { digits, table, type Verdict, verdicts } from './table.ts';

const WORDS: Record<FallbackSample['what'], string> = {
  free: 'connect, nothing blocked (over WebSocket)',
  refused: 'connect, upgrades refused with 403',
  swallowed: 'connect, upgrades answered, then nothing passes',
  cut: 'live: the WebSocket is cut, and upgrades refused from then on',
  silent: 'live: nothing passes any more, without an end',
  climb: 'upgrades pass again: until it is on a WebSocket',
};
const ORDER = ['free', 'refused', 'swallowed', 'cut', 'silent', 'climb'] as const;

export function reportFallback(plan: FallbackPlan, result: FallbackResult): string {
  const { samples, deliveries, missed, repeated, published, publishedNotOnce } = result;
  const judged: readonly Verdict[] = [
    {
      target: 'nothing missed, nothing repeated',
      value: `${missed} and ${repeated} of ${digits(deliveries)} deliveries`,
      met: missed === 0 && repeated === 0,
    },
    {
      target: 'what clients publish is there once',
      value: `${digits(published - publishedNotOnce)} of ${digits(published)}`,
      met: publishedNotOnce === 0,
    },
  ];
  const rows: string[][] = [];
  for (const what of ORDER) {
    const row = (words: string, read: (sample: FallbackSample) => number | null): void => {
      const cells = OTHER_WAYS.flatMap((way) => {
        const values = samples
          .filter((sample) => sample.what === what && sample.way === way)
          .flatMap((sample) => read(sample) ?? []);
        return values.length === 0 ? [] : [digits(median(values)), digits(Math.max(...values))];
      });
      if (cells.length > 0) rows.push([words, ...cells]);
    };
    row(WORDS[what], ({ tookMs }) => tookMs);
    row('— of it, from the first byte of the WebSocket', ({ climbMs }) => climbMs);
    row('— the longest time without a delivery meanwhile', ({ longestGapMs }) => longestGapMs);
  }
  return `${verdicts(judged)}

${plan.clients} clients of the SDK in Node for each column and line, each behind a proxy of its own on loopback, with WebSocket and one other transport allowed; those that are live have been so for ${plan.liveSeconds} s. The server publishes every ${PUBLISH_EVERY_MS} ms, each client now and then. Until the session is live over the other transport:

${table(['ms', 'SSE, median', 'longest', 'long-poll, median', 'longest'], rows)}`;
}
