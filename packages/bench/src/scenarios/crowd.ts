import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { type Graph, followersAmong } from '../graph/graph.ts';
import { CARILLON_CLIENT, loginMessage } from '../processes/carillon.ts';
import { ANY_CORE } from '../processes/cores.ts';
import { type Line, numberIn } from '../processes/line-process.ts';
import { type Load, startLoad } from '../processes/load.ts';
import { type Nodes, startNodes } from '../processes/nodes.ts';
import { cpuMicros, residentKb } from '../processes/usage.ts';
import { type Latencies, latenciesIn } from './crowd-latencies.ts';
import { databaseWith } from './roster.ts';
import { type Device, devicesOf } from './crowd-devices.ts';

export type CrowdPlan = {
  readonly connections: number;
  readonly changesPerSecond: number;
  readonly seconds: number;
  /** Before memory is read. Longer than the heartbeat's 30 s, so that each session has had one. */
  readonly idleSeconds: number;
};

export type CrowdResult = {
  readonly plan: CrowdPlan;
  readonly origin: string;
  readonly people: number;
  readonly edgesOnline: number;
  readonly nodes: number;
  readonly generators: number;
  readonly connected: number;
  readonly failed: number;
  /** Why connections were not let in, each reason once. */
  readonly failures: readonly string[];
  readonly connectSeconds: number;
  readonly sessionKb: number;
  readonly redisKb: number;
  /** All nodes together, idle and with everybody there. */
  readonly nodesMb: number;
  readonly closedIdle: number;
  readonly changes: number;
  readonly due: number;
  readonly deliveries: number;
  readonly closed: number;
  readonly others: number;
  readonly seconds: number;
  readonly latencies: Latencies;
  /** How late a generator was at most with a change: what the machine adds to the latencies. */
  readonly lateMs: number;
  readonly microsPerDelivery: number;
  readonly redisMicrosPerDelivery: number;
};

/** A process may hold 20,000 descriptors on the machines this is run on; some are the program's own. */
const CONNECTIONS_A_PROCESS = 17_500;
/** Source addresses of one generator; it takes a new one every 5,000 connections. */
const ADDRESSES_A_GENERATOR = 4;
/** All generators together. */
const OPENING_AT_ONCE = 64;
const SETTLE_MS = 2_000;
const WARM_UP_SECONDS = 3;
/** What has not come by then is counted as dropped. */
const LATE_LIMIT_MS = 30_000;
const ASK_AGAIN_MS = 250;
const ACTIVITY = 'Debugging main.ts';

/** As many as asked log in, each person on two or three devices on different nodes; then random people change. */
export async function runCrowd(bench: Bench, graph: Graph, plan: CrowdPlan): Promise<CrowdResult> {
  const spread: Bench = { ...bench, cores: { ...bench.cores, ...ANY_CORE } };
  const { devices, people } = devicesOf(graph.people, plan.connections);
  const count = Math.ceil(devices.length / CONNECTIONS_A_PROCESS);
  const nodes = await startNodes(spread, Math.max(count, 2), await databaseWith(bench, graph));
  const loads: Load[] = [];
  try {
    await sleep(SETTLE_MS);
    const memory = residentOf(nodes);
    const redisMemory = await nodes.redis.info('used_memory');
    const { audience, edgesOnline } = audienceOf(graph, people, devices);
    bench.say(
      `crowd: ${devices.length} connections of ${people} people log in, over ${nodes.all.length} nodes`,
    );
    const startedMs = performance.now();
    const opened = await Promise.allSettled(
      Array.from({ length: count }, (_, generator) =>
        startGenerator(spread, nodes, devices, audience, generator, count),
      ),
    );
    const connectSeconds = (performance.now() - startedMs) / 1000;
    for (const one of opened) if (one.status === 'fulfilled') loads.push(one.value);
    for (const one of opened) if (one.status === 'rejected') throw one.reason;
    bench.say(
      `crowd: everybody is there after ${connectSeconds.toFixed(0)} s; idle for ${plan.idleSeconds} s`,
    );
    await sleep(plan.idleSeconds * 1000);
    const closedIdle = total(await askAll(loads, 'count', 'count'), 'closed');
    const resident = residentOf(nodes);
    const redisBytes = (await nodes.redis.info('used_memory')) - redisMemory;

    await change(loads, plan.changesPerSecond, WARM_UP_SECONDS);
    await askAll(loads, 'figures', 'figures');
    bench.say(`crowd: ${plan.changesPerSecond} changes a second for ${plan.seconds} s`);
    const cpu = nodes.cpuMicros();
    const redisCpu = cpuMicros(nodes.redis.pid);
    const sent = await change(loads, plan.changesPerSecond, plan.seconds);
    const micros = nodes.cpuMicros() - cpu;
    const redisMicros = cpuMicros(nodes.redis.pid) - redisCpu;
    const figures = await askAll(loads, 'figures', 'figures');
    const connected = loads.reduce((sum, load) => sum + load.opened.connections, 0);
    const deliveries = total(figures, 'deliveries');
    return {
      plan,
      origin: graph.origin,
      people,
      edgesOnline,
      nodes: nodes.all.length,
      generators: count,
      connected,
      failed: loads.reduce((sum, load) => sum + load.opened.failed, 0),
      failures: [...new Set(loads.map((load) => load.opened.firstFailure).filter((why) => why !== ''))],
      connectSeconds,
      sessionKb: (resident - memory) / connected,
      redisKb: redisBytes / 1024 / connected,
      nodesMb: resident / 1024,
      closedIdle,
      changes: total(sent, 'changes'),
      due: total(figures, 'due'),
      deliveries,
      closed: total(figures, 'closed'),
      others: total(figures, 'others'),
      seconds: most(sent, 'seconds'),
      latencies: latenciesIn(figures),
      lateMs: most(sent, 'lateMs'),
      microsPerDelivery: micros / deliveries,
      redisMicrosPerDelivery: redisMicros / deliveries,
    };
  } finally {
    for (const load of loads) await load.end();
    await nodes.end();
  }
}

