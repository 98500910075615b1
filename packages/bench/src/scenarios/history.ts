import type { Bench } from '../bench.ts';
import {
  CARILLON_CLIENT,
  CHANNELS_CONFIG,
  loginMessage,
  newDatabase,
  startCarillon,
} from '../processes/carillon.ts';
import { numberIn } from '../processes/line-process.ts';
import { type LoadOptions, startLoad } from '../processes/load.ts';
import { startPeer } from '../processes/peers.ts';
import { cpuMicros } from '../processes/usage.ts';

/** Few receive each publication: there the writes do not hide what keeping it costs. */
export const FAN_OUTS = [1, 10] as const;

export const HISTORY_CONTENDERS = [
  'carillon-unkept',
  'carillon-kept',
  'carillon-stored',
  'socket.io-rooms',
  'socket.io-recovery',
] as const;
export type HistoryContender = (typeof HISTORY_CONTENDERS)[number];

export type HistorySample = {
  readonly contender: HistoryContender;
  readonly fanOut: number;
  /** Server CPU a publication, all its deliveries included. */
  readonly microsPerPublication: number;
  readonly publicationsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

export type HistoryPlan = {
  readonly publishers: number;
  readonly repetitions: number;
  readonly warmUpSeconds: number;
  readonly windowSeconds: number;
};

/** What is said, with a mark behind it that the load generator adds and follows. */
const TEXT = 'Good morning, who is there';

export async function runHistory(bench: Bench, plan: HistoryPlan): Promise<readonly HistorySample[]> {
  const samples: HistorySample[] = [];
  for (let round = 1; round <= plan.repetitions; round++) {
    for (const fanOut of FAN_OUTS) {
      for (const contender of HISTORY_CONTENDERS) {
        const sample = await measure(bench, plan, contender, fanOut);
        bench.say(
          `history ${round}/${plan.repetitions}: ${contender}, fan-out ${fanOut}: ${sample.microsPerPublication.toFixed(1)} µs a publication`,
        );
        samples.push(sample);
      }
    }
  }
  return samples;
}

async function measure(
  bench: Bench,
  plan: HistoryPlan,
  contender: HistoryContender,
  fanOut: number,
): Promise<HistorySample> {
  const entrant = await enter(bench, contender, fanOut, plan.publishers);
  const load = await startLoad(bench, entrant.load);
  try {
    await load.ask(`go ${plan.warmUpSeconds}`, 'measured');
    const before = cpuMicros(entrant.pid);
    const line = await load.ask(`go ${plan.windowSeconds}`, 'measured');
    const micros = cpuMicros(entrant.pid) - before;
    const publications = numberIn(line, 'changes');
    return {
      contender,
      fanOut,
      microsPerPublication: micros / publications,
      publicationsPerSecond: publications / numberIn(line, 'seconds'),
      p50Ms: numberIn(line, 'p50Ms'),
      p99Ms: numberIn(line, 'p99Ms'),
    };
  } finally {
    await load.end();
    await entrant.end();
  }
}

type Entrant = { readonly pid: number; readonly load: LoadOptions; end(): Promise<void> };

async function enter(
  bench: Bench,
  contender: HistoryContender,
  fanOut: number,
  publishers: number,
): Promise<Entrant> {
  if (contender === 'socket.io-rooms' || contender === 'socket.io-recovery') {
    const peer = await startPeer(bench, contender);
    const openings = [...fill(fanOut, () => '40{"room":"r"}'), ...fill(publishers, () => '40{"id":"p"}')];
    const more = { ping: '2', pong: '3', prefix: `42["say","r",{"a":"${TEXT}`, suffix: '"}]' };
    return {
      pid: peer.pid,
      end: peer.end,
      load: {
        mode: 'fanout',
        port: peer.port,
        path: '/socket.io/?EIO=4&transport=websocket',
        ready: '40{"sid"',
        openings,
        more: { ...more, publishers: String(publishers) },
      },
    };
  }
  const server = await startCarillon(bench, newDatabase(bench), {}, CHANNELS_CONFIG);
  const channel = `${contender.replace('carillon-', '')}:r`;
  return {
    pid: server.pid,
    end: server.end,
    load: {
      mode: 'fanout',
      port: server.port,
      path: CARILLON_CLIENT.path,
      ready: '"i":1',
      openings: [
        ...fill(fanOut, (i) => `${loginMessage(`f${i}`)}\t${JSON.stringify({ t: 'sub', c: channel, i: 1 })}`),
        ...fill(
          publishers,
          (i) => `${loginMessage(`p${i}`)}\t${JSON.stringify({ t: 'hist', c: channel, i: 1 })}`,
        ),
      ],
      more: {
        ...CARILLON_CLIENT.heartbeat,
        publishers: String(publishers),
        prefix: `{"t":"pub","c":"${channel}","d":{"a":"${TEXT}`,
        suffix: '"}}',
      },
    },
  };
}

function fill(count: number, item: (index: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => item(i));
}
