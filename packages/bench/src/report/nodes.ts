import {
  NODES_CONTENDERS,
  NODES_IN_FLIGHT,
  type NodesContender,
  type NodesPlan,
  type NodesSample,
} from '../scenarios/nodes.ts';
import { median, medianRatio } from '../statistics.ts';
import { digits, table } from './table.ts';

const NAMES: Record<NodesContender, string> = {
  'carillon-unkept': 'Carillon, nothing kept',
  'carillon-kept': 'Carillon, the last 1,000 in Redis',
  'socket.io-redis': 'Socket.IO, `createAdapter`',
  'socket.io-sharded': 'Socket.IO, `createShardedAdapter`',
};

export function reportNodes(plan: NodesPlan, samples: readonly NodesSample[]): string {
  const of = (contender: NodesContender, inFlight: number, read: (sample: NodesSample) => number): number[] =>
    samples
      .filter((sample) => sample.contender === contender && sample.inFlight === inFlight)
      .map((sample) => read(sample));
  /** Its faster adapter, by the CPU of its servers, is what the others are compared with. */
  const best = (inFlight: number): NodesContender => {
    const micros = (contender: NodesContender): number =>
      median(of(contender, inFlight, ({ microsPerDelivery }) => microsPerDelivery));
    return micros('socket.io-sharded') < micros('socket.io-redis') ? 'socket.io-sharded' : 'socket.io-redis';
  };
  const rows = NODES_IN_FLIGHT.flatMap((inFlight) =>
    NODES_CONTENDERS.map((contender) => {
      const figure = (read: (sample: NodesSample) => number): string =>
        digits(median(of(contender, inFlight, read)));
      const share = (read: (sample: NodesSample) => number): string =>
        digits(medianRatio(of(contender, inFlight, read), of(best(inFlight), inFlight, read)));
      return [
        `${NAMES[contender]}, ${inFlight} in flight`,
        figure((sample) => sample.microsPerDelivery),
        share((sample) => sample.microsPerDelivery),
        figure((sample) => sample.redisMicrosPerDelivery),
        figure((sample) => sample.deliveriesPerSecond),
        figure((sample) => sample.p50Ms),
        figure((sample) => sample.p95Ms),
        figure((sample) => sample.p99Ms),
        share((sample) => sample.p50Ms),
        share((sample) => sample.p99Ms),
      ];
    }),
  );
  const faster = NODES_IN_FLIGHT.map((inFlight) => `${inFlight} in flight: ${NAMES[best(inFlight)]}`).join(
    '; ',
  );
  return `Two nodes over one Redis, ${(plan.subscribers / 2).toLocaleString('en-US')} subscribers of one channel on each, every publisher on node 1; latency is from the publication to each delivery at node 2. Both nodes are on the servers' core, Redis on that of the load. Windows of ${plan.windowSeconds} s after ${plan.warmUpSeconds} s of warming up, medians of ${plan.repetitions} rounds in which the contenders take turns. Shares are of Socket.IO's adapter that takes less CPU (${faster}). Carillon checks each payload against a zod schema and the right to publish, and gives a position; Socket.IO does none of this.

${table(['', 'CPU µs a delivery, both nodes', 'of Socket.IO', 'Redis µs a delivery', 'deliveries a second', 'p50 ms', 'p95 ms', 'p99 ms', 'p50 of Socket.IO', 'p99 of Socket.IO'], rows)}`;
}
