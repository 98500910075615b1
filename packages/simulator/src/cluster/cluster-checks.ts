import { sight } from '../model/roster.ts';
import { checkQuiet, masked, matches } from '../checks/quiet-check.ts';
import { isThere } from '../run.ts';
import type { ClusterWorld } from './cluster-world.ts';

/** Within this a client that was sent away comes back, where nothing goes wrong. */
const BACK_SOON_MS = 40_000;

/** When everything is quiet: every view is true, whichever node one asks, and what nodes show is what the store says. */
export async function checkClusterQuiet(world: ClusterWorld): Promise<void> {
  const { violations, nodes } = world;
  blurForgotten(world);
  for (const node of nodes) {
    if (violations.first !== null) return;
    await everybodyThere(world);
    if (node.node === null) return violations.found('alive', `${node.life?.name} is not ready`);
    world.focus = node;
    await checkQuiet(world);
    world.focus = null;
  }
  if (violations.first === null) checkStore(world);
}

/** Of whom the store says what it should not (see below) nothing is asked. */
function blurForgotten({ store, model, users }: ClusterWorld): void {
  for (const user of users) if (orphansOf(store, user).length > 0) model.blurred.add(user);
}

/** Devices of a login during which the store forgot everything, on a node that died before it could put anything back. */
function orphansOf({ cluster, forgotAtMs }: ClusterWorld['store'], user: string): readonly string[] {
  const { users, sessions } = cluster.shared.state;
  if (forgotAtMs < 0) return [];
  const devices = [...(users.get(user)?.devices ?? [])];
  return devices
    .filter(([, { sessions: holders }]) => ![...holders.keys()].some((id) => sessions.has(id)))
    .map(([name]) => name);
}

/** A client whose login token has just run out is on its way back. */
async function everybodyThere({ clients, time }: ClusterWorld): Promise<void> {
  for (let waited = 0; waited < BACK_SOON_MS && !clients.every(isThere); waited += 100) await time.pass(100);
}

/** The model does not always know what is true; the store does, and everybody must see that. */
function checkStore(world: ClusterWorld): void {
  const { model, clients, users, violations, store } = world;
  for (const client of clients) {
    if (!client.connected) continue;
    for (const subject of users) {
      if (model.blurred.has(subject)) continue;
      if (subject === client.user || sight(model.roster, client.user, subject) !== 'yes') continue;
      const friend = client.friends().get(subject);
      const record = store.cluster.shared.state.users.get(subject)?.record;
      const { a = '', p = '', l = '' } = record?.fields ?? {};
      const view = masked(world, client.user, subject, { s: record?.s ?? 'Offline', a, p, l });
      if (friend !== undefined && !matches(friend, view))
        violations.found(
          'p',
          `${client.name} sees ${subject} as ${JSON.stringify(friend)}, the store has ${JSON.stringify(record)}`,
        );
    }
  }
}

/** When everyone has gone and every grace is over nothing is left: in the nodes, and in what they share. */
export function checkClusterEmpty({ nodes, store, violations }: ClusterWorld): void {
  const { state } = store.cluster.shared;
  for (const { node, name } of nodes) {
    if (node === null) return violations.found('alive', `${name} is not ready`);
    const { timers, ...counts } = node.counts();
    if (Object.values(counts).some((count) => count !== 0) || timers > STANDING_TIMERS)
      violations.found('f', `${name} still holds ${JSON.stringify({ ...counts, timers })}`);
  }
  const devices = [...state.users].flatMap(([user, { devices: held }]) => {
    const orphans = orphansOf(store, user);
    return [...held.keys()].filter((name) => !orphans.includes(name));
  });
  if (state.sessions.size > 0)
    violations.found('f', `the store still holds sessions: ${JSON.stringify([...state.sessions.values()])}`);
  if (devices.length > 0) violations.found('f', `the store still holds devices: ${devices.join(', ')}`);
  if (state.holders.size > 0)
    violations.found(
      'f',
      `the index still names ${JSON.stringify([...state.holders].map(([node, notes]) => [node, ...notes.keys()]))}`,
    );
  const lives = new Set(nodes.map(({ life }) => life?.name));
  const strangers = [...state.leases.keys()].filter((node) => !lives.has(node));
  if (strangers.length > 0) violations.found('f', `leases of nodes that are gone: ${strangers.join(', ')}`);
}

/** What a node plans when nobody is there: to renew, to find itself cut off, to read again, to compare tops, to expire keys. */
const STANDING_TIMERS = 5;
