import { describe, expect, it } from 'vitest';
import {
  type Author,
  type DocumentState,
  add,
  authorOf,
  judge,
  newDocumentState,
  noteOf,
} from '../../../src/core/document/document-state.ts';
import { decodeOwners, encodeOwners } from '../../../src/core/document/owners.ts';
import type { UpdateContent } from '../../../src/ports/document-engine.ts';

const NOTHING = newDocumentState();

function brings(client: number, from: number, to: number, more: Partial<UpdateContent> = {}): UpdateContent {
  return { brings: [{ client, from, to }], needs: new Map(), deletes: false, ...more };
}

function by(user: string | null, more: Partial<Author> = {}): Author {
  return { user, names: new Set(), full: false, ...more };
}

function stateOf(...updates: readonly (readonly [UpdateContent, Author])[]): DocumentState {
  const state = newDocumentState();
  for (const [content, author] of updates) add(state, content, author);
  return state;
}

describe('an update is judged by what is there', () => {
  const state = stateOf([brings(1, 0, 5), by('alice')]);

  it.each([
    ['what goes on where its client stopped is taken', brings(1, 5, 6), 'take'],
    ['what overlaps with what is there and goes beyond it is taken', brings(1, 3, 6), 'take'],
    ['what is there already is known', brings(1, 0, 5), 'known'],
    ['what deletes is taken, for no vector shows deletions', brings(1, 0, 5, { deletes: true }), 'take'],
    ['what leaves clocks out is a gap', brings(1, 6, 7), 'gap'],
    ['the first of a client that begins late is a gap', brings(2, 1, 2), 'gap'],
    [
      'what builds on clocks that are not there is a gap',
      brings(2, 0, 1, { needs: new Map([[1, 6]]) }),
      'gap',
    ],
    ['what builds on clocks that are there is taken', brings(2, 0, 1, { needs: new Map([[1, 5]]) }), 'take'],
    ['what brings and deletes nothing is known', { brings: [], needs: new Map(), deletes: false }, 'known'],
  ])('[DOC4] %s', (_title, content, verdict) => {
    expect(judge(state, NOTHING, content, by('alice')).verdict).toBe(verdict);
  });

  it('[DOC4] what is on its way counts as there, and is looked at first', () => {
    const ahead = stateOf([brings(1, 5, 9), by('alice')]);
    expect(judge(state, ahead, brings(1, 9, 10), by('alice')).verdict).toBe('take');
    expect(judge(state, ahead, brings(1, 5, 9), by('alice')).verdict).toBe('known');
    expect(judge(state, NOTHING, brings(1, 9, 10), by('alice')).verdict).toBe('gap');
  });
});

describe('nobody goes on with a client id of another', () => {
  it('[DOC4] whoever brought it first has it, also on its way; what is known of it anybody may repeat', () => {
    const state = stateOf([brings(1, 0, 5), by('alice')]);
    expect(judge(state, NOTHING, brings(1, 5, 6), by('mallory'))).toEqual({ verdict: 'foreign', client: 1 });
    expect(judge(NOTHING, state, brings(1, 5, 6), by('mallory')).verdict).toBe('foreign');
    expect(judge(state, NOTHING, brings(1, 0, 5), by('mallory')).verdict).toBe('known');
    // Naming it makes it nobody's who has not got it.
    expect(judge(state, NOTHING, brings(1, 5, 6), by('mallory', { names: new Set([1]) })).verdict).toBe(
      'foreign',
    );
    expect(judge(state, NOTHING, brings(1, 5, 6), by('mallory', { full: true })).verdict).toBe('foreign');
  });

  it("the server's own ids are nobody else's", () => {
    const state = stateOf([brings(1, 0, 1), by(null)]);
    expect(judge(state, NOTHING, brings(1, 1, 2), by('alice')).verdict).toBe('foreign');
    expect(judge(state, NOTHING, brings(1, 1, 2), by(null)).verdict).toBe('take');
  });

  it('what somebody brings of others in a whole copy is held for whoever names it and goes on with it', () => {
    const copy = by('alice', { full: true, names: new Set([1]) });
    const state = stateOf([brings(1, 0, 2), copy], [brings(2, 0, 3), copy]);
    expect(state.owners.get(1)).toEqual({ user: 'alice', held: false });
    expect(state.owners.get(2)).toEqual({ user: 'alice', held: true });
    const bob = by('bob', { names: new Set([2]) });
    expect(judge(state, NOTHING, brings(2, 3, 4), by('mallory')).verdict).toBe('foreign');
    expect(judge(state, NOTHING, brings(2, 3, 4), bob).verdict).toBe('take');
    expect(judge(state, NOTHING, brings(1, 2, 3), by('bob', { names: new Set([1]) })).verdict).toBe(
      'foreign',
    );
    add(state, brings(2, 3, 4), authorOf('bob', noteOf(brings(2, 3, 4), bob)));
    expect(state.owners.get(2)).toEqual({ user: 'bob', held: false });
    expect(judge(state, NOTHING, brings(2, 4, 5), copy).verdict).toBe('foreign');
  });
});

describe('every node comes to the same owners from the log alone', () => {
  it.each([
    ['a change', by('alice', { names: new Set([1]) })],
    ['a copy with ids of its own', by('alice', { full: true, names: new Set([1, 7]) })],
    ['a copy without', by('alice', { full: true })],
  ])('%s', (_title, author) => {
    const content: UpdateContent = {
      brings: [
        { client: 1, from: 0, to: 2 },
        { client: 2, from: 0, to: 2 },
      ],
      needs: new Map(),
      deletes: false,
    };
    const there = stateOf([content, author]);
    const elsewhere = stateOf([content, authorOf('alice', noteOf(content, author))]);
    expect(elsewhere).toEqual(there);
  });

  it('a note has at most 128 characters; what has no room in it is held', () => {
    const ids = Array.from({ length: 16 }, (_, index) => Number.MAX_SAFE_INTEGER - index);
    const content = {
      brings: ids.map((client) => ({ client, from: 0, to: 1 })),
      needs: new Map(),
      deletes: false,
    };
    const note = noteOf(content, by('alice', { full: true, names: new Set(ids) })) ?? '';
    expect(note.length).toBeLessThanOrEqual(128);
    const { owners } = stateOf([content, authorOf('alice', note)]);
    expect([...owners.values()].filter(({ held }) => !held)).toHaveLength(7);
  });

  it('owners are kept as text, and what cannot be read is nobody', () => {
    const { owners } = stateOf([brings(1, 0, 1), by('a"b')], [brings(2, 0, 1), by(null, { full: true })]);
    expect(decodeOwners(encodeOwners(owners))).toEqual(owners);
    for (const text of ['', '{', '{}', '[1,null,["x","y"],[1],[1.5,"u"]]'])
      expect(decodeOwners(text).size).toBe(0);
  });
});
