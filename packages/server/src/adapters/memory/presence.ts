import { newDevice, nextRecord, patchDevice } from '../../core/presence/aggregate.ts';
import type { StampSource } from '../../core/presence/stamp.ts';
import { type Broker, presenceTopic } from '../../ports/broker.ts';
import type { Directory } from '../../ports/directory.ts';
import type { Journal } from '../../ports/journal.ts';
import type {
  ActingSession,
  DeviceHolder,
  DeviceState,
  LeasedDevice,
  PresenceStore,
} from '../../ports/presence.ts';
import { createDeviceJournal } from './device-journal.ts';
import { createPresenceReader } from './presence-read.ts';
import { type RestoredPresence, restorePresence } from './presence-restart.ts';
import { type HeldDevice, type PresentUser, isHeld, unseenUser, visibleState } from './presence-table.ts';
import { type Restart, settled } from './restart.ts';

export type MemoryPresenceOptions = {
  readonly broker: Broker;
  /** Shares its order of writing with `lastSeen` where both survive a crash. */
  readonly journal: Journal;
  readonly lastSeen: Pick<Directory, 'lastSeen' | 'recordLastSeen'>;
  /** The node's one source of stamps. */
  readonly stamps: StampSource;
  readonly nowMs: () => number;
  /** What an earlier life of the process left; absent for a store that begins empty. */
  readonly restart?: Restart | undefined;
};

/**
 * The presence of a single node, in its memory, with a journal beside it. A change is decided and published within the
 * call, in the order of versions; the promise waits until the journal and the last seen are written.
 *
 * Users without devices are forgotten as soon as their last seen is written. `PresenceMessage.prev` is 0 for a user of
 * whom this store held nothing.
 */
