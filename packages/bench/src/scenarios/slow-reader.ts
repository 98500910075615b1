import type { Bench } from '../bench.ts';
import {
  CARILLON_CLIENT,
  CHANNELS_CONFIG,
  loginMessage,
  newDatabase,
  startCarillon,
} from '../processes/carillon.ts';
import { numberIn } from '../processes/line-process.ts';
import { startLoad } from '../processes/load.ts';
import { connectTalker } from '../processes/talker.ts';
import { peakResidentKb, residentKb, resetPeak } from '../processes/usage.ts';

export type SlowReaderPlan = {
  readonly readers: number;
  readonly repetitions: number;
  readonly warmUpSeconds: number;
  readonly windowSeconds: number;
};

export type SlowReaderSample = {
  readonly stalled: boolean;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly deliveriesPerSecond: number;
  /** Memory beyond what was before the window, at its most. */
  readonly grownMb: number;
  /** Frames that the server did not hold any longer for the one that does not read, and will replay. */
  readonly dropped: number;
};

/** Together more than the kernels of both ends keep for one connection, some 10 MB here. */
const FLOOD_PUBLICATIONS = 400;
const FLOOD_CHARACTERS = 50_000;

/** Pairs: a thousand readers alone, and with one more beside them that stopped reading before the window. */
export async function runSlowReader(
  bench: Bench,
  plan: SlowReaderPlan,
): Promise<readonly SlowReaderSample[]> {
  const samples: SlowReaderSample[] = [];
  for (let round = 1; round <= plan.repetitions; round++) {
    for (const stalled of [false, true]) {
      const sample = await measure(bench, plan, stalled);
      bench.say(
        `slow-reader ${round}/${plan.repetitions}: ${stalled ? 'one stalled' : 'all read'}, p99 ${sample.p99Ms.toFixed(2)} ms`,
      );
      samples.push(sample);
    }
  }
  return samples;
}

async function measure(bench: Bench, plan: SlowReaderPlan, stalled: boolean): Promise<SlowReaderSample> {
  const server = await startCarillon(bench, newDatabase(bench), {}, CHANNELS_CONFIG);
  const subscribe = '{"t":"sub","c":"patient:r","i":1}';
  const load = await startLoad(bench, {
    mode: 'fanout',
    port: server.port,
    path: CARILLON_CLIENT.path,
    ready: '"i":1',
    openings: [
      ...Array.from({ length: plan.readers }, (_, i) => `${loginMessage(`r${i}`)}\t${subscribe}`),
      `${loginMessage('publisher')}\t{"t":"hist","c":"patient:r","i":1}`,
    ],
    more: {
      ...CARILLON_CLIENT.heartbeat,
      publishers: '1',
      // As long as a payload may be: the kernel's buffers for the one who does not read are soon full.
      prefix: `{"t":"pub","c":"patient:r","d":{"a":"${'x'.repeat(300)}`,
      suffix: '"}}',
    },
  });
  const talker = await connectTalker(
    `ws://127.0.0.1:${server.port}${CARILLON_CLIENT.path}`,
    CARILLON_CLIENT.heartbeat,
  );
  try {
    if (stalled) {
      talker.send(loginMessage('stalled'));
      talker.send(subscribe);
      await talker.next((text) => text.includes('"i":1'));
      // A channel of its own, to fill what the kernel keeps for it: from then on the server holds what it is owed.
      talker.send('{"t":"sub","c":"patient:flood","i":2}');
      await talker.next((text) => text.includes('"i":2'));
      talker.stall();
    }
    // Also where nobody stalls: what the channel keeps of it is garbage and history that both servers have then.
    for (let i = 0; i < FLOOD_PUBLICATIONS; i++)
      await server.publish('patient:flood', { data: { a: 'x'.repeat(FLOOD_CHARACTERS) } });
    await load.ask(`go ${plan.warmUpSeconds}`, 'measured');
    resetPeak(server.pid);
    const memory = residentKb(server.pid);
    const line = await load.ask(`go ${plan.windowSeconds}`, 'measured');
    const dropped = stalled
      ? (await server.metrics())('carillon_channel_dropped_total\\{policy="resync"\\}')
      : 0;
    if (stalled && dropped === 0) throw new Error('the reader that stopped reading was not noticed');
    return {
      stalled,
      p50Ms: numberIn(line, 'p50Ms'),
      p99Ms: numberIn(line, 'p99Ms'),
      deliveriesPerSecond: numberIn(line, 'deliveries') / numberIn(line, 'seconds'),
      dropped,
      grownMb: (peakResidentKb(server.pid) - memory) / 1024,
    };
  } finally {
    talker.end();
    await load.end();
    await server.end();
  }
}
