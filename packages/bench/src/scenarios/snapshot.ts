import type { Bench } from '../bench.ts';
import {
  CARILLON_CLIENT,
  CHANNELS_CONFIG,
  loginMessage,
  newDatabase,
  startCarillon,
} from '../processes/carillon.ts';
import { startPeer } from '../processes/peers.ts';
import { connectTalker } from '../processes/talker.ts';
import { cpuMicros } from '../processes/usage.ts';
import { median } from '../statistics.ts';

export const SNAPSHOT_CONTENDERS = ['carillon', 'socket.io-rooms'] as const;
export type SnapshotContender = (typeof SNAPSHOT_CONTENDERS)[number];

export type SnapshotPlan = {
  readonly keys: number;
  readonly snapshots: number;
  readonly repetitions: number;
};

export type SnapshotSample = {
  readonly contender: SnapshotContender;
  /** From the request to the last entry. */
  readonly p50Ms: number;
  /** Server CPU a snapshot. */
  readonly microsEach: number;
  readonly bytes: number;
  /** The largest message, which a client must hold whole. */
  readonly largestBytes: number;
};

const PAGE = 1_000;

/** One client reads the whole map, again and again. Socket.IO has no maps: there an object is built once and sent whole. */
export async function runSnapshot(bench: Bench, plan: SnapshotPlan): Promise<readonly SnapshotSample[]> {
  const samples: SnapshotSample[] = [];
  for (let round = 1; round <= plan.repetitions; round++) {
    for (const contender of SNAPSHOT_CONTENDERS) {
      const sample = contender === 'carillon' ? await carillon(bench, plan) : await socketIo(bench, plan);
      bench.say(`snapshot ${round}/${plan.repetitions}: ${contender}, ${sample.p50Ms.toFixed(1)} ms`);
      samples.push(sample);
    }
  }
  return samples;
}

type Reading = { readonly bytes: number; readonly largestBytes: number };

async function measure(
  contender: SnapshotContender,
  pid: number,
  { snapshots }: SnapshotPlan,
  read: () => Promise<Reading>,
): Promise<SnapshotSample> {
  // The first two are for the compiler of either side.
  for (let i = 0; i < 2; i++) await read();
  const times: number[] = [];
  let reading: Reading = { bytes: 0, largestBytes: 0 };
  const before = cpuMicros(pid);
  for (let i = 0; i < snapshots; i++) {
    const startedMs = performance.now();
    reading = await read();
    times.push(performance.now() - startedMs);
  }
  const microsEach = (cpuMicros(pid) - before) / snapshots;
  return { contender, p50Ms: median(times), microsEach, ...reading };
}

async function carillon(bench: Bench, plan: SnapshotPlan): Promise<SnapshotSample> {
  const server = await startCarillon(bench, newDatabase(bench), {}, CHANNELS_CONFIG);
  for (let key = 0; key < plan.keys; key += PAGE)
    await Promise.all(
      Array.from({ length: Math.min(PAGE, plan.keys - key) }, (_, i) =>
        server.publish('board:b', { key: `key ${key + i}`, data: { n: key + i } }),
      ),
    );
  const talker = await connectTalker(
    `ws://127.0.0.1:${server.port}${CARILLON_CLIENT.path}`,
    CARILLON_CLIENT.heartbeat,
  );
  talker.send(loginMessage('reader'));
  await talker.next((text) => text.includes(CARILLON_CLIENT.ready));
  let request = 0;
  try {
    return await measure('carillon', server.pid, plan, async () => {
      let bytes = 0;
      let largestBytes = 0;
      let entries = 0;
      let next: string | undefined;
      do {
        const i = ++request;
        talker.send(
          JSON.stringify({ t: 'page', c: 'board:b', i, n: PAGE, ...(next === undefined ? {} : { k: next }) }),
        );
        const text = await talker.next((message) => message.startsWith('{"t":"ok"'));
        const page = JSON.parse(text) as { es: readonly unknown[]; next?: string };
        bytes += text.length;
        largestBytes = Math.max(largestBytes, text.length);
        entries += page.es.length;
        next = page.next;
      } while (next !== undefined);
      if (entries !== plan.keys) throw new Error(`${entries} of ${plan.keys} entries`);
      return { bytes, largestBytes };
    });
  } finally {
    talker.end();
    await server.end();
  }
}

async function socketIo(bench: Bench, plan: SnapshotPlan): Promise<SnapshotSample> {
  const peer = await startPeer(bench, 'socket.io-rooms');
  const talker = await connectTalker(`ws://127.0.0.1:${peer.port}/socket.io/?EIO=4&transport=websocket`, {
    ping: '2',
    pong: '3',
  });
  talker.send('40{}');
  await talker.next((text) => text.startsWith('40'));
  let request = 0;
  try {
    return await measure('socket.io-rooms', peer.pid, plan, async () => {
      const i = ++request;
      talker.send(`42${i}["board",${plan.keys}]`);
      const text = await talker.next((message) => message.startsWith(`43${i}[`));
      const [board] = JSON.parse(text.slice(`43${i}`.length)) as [Record<string, unknown>];
      if (Object.keys(board).length !== plan.keys) throw new Error('not the whole board');
      return { bytes: text.length, largestBytes: text.length };
    });
  } finally {
    talker.end();
    await peer.end();
  }
}
