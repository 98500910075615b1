/** What keeps resume tokens: the part of the Web Storage API that is used. */
export interface StorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/**
 * Keeps the resume token where it outlives the page, so that a reload goes on with the session. In a page it lies in the
 * storage only while the page is put aside (hidden, unloading, disconnected): browsers copy the session storage into a
 * duplicated tab, and two tabs with one token would take the session from each other.
 *
 * Storage that fails costs the session over a reload, nothing else.
 */
export type ResumeKeeper = {
  /** The client wakes: @returns what an earlier life left. */
  take(aside: boolean): string | null;
  keep(token: string | null): void;
  putAside(aside: boolean): void;
};

export function createResumeKeeper(storage: StorageLike | null, key: string): ResumeKeeper {
  let token: string | null = null;
  let inStorage = true;

  function attempt<T>(use: (storage: StorageLike) => T): T | null {
    try {
      return storage === null ? null : use(storage);
    } catch {
      // Full, forbidden, or gone with the page's permissions: the client works without.
      return null;
    }
  }

  function write(): void {
    const stored = inStorage ? token : null;
    attempt((into) => (stored === null ? into.removeItem(key) : into.setItem(key, stored)));
  }

  return {
    take(aside) {
      token ??= attempt((from) => from.getItem(key)) || null;
      inStorage = aside;
      write();
      return token;
    },
    keep(next) {
      token = next;
      // What the storage holds is this token's forerunner, or nothing.
      if (inStorage || next === null) write();
    },
    putAside(aside) {
      if (inStorage === aside) return;
      inStorage = aside;
      write();
    },
  };
}
