import type { Status, VisibleStatus } from '@carillon/protocol';
import type { DevicePatch, DeviceState, PresenceFields, PresenceRecord } from '../../ports/presence.ts';
import { patchFields } from './fields.ts';

const RANK: Readonly<Record<Status, number>> = { Busy: 3, Online: 2, Away: 1, Offline: 0, Invisible: 0 };
const NO_FIELDS: PresenceFields = Object.freeze({});

export type Visible = { readonly s: VisibleStatus; readonly fields: PresenceFields };

export const OFFLINE: Visible = Object.freeze({ s: 'Offline', fields: NO_FIELDS });

/** A device as it begins: online unless it says otherwise. */
export function newDevice(patch: DevicePatch, stamp: number): DeviceState {
  return { s: patch.s ?? 'Online', fields: patchFields(NO_FIELDS, patch.fields), changedAt: stamp };
}

/** The device after a patch; the same object when the patch changes nothing. */
export function patchDevice(device: DeviceState, patch: DevicePatch, stamp: number): DeviceState {
  const fields = patchFields(device.fields, patch.fields);
  const s = patch.s ?? device.s;
  if (fields === device.fields && s === device.s) return device;
  return { s, fields, changedAt: stamp };
}

/**
 * One user over all devices: the highest status of busy, online, away; among devices of that status the one that says
 * what it does, and of those the latest. One invisible device hides the user on all (docs/decisions): whoever asks
 * not to be seen must not be shown because another device was left open.
 */
export function aggregate(devices: Iterable<DeviceState>): Visible {
  let best: DeviceState | undefined;
  for (const device of devices) {
    if (device.s === 'Invisible') return OFFLINE;
    if (RANK[device.s] === 0) continue;
    if (best === undefined || outranks(device, best)) best = device;
  }
  return best === undefined ? OFFLINE : { s: best.s as VisibleStatus, fields: best.fields };
}

function outranks(a: DeviceState, b: DeviceState): boolean {
  if (RANK[a.s] !== RANK[b.s]) return RANK[a.s] > RANK[b.s];
  const aSpeaks = hasAny(a.fields);
  if (aSpeaks !== hasAny(b.fields)) return aSpeaks;
  return a.changedAt > b.changedAt;
}

function hasAny(fields: PresenceFields): boolean {
  for (const _ in fields) return true;
  return false;
}

/** Whether others would see a difference. */
export function sameVisible(a: Visible, b: Visible): boolean {
  return a.s === b.s && sameFields(a.fields, b.fields);
}

function sameFields(a: PresenceFields, b: PresenceFields): boolean {
  if (a === b) return true;
  for (const name in a) if (a[name] !== b[name]) return false;
  for (const name in b) if (!Object.hasOwn(a, name)) return false;
  return true;
}

/**
 * The next record of a user, or null when others would see no difference.
 *
 * @param stamp microseconds since the epoch; the version is at least one above the record before
 * @param nowMs what an offline user was last seen at
 */
export function nextRecord(
  before: PresenceRecord,
  visible: Visible,
  stamp: number,
  nowMs: number,
): PresenceRecord | null {
  if (sameVisible(before, visible)) return null;
  return {
    user: before.user,
    version: Math.max(before.version + 1, stamp),
    s: visible.s,
    fields: visible.fields,
    lastSeenMs: visible.s === 'Offline' ? nowMs : null,
  };
}

/** The record of a user nobody has seen online since the node began. */
export function offlineRecord(user: string, lastSeenMs: number | null, version = 0): PresenceRecord {
  return { user, version, s: 'Offline', fields: NO_FIELDS, lastSeenMs };
}
