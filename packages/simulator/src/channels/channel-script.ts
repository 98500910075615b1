import { type Random, createRandom } from '../random.ts';
import type { ScriptEvent } from '../script/script.ts';
import { perform } from '../script/perform.ts';
import type { World } from '../world.ts';
import { CHANNELS, MAPS, STREAMS } from './sim-contract.ts';

/** What may happen to channels; how often in a thousand. */
export const CHANNEL_WEIGHTS = {
  subscribe: 110,
  unsubscribe: 25,
  publish: 200,
  publishMany: 60,
  setKey: 120,
  deleteKey: 25,
  appPublishes: 60,
} as const;

/** And around them. */
const WEIGHTS = {
  ...CHANNEL_WEIGHTS,
  come: 110,
  leave: 20,
  logOut: 12,
  reload: 15,
  cut: 70,
  breakBlindly: 30,
  stall: 25,
  readSlowly: 40,
  loseReply: 40,
  mend: 60,
  status: 10,
  hide: 10,
  disturbNetwork: 12,
  fillDisk: 8,
  crash: 14,
  shutDown: 8,
  rest: 15,
} as const;

export type ChannelEventKind = keyof typeof WEIGHTS;

/** One thing that happens; everything about it is drawn from its own `draw`. */
export type ChannelScriptEvent = {
  readonly afterMs: number;
  readonly kind: ChannelEventKind;
  readonly draw: string;
};

/** @param seed the same seed gives the same script */
export function writeChannelScript(seed: string, length: number): readonly ChannelScriptEvent[] {
  const random = createRandom(`${seed}/channel script`);
  const kinds = Object.entries(WEIGHTS) as [ChannelEventKind, number][];
  const total = kinds.reduce((sum, [, weight]) => sum + weight, 0);
  return Array.from({ length }, (_, i) => {
    let left = random.fraction() * total;
    const [kind] = kinds.find(([, weight]) => (left -= weight) < 0) ?? ['publish', 0];
    return { afterMs: gapMs(random, kind), kind, draw: `${seed}/channel event ${i}` };
  });
}

function gapMs(random: Random, kind: ChannelEventKind): number {
  if (kind === 'rest') return random.whole(10_000, 70_000);
  const gap = random.fraction();
  if (gap < 0.4) return random.whole(0, 20);
  if (gap < 0.75) return random.whole(0, 300);
  if (gap < 0.97) return random.whole(0, 3_000);
  return random.whole(0, 20_000);
}

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

/** Makes one event happen. */
export function performChannelEvent(world: World, { kind, draw, afterMs }: ChannelScriptEvent): void {
  const random = createRandom(draw);
  const pages = world.clients.filter((client) => client.channels !== null);
  const page = random.pick(pages).channels;
  if (page === null) return;
  switch (kind) {
    case 'subscribe':
      return page.subscribe(random.pick(CHANNELS));
    case 'unsubscribe':
      return page.unsubscribe(random.pick(CHANNELS));
    case 'publish':
      return page.publish(random.pick(STREAMS), payload(draw, 0, random));
    case 'publishMany': {
      const channel = random.pick(STREAMS);
      for (let i = random.whole(2, 12); i > 0; i--) page.publish(channel, payload(draw, i, random));
      return;
    }
    case 'setKey':
      return page.publish(random.pick(MAPS), payload(draw, 0, random), {
        key: random.pick(KEYS),
        ...(random.chance(0.15) ? { ttlMs: random.whole(100, 30_000) } : {}),
      });
    case 'deleteKey':
      return page.publish(random.pick(MAPS), null, { key: random.pick(KEYS) });
    case 'appPublishes':
      return appPublishes(world, draw, random);
    default:
      return perform(world, { kind, draw, afterMs } satisfies ScriptEvent);
  }
}

/** JSON text that no other publication of the run has; some are long, so that slow readers fall behind. */
function payload(draw: string, index: number, random: Random): string {
  return JSON.stringify(`${draw} ${index} ${'x'.repeat(random.chance(0.2) ? 120 : 0)}`);
}

function appPublishes(world: World, draw: string, random: Random): void {
  const { node } = world.process;
  if (node === null) return;
  const channel = random.pick(CHANNELS);
  const key = (MAPS as readonly string[]).includes(channel) ? random.pick(KEYS) : undefined;
  // The answer is lost with a node that dies: nobody claims then that it was taken.
  void node.publish({ channel, key, data: JSON.parse(payload(draw, 0, random)) as unknown });
}
