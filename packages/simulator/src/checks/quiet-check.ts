import type { RealtimeNode } from '@carillon/server/simulation';
import type { SeenFriend, SimClient } from '../clients/sim-client.ts';
import { type View, possibleViews } from '../model/aggregate.ts';
import type { Device } from '../model/devices.ts';
import { sight } from '../model/roster.ts';
import { presentSessions } from '../model/world-model.ts';
import type { World } from '../world.ts';

/** When everything is quiet: everyone who wants to be there is, and sees what is true. */
export async function checkQuiet(world: World): Promise<void> {
  const { violations, caller, clients, process } = world;
  const { node } = process;
  if (node === null) return violations.found('alive', 'the node is not ready');
  if (caller.unanswered > 0) return violations.found('alive', `${caller.unanswered} requests are unanswered`);
  for (const client of clients) checkClient(world, client);
  if (violations.first !== null) return;
  const truth = new Map(world.users.map((user) => [user, viewsOf(world, user)] as const));
  for (const client of clients) if (client.connected) checkView(world, client, truth);
  for (const user of world.users) await checkNode(world, node, user, truth.get(user) ?? null);
}

function viewsOf(world: World, user: string): readonly View[] | null {
  return world.model.blurred.has(user) ? null : possibleViews(devicesOf(world, user));
}

function checkClient({ violations }: World, client: SimClient): void {
  if (client.wants && !client.connected)
    violations.found('alive', `${client.name} wants to be connected and is not`);
  if (client.unsettled > 0)
    violations.found('alive', `${client.name}: ${client.unsettled} changes are neither made nor refused`);
}

/** The devices that somebody holds, now that every session that was left to its grace has ended. */
function devicesOf({ model }: World, user: string): readonly Device[] {
  const devices = new Set<Device>();
  for (const session of presentSessions(model, user))
    if (session.device !== null) devices.add(session.device);
  for (const lease of model.leases.values())
    if (lease.user === user && lease.expiresMs.least > model.nowMs()) devices.add(lease.device);
  return [...devices];
}

function checkView(
  world: World,
  client: SimClient,
  truth: ReadonlyMap<string, readonly View[] | null>,
): void {
  const { model, violations } = world;
  const seen = client.friends();
  for (const subject of world.users) {
    if (subject === client.user) continue;
    const friend = seen.get(subject);
    const sees = sight(model.roster, client.user, subject);
    if (sees === 'maybe') continue;
    if ((friend !== undefined) !== (sees === 'yes')) {
      violations.found('a', `${client.name} ${friend ? 'has' : 'lacks'} ${subject}; sight: ${sees}`);
      continue;
    }
    const views = truth.get(subject);
    if (friend === undefined || views == null) continue;
    const expected = views.map((view) => masked(world, client.user, subject, view));
    if (!expected.some((view) => matches(friend, view)))
      violations.found(
        'a',
        `${client.name} sees ${subject} as ${JSON.stringify(friend)}, expected ${JSON.stringify(expected)}`,
      );
  }
}

type Expected = View & { readonly ts: 'none' | 'any' };

/** What of a view the viewer may see. */
export function masked({ model }: World, viewer: string, subject: string, view: View): Expected {
  const close = model.roster.possible('close', subject, viewer)[0] ?? false;
  const sees = (part: 'status' | 'lastSeen' | 'a' | 'p' | 'l'): boolean =>
    model.visibility.sees(subject, viewer, close, part);
  if (!sees('status') || view.s === 'Offline') {
    return { s: 'Offline', a: '', p: '', l: '', ts: sees('status') && sees('lastSeen') ? 'any' : 'none' };
  }
  return {
    s: view.s,
    a: sees('a') ? view.a : '',
    p: sees('p') ? view.p : '',
    l: sees('l') ? view.l : '',
    ts: 'none',
  };
}

export function matches(friend: SeenFriend, expected: Expected): boolean {
  const { fields } = friend;
  return (
    friend.s === expected.s &&
    (fields['a'] ?? '') === expected.a &&
    (fields['p'] ?? '') === expected.p &&
    (fields['l'] ?? '') === expected.l &&
    (expected.ts === 'any' || friend.ts === null)
  );
}

/** What the node answers over its API is the same truth. */
async function checkNode(
  world: World,
  node: RealtimeNode,
  user: string,
  views: readonly View[] | null,
): Promise<void> {
  const { violations } = world;
  const presence = await answered(world, node.presenceOf(user));
  if (presence?.ok === true && views !== null) {
    const { s, fields, lastSeenMs } = presence.value;
    const friend = { s, fields, ts: lastSeenMs };
    if (!views.some((view) => matches(friend, { ...view, ts: s === 'Offline' ? 'any' : 'none' })))
      violations.found(
        'a',
        `presenceOf ${user}: ${JSON.stringify(friend)}, expected ${JSON.stringify(views)}`,
      );
    if (s === 'Offline') checkLastSeen(world, user, lastSeenMs);
  }
  const roster = await answered(world, node.rosterOf(user));
  const expected = world.users.filter(
    (other) => other !== user && sight(world.model.roster, user, other) === 'yes',
  );
  if (roster?.ok === true && [...roster.value].toSorted().join() !== expected.toSorted().join())
    violations.found(
      'a',
      `rosterOf ${user}: ${JSON.stringify(roster.value)}, expected ${JSON.stringify(expected)}`,
    );
}

/**
 * Everyone who may see when somebody was last there sees the same time. Unless the clock was set meanwhile, or the disk
 * refused to keep it: it is written behind, and what was refused is not told again.
 */
function checkLastSeen(world: World, user: string, lastSeenMs: number | null): void {
  if (world.model.wallSetMs !== null || world.disk.refusedAtMs > 0) return;
  for (const client of world.clients) {
    const friend = client.connected ? client.friends().get(user) : undefined;
    if (friend === undefined || friend.ts === null || friend.ts === lastSeenMs) continue;
    world.violations.found(
      'a',
      `${client.name} has last seen ${user} at ${friend.ts}, the node at ${lastSeenMs}`,
    );
  }
}

/** Waits for a node's answer, for which time has to pass. */
async function answered<T>(world: World, answer: Promise<T>): Promise<T | undefined> {
  let value: T | undefined;
  void answer.then((given) => {
    value = given;
  });
  for (let waited = 0; value === undefined && waited < 50; waited++) await world.time.pass(100);
  return value;
}
