import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Upgrades } from '../processes/blocking-proxy.ts';
import { type Carillon, CHANNELS_CONFIG, newDatabase, startCarillon } from '../processes/carillon.ts';
import {
  CHANNEL,
  fateOf,
  longestGapMs,
  type MovingClient,
  type OtherWay,
  startMovingClient,
} from './moving-client.ts';

export const OTHER_WAYS: readonly OtherWay[] = ['sse', 'longpoll'];

export type FallbackPlan = {
  /** Of each way. */
  readonly clients: number;
  /** How long sessions live before anything happens to them: the SDK takes a line of more than a minute for proven. */
  readonly liveSeconds: number;
  /** Whether that is measured, too, what takes half a minute and more: lines that fall silent, and the way back. */
  readonly patient: boolean;
};

export type FallbackSample = {
  readonly what: 'free' | 'refused' | 'swallowed' | 'cut' | 'climb' | 'silent';
  readonly way: OtherWay;
  /** From what happened until the session was live over the other transport. */
  readonly tookMs: number;
  /** Only of sessions that were live before. */
  readonly longestGapMs: number | null;
  /** climb: from the first byte of the better line. */
  readonly climbMs: number | null;
};

export type FallbackResult = {
  readonly samples: readonly FallbackSample[];
  readonly deliveries: number;
  readonly missed: number;
  readonly repeated: number;
  readonly published: number;
  readonly publishedNotOnce: number;
};

/** Between two publications of the server. */
export const PUBLISH_EVERY_MS = 20;
const OWN_EVERY_MS = 500;
/** Until what was on its way has come, and longer than a gap could be taken for its end. */
const SETTLE_MS = 3_000;

type Moved = Pick<FallbackSample, 'tookMs' | 'longestGapMs' | 'climbMs'>;

/** Clients of the SDK, each behind a proxy of its own that comes to block WebSockets. */
export async function runFallback(bench: Bench, plan: FallbackPlan): Promise<FallbackResult> {
  const server = await startCarillon(bench, newDatabase(bench), {}, CHANNELS_CONFIG);
  const samples: FallbackSample[] = [];
  const note = (what: FallbackSample['what'], way: OtherWay, moved: readonly Moved[]): void => {
    for (const each of moved) samples.push({ what, way, ...each });
    const most = Math.max(...moved.map(({ tookMs }) => tookMs));
    bench.say(`fallback: ${what}, ${way}: at most ${most.toFixed(0)} ms`);
  };
  try {
    for (const way of OTHER_WAYS) {
      note('free', way, await start(server, plan, way, 'pass'));
      note('refused', way, await start(server, plan, way, 'refuse'));
      if (plan.patient) note('swallowed', way, await start(server, plan, way, 'swallow'));
    }
    const going = await goOn(server, plan, note);
    return { samples, ...going };
  } finally {
    await server.end();
  }
}

/** New clients, from `connect()` until they are connected by whatever way is left. */
async function start(
  server: Carillon,
  plan: FallbackPlan,
  way: OtherWay,
  upgrades: Upgrades,
): Promise<Moved[]> {
  const clients = await many(plan.clients, (i) => startMovingClient(server.port, `new${i}`, way, upgrades));
  const moved = await Promise.all(
    clients.map(async ({ client, on }): Promise<Moved> => {
      const fromMs = performance.now();
      client.connect();
      const tookMs = (await on(upgrades === 'pass' ? 'websocket' : way)) - fromMs;
      return { tookMs, longestGapMs: null, climbMs: null };
    }),
  );
  await Promise.all(clients.map((each) => each.close()));
  return moved;
}

