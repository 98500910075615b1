import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
import { sharedMicros } from '../peers/feed-devices.ts';
import { type Carillon, newDatabase, startCarillon } from '../processes/carillon.ts';
import { ANY_CORE } from '../processes/cores.ts';
import { DEVICES_EACH, type FeedDevices, startFeedDevices } from '../processes/feed-devices.ts';
import { type Line, numberIn } from '../processes/line-process.ts';
import { startNodes } from '../processes/nodes.ts';
import { cpuMicros } from '../processes/usage.ts';
import { type Latencies, latenciesIn } from './crowd-latencies.ts';

export type FeedsPlan = {
  /** Each has three devices. */
  readonly users: number;
  readonly eventsPerSecond: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Of the second part: users whose devices watch while one node is given as many events as it takes. */
  readonly watchingUsers: number;
  readonly windowSeconds: number;
};

/** As many events as a node takes in. */
export type IntakeSample = {
  readonly durability: 'memory' | 'stored';
  readonly watched: boolean;
  readonly eventsPerSecond: number;
  readonly deliveriesPerSecond: number;
  /** Server CPU an event, deliveries included. */
  readonly microsEach: number;
};

export type FeedsResult = {
  readonly plan: FeedsPlan;
  readonly nodes: number;
  readonly connections: number;
  readonly events: number;
  /** Events that all devices of their user have. */
  readonly complete: number;
  readonly deliveries: number;
  readonly closed: number;
  /** From produce to the last of a user's devices. */
  readonly latencies: Latencies;
  /** How late the producer was at most: what the machine adds. */
  readonly lateMs: number;
  readonly microsEach: number;
  readonly intake: readonly IntakeSample[];
};

const CONFIG = fileURLToPath(import.meta.resolve('../feeds.config.ts'));
const CONNECTIONS_A_NODE = 17_500;
/** A backend that posts what it has gathered for so long. */
const GATHER_MS = 10;
/** Of the second part: events of a request, and requests that are under way. */
const EVENTS_A_REQUEST = 100;
const REQUESTS_AT_ONCE = 8;
/** What has not come by then is counted as lost. */
const LATE_LIMIT_MS = 30_000;
const ASK_AGAIN_MS = 250;
/** Of each user. */
const TASKS = 20;
const SETTINGS = {
  CARILLON_LIMITS_EVENTS_IN_FLIGHT: '10000',
  CARILLON_LIMITS_NEW_SESSION_BURST: '100000',
} as const;

/**
 * Events of random users are posted to a node at an even rate, and each is timed until all three devices of its user have it. Then one
 * node is given as many as it takes, a fixed number under way.
 */
export async function runFeeds(pinned: Bench, plan: FeedsPlan): Promise<FeedsResult> {
  const bench: Bench = { ...pinned, cores: { ...pinned.cores, ...ANY_CORE } };
  const delivery = await timeDelivery(bench, plan);
  const intake: IntakeSample[] = [];
  for (const durability of ['memory', 'stored'] as const)
    for (const watched of [false, true]) intake.push(await measureIntake(bench, plan, durability, watched));
  return { plan, ...delivery, intake };
}

async function timeDelivery(bench: Bench, plan: FeedsPlan): Promise<Omit<FeedsResult, 'plan' | 'intake'>> {
  const count = Math.ceil((plan.users * DEVICES_EACH) / CONNECTIONS_A_NODE);
  const nodes =
    count === 1 ? await oneNode(bench) : await startNodes(bench, count, newDatabase(bench), SETTINGS, CONFIG);
  let devices: FeedDevices | null = null;
  try {
    bench.say(`feeds: ${plan.users * DEVICES_EACH} devices log in, over ${count} nodes`);
    devices = await startFeedDevices(bench, nodes.all, plan.users);
    const produce = producer(nodes.all, plan.users);
    await produce.evenly(plan.eventsPerSecond, plan.warmUpSeconds);
    await sleep(ASK_AGAIN_MS);
    await devices.begin();
    bench.say(`feeds: ${plan.eventsPerSecond} events a second for ${plan.seconds} s`);
    const before = nodes.cpuMicros();
    const { events, lateMs } = await produce.evenly(plan.eventsPerSecond, plan.seconds);
    const figures = await allDelivered(devices, events);
    const micros = nodes.cpuMicros() - before;
    return {
      nodes: count,
      connections: devices.connections,
      events,
      complete: total(figures, 'complete'),
      deliveries: total(figures, 'deliveries'),
      closed: total(figures, 'closed'),
      latencies: latenciesIn(figures),
      lateMs,
      microsEach: micros / events,
    };
  } finally {
    await devices?.end();
    await nodes.end();
  }
}

