import {
  clearStatus,
  editEdge,
  eraseUser,
  importFollows,
  refreshRoster,
  setStatus,
} from '../api/api-calls.ts';
import type { Random } from '../random.ts';
import type { World } from '../world.ts';
import type { EventKind } from './script.ts';

/** Devices that statuses over HTTP are set on; `phone` is also one that people log in with. */
export const HTTP_DEVICES = ['editor', 'phone'];

/** Short ones run out within a run, long ones never. Multiples of the grid of runs that are compared. */
const SHORT_TTL_MS = { least: 1_000, most: 40_000, step: 50 };
const LONG_TTL_MS = 20 * 60 * 60 * 1_000;

/** @returns false where the event is none of the app's own server's */
export function performOnRoster(world: World, kind: EventKind, random: Random): boolean {
  const { model, caller } = world;
  const a = random.pick(world.users);
  const b = random.pick(world.users.filter((user) => user !== a));
  switch (kind) {
    case 'follow':
      caller.ask(editEdge(model, 'follow', a, b, true));
      return true;
    case 'unfollow':
      caller.ask(editEdge(model, 'follow', ...someFollow(world, random, a, b), false));
      return true;
    case 'block': {
      const [viewer, subject] = someFollow(world, random, a, b);
      caller.ask(editEdge(model, 'block', subject, viewer, true));
      // What the blocked must not see: the blocker goes on at once.
      const blocker = world.clients.find((client) => client.user === subject && client.wants);
      if (random.chance(0.5)) blocker?.set({ a: `since the block ${random.whole(0, 9)}` });
      return true;
    }
    case 'unblock':
      caller.ask(editEdge(model, 'block', ...someBlock(world, random, a, b), false));
      return true;
    case 'close': {
      const [viewer, subject] = someFollow(world, random, a, b);
      caller.ask(editEdge(model, 'close', subject, viewer, random.chance(0.6)));
      return true;
    }
    case 'importFollows': {
      const edges = Array.from({ length: random.whole(1, 6) }, () => {
        const follower = random.pick(world.users);
        return [follower, random.pick(world.users.filter((user) => user !== follower))] as const;
      });
      caller.ask(importFollows(model, edges));
      return true;
    }
    case 'refreshRoster':
      caller.ask(refreshRoster(a));
      return true;
    case 'setStatus': {
      if (a === world.hidden?.user) return true;
      const ttlMs = random.chance(0.7) ? shortTtlMs(random) : LONG_TTL_MS;
      const patch = { s: random.pick(['Online', 'Busy', 'Away']), a: random.pick(['', 'Deploying']) };
      caller.ask(setStatus(model, a, random.pick(HTTP_DEVICES), patch, ttlMs));
      return true;
    }
    case 'clearStatus':
      caller.ask(clearStatus(model, a, random.pick(HTTP_DEVICES)));
      return true;
    case 'erase':
      for (const client of world.clients) if (client.user === a && random.chance(0.5)) client.leave();
      caller.ask(eraseUser(model, a, () => undefined));
      return true;
    default:
      return false;
  }
}

function shortTtlMs(random: Random): number {
  const { least, most, step } = SHORT_TTL_MS;
  return random.whole(least / step, most / step) * step;
}

/** An edge that exists, where there is one: edits that change nothing are dull. */
function someFollow(world: World, random: Random, a: string, b: string): [string, string] {
  return someFlag(world, random, 'follow') ?? [a, b];
}

function someBlock(world: World, random: Random, a: string, b: string): [string, string] {
  return someFlag(world, random, 'block') ?? [a, b];
}

function someFlag(world: World, random: Random, kind: 'follow' | 'block'): [string, string] | undefined {
  const set = world.users.flatMap((user) =>
    world.model.roster
      .flagsOf(user)
      .filter(
        (flag) =>
          flag.kind === kind &&
          flag.a === user &&
          world.model.roster.possible(kind, flag.a, flag.b).includes(true),
      ),
  );
  if (set.length === 0 || random.chance(0.1)) return undefined;
  const { a, b } = random.pick(set);
  return [a, b];
}
