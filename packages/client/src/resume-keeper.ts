import type { KeptStatus, StatusPatch } from './core/own-status.ts';

/** What keeps a session: the part of the Web Storage API that is used. */
export interface StorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** What a life of the page leaves to the next. */
export type Kept = { readonly resume: string | null; readonly own: KeptStatus };

/**
 * Keeps the resume token where it outlives the page, so that a reload goes on with the session; and the own status, so
 * that a session which cannot go on any more begins with it. In a page they lie in the storage only while the page is
 * put aside (hidden, unloading, disconnected): browsers copy the session storage into a duplicated tab, and two tabs with
 * one token would take the session from each other.
 *
 * Storage that fails costs the session over a reload, nothing else.
 */
export type ResumeKeeper = {
  /** The client wakes: @returns what an earlier life left, the first time */
  take(aside: boolean): Kept | null;
  keepToken(token: string | null): void;
  keepOwn(own: KeptStatus): void;
  putAside(aside: boolean): void;
};

export function createResumeKeeper(storage: StorageLike | null, key: string): ResumeKeeper {
  let resume: string | null = null;
  let own: KeptStatus = { confirmed: {}, pending: {} };
  let taken = false;
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
    // What an earlier life left stands until it was looked at.
    if (!taken) return;
    const nothing = resume === null && isEmpty(own.confirmed) && isEmpty(own.pending);
    const text = inStorage && !nothing ? JSON.stringify({ resume, ...own }) : null;
    attempt((into) => (text === null ? into.removeItem(key) : into.setItem(key, text)));
  }

  return {
    take(aside) {
      const found = taken ? null : parse(attempt((from) => from.getItem(key)) ?? '');
      taken = true;
      inStorage = aside;
      if (found !== null) {
        resume = found.resume;
        own = {
          confirmed: { ...found.own.confirmed, ...own.confirmed },
          pending: { ...found.own.pending, ...own.pending },
        };
      }
      write();
      return found;
    },
    keepToken(token) {
      resume = token;
      // Out of the storage lies nothing: the token in it is this one's forerunner, or none.
      if (inStorage) write();
    },
    keepOwn(next) {
      own = next;
      if (inStorage) write();
    },
    putAside(aside) {
      if (inStorage === aside) return;
      inStorage = aside;
      write();
    },
  };
}

/** What the storage holds was written by whoever may write there. */
function parse(text: string): Kept | null {
  try {
    const { resume, confirmed, pending } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return {
      resume: typeof resume === 'string' && resume !== '' ? resume : null,
      own: { confirmed: texts(confirmed), pending: texts(pending) },
    };
  } catch {
    // Empty, or not of this SDK.
    return null;
  }
}

function texts(value: unknown): StatusPatch {
  const entries: [string, unknown][] = typeof value === 'object' ? Object.entries(value ?? {}) : [];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function isEmpty(patch: StatusPatch): boolean {
  return Object.keys(patch).length === 0;
}
