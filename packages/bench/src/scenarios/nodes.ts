import type { Bench } from '../bench.ts';
import { CARILLON_CLIENT, NODES_CONFIG, loginMessage, newDatabase } from '../processes/carillon.ts';
import { numberIn } from '../processes/line-process.ts';
import { type LoadOptions, startLoad } from '../processes/load.ts';
import { startNodes } from '../processes/nodes.ts';
import { startPeer } from '../processes/peers.ts';
import { startRedis } from '../processes/redis.ts';
import { cpuMicros } from '../processes/usage.ts';

export const NODES_IN_FLIGHT = [1, 32] as const;
export const NODES_CONTENDERS = [
  'carillon-unkept',
  'carillon-kept',
  'socket.io-redis',
  'socket.io-sharded',
] as const;
export type NodesContender = (typeof NODES_CONTENDERS)[number];

/** What one contender gave in one window. */
export type NodesSample = {
  readonly contender: NodesContender;
  readonly inFlight: number;
  /** CPU of both nodes a delivery, to subscribers of either. */
  readonly microsPerDelivery: number;
  readonly redisMicrosPerDelivery: number;
  readonly deliveriesPerSecond: number;
  /** From the publication on node 1 to each delivery on node 2. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
};

export type NodesPlan = {
  /** Half of them on each node. */
  readonly subscribers: number;
  readonly repetitions: number;
  readonly warmUpSeconds: number;
  readonly windowSeconds: number;
};

/** What is said, with a mark behind it that the load generator adds and follows. */
const TEXT = 'Good morning, who is there';

/** Measures all contenders in turn, round after round, so that a mood of the machine hits all alike. */
export async function runNodes(bench: Bench, plan: NodesPlan): Promise<readonly NodesSample[]> {
  const samples: NodesSample[] = [];
  for (let round = 1; round <= plan.repetitions; round++) {
    for (const inFlight of NODES_IN_FLIGHT) {
      for (const contender of NODES_CONTENDERS) {
        const sample = await measure(bench, plan, contender, inFlight);
        bench.say(
          `nodes ${round}/${plan.repetitions}: ${contender}, ${inFlight} in flight: ${sample.microsPerDelivery.toFixed(2)} µs a delivery, p50 ${sample.p50Ms.toFixed(2)} ms`,
        );
        samples.push(sample);
      }
    }
  }
  return samples;
}

type Entrant = {
  readonly redisPid: number;
  readonly load: LoadOptions;
  /** Of both nodes. */
  cpuMicros(): number;
  end(): Promise<void>;
};

async function measure(
  bench: Bench,
  plan: NodesPlan,
  contender: NodesContender,
  inFlight: number,
): Promise<NodesSample> {
  const entrant = await enter(bench, contender, plan.subscribers, inFlight);
  const load = await startLoad(bench, entrant.load);
  try {
    await load.ask(`go ${plan.warmUpSeconds}`, 'measured');
    const before = entrant.cpuMicros();
    const redisBefore = cpuMicros(entrant.redisPid);
    const line = await load.ask(`go ${plan.windowSeconds}`, 'measured');
    const micros = entrant.cpuMicros() - before;
    const redisMicros = cpuMicros(entrant.redisPid) - redisBefore;
    const deliveries = numberIn(line, 'deliveries');
    return {
      contender,
      inFlight,
      microsPerDelivery: micros / deliveries,
      redisMicrosPerDelivery: redisMicros / deliveries,
      deliveriesPerSecond: deliveries / numberIn(line, 'seconds'),
      p50Ms: numberIn(line, 'farP50Ms'),
      p95Ms: numberIn(line, 'farP95Ms'),
      p99Ms: numberIn(line, 'farP99Ms'),
    };
  } finally {
    await load.end();
    await entrant.end();
  }
}

function enter(
  bench: Bench,
  contender: NodesContender,
  subscribers: number,
  inFlight: number,
): Promise<Entrant> {
  return contender === 'socket.io-redis' || contender === 'socket.io-sharded'
    ? enterSocketIo(bench, contender, subscribers, inFlight)
    : enterCarillon(bench, contender.replace('carillon-', ''), subscribers, inFlight);
}

async function enterCarillon(
  bench: Bench,
  kind: string,
  subscribers: number,
  inFlight: number,
): Promise<Entrant> {
  const nodes = await startNodes(bench, 2, newDatabase(bench), {}, NODES_CONFIG);
  const channel = `${kind}:r`;
  const [near] = nodes.all;
  return {
    redisPid: nodes.redis.pid,
    cpuMicros: nodes.cpuMicros,
    end: nodes.end,
    load: {
      mode: 'fanout',
      port: near.port,
      path: CARILLON_CLIENT.path,
      ready: '"i":1',
      openings: openings(
        nodes.all.map(({ port }) => port),
        subscribers,
        inFlight,
        (name) => `${loginMessage(name)}\t${JSON.stringify({ t: 'sub', c: channel, i: 1 })}`,
        (name) => `${loginMessage(name)}\t${JSON.stringify({ t: 'hist', c: channel, i: 1 })}`,
      ),
      more: {
        ...CARILLON_CLIENT.heartbeat,
        publishers: String(inFlight),
        far: String(subscribers / 2),
        prefix: `{"t":"pub","c":"${channel}","d":{"a":"${TEXT}`,
        suffix: '"}}',
      },
    },
  };
}

async function enterSocketIo(
  bench: Bench,
  contender: 'socket.io-redis' | 'socket.io-sharded',
  subscribers: number,
  inFlight: number,
): Promise<Entrant> {
  const redis = await startRedis(bench);
  const peers = [await startPeer(bench, contender, redis.url), await startPeer(bench, contender, redis.url)];
  return {
    redisPid: redis.pid,
    cpuMicros: () => peers.reduce((sum, { pid }) => sum + cpuMicros(pid), 0),
    async end() {
      for (const peer of peers) await peer.end();
      await redis.end();
    },
    load: {
      mode: 'fanout',
      port: peers[0]?.port ?? 0,
      path: '/socket.io/?EIO=4&transport=websocket',
      ready: '40{"sid"',
      openings: openings(
        peers.map(({ port }) => port),
        subscribers,
        inFlight,
        () => '40{"room":"r"}',
        () => '40{"id":"p"}',
      ),
      more: {
        ping: '2',
        pong: '3',
        publishers: String(inFlight),
        far: String(subscribers / 2),
        prefix: `42["say","r",{"a":"${TEXT}`,
        suffix: '"}]',
      },
    },
  };
}

/** First the subscribers of node 1, then those of node 2, then the publishers, who are all on node 1. */
function openings(
  [near = 0, far = 0]: readonly number[],
  subscribers: number,
  publishers: number,
  subscriber: (name: string) => string,
  publisher: (name: string) => string,
): readonly string[] {
  return [
    ...Array.from(
      { length: subscribers },
      (_, i) => `@${i < subscribers / 2 ? near : far} ${subscriber(`f${i}`)}`,
    ),
    ...Array.from({ length: publishers }, (_, i) => `@${near} ${publisher(`p${i}`)}`),
  ];
}
