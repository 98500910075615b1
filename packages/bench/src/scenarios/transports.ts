import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import {
  CARILLON_CLIENT,
  type Carillon,
  CHANNELS_CONFIG,
  loginMessage,
  newDatabase,
  startCarillon,
} from '../processes/carillon.ts';
import { numberIn } from '../processes/line-process.ts';
import { type Load, startLoad } from '../processes/load.ts';
import { cpuMicros, residentKb } from '../processes/usage.ts';

export const WAYS = ['websocket', 'sse', 'longpoll'] as const;
/** How subscribers are connected. */
export type Way = (typeof WAYS)[number];

export const WAYS_IN_FLIGHT = [1, 32] as const;

/** What one transport gave in one window. */
export type WaySample = {
  readonly way: Way;
  readonly inFlight: number;
  /** Server CPU a delivery. */
  readonly microsPerDelivery: number;
  readonly deliveriesPerSecond: number;
  /** Heads of answers included. */
  readonly bytesPerDelivery: number;
  /** From a publication to each delivery. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
};

export type IdleSample = { readonly way: Way; readonly connectionKb: number };

export type WaysPlan = {
  readonly subscribers: number;
  readonly connections: number;
  readonly repetitions: number;
  readonly warmUpSeconds: number;
  /** Of each transport in each round. */
  readonly windows: number;
  readonly windowSeconds: number;
  /** Before memory is read. Longer than the heartbeat's 30 s, so that each session has had one. */
  readonly idleSeconds: number;
};

export type WaysResult = { readonly fanout: readonly WaySample[]; readonly idle: readonly IdleSample[] };

/** What stands before the first message of a connection in the load generator's plan. */
const PLANNED: Readonly<Record<Way, string>> = { websocket: '', sse: 'sse ', longpoll: 'poll ' };

/** What is said, with a mark behind it that the load generator adds and follows. */
const TEXT = 'Good morning, who is there';
const CHANNEL = 'kept:r';

/** Before anybody comes: what the server is busy with after its start shall not count. */
const SETTLE_MS = 2_000;

/** Measures all transports in turn, window after window and round after round, so that a mood of the machine hits all alike. */
export async function runWays(bench: Bench, plan: WaysPlan): Promise<WaysResult> {
  const fanout: WaySample[] = [];
  const idle: IdleSample[] = [];
  for (let round = 1; round <= plan.repetitions; round++) {
    for (const inFlight of WAYS_IN_FLIGHT) {
      const samples = await measureFanout(bench, plan, inFlight);
      const told = samples.map(({ way, microsPerDelivery }) => `${way} ${microsPerDelivery.toFixed(3)}`);
      bench.say(
        `transports ${round}/${plan.repetitions}, ${inFlight} in flight, µs a delivery: ${told.join(', ')}`,
      );
      fanout.push(...samples);
    }
    for (const way of WAYS) {
      const sample = await measureIdle(bench, plan, way);
      bench.say(
        `transports ${round}/${plan.repetitions}: ${way}: ${sample.connectionKb.toFixed(1)} KB a connection`,
      );
      idle.push(sample);
    }
  }
  return { fanout, idle };
}

type Entrant = { readonly way: Way; readonly server: Carillon; readonly load: Load };

/** All servers stand at once, and one is busy at a time: so the windows of two transports are seconds apart. */
async function measureFanout(bench: Bench, plan: WaysPlan, inFlight: number): Promise<readonly WaySample[]> {
  const entrants: Entrant[] = [];
  const samples: WaySample[] = [];
  try {
    for (const way of WAYS) {
      const entrant = await enter(bench, plan, way, inFlight);
      entrants.push(entrant);
      await entrant.load.ask(`go ${plan.warmUpSeconds}`, 'measured');
    }
    for (let window = 0; window < plan.windows; window++)
      for (const entrant of entrants) samples.push(await measureWindow(entrant, plan, inFlight));
    return samples;
  } finally {
    for (const { load, server } of entrants) {
      await load.end();
      await server.end();
    }
  }
}

/** Publishers speak over WebSockets always: only what the deliveries take shall differ. */
async function enter(bench: Bench, plan: WaysPlan, way: Way, inFlight: number): Promise<Entrant> {
  const server = await startCarillon(bench, newDatabase(bench), {}, CHANNELS_CONFIG);
  const load = await startLoad(bench, {
    mode: 'fanout',
    port: server.port,
    path: CARILLON_CLIENT.path,
    ready: '"i":1',
    openings: [
      ...Array.from({ length: plan.subscribers }, (_, i) => PLANNED[way] + opening(`f${i}`, 'sub')),
      ...Array.from({ length: inFlight }, (_, i) => opening(`p${i}`, 'hist')),
    ],
    more: {
      ...CARILLON_CLIENT.heartbeat,
      publishers: String(inFlight),
      far: String(plan.subscribers),
      prefix: `{"t":"pub","c":"${CHANNEL}","d":{"a":"${TEXT}`,
      suffix: '"}}',
    },
  });
  return { way, server, load };
}

async function measureWindow(
  { way, server, load }: Entrant,
  plan: WaysPlan,
  inFlight: number,
): Promise<WaySample> {
  const before = cpuMicros(server.pid);
  const line = await load.ask(`go ${plan.windowSeconds}`, 'measured');
  const micros = cpuMicros(server.pid) - before;
  const deliveries = numberIn(line, 'deliveries');
  return {
    way,
    inFlight,
    microsPerDelivery: micros / deliveries,
    deliveriesPerSecond: deliveries / numberIn(line, 'seconds'),
    bytesPerDelivery: numberIn(line, 'bytes') / deliveries,
    p50Ms: numberIn(line, 'farP50Ms'),
    p95Ms: numberIn(line, 'farP95Ms'),
    p99Ms: numberIn(line, 'farP99Ms'),
  };
}

async function measureIdle(bench: Bench, plan: WaysPlan, way: Way): Promise<IdleSample> {
  const server = await startCarillon(bench, newDatabase(bench), {}, CHANNELS_CONFIG);
  await sleep(SETTLE_MS);
  const before = residentKb(server.pid);
  const load = await startLoad(bench, {
    mode: 'hold',
    port: server.port,
    path: CARILLON_CLIENT.path,
    ready: '"i":1',
    openings: Array.from({ length: plan.connections }, (_, i) => PLANNED[way] + opening(`u${i}`, 'sub')),
    more: CARILLON_CLIENT.heartbeat,
  });
  try {
    await sleep(plan.idleSeconds * 1000);
    const closed = numberIn(await load.ask('count', 'count'), 'closed');
    if (closed > 0) throw new Error(`${closed} connections were closed while they were idle`);
    return { way, connectionKb: (residentKb(server.pid) - before) / plan.connections };
  } finally {
    await load.end();
    await server.end();
  }
}

function opening(user: string, first: 'sub' | 'hist'): string {
  return `${loginMessage(user)}\t${JSON.stringify({ t: first, c: CHANNEL, i: 1 })}`;
}
