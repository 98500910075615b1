import type { FeedsResult } from '../scenarios/feeds.ts';
import { digits, table, verdicts } from './table.ts';

const MOST_P99_MS = 1_000;

export function reportFeeds(result: FeedsResult): string {
  const { plan, latencies } = result;
  const number = (value: number): string => value.toLocaleString('en-US');
  return `${verdicts([
    {
      target: `p99 from produce to all devices at ${number(plan.eventsPerSecond)} events a second: under a second`,
      value: `${digits(latencies.p99Ms)} ms`,
      met: latencies.p99Ms < MOST_P99_MS,
    },
    {
      target: 'each event on all three devices of its user',
      value: `${number(result.complete)} of ${number(result.events)}`,
      met:
        result.complete === result.events && result.deliveries === 3 * result.events && result.closed === 0,
    },
  ])}

${number(plan.users)} users with three devices each, ${result.nodes === 1 ? 'one node' : `${result.nodes} nodes over one Redis, a user's devices on several of them`}. A backend posts what came up in 10 ms (\`POST /v1/events\`), of random users, for ${plan.seconds} s. The time of an event runs from its making to the last of its user's devices.

${table(
  ['', ''],
  [
    ['connections', number(result.connections)],
    ['events', number(result.events)],
    ['latency p50, ms', digits(latencies.p50Ms)],
    ['latency p95, ms', digits(latencies.p95Ms)],
    ['latency p99, ms', digits(latencies.p99Ms)],
    ['latency longest, ms', digits(latencies.maxMs)],
    ['of which the producer was late at most, ms', digits(result.lateMs)],
    ['CPU µs an event, all nodes', digits(result.microsEach)],
    ['connections closed', number(result.closed)],
  ],
)}

As many as one node takes in, without Redis: eight requests of 100 events under way, each answered when its events are kept; of ${number(plan.watchingUsers)} users, whose three devices watch or are not there.

${table(
  ['', 'events a second', 'deliveries a second', 'CPU µs an event'],
  result.intake.map(({ durability, watched, ...sample }) => [
    `${durability}, ${watched ? 'three devices watch' : 'nobody watches'}`,
    digits(sample.eventsPerSecond),
    digits(sample.deliveriesPerSecond),
    digits(sample.microsEach),
  ]),
)}`;
}
