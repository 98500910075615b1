import type { EventSubject, StoredEvent } from '../../../ports/event-store.ts';
import type { JournalDevice } from '../../../ports/journal.ts';
import type { Revocation } from '../../../ports/revocations.ts';
import type { SessionRecord } from '../../../ports/sessions.ts';
import {
  adoptEvents,
  adoptPresent,
  clearEvents,
  dropDevices,
  dropEvents,
  dropSessions,
  forgetTokens,
  forgetUsers,
  markGone,
  markPresent,
  noteAlive,
  putDevices,
  putEvents,
  putSessions,
  raiseLastSeen,
  revokeTokens,
  revokeUsers,
} from './kept-sql.ts';
import type { PgRunner, Postgres } from './connection.ts';
import { type TurnQueue, createTurnQueue } from './turn-queue.ts';

/** A write of what a node keeps for itself, or of last seen. */
export type KeptWrite =
  | { readonly kind: 'session'; readonly id: string; readonly session: SessionRecord | null }
  | {
      readonly kind: 'device';
      readonly user: string;
      readonly device: string;
      readonly state: JournalDevice | null;
    }
  | {
      readonly kind: 'alive';
      readonly nowMs: number;
      readonly wallMs: number | undefined;
      readonly stamp: number;
    }
  | {
      readonly kind: 'event';
      readonly node: string;
      readonly number: number;
      readonly event: StoredEvent | null;
    }
  | {
      readonly kind: 'mark';
      readonly node: string;
      readonly subject: EventSubject;
      readonly present: boolean;
    }
  | { readonly kind: 'clear'; readonly node: string }
  | { readonly kind: 'adopt'; readonly node: string; readonly dead: string }
  | {
      readonly kind: 'revoke';
      readonly revocation: Revocation;
      readonly forgetAtMs: number;
      readonly nowMs: number;
    }
  | { readonly kind: 'seen'; readonly user: string; readonly ms: number };

export type KeptQueue = TurnQueue<KeptWrite, void>;

/** As many as a few statements take at once without holding up others. */
const WRITES_A_TRANSACTION = 5_000;

/** Some 300 bytes each. So many mean a server that does not answer. */
export const MAX_WAITING_KEPT = 100_000;

/** Writes that end with less kept than before. */
const MAKES_ROOM: ReadonlySet<KeptWrite['kind']> = new Set(['clear', 'seen']);

/**
 * The queue of all such writes: in the order in which they were made, so that a later one never survives without the earlier
 * ones; those of one turn share one transaction, in which of several to one row only the last is written.
 */
export function createKeptQueue(
  postgres: Postgres,
  onRefused?: (detail: string) => void,
  waiting: number = MAX_WAITING_KEPT,
): KeptQueue {
  return createTurnQueue<KeptWrite, void>({
    what: 'the database',
    atOnce: WRITES_A_TRANSACTION,
    waiting,
    makesRoom: (write) =>
      MAKES_ROOM.has(write.kind) ||
      (write.kind === 'session' && write.session === null) ||
      (write.kind === 'device' && write.state === null) ||
      (write.kind === 'event' && write.event === null),
    onRefused,
    async run(writes) {
      await postgres.transaction(async (within) => {
        for (const part of partsOf(writes)) await writePart(within, part);
      });
      return writes.map(() => undefined);
    },
  });
}

/** What is written of a part: of several writes to one row the last. */
type Part = {
  readonly sessions: Map<string, SessionRecord | null>;
  readonly devices: Map<string, KeptWrite & { readonly kind: 'device' }>;
  readonly events: Map<string, KeptWrite & { readonly kind: 'event' }>;
  readonly marks: Map<string, KeptWrite & { readonly kind: 'mark' }>;
  readonly seen: Map<string, number>;
  readonly revoked: (KeptWrite & { readonly kind: 'revoke' })[];
  alive: (KeptWrite & { readonly kind: 'alive' }) | null;
  wallMs: number | null;
  stamp: number;
  /** Comes behind all the others. */
  last: (KeptWrite & { readonly kind: 'clear' | 'adopt' }) | null;
};

function newPart(): Part {
  return {
    sessions: new Map(),
    devices: new Map(),
    events: new Map(),
    marks: new Map(),
    seen: new Map(),
    revoked: [],
    alive: null,
    wallMs: null,
    stamp: 0,
    last: null,
  };
}

/** Parts to be written one after the other: what concerns many rows ends one. */
function partsOf(writes: readonly KeptWrite[]): readonly Part[] {
  let part = newPart();
  const parts = [part];
  for (const write of writes) {
    if (part.last !== null) parts.push((part = newPart()));
    add(part, write);
  }
  return parts;
}

function add(part: Part, write: KeptWrite): void {
  switch (write.kind) {
    case 'session':
      part.sessions.set(write.id, write.session);
      return;
    case 'device':
      part.devices.set(JSON.stringify([write.user, write.device]), write);
      return;
    case 'alive':
      part.alive = write;
      part.wallMs = write.wallMs ?? part.wallMs;
      part.stamp = Math.max(part.stamp, write.stamp);
      return;
    case 'event':
      part.events.set(JSON.stringify([write.node, write.number]), write);
      return;
    case 'mark':
      part.marks.set(`${write.subject.kind} ${write.subject.name}`, write);
      return;
    case 'seen':
      part.seen.set(write.user, Math.max(write.ms, part.seen.get(write.user) ?? 0));
      return;
    case 'revoke':
      part.revoked.push(write);
      return;
    case 'clear':
    case 'adopt':
      part.last = write;
  }
}

