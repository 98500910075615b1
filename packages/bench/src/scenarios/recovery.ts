import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import {
  CARILLON_CLIENT,
  CHANNELS_CONFIG,
  loginMessage,
  newDatabase,
  startCarillon,
} from '../processes/carillon.ts';
import { type LoadOptions, type Opened, startLoad } from '../processes/load.ts';
import { WebSocket } from 'ws';
import { type Peer, startPeer } from '../processes/peers.ts';
import { cpuMicros, peakResidentKb, resetPeak, residentKb } from '../processes/usage.ts';

export const RECOVERY_CONTENDERS = ['carillon', 'socket.io-recovery'] as const;
export type RecoveryContender = (typeof RECOVERY_CONTENDERS)[number];

export type RecoveryPlan = {
  readonly clients: number;
  readonly missed: number;
  readonly repetitions: number;
};

export type RecoverySample = {
  readonly contender: RecoveryContender;
  readonly opened: Opened;
  /** Server CPU a client, the connection and the login included. */
  readonly microsEach: number;
  /** The most memory that was in RAM while they recovered, beyond what was before they came back. */
  readonly peakMb: number;
};

/** The line is cut and noticed, and the server has done what it does then. */
const SETTLE_MS = 2_000;

/** Everybody loses the line at once, misses the same, and comes back at once. */
export async function runRecovery(bench: Bench, plan: RecoveryPlan): Promise<readonly RecoverySample[]> {
  const samples: RecoverySample[] = [];
  for (let round = 1; round <= plan.repetitions; round++) {
    for (const contender of RECOVERY_CONTENDERS) {
      const sample = contender === 'carillon' ? await carillon(bench, plan) : await socketIo(bench, plan);
      bench.say(
        `recovery ${round}/${plan.repetitions}: ${contender}, ${Math.round(sample.opened.connections / sample.opened.seconds)} clients a second`,
      );
      samples.push(sample);
    }
  }
  return samples;
}

async function carillon(bench: Bench, plan: RecoveryPlan): Promise<RecoverySample> {
  const server = await startCarillon(bench, newDatabase(bench), {}, CHANNELS_CONFIG);
  const kept = join(bench.folder, 'tokens');
  const options = { mode: 'hold', port: server.port, path: CARILLON_CLIENT.path } as const;
  const first = await startLoad(bench, {
    ...options,
    ready: '"i":1',
    openings: each(plan, (i) => `${loginMessage(`u${i}`)}\t{"t":"sub","c":"kept:r","i":1}`),
    more: { ...CARILLON_CLIENT.heartbeat, keep: '"t":"token"', out: kept },
  });
  const tokens = keptMessages(kept, plan.clients);
  await first.end();
  let epoch = '';
  for (let n = 1; n <= plan.missed; n++)
    ({ epoch } = await server.publish('kept:r', { data: { a: `missed-${n}.` } }));
  await sleep(SETTLE_MS);
  const sample = await comeBack(bench, 'carillon', server.pid, {
    ...options,
    // The last of what was missed: whoever has it has had all of it, for it comes in order.
    ready: `missed-${plan.missed}.`,
    openings: each(plan, (i) => {
      const { token } = JSON.parse(tokens[i] ?? '') as { token: string };
      return `${loginMessage(`u${i}`, { resume: token })}\t{"t":"sub","c":"kept:r","i":1,"e":"${epoch}","o":0}`;
    }),
    more: CARILLON_CLIENT.heartbeat,
  });
  await server.end();
  return sample;
}

async function socketIo(bench: Bench, plan: RecoveryPlan): Promise<RecoverySample> {
  const peer = await startPeer(bench, 'socket.io-recovery');
  const kept = join(bench.folder, 'sessions');
  const options = { mode: 'hold', port: peer.port, path: '/socket.io/?EIO=4&transport=websocket' } as const;
  const first = await startLoad(bench, {
    ...options,
    ready: '"pid"',
    openings: each(plan, () => '40{"room":"r"}'),
    more: { ping: '2', pong: '3', keep: '"pid"', out: kept },
  });
  const sessions = keptMessages(kept, plan.clients);
  // Whoever has received nothing has nothing to recover from: everybody is sent one before the line is cut.
  const offset = await nextOffset(peer);
  await first.end();
  await sleep(SETTLE_MS);
  peer.tell(`publish r ${plan.missed} missed-`);
  await sleep(SETTLE_MS);
  const sample = await comeBack(bench, 'socket.io-recovery', peer.pid, {
    ...options,
    ready: `missed-${plan.missed}.`,
    openings: each(plan, (i) => {
      const { pid } = JSON.parse(sessions[i]?.slice(2) ?? '') as { pid: string };
      return `40${JSON.stringify({ pid, offset, room: 'r' })}`;
    }),
    more: { ping: '2', pong: '3' },
  });
  await peer.end();
  return sample;
}

/** Publishes once in the room, and says which offset that had: the last argument of the event. */
async function nextOffset(peer: Peer): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${peer.port}/socket.io/?EIO=4&transport=websocket`);
  const found = Promise.withResolvers<string>();
  socket.on('error', found.reject);
  socket.on('message', (data: Buffer) => {
    const text = data.toString();
    if (text.startsWith('0')) socket.send('40{"room":"r"}');
    else if (text.startsWith('40')) peer.tell('publish r 1 before-');
    else if (text.startsWith('42')) found.resolve(String((JSON.parse(text.slice(2)) as unknown[]).at(-1)));
  });
  const offset = await found.promise;
  socket.terminate();
  return offset;
}

async function comeBack(
  bench: Bench,
  contender: RecoveryContender,
  pid: number,
  options: LoadOptions,
): Promise<RecoverySample> {
  resetPeak(pid);
  const memory = residentKb(pid);
  const before = cpuMicros(pid);
  const load = await startLoad(bench, options);
  const micros = cpuMicros(pid) - before;
  const peakMb = (peakResidentKb(pid) - memory) / 1024;
  await load.end();
  return { contender, opened: load.opened, microsEach: micros / load.opened.connections, peakMb };
}

function each(plan: RecoveryPlan, opening: (index: number) => string): string[] {
  return Array.from({ length: plan.clients }, (_, i) => opening(i));
}

/** Lines of a connection's number, a tab and the message that was kept. */
function keptMessages(file: string, clients: number): readonly string[] {
  const messages: string[] = [];
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    const tab = line.indexOf('\t');
    messages[Number(line.slice(0, tab))] = line.slice(tab + 1);
  }
  if (messages.length !== clients)
    throw new Error(`${messages.length} of ${clients} were told what to come back with`);
  return messages;
}
