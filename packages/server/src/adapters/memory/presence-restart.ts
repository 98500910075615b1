import { OFFLINE, aggregate, nextRecord, offlineRecord } from '../../core/presence/aggregate.ts';
import type { StampSource } from '../../core/presence/stamp.ts';
import type { JournalContents, JournalDevice } from '../../ports/journal.ts';
import type { DeviceState, PresenceRecord } from '../../ports/presence.ts';
import { type PresentUser, isHeld, unseenUser } from './presence-table.ts';
import type { Restart } from './restart.ts';

export type RestoredPresence = {
  readonly users: Map<string, PresentUser>;
  /** Users who were seen before the stop and went offline with it, with versions that no client has seen. */
  readonly gone: ReadonlyMap<string, PresenceRecord>;
  /** Devices that nobody holds any more: to be dropped from the journal. */
  readonly orphans: readonly JournalDevice[];
};

/**
 * What an earlier life of the process left of presence. Every record gets a version above all stamps given before, so
 * that each resume is sent it again: a change that was decided but never reached its followers heals by that.
 */
export function restorePresence({ contents, nowMs }: Restart, stamps: StampSource): RestoredPresence {
  const sessionsByDevice = groupSessions(contents);
  const users = new Map<string, PresentUser>();
  const statesBefore = new Map<string, DeviceState[]>();
  const orphans: JournalDevice[] = [];

  for (const device of contents.devices) {
    const states = statesBefore.get(device.user);
    if (states === undefined) statesBefore.set(device.user, [device.state]);
    else states.push(device.state);

    const lease = device.leaseExpiresAtMs;
    const held = {
      state: device.state,
      sessions: new Map(sessionsByDevice.get(device.user)?.get(device.device)),
      leaseExpiresAtMs: lease !== null && lease > nowMs ? lease : null,
    };
    if (!isHeld(held)) {
      orphans.push(device);
      continue;
    }
    let user = users.get(device.user);
    if (user === undefined) {
      user = unseenUser(device.user);
      users.set(device.user, user);
    }
    user.devices.set(device.device, held);
  }

  // By the wall clock: steady time may be a day off where the clock was set. And never in the future, where the clock
  // was ahead then and has been set right since.
  const seenMs = Math.min(contents.aliveWallMs ?? contents.aliveAtMs ?? nowMs, nowMs);
  const gone = new Map<string, PresenceRecord>();
  for (const [name, states] of statesBefore) {
    const user = users.get(name);
    const visible =
      user === undefined ? OFFLINE : aggregate([...user.devices.values()].map((device) => device.state));
    const shown = nextRecord(offlineRecord(name, null), visible, stamps.next(nowMs), nowMs);
    if (user !== undefined && shown !== null) user.record = shown;
    else if (aggregate(states).s !== 'Offline') {
      gone.set(name, offlineRecord(name, seenMs, stamps.next(nowMs)));
    }
  }
  return { users, gone, orphans };
}

function groupSessions({
  sessions,
}: JournalContents): ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, number>>> {
  const byUser = new Map<string, Map<string, Map<string, number>>>();
  for (const session of sessions) {
    let devices = byUser.get(session.user);
    if (devices === undefined) {
      devices = new Map<string, Map<string, number>>();
      byUser.set(session.user, devices);
    }
    const generations = devices.get(session.device);
    if (generations === undefined) devices.set(session.device, new Map([[session.id, session.generation]]));
    else generations.set(session.id, session.generation);
  }
  return byUser;
}
