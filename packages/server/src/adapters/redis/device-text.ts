import type { DeviceState, PresenceFields, PresenceRecord } from '../../ports/presence.ts';

/** What a device says, as scripts answer it. `changedAt` is text: Lua would round it. */
export type StateTuple = readonly [s: DeviceState['s'], changedAt: string, fields: PresenceFields];

/** A device as the hash of its user's devices holds it, beside its name. */
export type DeviceTuple = readonly [
  ...state: StateTuple,
  holders: Readonly<Record<string, readonly [generation: number, change: number]>>,
  lease: readonly [node: string, expiresAtMs: number, change: number] | null,
];

/** Reads a state, or a device for what it says. */
export function readState(text: string): DeviceState {
  const [s, changedAt, fields] = JSON.parse(text) as StateTuple;
  return { s, fields, changedAt: Number(changedAt) };
}

/** The node that looks after the HTTP status of a device; null where none holds it. */
export function readKeeper(text: string): string | null {
  const [, , , , lease] = JSON.parse(text) as DeviceTuple;
  return lease?.[0] ?? null;
}

export function readRecord(text: string): PresenceRecord {
  return JSON.parse(text) as PresenceRecord;
}