/** All devices of a person are at one generator, which so knows when the person changed last. */
function startGenerator(
  bench: Bench,
  nodes: Nodes,
  devices: readonly Device[],
  audience: Uint32Array,
  generator: number,
  count: number,
): Promise<Load> {
  const own = devices.filter(({ person }) => person % count === generator);
  const people = join(bench.folder, `people-${generator}`);
  writeFileSync(people, own.map(({ person }) => `${person} ${audience[person] ?? 0}\n`).join(''));
  return startLoad(bench, {
    mode: 'crowd',
    port: nodes.all[0].port,
    path: CARILLON_CLIENT.path,
    ready: CARILLON_CLIENT.ready,
    openings: own.map(({ person, number }) => {
      // Not by the person alone, or a generator would fill one node.
      const node = nodes.all[(Math.floor(person / count) + number) % nodes.all.length];
      return `@${node?.port ?? 0} ${loginMessage(String(person))}`;
    }),
    more: {
      ...CARILLON_CLIENT.heartbeat,
      people,
      tolerant: '1',
      'at-once': String(Math.max(4, Math.floor(OPENING_AT_ONCE / count))),
      'first-address': String(1 + generator * ADDRESSES_A_GENERATOR),
      prefix: `{"t":"statusUpdate","a":"${ACTIVITY}`,
      suffix: '"}',
      seed: String(generator + 1),
    },
  });
}

/** Makes the changes, and waits until what they bring has come or is late enough to count as dropped. */
async function change(loads: readonly Load[], perSecond: number, seconds: number): Promise<readonly Line[]> {
  const sent = await askAll(loads, `go ${perSecond / loads.length} ${seconds}`, 'sent');
  const limitMs = performance.now() + LATE_LIMIT_MS;
  while (performance.now() < limitMs) {
    const counts = await askAll(loads, 'count', 'count');
    if (total(counts, 'deliveries') >= total(counts, 'due')) break;
    await sleep(ASK_AGAIN_MS);
  }
  // Now time for what should not come.
  await sleep(ASK_AGAIN_MS);
  return sent;
}

function askAll(loads: readonly Load[], command: string, answer: string): Promise<readonly Line[]> {
  return Promise.all(loads.map((load) => load.ask(command, answer)));
}

function total(lines: readonly Line[], name: string): number {
  return lines.reduce((sum, line) => sum + numberIn(line, name), 0);
}

function most(lines: readonly Line[], name: string): number {
  return Math.max(...lines.map((line) => numberIn(line, name)));
}

function residentOf(nodes: Nodes): number {
  return nodes.all.reduce((sum, { pid }) => sum + residentKb(pid), 0);
}

/** By person: to how many connections a change of theirs goes. */
function audienceOf(
  graph: Graph,
  people: number,
  devices: readonly Device[],
): { readonly audience: Uint32Array; readonly edgesOnline: number } {
  const held = new Uint32Array(people);
  for (const { person } of devices) held[person] = (held[person] ?? 0) + 1;
  const audience = new Uint32Array(people);
  const pairs = followersAmong(graph, people);
  for (const [followee, follower] of pairs)
    audience[followee] = (audience[followee] ?? 0) + (held[follower] ?? 0);
  return { audience, edgesOnline: pairs.length };
}
