import type { UpdateContent } from '../../ports/document-engine.ts';
import type { Owner, Owners } from './owners.ts';

/** What is known of a document without its content: the next clock of each client id, and whose it is. */
export type DocumentState = {
  readonly vector: Map<number, number>;
  readonly owners: Owners;
};

/** Who brings an update. */
export type Author = {
  /** Null: the server's side. */
  readonly user: string | null;
  /** The client ids that their session has named. */
  readonly names: ReadonlySet<number>;
  /** It is a copy of what they have, in which others' changes may stand. */
  readonly full: boolean;
};

export type Judgement =
  | { readonly verdict: 'take' }
  /** It brings nothing and deletes nothing. */
  | { readonly verdict: 'known' }
  /** It builds on what is not there, or not there yet. */
  | { readonly verdict: 'gap'; readonly client: number }
  /** It goes on with somebody else's client id. */
  | { readonly verdict: 'foreign'; readonly client: number };

export function newDocumentState(): DocumentState {
  return { vector: new Map(), owners: new Map() };
}

/**
 * What may be lain over a state that it is not yet part of: updates on their way into the log. Looked at first, and dropped
 * as a whole.
 */
export type Ahead = DocumentState;

/** Judges an update against a state, with what is on its way on top. */
export function judge(
  state: DocumentState,
  ahead: Ahead,
  { brings, needs, deletes }: UpdateContent,
  author: Author,
): Judgement {
  const clockOf = (client: number): number => ahead.vector.get(client) ?? state.vector.get(client) ?? 0;
  let isNew = deletes;
  for (const { client, from, to } of brings) {
    const clock = clockOf(client);
    if (from > clock) return { verdict: 'gap', client };
    if (to <= clock) continue;
    isNew = true;
    const owner = ahead.owners.get(client) ?? state.owners.get(client);
    if (owner !== undefined && !mayExtend(owner, client, author)) return { verdict: 'foreign', client };
  }
  for (const [client, clock] of needs) if (clock > clockOf(client)) return { verdict: 'gap', client };
  return { verdict: isNew ? 'take' : 'known' };
}

/**
 * The clocks of an update's client ids, where it begins before one of them and goes on behind it; null where it nowhere does. What lies
 * before them is left out when it is taken: it need not be what is known.
 */
export function partlyKnown(
  state: DocumentState,
  ahead: Ahead,
  { brings }: UpdateContent,
): ReadonlyMap<number, number> | null {
  let known: Map<number, number> | null = null;
  for (const { client, from, to } of brings) {
    const clock = ahead.vector.get(client) ?? state.vector.get(client) ?? 0;
    if (from < clock && clock < to) known ??= new Map();
  }
  if (known === null) return null;
  for (const { client } of brings)
    known.set(client, ahead.vector.get(client) ?? state.vector.get(client) ?? 0);
  return known;
}

/**
 * Whoever has a whole copy may bring on what nobody is there to bring; it stays whose it was. So does what the app's own backend
 * brings of anybody's: it has the key to everything.
 */
function mayExtend(owner: Owner, client: number, { user, names, full }: Author): boolean {
  return owner.user === user || (full && user === null) || (owner.held && (full || names.has(client)));
}

/**
 * Adds an update that has its place in the log. What was judged there, by whichever node, is not judged again: whoever went on with
 * what another held for them has it from then on.
 */
export function add(state: DocumentState, { brings }: UpdateContent, { user, names, full }: Author): void {
  for (const { client, to } of brings) {
    if (to <= (state.vector.get(client) ?? 0)) continue;
    state.vector.set(client, to);
    const owner = state.owners.get(client);
    const isTheirs = !full || names.has(client);
    if (owner === undefined) state.owners.set(client, { user, held: !isTheirs });
    else if (owner.held && isTheirs) state.owners.set(client, { user, held: false });
  }
}

/** The longest note: what a publication answers has 128 characters. */
const MAX_NOTE_LENGTH = 128;

/**
 * What the log must know of an author beside the user, for all nodes to come to the same owners: that the update is a copy, and
 * which of its client ids are their own. Null: that is all of them.
 */
export function noteOf({ brings }: UpdateContent, { names, full }: Author): string | null {
  if (!full) return null;
  let note = 'full';
  for (const { client } of brings) {
    const one = ` ${client}`;
    // What has no room is held for whoever names it.
    if (names.has(client) && note.length + one.length <= MAX_NOTE_LENGTH) note += one;
  }
  return note;
}

/** @param note what `noteOf` gave */
export function authorOf(user: string | null, note: string | null): Author {
  const [word, ...names] = (note ?? '').split(' ');
  return { user, names: new Set(names.map(Number)), full: word === 'full' };
}
