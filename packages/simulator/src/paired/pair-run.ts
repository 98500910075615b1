import { NAMES, type Role, addClient, castRoles, createClient } from '../clients/cast.ts';
import type { SimClient } from '../clients/sim-client.ts';
import { EVERYTHING } from '../model/audience.ts';
import { NO_LATENCIES, chooseLatencies } from '../node/latencies.ts';
import { type Random, createRandom } from '../random.ts';
import { chooseConditions, comeToRest, seedRoster } from '../run.ts';
import { perform } from '../script/perform.ts';
import { type EventKind, type ScriptEvent, writeScript } from '../script/script.ts';
import { type World, type WorldParts, createWorld } from '../world.ts';
import type { PairForm } from './pair-form.ts';
import { performHidden, writeHiddenScript } from './hidden-script.ts';
import { type Transcript, createTranscript } from './transcript.ts';

/** Enough for what happens to meet what the hidden user does. */
const EVENTS = 150;

/** Everything outside of the node happens at multiples of this, ms; also what the node's own intervals are multiples of. */
const GRID_MS = 50;

/** No multiple of the grid: a change exactly as old as the margin would be told or not by microseconds. */
const STAMP_MARGIN_MS = 2_025;

/**
 * The hidden user acts a little later than all others, so that nothing that is compared waits for them, ms. A sum of halves
 * is exact: not even the rounding of a timer tells.
 */
const HIDDEN_OFFSET_MS = 0.5;

/** Kinds that would show the hidden user by themselves, or draw from what everyone draws from. */
const NOT_COMPARED: readonly EventKind[] = [
  'erase',
  'duplicate',
  'stepWall',
  'fillDisk',
  'failAuth',
  'shutDown',
];

/** The same seed twice, once with the invisible user, and what everyone else saw of it. */
export type Pair = {
  readonly invisible: Transcript;
  readonly other: Transcript;
  /** What else was wrong in one of the runs. */
  readonly problem: string | null;
  /** Whether the user vanished as the form says: a logout needs a line. */
  readonly comparable: boolean;
};

export async function runPair(seed: string, form: PairForm): Promise<Pair> {
  const runs =
    form === 'offline' ? [inTurmoil(seed, 'Invisible'), inTurmoil(seed, 'Offline')] : onGrid(seed, form);
  const results: Result[] = [];
  for (const run of runs) results.push(await run());
  const [invisible, other] = results;
  if (invisible === undefined || other === undefined) throw new Error('a pair has two runs');
  return {
    invisible: invisible.transcript,
    other: other.transcript,
    problem: invisible.problem ?? other.problem,
    comparable: invisible.comparable && other.comparable,
  };
}

type Result = {
  readonly transcript: Transcript;
  readonly problem: string | null;
  readonly comparable: boolean;
};
type Run = () => Promise<Result>;

/** The whole chaos of an ordinary run; the two differ in one word. */
function inTurmoil(seed: string, word: string): Run {
  return async () => {
    const random = createRandom(`${seed}/pair`);
    const users = NAMES.slice(0, random.whole(6, NAMES.length));
    const hidden = users[0] as string;
    const transcript = createTranscript(hidden, false);
    const world = await createWorld({
      random,
      users,
      latencies: chooseLatencies(random.fork('latencies')),
      visibility: EVERYTHING,
      conditions: chooseConditions(random.fork('lines')),
      farewell: (draw) => draw.pick(['flush', 'reset', 'silence']),
      heldFriends: random.fork('outbox').pick([1, 2_000]),
      hidden: { user: hidden, word },
      onWire: (line, direction, text) => transcript.note(world.time.nowMs(), line.client, direction, text),
    });
    cast(world, random, hidden);
    // From the first login on: the page knows what the user wants before it connects.
    const own = addClient(world, { name: hidden, user: hidden, kind: 'sdk', device: null });
    own.set({ s: word });
    begin(world, random);
    own.come();
    const events = scriptOf(seed, (kind) => kind !== 'erase' && kind !== 'duplicate' && kind !== 'reload');
    for (const event of events) {
      await world.time.pass(event.afterMs);
      perform(world, event);
    }
    await comeToRest(world);
    return { transcript, problem: world.violations.first?.detail ?? null, comparable: true };
  };
}

/** Nothing is left to chance that the hidden user could move; with and without them. */
function onGrid(seed: string, form: 'absent' | 'logged out'): readonly [Run, Run] {
  const run =
    (invisible: boolean): Run =>
    async () => {
      const random = createRandom(`${seed}/pair`);
      const users = NAMES.slice(0, random.whole(6, NAMES.length));
      const hidden = users[0] as string;
      const transcript = createTranscript(hidden, true);
      const parts: WorldParts = {
        random,
        users,
        latencies: NO_LATENCIES,
        visibility: EVERYTHING,
        conditions: () => ({ delay: { leastMs: GRID_MS, mostMs: GRID_MS }, kernelBytes: 64_000 }),
        farewell: () => 'reset',
        heldFriends: 2_000,
        gridMs: GRID_MS,
        settings: { stampMarginMs: STAMP_MARGIN_MS },
        hidden: { user: hidden, word: 'Invisible' },
        onWire: (line, direction, text) => transcript.note(world.time.nowMs(), line.client, direction, text),
      };
      const world = await createWorld(parts);
      cast(world, random, hidden);
      const own = createClient(world, { name: hidden, user: hidden, kind: 'sdk', device: null });
      begin(world, random);
      const comparable = await playBoth(world, seed, form, own, invisible, transcript);
      return { transcript, problem: world.violations.first?.detail ?? null, comparable };
    };
  return [run(true), run(false)];
}

async function playBoth(
  world: World,
  seed: string,
  form: 'absent' | 'logged out',
  own: SimClient,
  invisible: boolean,
  transcript: Transcript,
): Promise<boolean> {
  const { time, process } = world;
  const events = scriptOf(seed, (kind) => !NOT_COMPARED.includes(kind));
  let comparable = form === 'absent';
  const hiddenEvents = writeHiddenScript(seed, form, events.length);
  for (const [index, event] of events.entries()) {
    await time.pass(Math.ceil(event.afterMs / GRID_MS) * GRID_MS);
    perform(world, event);
    const act = hiddenEvents[index];
    if (act !== undefined) {
      await time.pass(HIDDEN_OFFSET_MS);
      if (act.kind === 'vanish') comparable ||= own.connected && own.line?.serverOpen === true;
      performHidden(own, act, form, invisible);
      await time.pass(GRID_MS - HIDDEN_OFFSET_MS);
    }
    const asked = process.node?.presenceOf(own.user);
    void asked?.then((answer) => transcript.note(time.nowMs(), 'the API', 'down', JSON.stringify(answer)));
  }
  await time.pass(100_000);
  return comparable;
}

/** Everyone but the hidden user. */
function cast(world: World, random: Random, hidden: string): void {
  const roles: readonly Role[] = castRoles(random.fork('cast'), world.users);
  for (const role of roles) if (role.user !== hidden) addClient(world, role);
}

function begin(world: World, random: Random): void {
  world.process.start();
  seedRoster(world, random.fork('roster'));
}

function scriptOf(seed: string, allowed: (kind: EventKind) => boolean): readonly ScriptEvent[] {
  return writeScript(`${seed}/pair`, EVENTS).map((event) =>
    allowed(event.kind) ? event : { ...event, kind: 'status' },
  );
}