/** Clients that are live when it happens, while others and they themselves publish. */
async function goOn(
  server: Carillon,
  plan: FallbackPlan,
  note: (what: FallbackSample['what'], way: OtherWay, moved: readonly Moved[]) => void,
): Promise<Omit<FallbackResult, 'samples'>> {
  const groups = await many(OTHER_WAYS.length * 2, async (g) => {
    const way = OTHER_WAYS[g % 2] ?? 'sse';
    const silent = g >= OTHER_WAYS.length;
    const clients = await many(silent && !plan.patient ? 0 : plan.clients, (i) =>
      startMovingClient(server.port, `live${g}-${i}`, way),
    );
    return { way, silent, clients };
  });
  const all = groups.flatMap(({ clients }) => clients);
  for (const { client, on } of all) {
    client.connect();
    await on('websocket');
    await client.stream(CHANNEL).subscribe();
  }
  const observer = await startMovingClient(server.port, 'observer', 'sse');
  const seen = new Map<string, number>();
  observer.client.stream(CHANNEL).onPublication(({ data }) => {
    const { a } = data as { readonly a: string };
    seen.set(a, (seen.get(a) ?? 0) + 1);
  });
  observer.client.connect();
  await observer.client.stream(CHANNEL).subscribe();

  const talk = publish(server, all);
  await sleep(plan.liveSeconds * 1_000);
  await Promise.all(
    groups.map(async ({ way, silent, clients }) => {
      if (clients.length === 0) return;
      if (silent) {
        note('silent', way, await move(clients, way, ({ proxy }) => void (proxy.upgrades = 'swallow')));
        return;
      }
      note(
        'cut',
        way,
        await move(clients, way, ({ proxy }) => {
          proxy.upgrades = 'refuse';
          proxy.cut();
        }),
      );
      if (!plan.patient) return;
      note('climb', way, await move(clients, 'websocket', ({ proxy }) => void (proxy.upgrades = 'pass')));
    }),
  );
  await talk.end();
  await sleep(SETTLE_MS);

  const fates = all.map(({ deliveries }) => fateOf(deliveries.map(({ offset }) => offset)));
  const published = all.flatMap((each) => each.published);
  const top = Math.max(...observer.deliveries.map(({ offset }) => offset));
  const result = {
    deliveries: all.reduce((sum, { deliveries }) => sum + deliveries.length, 0),
    missed: all.reduce(
      (sum, { deliveries, lost }, i) =>
        sum + lost() + (fates[i]?.missed ?? 0) + top - (deliveries.at(-1)?.offset ?? 0),
      0,
    ),
    repeated: fates.reduce((sum, { repeated }) => sum + repeated, 0),
    published: published.length,
    publishedNotOnce: published.filter((text) => seen.get(text) !== 1).length,
  };
  await Promise.all([...all, observer].map((each) => each.close()));
  return result;
}

async function move(
  clients: readonly MovingClient[],
  to: OtherWay | 'websocket',
  happen: (client: MovingClient) => void,
): Promise<Moved[]> {
  const moved = clients.map(async (each): Promise<Moved> => {
    const fromMs = performance.now();
    happen(each);
    const atMs = await each.on(to);
    const climbMs = to === 'websocket' ? atMs - each.proxy.upgradedAtMs : null;
    await sleep(SETTLE_MS);
    const times = each.deliveries.map((delivery) => delivery.atMs);
    return {
      tookMs: atMs - fromMs,
      longestGapMs: longestGapMs(times, fromMs, times.at(-1) ?? atMs),
      climbMs,
    };
  });
  return Promise.all(moved);
}

/** The server publishes at a steady rate, and every client now and then. */
function publish(server: Carillon, clients: readonly MovingClient[]): { end(): Promise<void> } {
  let going = true;
  let count = 0;
  async function everybody(): Promise<void> {
    while (going) {
      await server.publish(CHANNEL, { data: { a: `server ${count++}` } });
      await sleep(PUBLISH_EVERY_MS);
    }
  }
  async function one(each: MovingClient, k: number): Promise<void> {
    for (let n = 0; going; n++) {
      const text = `client ${k}: ${n}`;
      await each.client.stream(CHANNEL).publish({ a: text });
      each.published.push(text);
      await sleep(OWN_EVERY_MS);
    }
  }
  const ended = Promise.all([everybody(), ...clients.map(one)]);
  return {
    async end() {
      going = false;
      await ended;
    },
  };
}

function many<Value>(count: number, make: (index: number) => Promise<Value>): Promise<Value[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => make(i)));
}