async function oneNode(bench: Bench) {
  const node = await startCarillon(bench, newDatabase(bench), SETTINGS, CONFIG);
  return { all: [node] as const, cpuMicros: () => cpuMicros(node.pid), end: () => node.end() };
}

async function allDelivered(devices: FeedDevices, events: number): Promise<readonly Line[]> {
  const givenUpMs = performance.now() + LATE_LIMIT_MS;
  for (;;) {
    const figures = await devices.figures();
    if (total(figures, 'complete') >= events || performance.now() > givenUpMs) return figures;
    await sleep(ASK_AGAIN_MS);
  }
}

async function measureIntake(
  bench: Bench,
  plan: FeedsPlan,
  durability: 'memory' | 'stored',
  watched: boolean,
): Promise<IntakeSample> {
  const settings = { ...SETTINGS, FEEDS_DURABILITY: durability };
  const server = await startCarillon(bench, newDatabase(bench), settings, CONFIG);
  let devices: FeedDevices | null = null;
  try {
    if (watched) devices = await startFeedDevices(bench, [server], plan.watchingUsers);
    const produce = producer([server], plan.watchingUsers);
    await produce.asFastAsTaken(plan.warmUpSeconds);
    await devices?.begin();
    const before = cpuMicros(server.pid);
    const startedMs = performance.now();
    const events = await produce.asFastAsTaken(plan.windowSeconds);
    const seconds = (performance.now() - startedMs) / 1000;
    const micros = cpuMicros(server.pid) - before;
    const deliveries = devices === null ? 0 : total(await devices.figures(), 'deliveries');
    bench.say(
      `feeds: ${durability}, ${watched ? '' : 'not '}watched: ${Math.round(events / seconds)} events a second`,
    );
    return {
      durability,
      watched,
      eventsPerSecond: events / seconds,
      deliveriesPerSecond: deliveries / seconds,
      microsEach: micros / events,
    };
  } finally {
    await devices?.end();
    await server.end();
  }
}

/** A backend that posts events; each is sure to be kept when its request is answered. */
function producer(nodes: readonly [Carillon, ...Carillon[]], users: number) {
  let n = 0;

  async function post(count: number): Promise<void> {
    const events = Array.from({ length: count }, () => {
      n++;
      const user = `u${Math.floor(Math.random() * users)}`;
      return {
        id: `e${n}`,
        key: user,
        data: { user, key: `t${n % TASKS}`, task: { n, at: sharedMicros() } },
      };
    });
    // Each request to another node, as a balancer would.
    const node = nodes[n % nodes.length] ?? nodes[0];
    const answer = (await node.postJson('/v1/events?topic=tasks', { events })) as {
      readonly results: readonly { readonly result: string }[];
    };
    const wrong = answer.results.find(({ result }) => result !== 'applied');
    if (wrong !== undefined) throw new Error(`an event was not applied: ${JSON.stringify(wrong)}`);
  }

  return {
    async evenly(
      perSecond: number,
      seconds: number,
    ): Promise<{ readonly events: number; readonly lateMs: number }> {
      const due = Math.round(perSecond * seconds);
      const startedMs = performance.now();
      const requests: Promise<void>[] = [];
      let events = 0;
      let lateMs = 0;
      while (events < due) {
        const elapsedMs = performance.now() - startedMs;
        const count = Math.min(due, Math.floor((elapsedMs * perSecond) / 1000)) - events;
        if (count > 0) {
          // The first of them could have been posted a while ago.
          lateMs = Math.max(lateMs, elapsedMs - (events * 1000) / perSecond - GATHER_MS);
          requests.push(post(count));
          events += count;
        }
        await sleep(GATHER_MS);
      }
      await Promise.all(requests);
      return { events, lateMs };
    },
    async asFastAsTaken(seconds: number): Promise<number> {
      const untilMs = performance.now() + seconds * 1000;
      let events = 0;
      await Promise.all(
        Array.from({ length: REQUESTS_AT_ONCE }, async () => {
          while (performance.now() < untilMs) {
            await post(EVENTS_A_REQUEST);
            events += EVENTS_A_REQUEST;
          }
        }),
      );
      return events;
    },
  };
}

function total(lines: readonly Line[], name: string): number {
  return lines.reduce((sum, line) => sum + numberIn(line, name), 0);
}
