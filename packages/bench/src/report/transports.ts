import {
  type Way,
  WAYS,
  WAYS_IN_FLIGHT,
  type WaySample,
  type WaysPlan,
  type WaysResult,
} from '../scenarios/transports.ts';
import { median, medianRatio } from '../statistics.ts';
import { digits, table, type Verdict, verdicts } from './table.ts';

const NAMES: Record<Way, string> = { websocket: 'WebSocket', sse: 'SSE', longpoll: 'long-poll' };

/** The largest share of WebSocket's CPU that a delivery over SSE may take. */
const MOST_OF_WEBSOCKET = 1.2;

export function reportWays(plan: WaysPlan, { fanout, idle }: WaysResult): string {
  const of = (way: Way, inFlight: number): readonly WaySample[] =>
    fanout.filter((sample) => sample.way === way && sample.inFlight === inFlight);
  const ratio = (way: Way, inFlight: number): number =>
    medianRatio(micros(of(way, inFlight)), micros(of('websocket', inFlight)));

  const judged = WAYS_IN_FLIGHT.map((inFlight): Verdict => {
    const value = ratio('sse', inFlight);
    return {
      target: `SSE, ${inFlight} in flight: at most ${MOST_OF_WEBSOCKET} of WebSocket's CPU`,
      value: digits(value),
      met: value <= MOST_OF_WEBSOCKET,
    };
  });
  const rows = WAYS_IN_FLIGHT.flatMap((inFlight) =>
    WAYS.map((way) => {
      const all = of(way, inFlight);
      const middle = (read: (sample: WaySample) => number): string => digits(median(all.map(read)));
      return [
        `${NAMES[way]}, ${inFlight} in flight`,
        middle((sample) => sample.microsPerDelivery),
        digits(ratio(way, inFlight)),
        middle((sample) => sample.deliveriesPerSecond),
        middle((sample) => sample.bytesPerDelivery),
        middle((sample) => sample.p50Ms),
        middle((sample) => sample.p95Ms),
        middle((sample) => sample.p99Ms),
      ];
    }),
  );
  const memory = (way: Way): number[] =>
    idle.filter((sample) => sample.way === way).map(({ connectionKb }) => connectionKb);
  const memoryRows = WAYS.map((way) => [
    NAMES[way],
    digits(median(memory(way))),
    digits(medianRatio(memory(way), memory('websocket'))),
  ]);

  return `${verdicts(judged)}

${plan.subscribers.toLocaleString('en-US')} subscribers of one channel, all over one transport; publishers over WebSocket. Each transport has a server of its own, and they take turns in windows of ${plan.windowSeconds} s, after ${plan.warmUpSeconds} s of warming up; medians of ${plan.windows * plan.repetitions} windows, shares of those of one turn. Latencies are of each delivery, bytes with the heads of answers.

${table(['', 'CPU µs a delivery', 'of WebSocket', 'deliveries a second', 'bytes a delivery', 'p50 ms', 'p95 ms', 'p99 ms'], rows)}

Memory a connection that is logged in and subscribed to one channel, idle for ${plan.idleSeconds} s, of ${plan.connections.toLocaleString('en-US')}; a long-poll's waits at the server. What clients of SSE and long-poll send came over one connection, as from a proxy; one of its own would count twice.

${table(['', 'KB', 'of WebSocket'], memoryRows)}`;
}

function micros(samples: readonly WaySample[]): number[] {
  return samples.map(({ microsPerDelivery }) => microsPerDelivery);
}
