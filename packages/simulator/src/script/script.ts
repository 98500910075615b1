import type { Random } from '../random.ts';
import { createRandom } from '../random.ts';

/** What may happen, and how often in a thousand. */
export const EVENT_WEIGHTS = {
  status: 210,
  burst: 60,
  hide: 45,
  come: 110,
  leave: 30,
  logOut: 25,
  reload: 40,
  duplicate: 15,
  cut: 70,
  breakBlindly: 35,
  stall: 30,
  readSlowly: 40,
  loseReply: 60,
  mend: 60,
  follow: 60,
  unfollow: 35,
  block: 35,
  unblock: 25,
  close: 35,
  importFollows: 6,
  refreshRoster: 8,
  setStatus: 30,
  clearStatus: 10,
  disturbNetwork: 12,
  fillDisk: 8,
  failAuth: 6,
  stepWall: 6,
  crash: 14,
  shutDown: 8,
  erase: 5,
  rest: 25,
} as const;

export type EventKind = keyof typeof EVENT_WEIGHTS;

/**
 * One thing that happens. Everything about it is drawn from its own `draw`, so that it stays the same when others are
 * left out.
 */
export type ScriptEvent = { readonly afterMs: number; readonly kind: EventKind; readonly draw: string };

/** @param seed the same seed gives the same script */
export function writeScript(seed: string, length: number): readonly ScriptEvent[] {
  const random = createRandom(`${seed}/script`);
  const kinds = chooseKinds(random);
  const events: ScriptEvent[] = [];
  for (let i = 0; i < length; i++) {
    const kind = kinds(random);
    events.push({ afterMs: gapMs(random, kind), kind, draw: `${seed}/event ${i}` });
  }
  return events;
}

/** Each script has a mood of its own: some kinds come often in it, some not at all. */
function chooseKinds(mood: Random): (random: Random) => EventKind {
  const entries = Object.entries(EVENT_WEIGHTS) as [EventKind, number][];
  const weighed = entries.map(([kind, weight]) => [kind, weight * mood.pick([0, 0.5, 1, 1, 2])] as const);
  // People always come, and always do something.
  const weights = weighed.map(
    ([kind, weight]) => [kind, kind === 'come' || kind === 'status' ? EVENT_WEIGHTS[kind] : weight] as const,
  );
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  return (random) => {
    let left = random.fraction() * total;
    for (const [kind, weight] of weights) {
      left -= weight;
      if (left < 0) return kind;
    }
    return 'status';
  };
}

/** Mostly close together, so that things meet; now and then far apart, so that timers run out. */
function gapMs(random: Random, kind: EventKind): number {
  if (kind === 'rest') return random.whole(20_000, 100_000);
  const gap = random.fraction();
  if (gap < 0.3) return random.whole(0, 20);
  if (gap < 0.65) return random.whole(0, 400);
  if (gap < 0.95) return random.whole(0, 4_000);
  return random.whole(0, 25_000);
}
