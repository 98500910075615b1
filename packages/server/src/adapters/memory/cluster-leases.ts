import type { NodeLease, Renewal, Swept } from '../../ports/cluster.ts';
import type { LeasedDevice } from '../../ports/presence.ts';
import { type Moment, type PresenceStore, endStored } from './cluster-presence.ts';
import { type ClusterState, addNote, dropNote, noteKey } from './cluster-state.ts';

/** How long leases last and what a session may be absent, ms. */
export type LeaseTimes = { readonly leaseMs: number; readonly graceMs: number };

/** What a node knows of the shared time: where the store forgot, the larger counts. */
export type KnownTime = { readonly lostMs: number; readonly renewedAtMs: number | null };

/** Extends a node's lease by the store's clock. Time in which nobody renewed is nobody's absence. */
export function renewStored(
  state: ClusterState,
  node: string,
  known: KnownTime,
  { leaseMs, graceMs }: LeaseTimes,
  nowMs: number,
): Renewal {
  state.lostMs = Math.max(state.lostMs, known.lostMs);
  const renewedAtMs = Math.max(state.renewedAtMs ?? 0, known.renewedAtMs ?? 0);
  const gapMs = renewedAtMs > 0 ? nowMs - renewedAtMs : 0;
  if (gapMs > leaseMs) putOff(state, gapMs);
  state.renewedAtMs = nowMs;
  const leases = [...state.leases.values()];
  const expiresAtMs = nowMs + leaseMs;
  state.leases.set(node, { node, expiresAtMs, sweepAtMs: expiresAtMs + graceMs, held: false });
  return { nowMs, leases };
}

/** Nor of those whose node died: the first renewal after an outage is the only one that knows of it. */
function putOff(state: ClusterState, gapMs: number): void {
  state.lostMs += gapMs;
  for (const [node, lease] of state.leases)
    state.leases.set(node, { ...lease, sweepAtMs: lease.sweepAtMs + gapMs });
}

/**
 * What a node saw of the others' leases, told a store that forgot them or has older ones. One that died before it could renew
 * may have left something in the new store, which nobody would look for; and a lease of the past would have its sessions swept
 * before their grace is over. One that lives renews in time.
 *
 * @param putOffMs time in which nobody renewed, since these leases were seen
 */
export function putBackLeases(
  { state, times }: { readonly state: ClusterState; readonly times: LeaseTimes },
  peers: readonly NodeLease[],
  putOffMs: number,
  nowMs: number,
): void {
  const expiresAtMs = nowMs + times.leaseMs;
  const latestMs = expiresAtMs + times.graceMs;
  for (const { node, sweepAtMs } of peers) {
    const lease = state.leases.get(node);
    const seenMs = Math.min(sweepAtMs + putOffMs, latestMs);
    if (lease === undefined) state.leases.set(node, { node, expiresAtMs, sweepAtMs: latestMs, held: false });
    else if (lease.sweepAtMs < seenMs) state.leases.set(node, { ...lease, sweepAtMs: seenMs });
  }
}

export function holdStored(
  { leases }: ClusterState,
  nodes: readonly string[],
  sweepAtMs: number,
  nowMs: number,
): void {
  for (const node of nodes) {
    const lease = leases.get(node);
    if (lease !== undefined && !lease.held && lease.expiresAtMs <= nowMs)
      leases.set(node, { ...lease, sweepAtMs, held: true });
  }
}

/** The node takes no more: its sessions wait for their clients from now on. */
export function retireStored({ leases }: ClusterState, node: string, graceMs: number, nowMs: number): void {
  const lease: NodeLease | undefined = leases.get(node);
  if (lease !== undefined) leases.set(node, { ...lease, expiresAtMs: nowMs, sweepAtMs: nowMs + graceMs });
}

/** Sessions that the store says are a node's, and of which it knows nothing: nobody else would ever end them. */
export function endForgotten(
  store: PresenceStore,
  node: string,
  isKnown: (session: string) => boolean,
  endedBeforeMs: number,
  at: Moment,
): void {
  for (const note of store.state.holders.get(node)?.values() ?? []) {
    if (note.session === null || isKnown(note.session)) continue;
    const record = store.state.sessions.get(note.session);
    if (record?.node === node && (record.detachedAtMs ?? Infinity) < endedBeforeMs)
      endStored(store, record, at);
    dropNote(store.state, node, note);
  }
}

/** Deals with what a dead node has left, as far as `limit`; `by` looks after its HTTP statuses. */
export function sweepStored(
  store: PresenceStore,
  node: string,
  by: string,
  limit: number,
  nowMs: number,
  at: Moment,
): Swept {
  const { state } = store;
  const lease = state.leases.get(node);
  // It renewed meanwhile: it lives.
  if (lease !== undefined && lease.sweepAtMs > nowMs)
    return { overdue: false, holders: 0, ended: 0, leases: [] };
  const notes = [...(state.holders.get(node)?.values() ?? [])].slice(0, limit);
  const leases: LeasedDevice[] = [];
  let ended = 0;
  for (const note of notes) {
    const { user, device, session } = note;
    if (session === null) {
      const held = state.users.get(user)?.devices.get(device);
      if (held?.lease?.node === node) {
        const { expiresAtMs } = held.lease;
        held.lease = { expiresAtMs, node: by };
        addNote(state, by, note);
        leases.push({ user, device, expiresAtMs });
      }
    } else {
      const record = state.sessions.get(session);
      // Asked again: its client may have gone on elsewhere.
      if (record?.node === node) {
        endStored(store, record, at);
        ended++;
      }
    }
    state.holders.get(node)?.delete(noteKey(note));
  }
  if ((state.holders.get(node)?.size ?? 0) === 0) {
    state.holders.delete(node);
    state.leases.delete(node);
  }
  return { overdue: true, holders: notes.length, ended, leases };
}
