import type { SessionRecord } from '../../ports/sessions.ts';

/** Session records by id, by each of their two token hashes and by user. Holds no rules. */
export type SessionTable = {
  get(id: string): SessionRecord | undefined;
  byToken(tokenHash: string): SessionRecord | undefined;
  ofUser(user: string): readonly SessionRecord[];
  /** Adds the record, or puts it in the place of the one with its id. */
  set(record: SessionRecord): void;
  delete(record: SessionRecord): void;
};

export function createSessionTable(): SessionTable {
  const byId = new Map<string, SessionRecord>();
  const idByToken = new Map<string, string>();
  /** One id, or a set where a user has several sessions: most have one, and a set each would cost 200 bytes. */
  const idsByUser = new Map<string, string | Set<string>>();

  function dropTokens(record: SessionRecord): void {
    idByToken.delete(record.tokenHash);
    if (record.previousTokenHash !== null) idByToken.delete(record.previousTokenHash);
  }

  function addToUser(user: string, id: string): void {
    const ids = idsByUser.get(user);
    if (ids === undefined) idsByUser.set(user, id);
    else if (typeof ids !== 'string') ids.add(id);
    else if (ids !== id) idsByUser.set(user, new Set([ids, id]));
  }

  function dropFromUser(user: string, id: string): void {
    const ids = idsByUser.get(user);
    if (ids === undefined) return;
    if (typeof ids === 'string') {
      if (ids === id) idsByUser.delete(user);
      return;
    }
    ids.delete(id);
    if (ids.size === 0) idsByUser.delete(user);
  }

  return {
    get: (id) => byId.get(id),
    byToken(tokenHash) {
      const id = idByToken.get(tokenHash);
      return id === undefined ? undefined : byId.get(id);
    },
    ofUser(user) {
      const ids = idsByUser.get(user);
      if (ids === undefined) return [];
      const records: SessionRecord[] = [];
      for (const id of typeof ids === 'string' ? [ids] : ids) {
        const record = byId.get(id);
        if (record !== undefined) records.push(record);
      }
      return records;
    },
    set(record) {
      const before = byId.get(record.id);
      if (before !== undefined) dropTokens(before);
      else addToUser(record.user, record.id);
      byId.set(record.id, record);
      idByToken.set(record.tokenHash, record.id);
      if (record.previousTokenHash !== null) idByToken.set(record.previousTokenHash, record.id);
    },
    delete(record) {
      const current = byId.get(record.id);
      if (current === undefined) return;
      dropTokens(current);
      dropFromUser(current.user, current.id);
      byId.delete(current.id);
    },
  };
}
