import { CHANNEL_WEIGHTS } from '../channels/channel-script.ts';
import { type Random, createRandom } from '../random.ts';
import { EVENT_WEIGHTS, type EventKind } from '../script/script.ts';

/** What may happen to nodes and to what they share; how often in a thousand of everything. */
export const FAULT_WEIGHTS = {
  killNode: 14,
  killTwo: 8,
  stopNode: 8,
  cutNode: 12,
  mendNode: 14,
  hangStore: 7,
  stopStore: 7,
  flushStore: 4,
  olderStore: 5,
  emptyStore: 3,
  loseMessages: 10,
  calmStore: 10,
  resumeElsewhere: 25,
} as const;

export type FaultKind = keyof typeof FAULT_WEIGHTS;

export type ChannelKind = keyof typeof CHANNEL_WEIGHTS;

export type ClusterEventKind = EventKind | FaultKind | ChannelKind;

export type ClusterScriptEvent = {
  readonly afterMs: number;
  readonly kind: ClusterEventKind;
  readonly draw: string;
};

/** What a node alone suffers, and what other tests have. */
const NOT_HERE: readonly string[] = [
  'crash',
  'shutDown',
  'fillDisk',
  'stepWall',
  'erase',
  'setStatus',
  'clearStatus',
];

/** Statuses over HTTP, in scripts that are about them. */
const STATUS_WEIGHTS = { setStatus: 40, clearStatus: 15 } as const;

/** What a script is about, beside people who come and go. */
export type Subjects = { readonly channels: boolean; readonly statuses: boolean };

/** @param seed the same seed gives the same script */
export function writeClusterScript(
  seed: string,
  length: number,
  { channels, statuses }: Subjects,
): readonly ClusterScriptEvent[] {
  const random = createRandom(`${seed}/cluster script`);
  const weights = chooseWeights(random, { channels, statuses });
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  return Array.from({ length }, (_, i) => {
    let left = random.fraction() * total;
    const [kind] = weights.find(([, weight]) => (left -= weight) < 0) ?? ['status' as const, 0];
    return { afterMs: gapMs(random, kind), kind, draw: `${seed}/cluster event ${i}` };
  });
}

/** Each script has a mood of its own: some faults come often in it, some not at all. */
function chooseWeights(
  mood: Random,
  { channels, statuses }: Subjects,
): readonly (readonly [ClusterEventKind, number])[] {
  const ordinary = Object.entries(EVENT_WEIGHTS).filter(([kind]) => !NOT_HERE.includes(kind));
  const more = [
    ...(channels ? Object.entries(CHANNEL_WEIGHTS) : []),
    ...(statuses ? Object.entries(STATUS_WEIGHTS) : []),
  ];
  const all = [...ordinary, ...Object.entries(FAULT_WEIGHTS), ...more] as [ClusterEventKind, number][];
  return all.map(([kind, weight]) => {
    const isSteady = kind === 'come' || kind === 'status';
    return [kind, weight * (isSteady ? 1 : mood.pick([0, 0.5, 1, 1, 2]))] as const;
  });
}

/** Mostly close together, so that things meet; now and then far apart, so that leases lapse. */
function gapMs(random: Random, kind: ClusterEventKind): number {
  if (kind === 'rest') return random.whole(20_000, 120_000);
  const gap = random.fraction();
  if (gap < 0.3) return random.whole(0, 20);
  if (gap < 0.65) return random.whole(0, 400);
  if (gap < 0.93) return random.whole(0, 4_000);
  return random.whole(0, 30_000);
}
