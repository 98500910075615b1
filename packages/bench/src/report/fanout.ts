import {
  CONTENDERS,
  type Contender,
  type FanoutPlan,
  type FanoutSample,
  IN_FLIGHT,
} from '../scenarios/fanout.ts';
import { median, medianRatio } from '../statistics.ts';
import { digits, table, type Verdict, verdicts } from './table.ts';

const NAMES: Record<Contender, string> = {
  carillon: 'Carillon',
  'socket.io': 'Socket.IO',
  ws: '`ws` loop',
  floor: '`send()` loop in C',
};

/** The largest share of Socket.IO's CPU that a delivery may take, by messages in flight. */
const TARGETS: Readonly<Record<number, { readonly most: number; readonly words: string }>> = {
  1: { most: 0.75, words: 'one in flight: at most 0.75 of Socket.IO' },
  32: { most: 1 / 20, words: '32 in flight: at most 1/20 (0.05) of Socket.IO' },
};

export function reportFanout(plan: FanoutPlan, samples: readonly FanoutSample[]): string {
  const of = (contender: Contender, inFlight: number): readonly FanoutSample[] =>
    samples.filter((sample) => sample.contender === contender && sample.inFlight === inFlight);
  const micros = (contender: Contender, inFlight: number): number[] =>
    of(contender, inFlight).map(({ microsPerDelivery }) => microsPerDelivery);

  const rows = IN_FLIGHT.flatMap((inFlight) =>
    CONTENDERS.map((contender) => {
      const all = of(contender, inFlight);
      const middle = (read: (sample: FanoutSample) => number): string => digits(median(all.map(read)));
      return [
        `${NAMES[contender]}, ${inFlight} in flight`,
        middle((sample) => sample.microsPerDelivery),
        digits(medianRatio(micros(contender, inFlight), micros('socket.io', inFlight))),
        middle((sample) => sample.deliveriesPerSecond),
        middle((sample) => sample.bytesPerDelivery),
        middle((sample) => sample.p50Ms),
        middle((sample) => sample.p99Ms),
      ];
    }),
  );
  const judged = IN_FLIGHT.map((inFlight): Verdict => {
    const target = TARGETS[inFlight];
    const ratio = medianRatio(micros('carillon', inFlight), micros('socket.io', inFlight));
    return {
      target: target?.words ?? '',
      value: `${digits(ratio)} (1/${digits(1 / ratio)})`,
      met: ratio <= (target?.most ?? 0),
    };
  });
  return `${verdicts(judged)}

${plan.followers.toLocaleString('en-US')} followers, windows of ${plan.windowSeconds} s after ${plan.warmUpSeconds} s of warming up, medians of ${plan.repetitions} rounds in which the contenders take turns.

${table(['', 'CPU µs a delivery', 'of Socket.IO', 'deliveries a second', 'bytes a delivery', 'all followers, p50 ms', 'p99 ms'], rows)}`;
}
