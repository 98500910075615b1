import { offlineRecord } from '../../core/presence/aggregate.ts';
import type { NodeLease } from '../../ports/cluster.ts';
import type { DeviceState, PresenceRecord } from '../../ports/presence.ts';
import type { SessionRecord } from '../../ports/sessions.ts';
import { type MemberModel, createMemberModel } from './member-model.ts';

/** A session that holds a device: by which of its generations, and the number of the last change that it made. */
export type StoredHolder = { readonly generation: number; readonly change: number };

export type StoredDevice = {
  state: DeviceState;
  readonly sessions: Map<string, StoredHolder>;
  /** Until when an HTTP status holds it, ms since the epoch, and which node looks after that; null where none does. */
  lease: StoredLease | null;
};

export type StoredLease = { readonly expiresAtMs: number; readonly node: string };

export type StoredUser = {
  readonly devices: Map<string, StoredDevice>;
  /** What others see. */
  record: PresenceRecord;
};

/** What a node notes before it holds a session or an HTTP status, so that it is found should the node die. */
export type HolderNote = {
  readonly user: string;
  readonly device: string;
  /** Null: an HTTP status. */
  readonly session: string | null;
};

/** Everything that nodes share but the history of channels. Plain data, so that a copy is an older snapshot. */
export type ClusterState = {
  readonly sessions: Map<string, SessionRecord>;
  /** Sessions that are over, by when they ended, ms: a node that was away may remember them. The oldest first. */
  readonly ended: Map<string, number>;
  readonly users: Map<string, StoredUser>;
  readonly leases: Map<string, NodeLease>;
  readonly members: MemberModel;
  /** By node, then by what `noteKey` says. */
  readonly holders: Map<string, Map<string, HolderNote>>;
  /** Time in which no node renewed its lease, ms. */
  lostMs: number;
  /** When one last did; null before the first. */
  renewedAtMs: number | null;
};

export function emptyState(): ClusterState {
  return {
    sessions: new Map(),
    ended: new Map(),
    users: new Map(),
    leases: new Map(),
    members: createMemberModel(),
    holders: new Map(),
    lostMs: 0,
    renewedAtMs: null,
  };
}

export function newUser(user: string): StoredUser {
  return { devices: new Map<string, StoredDevice>(), record: offlineRecord(user, null) };
}

export function noteKey({ user, device, session }: HolderNote): string {
  return JSON.stringify([user, device, session]);
}

export function addNote({ holders }: ClusterState, node: string, note: HolderNote): void {
  const notes = holders.get(node);
  if (notes === undefined) holders.set(node, new Map([[noteKey(note), note]]));
  else notes.set(noteKey(note), note);
}

/** Takes a note back, unless the session has that node for its home (again). */
export function dropNote({ holders, sessions }: ClusterState, node: string, note: HolderNote): void {
  if (note.session !== null && sessions.get(note.session)?.node === node) return;
  const notes = holders.get(node);
  notes?.delete(noteKey(note));
  if (notes?.size === 0) holders.delete(node);
}

/** The session that a token belongs to, by either of its two hashes. */
export function sessionByToken(state: ClusterState, user: string, hash: string): SessionRecord | undefined {
  let foreign: SessionRecord | undefined;
  for (const session of state.sessions.values()) {
    if (session.tokenHash !== hash && session.previousTokenHash !== hash) continue;
    if (session.user === user) return session;
    foreign = session;
  }
  return foreign;
}