async function writePart(within: PgRunner, part: Part): Promise<void> {
  await writeSessions(within, part);
  await writeDevices(within, part);
  if (part.alive !== null) await within.run(noteAlive, part.alive.nowMs, part.wallMs, part.stamp);
  await writeEvents(within, part);
  // In one order everywhere: two nodes that note the same people do not wait for each other.
  const seen = [...part.seen].toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (seen.length > 0)
    await within.run(
      raiseLastSeen,
      seen.map(([user]) => user),
      seen.map(([, ms]) => ms),
    );
  await writeRevocations(within, part);
  if (part.last?.kind === 'clear') await within.run(clearEvents, part.last.node);
  if (part.last?.kind === 'adopt') {
    await within.run(adoptEvents, part.last.node, part.last.dead);
    await within.run(adoptPresent, part.last.node, part.last.dead);
  }
}

async function writeSessions(within: PgRunner, { sessions }: Part): Promise<void> {
  const dropped = [...sessions].filter(([, session]) => session === null).map(([id]) => id);
  const put = [...sessions.values()].filter((session) => session !== null);
  if (dropped.length > 0) await within.run(dropSessions, dropped);
  if (put.length === 0) return;
  await within.run(
    putSessions,
    put.map(({ id }) => id),
    put.map(({ user }) => user),
    put.map(({ device }) => device),
    put.map(({ generation }) => generation),
    put.map(({ tokenHash }) => tokenHash),
    put.map(({ previousTokenHash }) => previousTokenHash),
    put.map(({ detachedAtMs }) => detachedAtMs),
  );
}

async function writeDevices(within: PgRunner, { devices }: Part): Promise<void> {
  const all = [...devices.values()];
  const dropped = all.filter(({ state }) => state === null);
  if (dropped.length > 0)
    await within.run(
      dropDevices,
      dropped.map(({ user }) => user),
      dropped.map(({ device }) => device),
    );
  const put = all.map(({ state }) => state).filter((state) => state !== null);
  if (put.length === 0) return;
  await within.run(
    putDevices,
    put.map(({ user }) => user),
    put.map(({ device }) => device),
    put.map(({ state }) => state.s),
    put.map(({ state }) => JSON.stringify(state.fields)),
    put.map(({ state }) => state.changedAt),
    put.map(({ leaseExpiresAtMs }) => leaseExpiresAtMs),
  );
}

async function writeEvents(within: PgRunner, { events, marks }: Part): Promise<void> {
  const all = [...events.values()];
  const dropped = all.filter(({ event }) => event === null);
  if (dropped.length > 0)
    await within.run(
      dropEvents,
      dropped.map(({ node }) => node),
      dropped.map(({ number }) => number),
    );
  const put = all.filter(({ event }) => event !== null);
  if (put.length > 0) {
    const kept = put.map(({ event }) => event as StoredEvent);
    await within.run(
      putEvents,
      put.map(({ node }) => node),
      kept.map(({ number }) => number),
      kept.map(({ id }) => id),
      kept.map(({ type }) => type),
      kept.map(({ subject }) => subject.name),
      kept.map(({ atMs }) => atMs),
    );
  }
  const marked = [...marks].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, mark]) => mark);
  const there = marked.filter(({ present }) => present);
  const gone = marked.filter(({ present }) => !present);
  if (there.length > 0)
    await within.run(
      markPresent,
      there.map(({ subject }) => subject.kind),
      there.map(({ subject }) => subject.name),
      there.map(({ node }) => node),
    );
  if (gone.length > 0)
    await within.run(
      markGone,
      gone.map(({ subject }) => subject.kind),
      gone.map(({ subject }) => subject.name),
    );
}

async function writeRevocations(within: PgRunner, { revoked }: Part): Promise<void> {
  if (revoked.length === 0) return;
  const nowMs = Math.max(...revoked.map((one) => one.nowMs));
  await within.run(forgetUsers, nowMs);
  await within.run(forgetTokens, nowMs);
  const users = new Map<string, { issued: number; forget: number }>();
  const tokens = new Map<string, number>();
  for (const { revocation, forgetAtMs } of revoked) {
    if (revocation.kind === 'token') {
      const before = tokens.get(revocation.tokenId) ?? 0;
      tokens.set(revocation.tokenId, Math.max(before, forgetAtMs));
      continue;
    }
    const before = users.get(revocation.user);
    users.set(revocation.user, {
      issued: Math.max(before?.issued ?? 0, revocation.issuedUpToMs),
      forget: Math.max(before?.forget ?? 0, forgetAtMs),
    });
  }
  const byName = <V>(map: Map<string, V>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const ofUsers = byName(users);
  if (ofUsers.length > 0)
    await within.run(
      revokeUsers,
      ofUsers.map(([user]) => user),
      ofUsers.map(([, { issued }]) => issued),
      ofUsers.map(([, { forget }]) => forget),
    );
  const ofTokens = byName(tokens);
  if (ofTokens.length > 0)
    await within.run(
      revokeTokens,
      ofTokens.map(([id]) => id),
      ofTokens.map(([, forget]) => forget),
    );
}
