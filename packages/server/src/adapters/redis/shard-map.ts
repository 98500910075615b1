import { storeUnavailable } from '../../ports/unavailable.ts';
import { openLine } from './line.ts';
import type { RedisLinkDeps } from './link-deps.ts';
import { reasonOf } from './redis-errors.ts';
import type { Reply } from './redis-link.ts';
import { addressText, type RedisAddress, type RedisSettings, rotated } from './redis-settings.ts';
import { createPrimaryLocator } from './sentinel.ts';
import { SLOTS, slotOf } from './slot.ts';

/** Which primary serves what. One that is no Cluster serves everything. */
export type ShardMap = {
  readonly clustered: boolean;
  readonly primaries: readonly RedisAddress[];
  /** Null where nobody serves the slot at the moment. */
  ofSlot(slot: number): RedisAddress | null;
};

export type ReadShardMap = () => Promise<ShardMap>;

/**
 * Where the primaries are now: as set, as the Sentinels say, or as the Cluster says.
 *
 * The reading rejects with `storeUnavailable` where nobody can be asked.
 */
export function shardMapReader(settings: RedisSettings, deps: RedisLinkDeps): ReadShardMap {
  const { topology } = settings;
  switch (topology.kind) {
    case 'single':
      return async () => wholeMap(topology.address);
    case 'sentinel': {
      const locate = createPrimaryLocator(topology, settings, deps);
      return async () => wholeMap(await locate());
    }
    case 'cluster': {
      let known = topology.nodes;
      let first = 0;
      return async () => {
        // Another one each time: one that is cut off from the rest still knows the Cluster as it was.
        const map = await askAny(rotated(known, first++), settings, deps);
        // Those that were set stay: they may be the only ones left when everything else has changed.
        known = [...map.primaries, ...topology.nodes];
        return map;
      };
    }
  }
}

function wholeMap(address: RedisAddress): ShardMap {
  return { clustered: false, primaries: [address], ofSlot: () => address };
}

async function askAny(
  nodes: readonly RedisAddress[],
  settings: RedisSettings,
  deps: RedisLinkDeps,
): Promise<ShardMap> {
  let failure = 'no node is known';
  let cause: unknown;
  let partly: ShardMap | null = null;
  const asked = new Set<string>();
  for (const address of nodes) {
    if (asked.has(addressText(address))) continue;
    asked.add(addressText(address));
    try {
      const line = await openLine({ ...settings, address }, deps, { onEnd: () => undefined });
      try {
        const map = readSlots(await line.send(['CLUSTER', 'SLOTS']), address);
        if (isWhole(map)) return map;
        // It may be one that was taken out, or has not heard yet: others may know more.
        partly ??= map;
      } finally {
        line.close('it was asked');
      }
    } catch (error) {
      failure = `${addressText(address)}: ${reasonOf(error)}`;
      cause = error;
    }
  }
  if (partly !== null) return partly;
  throw storeUnavailable(`Redis Cluster: ${failure}`, cause);
}

/**
 * Reads the answer of `CLUSTER SLOTS`: `[first, last, [host, port, …], …]` for each range.
 *
 * @param asked who answered: one that does not know its own name means this address
 */
export function readSlots(reply: Reply, asked: RedisAddress): ShardMap {
  const bySlot: (RedisAddress | null)[] = Array.from({ length: SLOTS }, () => null);
  const primaries = new Map<string, RedisAddress>();
  for (const range of Array.isArray(reply) ? (reply as readonly Reply[]) : []) {
    const [first, last, primary] = range as readonly Reply[];
    const [host, port] = primary as readonly Reply[];
    const read = { host: typeof host === 'string' && host !== '' ? host : asked.host, port: Number(port) };
    const address = primaries.get(addressText(read)) ?? read;
    primaries.set(addressText(address), address);
    bySlot.fill(address, Number(first), Number(last) + 1);
  }
  return { clustered: true, primaries: [...primaries.values()], ofSlot: (slot) => bySlot[slot] ?? null };
}

/** The address in a redirection: `MOVED 1234 host:port`, without a host where it is the one that answered. */
export function redirection(message: string, asked: RedisAddress): RedisAddress | null {
  const match = /^(?:MOVED|ASK) \d+ (.*):(\d+)$/.exec(message);
  if (match === null) return null;
  const [, host = '', port] = match;
  return { host: host === '' ? asked.host : host, port: Number(port) };
}

/** Whether everything is served by somebody. */
export function isWhole(map: ShardMap): boolean {
  for (let slot = 0; slot < SLOTS; slot++) if (map.ofSlot(slot) === null) return false;
  return true;
}

/** What became of who serves what: slots went elsewhere; some primary serves nothing any more. */
export function changesOf(
  before: ShardMap,
  after: ShardMap,
): { readonly moved: boolean; readonly replaced: boolean } {
  let moved = false;
  for (let slot = 0; slot < SLOTS && !moved; slot++) moved = nameAt(before, slot) !== nameAt(after, slot);
  const serving = new Set(after.primaries.map(addressText));
  return { moved, replaced: before.primaries.some((address) => !serving.has(addressText(address))) };
}

function nameAt(map: ShardMap, slot: number): string {
  const address = map.ofSlot(slot);
  return address === null ? '' : addressText(address);
}

export function addressOfKey(map: ShardMap, key: string): RedisAddress | null {
  return map.ofSlot(map.clustered ? slotOf(key) : 0);
}
