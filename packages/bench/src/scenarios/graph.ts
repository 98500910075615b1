import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { fullListBytesPerChange } from '../graph/full-list.ts';
import { type Graph, followersAmong } from '../graph/graph.ts';
import { CARILLON_CLIENT, loginMessage, startCarillon } from '../processes/carillon.ts';
import { numberIn } from '../processes/line-process.ts';
import { startLoad } from '../processes/load.ts';
import { cpuMicros } from '../processes/usage.ts';
import { ANY_CORE } from '../processes/cores.ts';
import { startNodes } from '../processes/nodes.ts';
import { databaseWith } from './roster.ts';

export type GraphPlan = {
  /** The first so many people of the graph are online. */
  readonly people: number;
  /** More than one share a Redis; people are on them in turn. */
  readonly nodes: number;
  readonly changesPerSecond: number;
  readonly seconds: number;
};

export type GraphResult = {
  readonly plan: GraphPlan;
  readonly origin: string;
  readonly edges: number;
  readonly edgesOnline: number;
  readonly changes: number;
  /** Changes that reached each of their online followers. */
  readonly exact: number;
  readonly due: number;
  readonly deliveries: number;
  readonly duplicates: number;
  /** Deliveries to somebody who does not follow. */
  readonly strangers: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly bytesPerChange: number;
  readonly fullListBytesPerChange: number;
  readonly microsPerDelivery: number;
  readonly serverShare: number;
  /** Of Redis, where there is one. */
  readonly redisMicrosPerDelivery: number;
  /** How late the generator was at most with a change: what the machine adds to the latencies. */
  readonly lateMs: number;
};

const ACTIVITY = 'Debugging main.ts';
/** The mark of the load generator: two tildes and 14 digits. */
const MARK_LENGTH = 16;
const SEED = 7;
/** Before the changes that count. */
const WARM_UP_SECONDS = 3;

/** Everybody logs in with an activity, then random people change theirs; each delivery is checked against the graph. */
export async function runGraph(bench: Bench, graph: Graph, plan: GraphPlan): Promise<GraphResult> {
  const online = Math.min(plan.people, graph.people);
  const pairs = followersAmong(graph, online);
  const followers = join(bench.folder, 'followers');
  writeFileSync(followers, pairs.map(([followee, follower]) => `${followee} ${follower}\n`).join(''));
  const server = await startServers(bench, await databaseWith(bench, graph), plan.nodes);
  try {
    bench.say(`graph: ${online} people log in`);
    const load = await startLoad(server.bench, {
      mode: 'graph',
      port: server.ports[0] ?? 0,
      path: CARILLON_CLIENT.path,
      ready: CARILLON_CLIENT.ready,
      openings: Array.from({ length: online }, (_, person) => {
        const login = loginMessage(String(person), { a: `${ACTIVITY}~${'0'.repeat(MARK_LENGTH - 2)}~` });
        return `@${server.ports[person % server.ports.length] ?? 0} ${login}`;
      }),
      more: {
        ...CARILLON_CLIENT.heartbeat,
        followers,
        prefix: `{"t":"statusUpdate","a":"${ACTIVITY}`,
        suffix: '"}',
        seed: String(SEED),
      },
    });
    await load.ask(`go ${plan.changesPerSecond} ${WARM_UP_SECONDS}`, 'measured');
    bench.say(`graph: ${plan.changesPerSecond} changes a second for ${plan.seconds} s`);
    const before = server.cpuMicros();
    const redisBefore = server.redisMicros();
    const line = await load.ask(`go ${plan.changesPerSecond} ${plan.seconds}`, 'measured');
    const micros = server.cpuMicros() - before;
    const redisMicros = server.redisMicros() - redisBefore;
    await load.end();
    const read = (name: string): number => numberIn(line, name);
    return {
      plan: { ...plan, people: online },
      origin: graph.origin,
      edges: graph.from.length,
      edgesOnline: pairs.length,
      changes: read('changes'),
      exact: read('exact'),
      due: read('due'),
      deliveries: read('deliveries'),
      duplicates: read('duplicates'),
      strangers: read('strangers'),
      p50Ms: read('p50Ms'),
      p95Ms: read('p95Ms'),
      p99Ms: read('p99Ms'),
      maxMs: read('maxMs'),
      bytesPerChange: read('bytes') / read('changes'),
      fullListBytesPerChange: fullListBytesPerChange(graph, online, ACTIVITY.length + MARK_LENGTH),
      microsPerDelivery: micros / read('deliveries'),
      redisMicrosPerDelivery: redisMicros / read('deliveries'),
      serverShare: micros / 1e6 / read('seconds'),
      lateMs: read('lateMs'),
    };
  } finally {
    await server.end();
  }
}

type Servers = {
  /** Where the load runs then, too. */
  readonly bench: Bench;
  readonly ports: readonly number[];
  cpuMicros(): number;
  redisMicros(): number;
  end(): Promise<void>;
};

/** One on a core of its own, or several that share all cores with their Redis and the load. */
async function startServers(bench: Bench, database: string, count: number): Promise<Servers> {
  if (count === 1) {
    const { pid, port, end } = await startCarillon(bench, database);
    return { bench, ports: [port], cpuMicros: () => cpuMicros(pid), redisMicros: () => 0, end };
  }
  const spread: Bench = { ...bench, cores: { ...bench.cores, ...ANY_CORE } };
  const nodes = await startNodes(spread, count, database);
  return {
    bench: spread,
    ports: nodes.all.map(({ port }) => port),
    cpuMicros: nodes.cpuMicros,
    redisMicros: () => cpuMicros(nodes.redis.pid),
    end: nodes.end,
  };
}
