import {
  type Visible,
  aggregate,
  newDevice,
  nextRecord,
  patchDevice,
} from '../../core/presence/aggregate.ts';
import { type NodeMessage, presenceTopic } from '../../ports/broker.ts';
import type {
  ActingSession,
  DeviceHolder,
  DevicePatch,
  DeviceState,
  PresenceRecord,
} from '../../ports/presence.ts';
import type { SessionRecord } from '../../ports/sessions.ts';
import {
  type ClusterState,
  type StoredDevice,
  type StoredHolder,
  type StoredUser,
  newUser,
} from './cluster-state.ts';

/** What a step on devices works with: the store, and how it publishes in the same step. */
export type PresenceStore = {
  readonly state: ClusterState;
  publish(topic: string, message: NodeMessage): void;
};

/** When it happens, as the node that asks for it says. */
export type Moment = { readonly nowMs: number; readonly stamp: number };

/** A session as it acts on its device: `change` counts what its node asked for. */
export type Acting = ActingSession & { readonly change: number };

/**
 * Whether a session may hold a device, as Redis has it: only as long as the store has the session, in the generation that asks.
 * `lost`: a store that forgot, or that went back in time, does not know it yet, and its node puts it back.
 */
export function standingStored(
  { sessions, ended }: ClusterState,
  { session: id, generation }: ActingSession,
): 'holds' | 'lost' | 'over' {
  const kept = sessions.get(id)?.generation;
  if (kept === undefined) return ended.has(id) ? 'over' : 'lost';
  if (kept === generation) return 'holds';
  return kept > generation ? 'over' : 'lost';
}

/** @returns the device's state after that; null where it was refused */
export function joinStored(
  store: PresenceStore,
  name: string,
  deviceName: string,
  holder: DeviceHolder,
  by: { readonly node: string; readonly change: number },
  patch: DevicePatch,
  at: Moment,
): DeviceState | null {
  const user = store.state.users.get(name) ?? newUser(name);
  const held = user.devices.get(deviceName);
  if (held !== undefined && holder.kind === 'session' && !mayAct(held, { ...holder, change: by.change }))
    return null;
  const device: StoredDevice = held ?? {
    state: newDevice(patch, at.stamp),
    sessions: new Map<string, StoredHolder>(),
    lease: null,
  };
  if (held !== undefined) device.state = patchDevice(held.state, patch, at.stamp);
  if (holder.kind === 'lease') device.lease = { expiresAtMs: holder.expiresAtMs, node: by.node };
  else device.sessions.set(holder.session, { generation: holder.generation, change: by.change });
  user.devices.set(deviceName, device);
  store.state.users.set(name, user);
  show(store, user, at);
  return device.state;
}

/** @returns the device's state after that; null where it was refused */
export function changeStored(
  store: PresenceStore,
  name: string,
  deviceName: string,
  by: Acting | null,
  patch: DevicePatch,
  at: Moment,
): DeviceState | null {
  const user = store.state.users.get(name);
  const device = user?.devices.get(deviceName);
  if (user === undefined || device === undefined) return null;
  if (by === null && device.lease === null) return null;
  if (by !== null) {
    if (!device.sessions.has(by.session) || !mayAct(device, by)) return null;
    device.sessions.set(by.session, { generation: by.generation, change: by.change });
  }
  device.state = patchDevice(device.state, patch, at.stamp);
  show(store, user, at);
  return device.state;
}

/** @param session null: the HTTP status */
export function leaveStored(
  store: PresenceStore,
  name: string,
  device: string,
  session: string | null,
  at: Moment,
): void {
  const user = letGo(store.state, name, device, session);
  if (user !== null) show(store, user, at);
}

/** Far longer than a node takes to learn that a session which it remembers was ended by another, ms. As in Redis. */
const ENDED_KEPT_MS = 600_000;

/** Ends a session, and lets go of its device in the same step. */
export function endStored(store: PresenceStore, { id, user, device }: SessionRecord, at: Moment): void {
  const { sessions, ended } = store.state;
  sessions.delete(id);
  ended.set(id, at.nowMs);
  for (const [oldest, endedMs] of ended) {
    if (endedMs + ENDED_KEPT_MS > at.nowMs) break;
    ended.delete(oldest);
  }
  leaveStored(store, user, device, id, at);
}

/** Takes a holder away, and the device with its last one; shows nothing. @returns the user who has a device less */
export function letGo(
  { users }: ClusterState,
  name: string,
  deviceName: string,
  session: string | null,
): StoredUser | null {
  const user = users.get(name);
  const device = user?.devices.get(deviceName);
  if (user === undefined || device === undefined) return null;
  if (session === null) device.lease = null;
  else device.sessions.delete(session);
  if (device.sessions.size > 0 || device.lease !== null) return null;
  user.devices.delete(deviceName);
  return user;
}

export function eraseStored(store: PresenceStore, name: string, at: Moment): void {
  const user = store.state.users.get(name);
  if (user === undefined) return;
  user.devices.clear();
  show(store, user, at);
  store.state.users.delete(name);
}

/** @returns undefined where nothing is kept of the user */
export function readStored({ state }: PresenceStore, name: string): PresenceRecord | undefined {
  const record = state.users.get(name)?.record;
  return record === undefined || record.version === 0 ? undefined : record;
}

/** Shows others what a user's devices add up to, where that differs from what they were shown. */
export function show(store: PresenceStore, user: StoredUser, at: Moment): void {
  const before = user.record;
  const next = nextRecord(before, visibleOf(user), at.stamp, at.nowMs);
  if (next === null) return;
  // By the millisecond: who hid and who left at the same moment must not be told apart by their versions.
  const version = next.lastSeenMs === null ? next.version : Math.max(before.version + 1, lastOf(at.nowMs));
  const record = { ...next, version };
  user.record = record;
  store.publish(presenceTopic(before.user), { kind: 'presence', prev: before.version, record });
}

function visibleOf({ devices }: StoredUser): Visible {
  return aggregate([...devices.values()].map(({ state }) => state));
}

/** The last microsecond of a millisecond: above every stamp that was given in it. */
const lastOf = (ms: number): number => ms * 1000 + 999;

/** Neither an older connection of the session, nor a change that was given up and comes behind a later one. */
function mayAct(device: StoredDevice, { session, generation, change }: Acting): boolean {
  const holder = device.sessions.get(session);
  if (holder === undefined || generation > holder.generation) return true;
  return generation === holder.generation && change > holder.change;
}
