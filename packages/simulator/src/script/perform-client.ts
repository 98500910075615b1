import { addDuplicate } from '../clients/cast.ts';
import type { OwnPatch, SimClient } from '../clients/sim-client.ts';
import type { Blind, Line } from '../network/line.ts';
import type { Random } from '../random.ts';
import type { World } from '../world.ts';
import type { EventKind } from './script.ts';

const SHOWN = ['Online', 'Away', 'Busy'];
const HIDDEN = ['Invisible', 'Offline'];
/** Few, so that the same is said again, and long ones, so that slow readers fall behind. */
const VALUES = ['', 'Coding', 'Review', 'Lunch \u{1f35c}', 'a "quoted" text', 'x'.repeat(120)];
const SLOW_BYTES_PER_SECOND = [20, 80, 400];

/** @returns false where the event is none of a client's */
export function performOnClient(world: World, kind: EventKind, random: Random): boolean {
  const client = random.pick(world.clients);
  switch (kind) {
    case 'status':
      say(world, client, drawPatch(random));
      return true;
    case 'burst':
      burst(world, client, random);
      return true;
    case 'hide':
      say(world, client, { s: random.pick(HIDDEN) });
      return true;
    case 'come': {
      // Whoever is away comes first: a world in which nobody is there shows nothing.
      const away = world.clients.find((other) => !other.wants);
      if (away !== undefined) come(world, away);
      else climb(world, client, random);
      return true;
    }
    case 'leave':
      client.leave();
      return true;
    case 'logOut':
      client.logOut();
      return true;
    case 'reload':
      client.reload();
      return true;
    case 'duplicate':
      addDuplicate(world, client);
      return true;
    case 'cut':
      onLine(client, (line) => line.cut());
      return true;
    case 'breakBlindly':
      onLine(client, (line) => line.breakBlindly(random.pick<Blind>(['server', 'client', 'both'])));
      return true;
    case 'stall':
      onLine(client, (line) => line.stall());
      return true;
    case 'readSlowly':
      onLine(client, (line) => line.read(random.pick(SLOW_BYTES_PER_SECOND)));
      return true;
    case 'loseReply':
      onLine(client, (line) => line.loseNextReply());
      // Something that is answered, unless a login is under way anyway.
      if (random.chance(0.6)) say(world, client, drawPatch(random));
      return true;
    case 'mend':
      for (const other of world.clients) onLine(other, (line) => line.mend());
      return true;
    default:
      return false;
  }
}

function onLine(client: SimClient, act: (line: Line) => void): void {
  if (client.line !== null) act(client.line);
}

function come({ hidden }: World, client: SimClient): void {
  // After a logout the page knows no more what the user wants.
  if (hidden !== null && client.user === hidden.user && !client.wants) client.set({ s: hidden.word });
  client.come();
}

/** Everybody is there: one finds a better way, and often has said something that is not answered yet. */
function climb(world: World, client: SimClient, random: Random): void {
  client.climb();
  if (random.chance(0.6)) say(world, client, drawPatch(random));
}

function say({ hidden }: World, client: SimClient, patch: OwnPatch): void {
  if (!client.wants) return;
  if (hidden !== null && client.user === hidden.user && 's' in patch)
    client.set({ ...patch, s: hidden.word });
  else client.set(patch);
}

function drawPatch(random: Random): OwnPatch {
  const patch: Record<string, string> = {};
  if (random.chance(0.4)) patch['s'] = random.pick(SHOWN);
  for (const field of ['a', 'p', 'l']) if (random.chance(0.4)) patch[field] = random.pick(VALUES);
  return Object.keys(patch).length === 0 ? { a: random.pick(VALUES) } : patch;
}

/** Faster than changes may go out. */
function burst(world: World, client: SimClient, random: Random): void {
  const count = random.whole(2, 12);
  let atMs = 0;
  for (let i = 0; i < count; i++) {
    const patch = drawPatch(random);
    world.time.plan(atMs, world.owner, () => say(world, client, patch));
    atMs += random.whole(0, 40);
  }
}
