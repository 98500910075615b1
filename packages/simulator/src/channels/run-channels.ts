import { addClient, castRoles, NAMES } from '../clients/cast.ts';
import { chooseVisibility } from '../model/audience.ts';
import { chooseLatencies } from '../node/latencies.ts';
import { createRandom } from '../random.ts';
import { chooseConditions, playScript, type RunOptions, type RunResult } from '../run.ts';
import { createWorld } from '../world.ts';
import { checkChannels } from './channel-checks.ts';
import { type ChannelScriptEvent, performChannelEvent, writeChannelScript } from './channel-script.ts';
import { chooseContract } from './sim-contract.ts';

/** Events of one run; the issue asks for at least 300. */
export const CHANNEL_EVENTS_PER_RUN = 300;

export type ChannelRunOptions = Pick<RunOptions, 'onWire' | 'onNote'> & {
  readonly events?: readonly ChannelScriptEvent[];
};

export type ChannelRunResult = RunResult<ChannelScriptEvent> & {
  /** Publications that pages applied. */
  readonly applied: number;
};

/** One seed with streams and maps: everything goes wrong, then everything is well, then everyone leaves. */
export async function runChannelSeed(
  seed: string,
  options: ChannelRunOptions = {},
): Promise<ChannelRunResult> {
  const random = createRandom(`${seed}/channels`);
  const events = options.events ?? writeChannelScript(seed, CHANNEL_EVENTS_PER_RUN);
  const { onWire, onNote } = options;
  const now = (): number => world.time.nowMs();
  const world = await createWorld({
    random,
    users: NAMES.slice(0, 4),
    latencies: chooseLatencies(random.fork('latencies')),
    visibility: chooseVisibility(random.fork('audience')),
    conditions: chooseConditions(random.fork('lines')),
    heldFriends: 2_000,
    farewell: (draw) => draw.pick(['flush', 'reset', 'reset', 'silence']),
    contract: chooseContract(random.fork('contract')),
    ...(onWire === undefined
      ? {}
      : { onWire: (line, direction, text) => onWire(line, direction, text, now()) }),
    ...(onNote === undefined ? {} : { onNote: (text) => onNote(text, now()) }),
  });
  for (const role of castRoles(random.fork('cast'), world.users)) addClient(world, { ...role, kind: 'sdk' });
  await playScript(world, random, events, performChannelEvent, checkChannels, options.onNote);
  return {
    seed,
    clients: world.clients.length,
    events,
    applied: world.channels?.watch.applied ?? 0,
    violation: world.violations.first,
  };
}
