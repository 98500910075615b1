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

const SHOWN = false;
const ASIDE = true;

describe('keeping the resume token', () => {
  it('over a reload: it lies in the storage once the page is put aside, newest first', () => {
    const tab = storage();
    const keeper = createResumeKeeper(tab, 'k');
    expect(keeper.take(SHOWN)).toBeNull();
    keeper.keep('one');
    keeper.keep('two');
    keeper.putAside(ASIDE);
    expect(createResumeKeeper(tab, 'k').take(SHOWN)).toBe('two');
  });

  it('a duplicated tab does not get it: two tabs would take the session from each other', () => {
    const tab = storage({ k: 'old' });
    const keeper = createResumeKeeper(tab, 'k');
    expect(keeper.take(SHOWN)).toBe('old');
    expect(tab.copy()).toEqual({});
    keeper.keep('new');
    expect(tab.copy()).toEqual({});
    keeper.putAside(ASIDE);
    keeper.putAside(SHOWN);
    expect(tab.copy()).toEqual({});
  });

  it('a second reload before the first login keeps what the first one found', () => {
    const tab = storage({ k: 'old' });
    const keeper = createResumeKeeper(tab, 'k');
    keeper.take(SHOWN);
    keeper.putAside(ASIDE);
    expect(tab.copy()).toEqual({ k: 'old' });
  });

  it('a token that comes while the page is hidden is written at once', () => {
    const tab = storage();
    const keeper = createResumeKeeper(tab, 'k');
    keeper.take(ASIDE);
    keeper.keep('one');
    expect(tab.copy()).toEqual({ k: 'one' });
    keeper.keep(null);
    expect(tab.copy()).toEqual({});
  });

  it('a token that was ended is nowhere any more', () => {
    const tab = storage();
    const keeper = createResumeKeeper(tab, 'k');
    keeper.take(SHOWN);
    keeper.keep('one');
    keeper.keep(null);
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
    keeper.keep('one');
    keeper.putAside(ASIDE);
    expect(keeper.take(SHOWN), 'it is still known in here').toBe('one');
  });
});
