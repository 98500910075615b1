import { patchDevice } from '../../core/presence/aggregate.ts';
import type { DevicePatch, DeviceState, PresenceRecord } from '../../ports/presence.ts';
import type { SessionRecord } from '../../ports/sessions.ts';
import { type Moment, type PresenceStore, letGo, show } from './cluster-presence.ts';
import {
  type ClusterState,
  type HolderNote,
  type StoredDevice,
  type StoredHolder,
  addNote,
  dropNote,
  newUser,
} from './cluster-state.ts';

type RecalledDevice = {
  readonly user: string;
  readonly device: string;
  state: DeviceState;
  readonly sessions: Map<string, number>;
  leaseExpiresAtMs: number | null;
};

/** What a node remembers of its own, for the day on which the store does not. */
export type Recall = {
  readonly sessions: Map<string, SessionRecord>;
  /** Sessions that are just being created or resumed: noted already, and not yet held. */
  readonly entering: Set<string>;
  readonly devices: Map<string, RecalledDevice>;
  /** The last that it was told about users whose devices it changed. */
  readonly records: Map<string, PresenceRecord>;
};

export function newRecall(): Recall {
  return { sessions: new Map(), entering: new Set(), devices: new Map(), records: new Map() };
}

export function isKnown({ sessions, entering }: Recall, session: string): boolean {
  return sessions.has(session) || entering.has(session);
}

const keyOf = (user: string, device: string): string => JSON.stringify([user, device]);

export function recallDevice(
  recall: Recall,
  user: string,
  device: string,
  state: DeviceState,
  holder: { readonly session: string; readonly generation: number } | { readonly expiresAtMs: number } | null,
): void {
  const key = keyOf(user, device);
  const known = recall.devices.get(key) ?? {
    user,
    device,
    state,
    sessions: new Map<string, number>(),
    leaseExpiresAtMs: null,
  };
  if (state.changedAt >= known.state.changedAt) known.state = state;
  if (holder !== null && 'session' in holder) known.sessions.set(holder.session, holder.generation);
  else if (holder !== null) known.leaseExpiresAtMs = holder.expiresAtMs;
  recall.devices.set(key, known);
}

/** The store did not have the device: what was said counts nevertheless, once it is put back. */
export function recallChange(
  recall: Recall,
  user: string,
  device: string,
  patch: DevicePatch,
  stamp: number,
): void {
  const known = recall.devices.get(keyOf(user, device));
  if (known !== undefined) known.state = patchDevice(known.state, patch, stamp);
}

/** @param session null: the HTTP status */
export function forgetHolder(recall: Recall, user: string, device: string, session: string | null): void {
  const known = recall.devices.get(keyOf(user, device));
  if (known === undefined) return;
  if (session === null) known.leaseExpiresAtMs = null;
  else known.sessions.delete(session);
  if (known.sessions.size > 0 || known.leaseExpiresAtMs !== null) return;
  recall.devices.delete(keyOf(user, device));
  if (![...recall.devices.values()].some((other) => other.user === user)) recall.records.delete(user);
}

/** A session that is over, or has another home. */
export function forgetSession(recall: Recall, { id, user, device }: SessionRecord): void {
  recall.sessions.delete(id);
  forgetHolder(recall, user, device, id);
}

/**
 * Puts back what a node holds into a store that came back empty, or older. Nothing is published: for everybody else
 * nothing has happened.
 *
 * @returns the users whose records have to be compared once every node has done so
 */
export function putBack(store: PresenceStore, node: string, recall: Recall): ReadonlySet<string> {
  const { state } = store;
  const users = new Set<string>();
  for (const note of state.holders.get(node)?.values() ?? []) {
    users.add(note.user);
    dropStale(state, node, note, recall);
  }
  for (const session of recall.sessions.values()) {
    const { id, user, device } = session;
    // Ended while this node was away: what was lost is not that.
    if (state.ended.has(id)) {
      forgetSession(recall, session);
      continue;
    }
    addNote(state, node, { user, device, session: id });
    const kept = state.sessions.get(id);
    if (kept === undefined || kept.generation < session.generation || kept.node === node)
      state.sessions.set(id, session);
    else dropNote(state, node, { user, device, session: id });
  }
  for (const device of recall.devices.values()) {
    users.add(device.user);
    putBackDevice(store, node, device);
  }
  for (const [name, record] of recall.records) {
    const user = state.users.get(name);
    if (user !== undefined && user.record.version < record.version) user.record = record;
  }
  return users;
}

/** A session that this node has ended since: it is in the older copy, and nobody else would ever look for it. */
function dropStale(state: ClusterState, node: string, note: HolderNote, recall: Recall): void {
  const { user, device, session } = note;
  if (session === null) {
    const known = recall.devices.get(keyOf(user, device));
    if ((known?.leaseExpiresAtMs ?? null) !== null) return;
  } else {
    if (isKnown(recall, session)) return;
    const record = state.sessions.get(session);
    // One without a connection may be of a resume that was given up: its client may yet come, and else it is found forgotten.
    if (record?.node === node && record.detachedAtMs !== null) return;
    if (record?.node === node) {
      state.sessions.delete(session);
      letGo(state, user, device, session);
    }
  }
  dropNote(state, node, note);
}

function putBackDevice({ state }: PresenceStore, node: string, recalled: RecalledDevice): void {
  const { user: name, device: deviceName, leaseExpiresAtMs } = recalled;
  const sessions = [...recalled.sessions].filter(([id]) => state.sessions.get(id)?.node === node);
  if (sessions.length === 0 && leaseExpiresAtMs === null) return;
  const user = state.users.get(name) ?? newUser(name);
  const device: StoredDevice = user.devices.get(deviceName) ?? {
    state: recalled.state,
    sessions: new Map<string, StoredHolder>(),
    lease: null,
  };
  if (recalled.state.changedAt > device.state.changedAt) device.state = recalled.state;
  for (const [id, generation] of sessions) {
    const holder = device.sessions.get(id);
    if (holder === undefined || holder.generation < generation)
      device.sessions.set(id, { generation, change: 0 });
  }
  if (leaseExpiresAtMs !== null) {
    addNote(state, node, { user: name, device: deviceName, session: null });
    if ((device.lease?.expiresAtMs ?? 0) <= leaseExpiresAtMs)
      device.lease = { expiresAtMs: leaseExpiresAtMs, node };
  }
  user.devices.set(deviceName, device);
  state.users.set(name, user);
}

/** Every node has put back what it holds: what is shown of these users is made to agree with their devices. */
export function compareRecords(store: PresenceStore, users: Iterable<string>, at: Moment): void {
  for (const name of users) {
    const user = store.state.users.get(name);
    if (user !== undefined) show(store, user, at);
  }
}
