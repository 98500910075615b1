import { offlineRecord } from '../../core/presence/aggregate.ts';
import type { StampSource } from '../../core/presence/stamp.ts';
import { nodeTopic } from '../../ports/broker.ts';
import type { Directory } from '../../ports/directory.ts';
import type { DeviceHolder, PresenceRecord, PresenceStore } from '../../ports/presence.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';
import type { Shared } from './cluster-shared.ts';
import type { StoreLine } from './cluster-line.ts';
import {
  type Moment,
  changeStored,
  eraseStored,
  joinStored,
  leaveStored,
  readStored,
  standingStored,
} from './cluster-presence.ts';
import { type Recall, forgetHolder, recallChange, recallDevice } from './cluster-recall.ts';
import { type StoredLease, addNote, dropNote } from './cluster-state.ts';

export type ClusterPresenceParts = {
  readonly shared: Shared;
  readonly node: string;
  readonly line: StoreLine;
  readonly recall: Recall;
  readonly stamps: StampSource;
  /** The cluster's clock, as this node knows it. */
  readonly nowMs: () => number;
  readonly lastSeen: Pick<Directory, 'lastSeen' | 'recordLastSeen'>;
  /** The store has lost something that lives here: the next renewal puts it back. */
  readonly renewSoon: () => void;
};

/** A node's face of presence. */
export function createClusterPresence(parts: ClusterPresenceParts): PresenceStore {
  const { shared, node, line, recall, stamps, nowMs, lastSeen, renewSoon } = parts;
  /** Numbers what this node asks for, so that what was given up has no effect behind what came later. */
  let changes = 0;

  /** Makes a step at this moment, and remembers what became of the user. */
  async function step<T>(user: string, make: (at: Moment) => T): Promise<T> {
    const at = { nowMs: nowMs(), stamp: stamps.next(nowMs()) };
    const [result, record] = await line.run(() => {
      const before = shared.state.users.get(user)?.record;
      const made = make(at);
      const after = shared.state.users.get(user)?.record;
      return [made, after === before ? undefined : after] as const;
    });
    if (record !== undefined) noteRecord(record);
    return result;
  }

  function noteRecord(record: PresenceRecord): void {
    const { user, lastSeenMs } = record;
    if ([...recall.devices.values()].some((device) => device.user === user)) recall.records.set(user, record);
    if (lastSeenMs === null) return;
    // Written behind: where it is refused, the store still knows.
    lastSeen.recordLastSeen([{ user, ms: lastSeenMs }]).catch(() => undefined);
  }

  function leaseOf(user: string, device: string): StoredLease | null {
    return shared.state.users.get(user)?.devices.get(device)?.lease ?? null;
  }

  /** @param lease as it was */
  function tellKeeper(user: string, device: string, lease: StoredLease | null): void {
    if (lease !== null && lease.node !== node)
      shared.publish(nodeTopic(lease.node), { kind: 'status', user, device });
  }

  /** A device that began anew would show its user as they are not: the session comes first, with what else is put back. */
  function refuseLost(holder: DeviceHolder): void {
    if (holder.kind !== 'session' || recall.sessions.get(holder.session)?.generation !== holder.generation)
      return;
    renewSoon();
    throw storeUnavailable('the store has lost a session, which is put back');
  }

  return {
    async join(user, device, holder, patch) {
      const change = ++changes;
      const note = { user, device, session: null };
      if (holder.kind === 'lease') await line.run(() => addNote(shared.state, node, note));
      const answer = await step(user, (at) => {
        const standing = holder.kind === 'lease' ? 'holds' : standingStored(shared.state, holder);
        if (standing !== 'holds') return standing;
        const before = leaseOf(user, device);
        const joined = joinStored(shared, user, device, holder, { node, change }, patch, at);
        if (holder.kind === 'lease') tellKeeper(user, device, before);
        if (joined !== null) recallDevice(recall, user, device, joined, holder);
        return joined;
      });
      if (answer === 'lost') refuseLost(holder);
      return typeof answer === 'string' ? null : answer;
    },
    async update(user, device, by, patch) {
      const change = ++changes;
      await step(user, (at) => {
        const acting = by === null ? null : { ...by, change };
        const state = changeStored(shared, user, device, acting, patch, at);
        if (state !== null) recallDevice(recall, user, device, state, null);
        else if (!shared.state.users.get(user)?.devices.has(device))
          recallChange(recall, user, device, patch, at.stamp);
      });
    },
    async leave(user, device, session, dueMs = Infinity) {
      const left = await step(user, (at) => {
        const lease = leaseOf(user, device);
        // Set anew: here, or over another node, which looks after it from then on.
        if (session === null && lease !== null && lease.expiresAtMs > dueMs) return lease.node !== node;
        leaveStored(shared, user, device, session, at);
        if (session === null) tellKeeper(user, device, lease);
        return true;
      });
      if (!left) return;
      forgetHolder(recall, user, device, session);
      if (session === null) await line.run(() => dropNote(shared.state, node, { user, device, session }));
    },
    async keeps(user, device) {
      const keeps = await line.run(() => {
        const kept = leaseOf(user, device)?.node === node;
        if (!kept) dropNote(shared.state, node, { user, device, session: null });
        return kept;
      });
      if (!keeps) forgetHolder(recall, user, device, null);
      return keeps;
    },
    async read(users) {
      const records = await line.run(() => users.map((user) => readStored(shared, user)));
      const unknown = users.filter((_, i) => records[i] === undefined);
      if (unknown.length === 0) return records as PresenceRecord[];
      const seen = await lastSeen.lastSeen(unknown);
      return users.map((user, i) => {
        const ms = seen.get(user) ?? null;
        return records[i] ?? offlineRecord(user, ms, ms === null ? 0 : ms * 1000);
      });
    },
    devicesOf: (user) =>
      line.run(() =>
        Object.fromEntries(
          [...(shared.state.users.get(user)?.devices ?? [])].map(([name, { state }]) => [name, state]),
        ),
      ),
    async erase(user) {
      // No last seen is written: it would bring back a trace of somebody who is to leave none.
      const at = { nowMs: nowMs(), stamp: stamps.next(nowMs()) };
      await line.run(() => eraseStored(shared, user, at));
      for (const { user: of, device, sessions } of [...recall.devices.values()]) {
        if (of !== user) continue;
        for (const session of [...sessions.keys(), null]) forgetHolder(recall, user, device, session);
      }
    },
    leases: () =>
      Promise.resolve(
        [...recall.devices.values()].flatMap(({ user, device, leaseExpiresAtMs: expiresAtMs }) =>
          expiresAtMs === null ? [] : [{ user, device, expiresAtMs }],
        ),
      ),
  } satisfies PresenceStore;
}
