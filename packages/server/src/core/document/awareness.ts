import type { AwarenessNotice, AwarenessOf } from '../../ports/broker.ts';

/** Who speaks for a client id. */
export type AwarenessHolder =
  | { readonly kind: 'session'; readonly session: string }
  /** A session of another node, which told of it last at that steady time, ms. */
  | { readonly kind: 'node'; readonly node: string; readonly heardMs: number }
  /** Nobody any more: it goes once others have been told. `here`: its last session was one of this node. */
  | { readonly kind: 'nobody'; readonly here: boolean };

/** One client id of a document. */
export type AwarenessEntry = {
  readonly client: number;
  readonly user: string;
  holder: AwarenessHolder;
  /** The clock that its holder named last, a session or a node; null: it has said nothing since it took the client id. */
  said: number | null;
  /** JSON text; null: none, or over. */
  state: string | null;
  /**
   * The clock that others were told; 0: none yet. It goes by the time: whoever comes back to a client id, on whichever node and behind
   * whatever was forgotten of it, is above what was told of it before.
   */
  clock: number;
  /** The state that others see; null: none. */
  told: string | null;
};

/** Where people are in one document, by client id ([DOC6]). What changed and was not told yet waits in `changed`. */
export type AwarenessTable = {
  readonly entries: Map<number, AwarenessEntry>;
  readonly changed: Set<number>;
  /** UTF-16 units of all states. */
  units: number;
};

/** Client ids of one document that are kept; one more is refused. */
export const MAX_CLIENTS = 2_000;

/** UTF-16 units of all states of one document. A client that joins is sent them in one message. */
export const MAX_AWARENESS_UNITS = 1024 * 1024;

/** What is to be told of one client id. */
export type AwarenessItem = AwarenessOf & {
  /** Whether other nodes have it from this one. */
  readonly here: boolean;
};

export function newAwarenessTable(): AwarenessTable {
  return { entries: new Map(), changed: new Set(), units: 0 };
}

/** Whether a client id is another's: of a user who speaks by it now. */
export function isForeign({ entries }: AwarenessTable, client: number, user: string): boolean {
  const entry = entries.get(client);
  return entry !== undefined && entry.user !== user && entry.holder.kind !== 'nobody';
}

/**
 * A session names a client id that is not foreign. What another session of the same user said by it stays, for they went on elsewhere:
 * it is told anew, by which other nodes learn who holds it now.
 */
export function claim(
  table: AwarenessTable,
  client: number,
  user: string,
  session: string,
): 'claimed' | 'full' {
  const entry = table.entries.get(client);
  const holder: AwarenessHolder = { kind: 'session', session };
  if (entry === undefined || entry.user !== user) {
    if (entry === undefined && table.entries.size >= MAX_CLIENTS) return 'full';
    // Others may still see what somebody left behind who is nobody any more: the new one begins behind their clock.
    if (entry !== undefined) table.units -= lengthOf(entry.state);
    const { clock = 0, told = null } = entry ?? {};
    table.entries.set(client, { client, user, holder, said: null, state: null, clock, told });
    if (told !== null) table.changed.add(client);
    return 'claimed';
  }
  if (entry.holder.kind === 'session' && entry.holder.session === session) return 'claimed';
  entry.holder = holder;
  entry.said = null;
  if (entry.state !== null) table.changed.add(client);
  return 'claimed';
}

/**
 * A session says where it is, by a client id that it has claimed, unless somebody else has it by now. A higher clock takes the place of a lower, and the end of a state
 * counts at the clock of the state too.
 *
 * @param state JSON text; null: it is over
 */
export function say(
  table: AwarenessTable,
  client: number,
  user: string,
  session: string,
  clock: number,
  state: string | null,
): 'taken' | 'old' | 'full' | 'foreign' {
  if (isForeign(table, client, user)) return 'foreign';
  // It was ended meanwhile by another session of the user, on another node.
  if (!table.entries.has(client) && claim(table, client, user, session) === 'full') return 'full';
  const entry = table.entries.get(client);
  if (entry === undefined) return 'full';
  if (entry.holder.kind !== 'session' || entry.holder.session !== session) {
    // Another session of the user spoke by it in between, for both have named it: what that one said is not this one's to end.
    if (state === null) return 'old';
    entry.holder = { kind: 'session', session };
    entry.said = null;
  }
  if (entry.said !== null && (clock < entry.said || (clock === entry.said && state !== null))) return 'old';
  if (table.units - lengthOf(entry.state) + lengthOf(state) > MAX_AWARENESS_UNITS) return 'full';
  entry.said = clock;
  setState(table, entry, state);
  return 'taken';
}

/** A session speaks for these client ids no more. Those that somebody else has taken over stay. */
export function leave(table: AwarenessTable, clients: Iterable<number>, session: string): void {
  for (const client of clients) {
    const entry = table.entries.get(client);
    if (entry?.holder.kind !== 'session' || entry.holder.session !== session) continue;
    entry.holder = { kind: 'nobody', here: true };
    setState(table, entry, null);
  }
}

/** What another node tells, at that steady time, ms. */
export function hear(
  table: AwarenessTable,
  { node, items, all }: Pick<AwarenessNotice, 'node' | 'items' | 'all'>,
  heardMs: number,
): void {
  for (const item of items) hearOne(table, node, item, heardMs, all);
  if (!all) return;
  const named = new Set(items.map(({ client }) => client));
  for (const entry of table.entries.values()) {
    const { holder, client } = entry;
    if (holder.kind === 'node' && holder.node === node && !named.has(client)) goneElsewhere(table, entry);
  }
}

