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

export const CALL_CONTENDERS = ['carillon', 'socket.io-rooms'] as const;
export type CallContender = (typeof CALL_CONTENDERS)[number];

/** Callers at once, each of which waits for its answer before it calls again. */
export const CALLERS = [1, 64] as const;

export type CallPlan = {
  readonly repetitions: number;
  readonly warmUpSeconds: number;
  readonly windowSeconds: number;
};

export type CallSample = {
  readonly contender: CallContender;
  readonly callers: number;
  readonly perSecond: number;
  /** Server CPU a call. */
  readonly microsEach: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

/** A call that doubles a number, its input and output checked by Carillon, by Socket.IO not. */
export async function runCalls(bench: Bench, plan: CallPlan): Promise<readonly CallSample[]> {
  const samples: CallSample[] = [];
  for (let round = 1; round <= plan.repetitions; round++) {
    for (const callers of CALLERS) {
      for (const contender of CALL_CONTENDERS) {
        const sample = await measure(bench, plan, contender, callers);
        bench.say(
          `calls ${round}/${plan.repetitions}: ${contender}, ${callers} at once: ${Math.round(sample.perSecond)} a second`,
        );
        samples.push(sample);
      }
    }
  }
  return samples;
}

async function measure(
  bench: Bench,
  plan: CallPlan,
  contender: CallContender,
  callers: number,
): Promise<CallSample> {
  const entrant = await enter(bench, contender, callers);
  const load = await startLoad(bench, entrant.load);
  try {
    await load.ask(`go ${plan.warmUpSeconds}`, 'measured');
    const before = cpuMicros(entrant.pid);
    const line = await load.ask(`go ${plan.windowSeconds}`, 'measured');
    const calls = numberIn(line, 'calls');
    return {
      contender,
      callers,
      perSecond: calls / numberIn(line, 'seconds'),
      microsEach: (cpuMicros(entrant.pid) - before) / calls,
      p50Ms: numberIn(line, 'p50Ms'),
      p99Ms: numberIn(line, 'p99Ms'),
    };
  } finally {
    await load.end();
    await entrant.end();
  }
}

type Entrant = { readonly pid: number; readonly load: LoadOptions; end(): Promise<void> };

async function enter(bench: Bench, contender: CallContender, callers: number): Promise<Entrant> {
  if (contender === 'socket.io-rooms') {
    const peer = await startPeer(bench, contender);
    return {
      pid: peer.pid,
      end: peer.end,
      load: {
        mode: 'calls',
        port: peer.port,
        path: '/socket.io/?EIO=4&transport=websocket',
        ready: '40{"sid"',
        openings: Array.from({ length: callers }, () => '40{}'),
        // The number of the packet stands before the event, and before the answer.
        more: { ping: '2', pong: '3', prefix: '42', suffix: '["double",{"n":21}]', answer: '43' },
      },
    };
  }
  const server = await startCarillon(bench, newDatabase(bench), {}, CHANNELS_CONFIG);
  return {
    pid: server.pid,
    end: server.end,
    load: {
      mode: 'calls',
      port: server.port,
      path: CARILLON_CLIENT.path,
      ready: CARILLON_CLIENT.ready,
      openings: Array.from({ length: callers }, (_, i) => loginMessage(`u${i}`)),
      more: {
        ...CARILLON_CLIENT.heartbeat,
        prefix: '{"t":"call","n":"double","d":{"n":21},"i":',
        suffix: '}',
        answer: '{"t":"ok","i":',
      },
    },
  };
}
