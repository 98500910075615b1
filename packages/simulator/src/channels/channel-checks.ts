import type { Log, MapEntry as LogEntry, Position } from '@carillon/server/simulation';
import type { SimClient } from '../clients/sim-client.ts';
import type { World } from '../world.ts';
import { CHANNELS, isMap } from './sim-contract.ts';

/** When everything is quiet: every subscriber has what the log has, and nobody waits for an answer. */
export function checkChannels(world: World): void {
  const { channels, violations } = world;
  if (channels === null) return;
  for (const client of world.clients) {
    if (client.channels === null || !client.connected) continue;
    const unsettled = channels.watch.unsettled(client.name);
    if (unsettled > 0)
      violations.found('n', `${client.name}: ${unsettled} publications are neither taken nor refused`);
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