function hearOne(
  table: AwarenessTable,
  node: string,
  item: AwarenessOf,
  heardMs: number,
  again: boolean,
): void {
  const { client, clock, user, state } = item;
  const entry = table.entries.get(client);
  const holder: AwarenessHolder = { kind: 'node', node, heardMs };
  if (entry === undefined || entry.holder.kind === 'nobody') {
    if (state === null || table.units + state.length > MAX_AWARENESS_UNITS) return;
    if (entry === undefined && table.entries.size >= MAX_CLIENTS) return;
    const { clock: before = 0, told = null } = entry ?? {};
    const heard = { client, user, holder, said: clock, state: null, clock: before, told };
    table.entries.set(client, heard);
    setState(table, heard, state);
    return;
  }
  const isFromHolder = entry.holder.kind === 'node' && entry.holder.node === node;
  if (state === null) {
    // An end that comes from a node that somebody has left says nothing of where they are now; one that they said there does.
    const counts = isFromHolder ? clock >= (entry.said ?? 0) : entry.user === user && clock > entry.clock;
    if (!counts) return;
    goneElsewhere(table, entry);
    return;
  }
  // Nobody speaks for another: who holds it here, or on that other node, has it until they are gone.
  if (entry.user !== user) return;
  // What is told again though it was ended here: its session lives, and has not heard of that.
  const isBack = again && entry.state === null;
  const last = isFromHolder ? (entry.said ?? 0) : isBack ? 0 : entry.clock;
  if (isFromHolder) entry.holder = holder;
  if (clock <= last || table.units - lengthOf(entry.state) + state.length > MAX_AWARENESS_UNITS) return;
  entry.holder = holder;
  entry.said = clock;
  setState(table, entry, state);
}

/** Drops what nodes told that have not told it again since that steady time, ms. */
export function expire(table: AwarenessTable, beforeMs: number): void {
  for (const entry of table.entries.values()) {
    if (entry.holder.kind === 'node' && entry.holder.heardMs < beforeMs) goneElsewhere(table, entry);
  }
}

/**
 * What is to be told of what has changed.
 *
 * @param isSeen whether a user of this node is seen by others, for of whoever is not there is no awareness; undefined: not yet known, and
 *   what is told of them stays as it is until it is
 * @param nowMs ms since the epoch, later than at the call before
 */
export function takeChanges(
  table: AwarenessTable,
  isSeen: (user: string) => boolean | undefined,
  nowMs: number,
): AwarenessItem[] {
  const items: AwarenessItem[] = [];
  for (const client of table.changed) {
    const entry = table.entries.get(client);
    const seen = entry?.holder.kind === 'session' ? isSeen(entry.user) : true;
    if (seen === undefined) continue;
    table.changed.delete(client);
    if (entry === undefined) continue;
    const { user, holder } = entry;
    const state = seen ? entry.state : null;
    if (state !== null) {
      entry.clock = nextClock(entry, nowMs);
      entry.told = state;
      items.push({ client, clock: entry.clock, user, state, here: isHere(holder) });
    } else if (entry.told !== null) {
      entry.told = null;
      // Said, rather than left behind: every node is to see that it is the latest.
      if (holder.kind === 'session') entry.clock = nextClock(entry, nowMs);
      items.push({ client, clock: entry.clock, user, state: null, here: isHere(holder) });
    }
    if (holder.kind === 'nobody') table.entries.delete(client);
  }
  return items;
}

/**
 * Has those of this node's told anew that were told last before that time, ms since the epoch: others let go of what they do not hear of
 * for long.
 */
export function renew({ entries, changed }: AwarenessTable, beforeMs: number): void {
  for (const { client, holder, told, clock } of entries.values())
    if (holder.kind === 'session' && told !== null && clock < beforeMs) changed.add(client);
}

/** All that others see. */
export function allTold({ entries }: AwarenessTable): AwarenessItem[] {
  const items: AwarenessItem[] = [];
  for (const { client, clock, user, told, holder, said, state } of entries.values()) {
    const isTakenOver = said === null && state === null;
    // Told of somebody else whose client id it was: the next telling says that it is over.
    if (told !== null && !isTakenOver) items.push({ client, clock, user, state: told, here: isHere(holder) });
  }
  return items;
}

/** One item as it stands in `aw`. */
export function awarenessText({ client, clock, user, state }: AwarenessOf): string {
  return state === null
    ? `{"cl":${client},"n":${clock}}`
    : `{"cl":${client},"n":${clock},"by":${JSON.stringify(user)},"d":${state}}`;
}

/** By the time, which nodes agree about; above what was told before where that was of a clock that is ahead. */
function nextClock({ clock }: AwarenessEntry, nowMs: number): number {
  return Math.max(Math.floor(nowMs), clock + 1);
}

function goneElsewhere(table: AwarenessTable, entry: AwarenessEntry): void {
  entry.holder = { kind: 'nobody', here: false };
  setState(table, entry, null);
}

function setState(table: AwarenessTable, entry: AwarenessEntry, state: string | null): void {
  table.units += lengthOf(state) - lengthOf(entry.state);
  entry.state = state;
  table.changed.add(entry.client);
}

function isHere(holder: AwarenessHolder): boolean {
  return holder.kind === 'session' || (holder.kind === 'nobody' && holder.here);
}

function lengthOf(state: string | null): number {
  return state === null ? 0 : state.length;
}
