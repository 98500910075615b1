import process from 'node:process';
import { clearStatus } from '../api/api-calls.ts';
import { checkChannels } from '../channels/channel-checks.ts';
import { chooseContract } from '../channels/sim-contract.ts';
import { NAMES, addClient, castRoles } from '../clients/cast.ts';
import { chooseVisibility } from '../model/audience.ts';
import { chooseLatencies } from '../node/latencies.ts';
import { type Random, createRandom } from '../random.ts';
import { HTTP_DEVICES } from '../script/perform-roster.ts';
import { type RunOptions, type RunResult, chooseConditions, describe, seedRoster } from '../run.ts';
import { checkClusterEmpty, checkClusterQuiet } from './cluster-checks.ts';
import { type ClusterScriptEvent, writeClusterScript } from './cluster-script.ts';
import { type ClusterWorld, createClusterWorld } from './cluster-world.ts';
import { isFault, mend, performClusterEvent, resumeElsewhere } from './perform-fault.ts';

/** Events of one run. */
export const CLUSTER_EVENTS_PER_RUN = 300;

/**
 * After the last event, ms: what died is swept (a lease, a grace, once more a grace where many died together), what nobody puts
 * back is believed to be gone (twice a lease and a grace), and clients come back in between.
 */
const QUIET_MS = 420_000;

/** Clients that go elsewhere in the end, and how long that takes with what arrives late, ms. */
const LAST_MOVES = 4;
const LAST_MOVES_MS = 4_000;

/** Until everyone who left is gone, with the nodes that were started anew. */
const EMPTY_MS = 260_000;

export type ClusterRunOptions = Pick<RunOptions, 'onWire' | 'onNote'> & {
  readonly events?: readonly ClusterScriptEvent[];
};

export type ClusterRunResult = RunResult<ClusterScriptEvent> & {
  /** Faults that the script held: one without any shows nothing. */
  readonly faults: number;
  /** Publications that pages applied. */
  readonly applied: number;
};

/** One seed with several nodes over one store: everything goes wrong, then everything is well, then everyone leaves. */
export async function runClusterSeed(
  seed: string,
  options: ClusterRunOptions = {},
): Promise<ClusterRunResult> {
  const random = createRandom(`${seed}/cluster`);
  // One run in three is about streams and maps as well.
  const channels = random.fork('channels').chance(1 / 3);
  // And one in three about statuses that are set over HTTP, by whichever node is asked. By this name the scripts of the seeds
  // that broke once (test/cluster-seeds.test.ts) are as they were.
  const statuses = random.fork('HTTP status').chance(1 / 3);
  const events = options.events ?? writeClusterScript(seed, CLUSTER_EVENTS_PER_RUN, { channels, statuses });
  const { onWire, onNote } = options;
  const world = await createClusterWorld({
    random,
    users: NAMES.slice(0, random.whole(5, NAMES.length)),
    nodes: random.whole(2, 4),
    latencies: chooseLatencies(random.fork('latencies')),
    visibility: chooseVisibility(random.fork('audience')),
    conditions: chooseConditions(random.fork('lines')),
    heldFriends: random.fork('outbox').pick([1, 3, 2_000]),
    ...(channels ? { contract: chooseContract(random.fork('contract'), false) } : {}),
    ...(onWire === undefined ? {} : { onWire }),
    ...(onNote === undefined ? {} : { onNote }),
  });
  for (const role of castRoles(random.fork('cast'), world.users))
    addClient(world, channels ? { ...role, kind: 'sdk' } : role);
  await play(world, random, events, statuses, onNote);
  return {
    seed,
    clients: world.clients.length,
    events,
    violation: world.violations.first,
    faults: events.filter(({ kind }) => isFault(kind)).length,
    applied: world.channels?.watch.applied ?? 0,
  };
}

async function play(
  world: ClusterWorld,
  random: Random,
  events: readonly ClusterScriptEvent[],
  statuses: boolean,
  onNote: RunOptions['onNote'],
): Promise<void> {
  const { time, violations } = world;
  const unhandled = (reason: unknown): void =>
    violations.found('threw', `nobody handled: ${describe(reason)}`);
  process.on('unhandledRejection', unhandled);
  try {
    world.process.start();
    await time.pass(2_000);
    seedRoster(world, random.fork('roster'));
    for (const event of events) {
      await time.pass(event.afterMs);
      if (violations.first !== null) return;
      onNote?.(`event: ${event.kind} (${event.draw})`, time.nowMs());
      performClusterEvent(world, event);
    }
    // At the end: nobody says anything more that would hide what an old connection did.
    for (let i = 0; i < LAST_MOVES; i++) resumeElsewhere(world, random.fork(`last move ${i}`));
    await time.pass(LAST_MOVES_MS);
    await comeToRest(world, statuses);
    if (violations.first === null) await checkClusterQuiet(world);
    if (violations.first === null) await checkChannels(world);
    if (violations.first === null) await leaveAll(world, statuses, random.fork('leaving'));
  } catch (error) {
    violations.found('threw', describe(error));
  } finally {
    process.off('unhandledRejection', unhandled);
  }
}

/** Every status that may have been set over HTTP. */
function clearAll({ model, caller, users }: ClusterWorld): void {
  for (const user of users) for (const device of HTTP_DEVICES) caller.ask(clearStatus(model, user, device));
}

async function comeToRest(world: ClusterWorld, statuses: boolean): Promise<void> {
  const { network, issuer, store, nodes, time, model, caller } = world;
  network.calm();
  issuer.calm();
  store.calm();
  for (const node of nodes) {
    mend(world, node);
    node.restartAfterMs = 0;
    node.start();
  }
  for (const { user, device, certain } of model.leases.values())
    if (!certain) caller.ask(clearStatus(model, user, device.name));
  // With what the store forgot one may have come back that had been cleared, or had run out.
  if (statuses && store.forgotAtMs > -Infinity) clearAll(world);
  await time.pass(QUIET_MS);
}

/** Some say so, some close the page, some just vanish. */
async function leaveAll(world: ClusterWorld, statuses: boolean, random: Random): Promise<void> {
  for (const client of world.clients) {
    if (random.chance(0.3)) client.line?.cut();
    if (random.chance(0.5)) client.logOut();
    else client.leave();
  }
  if (statuses) clearAll(world);
  await world.time.pass(EMPTY_MS);
  if (world.violations.first === null) checkClusterEmpty(world);
}
