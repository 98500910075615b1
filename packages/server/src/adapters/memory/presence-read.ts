import { offlineRecord } from '../../core/presence/aggregate.ts';
import type { Directory } from '../../ports/directory.ts';
import type { PresenceRecord } from '../../ports/presence.ts';
import type { PresentUser } from './presence-table.ts';

/**
 * How long the records of those who went offline with the last stop are kept: twice the default grace, after which no
 * client that saw them online can resume.
 */
const GONE_KEPT_MS = 120_000;

export type PresenceReader = {
  read(users: readonly string[]): Promise<readonly PresenceRecord[]>;
  forget(user: string): void;
};

type Sources = {
  readonly users: ReadonlyMap<string, PresentUser>;
  /** Users who went offline with the last stop of the process. */
  readonly gone: ReadonlyMap<string, PresenceRecord> | undefined;
  readonly lastSeen: Pick<Directory, 'lastSeen'>;
  readonly nowMs: () => number;
};

export function createPresenceReader({ users, gone: goneAtStart, lastSeen, nowMs }: Sources): PresenceReader {
  const gone = new Map(goneAtStart);
  const goneUntilMs = nowMs() + GONE_KEPT_MS;

  /** What is known without asking the directory. Version 0: this store has shown nothing of the user. */
  function known(user: string): PresenceRecord | undefined {
    const record = users.get(user)?.record;
    if (record !== undefined && record.version > 0) return record;
    return gone.get(user);
  }

  return {
    async read(asked) {
      if (gone.size > 0 && nowMs() >= goneUntilMs) gone.clear();
      const records = asked.map(known);
      const unknown = asked.filter((_, i) => records[i] === undefined);
      if (unknown.length === 0) return records as PresenceRecord[];
      const seen = await lastSeen.lastSeen(unknown);
      return asked.map((user, i) => {
        const now = known(user) ?? records[i];
        if (now !== undefined) return now;
        const ms = seen.get(user) ?? null;
        // The version that the last change had, to the millisecond: whoever resumes after a restart with an older
        // stamp learns that the user went offline meanwhile.
        return offlineRecord(user, ms, ms === null ? 0 : ms * 1000);
      });
    },
    forget(user) {
      gone.delete(user);
    },
  };
}