export function createMemoryPresence(options: MemoryPresenceOptions): PresenceStore {
  const { broker, journal, lastSeen, stamps, nowMs, restart } = options;
  const restored = restart === undefined ? undefined : restorePresence(restart, stamps);
  const users = restored?.users ?? new Map<string, PresentUser>();
  const reader = createPresenceReader({ users, gone: restored?.gone, lastSeen, nowMs });
  const cleanedUp = restored === undefined ? undefined : cleanUp(restored);
  const devices = createDeviceJournal(
    journal,
    (user, device) => users.get(user)?.devices.get(device),
    recordOwed,
  );
  /** Users who went offline, and whose last seen was refused. */
  const owed = new Set<PresentUser>();
  // `leases` says what went wrong; until somebody asks for it nobody listens.
  cleanedUp?.catch(() => undefined);

  async function cleanUp({ gone, orphans }: RestoredPresence): Promise<void> {
    // In this order: a crash or a refusal between the two must not lose when somebody was last seen.
    if (gone.size > 0) {
      const seen = [...gone.values()].map((record) => ({ user: record.user, ms: record.lastSeenMs ?? 0 }));
      await lastSeen.recordLastSeen(seen);
    }
    await settled(orphans.map(({ user, device }) => journal.dropDevice(user, device)));
  }

  /**
   * Shows others what changed, if anything did.
   *
   * @returns the writing of last seen, where the user went offline. Begun before the caller writes the journal, whose
   *   writes survive only together with earlier ones: a crash then never loses when somebody was last seen.
   */
  function show(user: PresentUser, stamp: number): Promise<void> | undefined {
    const before = user.record;
    const next = nextRecord(before, visibleState(user), stamp, nowMs());
    if (next === null) {
      if (user.devices.size === 0 && before.version === 0) users.delete(user.user);
      return undefined;
    }
    user.record = next;
    reader.forget(user.user);
    void broker.publish(presenceTopic(user.user), { kind: 'presence', prev: before.version, record: next });
    if (next.lastSeenMs === null) return undefined;
    return recordGone(user, next.lastSeenMs);
  }

  async function recordGone(user: PresentUser, ms: number): Promise<void> {
    const shown = user.record;
    owed.delete(user);
    try {
      await lastSeen.recordLastSeen([{ user: user.user, ms }]);
    } catch (error) {
      // The record stays: memory then knows what the directory could not be told yet.
      if (user.record === shown) owed.add(user);
      throw error;
    }
    recordOwed();
    if (user.record !== shown) return;
    // From here on the directory answers, for an invisible user exactly as for one who has left.
    user.record = unseenUser(user.user).record;
    if (user.devices.size === 0 && users.get(user.user) === user) users.delete(user.user);
  }

  /** Something was written: what was refused before, and still holds, is tried again. */
  function recordOwed(): void {
    if (owed.size === 0) return;
    const due = [...owed];
    owed.clear();
    for (const user of due) recordOwedOf(user)?.catch(() => undefined);
  }

  /** @returns undefined where the user came back or was erased since. Refused once more, it is noted again. */
  function recordOwedOf(user: PresentUser): Promise<void> | undefined {
    owed.delete(user);
    const { lastSeenMs } = user.record;
    if (lastSeenMs === null || users.get(user.user) !== user) return undefined;
    return recordGone(user, lastSeenMs);
  }

  return {
    async join(name, deviceName, holder, patch) {
      const user = users.get(name) ?? unseenUser(name);
      const held = user.devices.get(deviceName);
      if (held !== undefined && isOutdated(held, holder)) return null;
      users.set(name, user);
      const stamp = stamps.next(nowMs());
      const before = held;
      const device = before ?? {
        state: newDevice(patch, stamp),
        sessions: new Map<string, number>(),
        leaseExpiresAtMs: null,
      };
      const state = before === undefined ? device.state : patchDevice(device.state, patch, stamp);
      const journalled = before !== undefined && state === before.state && holder.kind === 'session';
      device.state = state;
      hold(device, holder);
      user.devices.set(deviceName, device);
      const gone = show(user, stamp);
      await both(gone, (journalled ? devices.written : devices.write)(name, deviceName));
      return state;
    },
    async update(name, deviceName, by, patch) {
      const user = users.get(name);
      const device = user?.devices.get(deviceName);
      if (user === undefined || device === undefined || !mayChange(device, by)) return;
      // Who has changed it has it: what an earlier generation still sends comes too late, also before this one joined.
      if (by !== null) device.sessions.set(by.session, by.generation);
      const stamp = stamps.next(nowMs());
      const state = patchDevice(device.state, patch, stamp);
      // A repetition may overtake the write of what it repeats, and is acknowledged only with that.
      if (state === device.state) return devices.written(name, deviceName);
      device.state = state;
      const gone = show(user, stamp);
      await both(gone, devices.write(name, deviceName));
    },
    async leave(name, deviceName, session, dueMs) {
      const user = users.get(name);
      const device = user?.devices.get(deviceName);
      if (session === null && (device?.leaseExpiresAtMs ?? 0) > (dueMs ?? Infinity)) return;
      // Gone already, but perhaps not for the journal: whoever asks again asks for that.
      if (user === undefined || device === undefined || !holds(device, session)) {
        const gone = user !== undefined && owed.has(user) ? recordOwedOf(user) : undefined;
        return both(gone, devices.written(name, deviceName));
      }
      if (session === null) device.leaseExpiresAtMs = null;
      else device.sessions.delete(session);
      if (isHeld(device)) {
        // The journal knows a device's sessions from the sessions; only a lease is written with the device.
        if (session === null) await devices.write(name, deviceName);
        return;
      }
      user.devices.delete(deviceName);
      const gone = show(user, stamps.next(nowMs()));
      await both(gone, devices.write(name, deviceName));
    },
    keeps: (user, device) =>
      Promise.resolve((users.get(user)?.devices.get(device)?.leaseExpiresAtMs ?? null) !== null),
    read: reader.read,
    devicesOf(name) {
      const states: [string, DeviceState][] = [];
      for (const [device, { state }] of users.get(name)?.devices ?? []) states.push([device, state]);
      return Promise.resolve(Object.fromEntries(states));
    },
    async erase(name) {
      reader.forget(name);
      const user = users.get(name);
      if (user === undefined) return;
      const names = [...user.devices.keys()];
      user.devices.clear();
      users.delete(name);
      const before = user.record;
      const next = nextRecord(before, visibleState(user), stamps.next(nowMs()), nowMs());
      if (next !== null) {
        // No last seen is written: it would bring back a trace of somebody who is to leave none.
        void broker.publish(presenceTopic(name), { kind: 'presence', prev: before.version, record: next });
      }
      await settled(names.map((device) => devices.write(name, device)));
    },
    async leases() {
      await cleanedUp;
      const leases: LeasedDevice[] = [];
      for (const { user, devices: held } of users.values()) {
        for (const [device, { leaseExpiresAtMs }] of held) {
          if (leaseExpiresAtMs !== null) leases.push({ user, device, expiresAtMs: leaseExpiresAtMs });
        }
      }
      return leases;
    },
  } satisfies PresenceStore;
}

function hold(device: HeldDevice, holder: DeviceHolder): void {
  if (holder.kind === 'session') device.sessions.set(holder.session, holder.generation);
  else device.leaseExpiresAtMs = holder.expiresAtMs;
}

/** Whether an older connection of the session asks: a later one has it. */
function isOutdated(device: HeldDevice, holder: DeviceHolder): boolean {
  return holder.kind === 'session' && (device.sessions.get(holder.session) ?? 0) > holder.generation;
}

function mayChange(device: HeldDevice, by: ActingSession | null): boolean {
  if (by === null) return device.leaseExpiresAtMs !== null;
  const generation = device.sessions.get(by.session);
  return generation !== undefined && generation <= by.generation;
}

function holds(device: HeldDevice, session: string | null): boolean {
  return session === null ? device.leaseExpiresAtMs !== null : device.sessions.has(session);
}

async function both(first: Promise<void> | undefined, second: Promise<void> | undefined): Promise<void> {
  // Together, so that a refusal of one does not leave the other's unhandled.
  await Promise.all([first, second]);
}
