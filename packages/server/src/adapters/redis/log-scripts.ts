import { channelTopic } from '../../ports/broker.ts';
import type { Keys } from './keys.ts';
import { type Script, loadScript } from './script.ts';

const READING = ['log-channel', 'log-history-list'];
const ADDING = [...READING, 'log-adding', 'publication-message'];
/** What takes publications of clients. */
const LANES = ['log-lanes'];
const KEEPING = [...ADDING, 'log-keys'];

export const LOG_SCRIPTS = {
  append: loadScript('log-append', [...ADDING, ...LANES], true),
  put: loadScript('log-put', [...KEEPING, ...LANES], true),
  top: loadScript('log-top', ['log-channel'], true),
  read: loadScript('log-read', READING, true),
  history: loadScript('log-history', READING, true),
  entries: loadScript('log-entries', ['log-channel'], true),
  expire: loadScript('log-expire', KEEPING, true),
  trim: loadScript('log-trim', READING, true),
  forget: loadScript('log-forget'),
  confirm: loadScript('log-confirm'),
  note: loadScript('log-note'),
  settle: loadScript('log-settle'),
} satisfies Record<string, Script>;

/** The index of expiries: one for all channels, in a slot of its own. */
export const EXPIRIES_PART = 'expiries';

/** The keys of a channel, all in one slot. */
export type ChannelKeys = {
  /** Position and counters. Every other key is there only where there is something in it. */
  readonly state: string;
  readonly history: string;
  readonly ids: string;
  readonly idAges: string;
  readonly entries: string;
  readonly order: string;
  readonly versions: string;
  readonly ends: string;
  readonly deleted: string;
  readonly lanes: string;
  readonly laneAges: string;
};

export function channelKeys(keys: Keys, channel: string): ChannelKeys {
  const state = keys.of(channelTopic(channel), 'log');
  return {
    state,
    history: `${state}:history`,
    ids: `${state}:ids`,
    idAges: `${state}:id-ages`,
    entries: `${state}:entries`,
    order: `${state}:order`,
    versions: `${state}:versions`,
    ends: `${state}:ends`,
    deleted: `${state}:deleted`,
    lanes: `${state}:lanes`,
    laneAges: `${state}:lane-ages`,
  };
}

/** As `log-append.lua` takes them. */
export function streamKeys({ state, history, ids, idAges }: ChannelKeys): readonly string[] {
  return [state, history, ids, idAges];
}

/** As `log-put.lua` takes them. */
export function mapKeys(keys: ChannelKeys): readonly string[] {
  const { entries, order, versions, ends, deleted } = keys;
  return [...streamKeys(keys), entries, order, versions, ends, deleted];
}

/** Of a publication in a lane, behind the others. */
export function laneKeys({ lanes, laneAges }: ChannelKeys): readonly string[] {
  return [lanes, laneAges];
}
