import type { ChannelSpec, CompiledContract } from '@carillon/server/simulation';
import type { Random } from '../random.ts';

/** The channels of a run; a run has one of each. */
export const STREAMS = ['room:1', 'room:2', 'vault:1', 'vault:2'] as const;
export const MAPS = ['board:1', 'ledger:1'] as const;

export type SimChannel = (typeof STREAMS)[number] | (typeof MAPS)[number];

export const CHANNELS: readonly SimChannel[] = [...STREAMS, ...MAPS];

export function isMap(channel: string): boolean {
  return (MAPS as readonly string[]).includes(channel);
}

/** Histories that are trimmed at once, later, or never; connections that may hold next to nothing, or everything. */
export function chooseContract(random: Random, members = true): CompiledContract {
  const channels = (
    [
      ['room:{id}', 'stream', 'memory'],
      ['vault:{id}', 'stream', 'stored'],
      ['board:{id}', 'map', 'memory'],
      ['ledger:{id}', 'map', 'stored'],
    ] as const
  ).map(([pattern, kind, durability]): ChannelSpec => ({
    pattern,
    kind,
    durability,
    validate: (value) => ({ ok: true, value }),
    retention: {
      count: random.pick([4, 30, 1_000]),
      ageMs: random.pick([20_000, 3_600_000]),
      units: 1e9,
      keys: 50,
      onceMs: 300_000,
    },
    slow:
      kind === 'map'
        ? random.pick(['close', 'conflate', 'resync'])
        : random.pick(['close', 'drop-oldest', 'resync']),
    heldUnits: random.pick([150, 1_500, 1_000_000]),
    payloadUnits: 10_000,
    rate: { perSecond: 1_000, burst: 10_000 },
    echo: random.chance(0.7),
    members: members && kind === 'stream',
    ownerPublishes: false,
    ttlMs: null,
    flushMs: 50,
    document: null,
    beside: null,
  }));
  return { channels, calls: new Map(), clientCalls: new Map(), broadcasts: new Map() };
}
