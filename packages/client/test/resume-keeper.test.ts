import { describe, expect, it } from 'vitest';
import { type StorageLike, createResumeKeeper } from '../src/resume-keeper.ts';

/** What a tab has as its session storage; `copy` is what the browser gives a duplicated tab. */
function storage(entries: Record<string, string> = {}): StorageLike & { copy(): Record<string, string> } {
  const held = new Map(Object.entries(entries));
  return {
    getItem: (key) => held.get(key) ?? null,
    setItem: (key, value) => void held.set(key, value),
    removeItem: (key) => void held.delete(key),
    copy: () => Object.fromEntries(held),
  };
}

/** What an earlier life of the page left. */
function left(resume: string | null, confirmed = {}, pending = {}): Record<string, string> {
  return { k: JSON.stringify({ resume, confirmed, pending }) };
}

const SHOWN = false;
const ASIDE = true;

describe('keeping the resume token', () => {
  it('over a reload: it lies in the storage once the page is put aside, newest first', () => {
    const tab = storage();
    const keeper = createResumeKeeper(tab, 'k');
    expect(keeper.take(SHOWN)).toBeNull();
    keeper.keepToken('one');
    keeper.keepToken('two');
    keeper.putAside(ASIDE);
    expect(createResumeKeeper(tab, 'k').take(SHOWN)?.resume).toBe('two');
  });

  it('a duplicated tab does not get it: two tabs would take the session from each other', () => {
    const tab = storage(left('old'));
    const keeper = createResumeKeeper(tab, 'k');
    expect(keeper.take(SHOWN)?.resume).toBe('old');
    expect(tab.copy()).toEqual({});
    keeper.keepToken('new');
    expect(tab.copy()).toEqual({});
    keeper.putAside(ASIDE);
    keeper.putAside(SHOWN);
    expect(tab.copy()).toEqual({});
  });

  it('a second reload before the first login keeps what the first one found', () => {
    const tab = storage(left('old'));
    const keeper = createResumeKeeper(tab, 'k');
    keeper.take(SHOWN);
    keeper.putAside(ASIDE);
    expect(tab.copy()).toEqual(left('old'));
  });

  it('a token that comes while the page is hidden is written at once', () => {
    const tab = storage();
    const keeper = createResumeKeeper(tab, 'k');
    keeper.take(ASIDE);
    keeper.keepToken('one');
    expect(tab.copy()).toEqual(left('one'));
    keeper.keepToken(null);
    expect(tab.copy()).toEqual({});
  });

  it('a token that was ended is nowhere any more', () => {
    const tab = storage();
    const keeper = createResumeKeeper(tab, 'k');
    keeper.take(SHOWN);
    keeper.keepToken('one');
    keeper.keepToken(null);
    keeper.putAside(ASIDE);
    expect(tab.copy()).toEqual({});
  });

  it('storage that throws costs nothing but the reload', () => {
    const broken: StorageLike = {
      getItem: () => {
        throw new Error('SecurityError');
      },
      setItem: () => {
        throw new Error('QuotaExceededError');
      },
      removeItem: () => {
        throw new Error('SecurityError');
      },
    };
    const keeper = createResumeKeeper(broken, 'k');
    expect(keeper.take(SHOWN)).toBeNull();
    keeper.keepToken('one');
    keeper.putAside(ASIDE);
    expect(keeper.take(SHOWN)).toBeNull();
  });

  it('is done once a life: what was ended since does not come back from the storage', () => {
    const tab = storage(left('old'));
    const keeper = createResumeKeeper(tab, 'k');
    expect(keeper.take(ASIDE)?.resume).toBe('old');
    keeper.keepToken(null);
    expect(keeper.take(ASIDE)).toBeNull();
  });

  it('something else in the storage is passed over', () => {
    for (const text of ['', 'old', '[]', 'null', '7', '{"resume":7,"confirmed":[],"pending":"x"}']) {
      const kept = createResumeKeeper(storage({ k: text }), 'k').take(SHOWN);
      expect([kept?.resume ?? null, kept?.own.confirmed ?? {}, kept?.own.pending ?? {}]).toEqual([
        null,
        {},
        {},
      ]);
    }
  });
});

describe('keeping the own status', () => {
  it('over a reload, with and without a session', () => {
    const tab = storage();
    const keeper = createResumeKeeper(tab, 'k');
    keeper.take(SHOWN);
    keeper.keepOwn({ confirmed: { s: 'Invisible' }, pending: { a: 'x' } });
    expect(tab.copy()).toEqual({});
    keeper.putAside(ASIDE);
    expect(createResumeKeeper(storage(tab.copy()), 'k').take(SHOWN)).toEqual({
      resume: null,
      own: { confirmed: { s: 'Invisible' }, pending: { a: 'x' } },
    });
    keeper.keepOwn({ confirmed: {}, pending: {} });
    expect(tab.copy(), 'nothing to keep').toEqual({});
  });

  it('what is set before the first connection does not wipe what an earlier life left', () => {
    const tab = storage(left('old', { s: 'Invisible' }));
    const keeper = createResumeKeeper(tab, 'k');
    keeper.keepOwn({ confirmed: {}, pending: { a: 'x' } });
    expect(keeper.take(ASIDE)).toEqual({
      resume: 'old',
      own: { confirmed: { s: 'Invisible' }, pending: {} },
    });
    expect(tab.copy()).toEqual(left('old', { s: 'Invisible' }, { a: 'x' }));
  });
});
