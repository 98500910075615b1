import type { LockManagerLike } from './tab-host.ts';

/** Of other tabs: their lines on the hub of this one. */
export type TabWatch = {
  opened(line: string): void;
  closed(line: string): void;
  /** This tab does not lead any more. */
  end(): void;
};

/** The tab that a line belongs to. */
export function tabOf(line: string): string {
  return line.slice(0, line.indexOf(':'));
}

/**
 * Learns of the end of tabs that could not say so: each holds a lock as long as it lives, and whoever waits for that gets it then.
 *
 * @param lockOf the name of a tab's lock
 * @param gone a line's tab is gone
 */
export function watchTabs(
  locks: LockManagerLike,
  lockOf: (tab: string) => string,
  gone: (line: string) => void,
): TabWatch {
  const others = new Map<string, Set<string>>();
  const over = new AbortController();

  return {
    opened(line) {
      const tab = tabOf(line);
      const known = others.get(tab);
      if (known !== undefined) return void known.add(line);
      const lines = new Set([line]);
      others.set(tab, lines);
      locks
        .request(lockOf(tab), { signal: over.signal }, async () => {
          others.delete(tab);
          if (!over.signal.aborted) for (const each of lines) gone(each);
        })
        // It was called off.
        .catch(() => {});
    },
    closed: (line) => void others.get(tabOf(line))?.delete(line),
    end: () => over.abort(),
  };
}
