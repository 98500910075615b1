import process from 'node:process';
import { clearStatus, importFollows } from './api/api-calls.ts';
import { checkEmpty } from './checks/empty-check.ts';
import { checkQuiet } from './checks/quiet-check.ts';
import type { SimClient } from './clients/sim-client.ts';
import { NAMES, addClient, castRoles } from './clients/cast.ts';
import { chooseVisibility } from './model/audience.ts';
import type { Line, LineConditions } from './network/line.ts';
import { chooseLatencies } from './node/latencies.ts';
import { type Random, createRandom } from './random.ts';
import { perform } from './script/perform.ts';
import { type ScriptEvent, writeScript } from './script/script.ts';
import type { Violation } from './violations.ts';
import { type World, createWorld } from './world.ts';

/** Events of one run; the issue asks for at least 300. */
export const EVENTS_PER_RUN = 300;

/**
 * After the last event: dead lines are noticed (75 s), clients come back (a server's window and a pause of 20 s each), what
 * nobody came back for ends (60 s), and what was judged by the time it takes is certain.
 */
const QUIET_MS = 260_000;

/** Within this a client that was sent away comes back, where nothing goes wrong. */
const BACK_SOON_MS = 40_000;

/** Until everyone who left is gone, restarts and a disk that refused included. */
const EMPTY_MS = 200_000;

export type RunOptions = {
  /** Instead of the seed's own script: the part of it that is left. */
  readonly events?: readonly ScriptEvent[];
  readonly onWire?: (line: Line, direction: 'up' | 'down', text: string, atMs: number) => void;
  readonly onNote?: (text: string, atMs: number) => void;
};

export type RunResult<E = ScriptEvent> = {
  readonly seed: string;
  readonly clients: number;
  readonly events: readonly E[];
  readonly violation: Violation | null;
};

/** Runs one seed: everything goes wrong, then everything is well, then everyone leaves. */
export async function runSeed(seed: string, options: RunOptions = {}): Promise<RunResult> {
  const random = createRandom(seed);
  const events = options.events ?? writeScript(seed, EVENTS_PER_RUN);
  const { onWire, onNote } = options;
  const now = (): number => world.time.nowMs();
  const world: World = await createWorld({
    random,
    users: NAMES.slice(0, random.whole(6, NAMES.length)),
    latencies: chooseLatencies(random.fork('latencies')),
    visibility: chooseVisibility(random.fork('audience')),
    conditions: chooseConditions(random.fork('lines')),
    heldFriends: random.fork('outbox').pick([1, 3, 2_000]),
    farewell: (draw) => draw.pick(['flush', 'reset', 'reset', 'silence']),
    ...(onWire === undefined
      ? {}
      : { onWire: (line, direction, text) => onWire(line, direction, text, now()) }),
    ...(onNote === undefined ? {} : { onNote: (text) => onNote(text, now()) }),
  });
  for (const role of castRoles(random.fork('cast'), world.users)) addClient(world, role);
  await playScript(world, random, events, perform, () => Promise.resolve(), options.onNote);
  return { seed, clients: world.clients.length, events, violation: world.violations.first };
}

/** @param check what must hold beside presence when everything is quiet */
export async function playScript<
  E extends { readonly afterMs: number; readonly kind: string; readonly draw: string },
>(
  world: World,
  random: Random,
  events: readonly E[],
  performEvent: (world: World, event: E) => void,
  check: (world: World) => Promise<void>,
  onNote: RunOptions['onNote'],
): Promise<void> {
  const { time, violations } = world;
  const unhandled = (reason: unknown): void =>
    violations.found('threw', `nobody handled: ${describe(reason)}`);
  process.on('unhandledRejection', unhandled);
  try {
    world.process.start();
    seedRoster(world, random.fork('roster'));
    for (const event of events) {
      await time.pass(event.afterMs);
      if (violations.first !== null) return;
      onNote?.(`event: ${event.kind} (${event.draw})`, time.nowMs());
      performEvent(world, event);
    }
    await comeToRest(world);
    if (violations.first === null) await checkQuiet(world);
    if (violations.first === null) await check(world);
    if (violations.first === null) await leaveAll(world, random.fork('leaving'));
  } catch (error) {
    violations.found('threw', describe(error));
  } finally {
    process.off('unhandledRejection', unhandled);
  }
}

export function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Lines of one run are alike: fast, ordinary or far; with kernels that take much or nearly nothing. */
export function chooseConditions(random: Random): () => LineConditions {
  const delay = random.pick([
    { leastMs: 0, mostMs: 2 },
    { leastMs: 5, mostMs: 60 },
    { leastMs: 50, mostMs: 500 },
  ]);
  const kernelBytes = random.pick([200, 2_000, 64_000]);
  return () => ({ delay, kernelBytes });
}

/** Most people know each other when the run begins. */
export function seedRoster(world: World, random: Random): void {
  const edges = world.users.flatMap((a) =>
    world.users.filter((b) => b !== a && random.chance(0.5)).map((b) => [a, b] as const),
  );
  world.caller.ask(importFollows(world.model, edges));
  for (const client of world.clients) if (random.chance(0.5)) client.come();
}

export async function comeToRest(world: World): Promise<void> {
  const { network, disk, issuer, caller, model, time } = world;
  network.calm();
  disk.calm();
  issuer.calm();
  world.restartAfterMs = 0;
  for (const { user, device, certain } of model.leases.values())
    if (!certain || model.wallSetMs !== null) caller.ask(clearStatus(model, user, device.name));
  world.process.start();
  await time.pass(QUIET_MS);
  // A client whose login token has just run out is on its way back.
  for (let waited = 0; waited < BACK_SOON_MS && !world.clients.every(isThere); waited += 500)
    await time.pass(500);
}

export function isThere(client: SimClient): boolean {
  return client.connected || !client.wants;
}

/** Some say so, some close the page, some just vanish. */
async function leaveAll(world: World, random: Random): Promise<void> {
  for (const client of world.clients) {
    if (random.chance(0.3)) client.line?.cut();
    if (random.chance(0.5)) client.logOut();
    else client.leave();
  }
  for (const { user, device } of world.model.leases.values())
    world.caller.ask(clearStatus(world.model, user, device.name));
  await world.time.pass(EMPTY_MS);
  if (world.violations.first === null) await checkEmpty(world);
}
