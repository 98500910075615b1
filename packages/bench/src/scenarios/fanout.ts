import type { Bench } from '../bench.ts';
import {
  CARILLON_CLIENT,
  type Carillon,
  loginMessage,
  newDatabase,
  startCarillon,
} from '../processes/carillon.ts';
import { numberIn } from '../processes/line-process.ts';
import { type LoadOptions, startLoad } from '../processes/load.ts';
import { type Peer, type PeerName, startFloor, startPeer } from '../processes/peers.ts';
import { cpuMicros } from '../processes/usage.ts';

export const FOLLOWERS = 1_000;
export const IN_FLIGHT = [1, 32] as const;
export const CONTENDERS = ['carillon', 'socket.io', 'ws', 'floor'] as const;
export type Contender = (typeof CONTENDERS)[number];

/** What one contender gave in one window. */
export type FanoutSample = {
  readonly contender: Contender;
  readonly inFlight: number;
  /** Server CPU a delivery. */
  readonly microsPerDelivery: number;
  readonly deliveriesPerSecond: number;
  readonly bytesPerDelivery: number;
  /** From a change to its last follower. */
  readonly p50Ms: number;
  readonly p99Ms: number;
};

export type FanoutPlan = {
  readonly followers: number;
  readonly repetitions: number;
  readonly warmUpSeconds: number;
  readonly windowSeconds: number;
};

/** What people do, in each change, with a mark behind it that the load generator adds and follows. */
const ACTIVITY = 'Debugging main.ts';

/** Measures all contenders in turn, round after round, so that a mood of the machine hits all alike. */
export async function runFanout(bench: Bench, plan: FanoutPlan): Promise<readonly FanoutSample[]> {
  const samples: FanoutSample[] = [];
  for (let round = 1; round <= plan.repetitions; round++) {
    for (const inFlight of IN_FLIGHT) {
      for (const contender of CONTENDERS) {
        const sample = await measure(bench, plan, contender, inFlight);
        bench.say(
          `fanout ${round}/${plan.repetitions}: ${contender}, ${inFlight} in flight: ${sample.microsPerDelivery.toFixed(3)} µs a delivery`,
        );
        samples.push(sample);
      }
    }
  }
  return samples;
}

type Entrant = { readonly pid: number; readonly load: LoadOptions; end(): Promise<void> };

async function measure(
  bench: Bench,
  plan: FanoutPlan,
  contender: Contender,
  inFlight: number,
): Promise<FanoutSample> {
  const entrant = await enter(bench, plan.followers, contender, inFlight);
  const load = await startLoad(bench, entrant.load);
  try {
    await load.ask(`go ${plan.warmUpSeconds}`, 'measured');
    const before = cpuMicros(entrant.pid);
    const line = await load.ask(`go ${plan.windowSeconds}`, 'measured');
    const micros = cpuMicros(entrant.pid) - before;
    const deliveries = numberIn(line, 'deliveries');
    return {
      contender,
      inFlight,
      microsPerDelivery: micros / deliveries,
      deliveriesPerSecond: deliveries / numberIn(line, 'seconds'),
      bytesPerDelivery: numberIn(line, 'bytes') / deliveries,
      p50Ms: numberIn(line, 'p50Ms'),
      p99Ms: numberIn(line, 'p99Ms'),
    };
  } finally {
    await load.end();
    await entrant.end();
  }
}

function enter(bench: Bench, followers: number, contender: Contender, inFlight: number): Promise<Entrant> {
  switch (contender) {
    case 'carillon':
      return enterCarillon(bench, followers, inFlight);
    case 'socket.io':
      return enterSocketIo(bench, followers, inFlight);
    case 'ws':
      return enterWs(bench, followers, inFlight);
    case 'floor':
      return enterFloor(bench, followers, inFlight);
  }
}

const publisherName = (index: number): string => `p${String(index).padStart(2, '0')}`;

function names(count: number, name: (index: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => name(i));
}

/** `ws` and the floor know one group of followers, so all publishers share it; that costs them nothing more. */
function openings(
  followers: number,
  publishers: number,
  follower: string,
  publisher: (id: string) => string,
): string[] {
  return [...names(followers, () => follower), ...names(publishers, publisherName).map(publisher)];
}

async function enterCarillon(bench: Bench, followers: number, inFlight: number): Promise<Entrant> {
  const server: Carillon = await startCarillon(bench, newDatabase(bench), {
    // Each change is sent at once: a publisher here waits for its last change to have arrived, not for 50 ms.
    CARILLON_PRESENCE_CONFLATE_MS: '0',
  });
  const people = names(followers, (i) => `f${String(i).padStart(4, '0')}`);
  const publishers = names(inFlight, publisherName);
  await server.post(
    '/v1/import',
    people.flatMap((person) => publishers.map((publisher) => `${person},${publisher}\n`)).join(''),
  );
  return {
    pid: server.pid,
    end: server.end,
    load: {
      mode: 'fanout',
      port: server.port,
      path: CARILLON_CLIENT.path,
      ready: CARILLON_CLIENT.ready,
      openings: [...people, ...publishers].map((user) => loginMessage(user)),
      more: {
        ...CARILLON_CLIENT.heartbeat,
        publishers: String(inFlight),
        prefix: `{"t":"statusUpdate","a":"${ACTIVITY}`,
        suffix: '"}',
      },
    },
  };
}

async function enterSocketIo(bench: Bench, followers: number, inFlight: number): Promise<Entrant> {
  const rooms = names(inFlight, publisherName);
  return enterPeer(await startPeer(bench, 'socket.io'), {
    path: '/socket.io/?EIO=4&transport=websocket',
    ready: '"welcome"',
    openings: openings(
      followers,
      inFlight,
      `40${JSON.stringify({ follows: rooms })}`,
      (id) => `40${JSON.stringify({ id })}`,
    ),
    more: {
      ping: '2',
      pong: '3',
      publishers: String(inFlight),
      prefix: `42["statusUpdate",{"a":"${ACTIVITY}`,
      suffix: '"}]',
    },
  });
}

async function enterWs(bench: Bench, followers: number, inFlight: number): Promise<Entrant> {
  const name: PeerName = 'ws';
  return enterPeer(await startPeer(bench, name), {
    path: '/',
    ready: 'welcome',
    openings: openings(followers, inFlight, '{"follower":true}', (id) => JSON.stringify({ id })),
    more: { publishers: String(inFlight), prefix: `{"a":"${ACTIVITY}`, suffix: '"}' },
  });
}

async function enterFloor(bench: Bench, followers: number, inFlight: number): Promise<Entrant> {
  return enterPeer(await startFloor(bench), {
    path: '/',
    ready: 'welcome',
    openings: openings(followers, inFlight, 'follower', () => 'publisher'),
    more: {
      publishers: String(inFlight),
      // It sends back what it is sent: the same bytes that Carillon and `ws` send.
      prefix: `{"t":"u","id":"p00","a":"${ACTIVITY}`,
      suffix: '"}',
    },
  });
}

function enterPeer(peer: Peer, load: Omit<LoadOptions, 'mode' | 'port'>): Entrant {
  return { pid: peer.pid, end: peer.end, load: { mode: 'fanout', port: peer.port, ...load } };
}
