import { type Visible, aggregate, offlineRecord } from '../../core/presence/aggregate.ts';
import type { DeviceState, PresenceRecord } from '../../ports/presence.ts';

/** One device of one user, and who holds it open. */
export type HeldDevice = {
  state: DeviceState;
  /** With the generation that each of them holds it by. */
  readonly sessions: Map<string, number>;
  /** Until when an HTTP status holds it, ms since the epoch; null where none does. */
  leaseExpiresAtMs: number | null;
};

/** A user with devices, or one whose last seen is still being written. */
export type PresentUser = {
  readonly user: string;
  readonly devices: Map<string, HeldDevice>;
  /** What others see. Version 0 where this store has shown nobody anything: only the directory knows more. */
  record: PresenceRecord;
};

/** Version 0 and no last seen: whoever reads it asks the directory. */
export function unseenUser(user: string): PresentUser {
  return { user, devices: new Map(), record: offlineRecord(user, null) };
}

export function isHeld(device: HeldDevice): boolean {
  return device.sessions.size > 0 || device.leaseExpiresAtMs !== null;
}

export function visibleState({ devices }: PresentUser): Visible {
  return aggregate(statesOf(devices));
}

function* statesOf(devices: ReadonlyMap<string, HeldDevice>): Generator<DeviceState> {
  for (const device of devices.values()) yield device.state;
}
