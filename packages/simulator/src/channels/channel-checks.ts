import type { Log, MapEntry as LogEntry, Position } from '@carillon/server/simulation';
import type { SimClient } from '../clients/sim-client.ts';
import type { World } from '../world.ts';
import { CHANNELS, isMap } from './sim-contract.ts';

/** Within this a client that was sent away is back with everything, where nothing goes wrong. */
const BACK_SOON_MS = 40_000;

function isSettled({ channels, wants, connected }: SimClient): boolean {
  if (channels === null) return true;
  const isOpen = (channel: string): boolean =>
    ['idle', 'live'].includes(channels.machine.state(channel).status);
  return wants === connected && CHANNELS.every(isOpen) && (!connected || channels.waiting === 0);
}

/** When everything is quiet: every subscriber has what the log has, and nobody waits for an answer. */
export async function checkChannels(world: World): Promise<void> {
  const { channels, violations, time } = world;
  if (channels === null) return;
  // A client whose login token has just run out is on its way back, and subscribes again.
  for (let waited = 0; waited < BACK_SOON_MS && !world.clients.every(isSettled); waited += 500)
    await time.pass(500);
  for (const client of world.clients) {
    if (client.channels === null || !client.connected) continue;
    const unsettled = channels.watch.unsettled(client.name);
    if (unsettled > 0)
      violations.found('n', `${client.name}: ${unsettled} publications are neither taken nor refused`);
    channels.outboxes?.check(client.name);
    for (const channel of CHANNELS) checkSubscription(world, client, channel, channels.logOf(channel));
  }
}

function checkSubscription({ violations }: World, client: SimClient, channel: string, log: Log): void {
  const machine = client.channels?.machine;
  if (machine === undefined) return;
  const { status, code } = machine.state(channel);
  if (status === 'idle') return;
  if (status !== 'live') return violations.found('m', `${client.name}: ${channel} is ${status} (${code})`);
  const top = log.top(channel) as Position;
  const position = machine.position(channel);
  if (position?.epoch !== top.epoch || position.offset !== top.offset)
    return violations.found(
      'm',
      `${client.name} is at ${channel} ${JSON.stringify(position)}, the log at ${JSON.stringify(top)}`,
    );
  if (isMap(channel)) checkEntries(violations, client, channel, log);
}

function checkEntries(violations: World['violations'], client: SimClient, channel: string, log: Log): void {
  const { entries } = log.entries(channel, null, 1_000) as { readonly entries: readonly LogEntry[] };
  const expected = entries.map(({ key, data, offset }) => `${key}=${data}@${offset}`).toSorted();
  const seen = [...(client.channels?.machine.entries(channel).values() ?? [])]
    .map(({ key, value, offset }) => `${key}=${JSON.stringify(value)}@${offset}`)
    .toSorted();
  if (expected.join('\n') !== seen.join('\n'))
    violations.found(
      'm',
      `${client.name} has ${channel} as ${seen.join(', ')}; the log as ${expected.join(', ')}`,
    );
}
