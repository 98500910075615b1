import {
  afterDowntime,
  decideConfirm,
  decideDetach,
  decideResume,
  mayEnd,
} from '../../core/session/resume.ts';
import type { Journal } from '../../ports/journal.ts';
import type { SessionRecord, SessionStore } from '../../ports/sessions.ts';
import { type Restart, settled } from './restart.ts';
import { createSessionTable } from './session-table.ts';

/** Sessions written to the journal at a time after a restart: all that a node usually has, and less than its queue takes. */
const REWRITTEN_AT_ONCE = 50_000;

export type MemorySessionsOptions = {
  readonly journal: Journal;
  /** How long a session waits for its client. */
  readonly graceMs: number;
  /** What an earlier life of the process left; absent for a store that begins empty. */
  readonly restart?: Restart | undefined;
};

/** A session whose resumes, one or several, wait for the journal. */
type Resuming = {
  /** What counts if every one of them is refused: the last record that the journal took, as it has changed since. */
  kept: SessionRecord;
  underWay: number;
  readonly over: PromiseWithResolvers<void>;
};

/**
 * The sessions of a single node, in its memory, with a journal beside it. Every decision is made within the call, so
 * that of two resumes in one turn the second sees what the first did; the promise waits for the journal.
 */
export function createMemorySessions({ journal, graceMs, restart }: MemorySessionsOptions): SessionStore {
  const table = createSessionTable();
  const resuming = new Map<string, Resuming>();
  const kept =
    restart?.contents.sessions.map((record) =>
      afterDowntime(record, restart.contents.aliveAtMs, restart.nowMs),
    ) ?? [];
  for (const record of kept) table.set(record);

  /**
   * The journal must hold the moved times too: a second crash would else count the first downtime as absence. Begun at
   * once, so that no sign of this life comes before them: it would date the times of the one before.
   */
  async function rewriteKept(): Promise<void> {
    for (let from = 0; from < kept.length; from += REWRITTEN_AT_ONCE) {
      const writes: Promise<void>[] = [];
      for (const { id } of kept.slice(from, from + REWRITTEN_AT_ONCE)) {
        // As it is by now: it may have been resumed or ended meanwhile.
        const record = table.get(id);
        if (record !== undefined) writes.push(journal.putSession(record));
      }
      await settled(writes);
    }
  }

  const rewritten = rewriteKept();
  // A failure is told by `restore`, which may be called later than it happens.
  rewritten.catch(() => undefined);

  async function put(record: SessionRecord): Promise<void> {
    table.set(record);
    await journal.putSession(record);
  }

  return {
    async create(session, most) {
      const ofUser = table.ofUser(session.user);
      if (ofUser.length >= most) return { ok: false, oldestUnheld: oldestUnheld(ofUser) };
      table.set(session);
      try {
        await journal.putSession(session);
      } catch (error) {
        // The client will be told that there is no session, so nothing may remain that nobody can resume.
        if (table.get(session.id) === session) table.delete(session);
        throw error;
      }
      return { ok: true };
    },
    async resume(request) {
      const before = table.byToken(request.tokenHash);
      const result = decideResume(before, request, graceMs);
      if (before === undefined || !result.ok) return result;
      const { session } = result;
      const resumes = resuming.get(session.id) ?? {
        kept: before,
        underWay: 0,
        over: Promise.withResolvers<void>(),
      };
      resuming.set(session.id, resumes);
      resumes.underWay++;
      try {
        await put(session);
        resumes.kept = session;
      } catch (error) {
        // The client is told that it did not work. Not the record before this one: that may be of a resume that was
        // refused too, and then nobody has its generation.
        if (table.get(session.id) === session) table.set(resumes.kept);
        throw error;
      } finally {
        resumes.underWay--;
        if (resumes.underWay === 0) {
          resuming.delete(session.id);
          resumes.over.resolve();
        }
      }
      // Ended meanwhile, by an erasure: a client that went on with it would hold a device that nobody takes away.
      return table.get(session.id) === undefined ? { ok: false, reason: 'unknown' } : result;
    },
    async confirm(id, generation) {
      const record = table.get(id);
      if (record?.generation !== generation) return false;
      const confirmed = decideConfirm(record, generation);
      if (confirmed !== null) await put(confirmed);
      return true;
    },
    async detach(id, generation, nowMs) {
      const record = table.get(id);
      const resumes = resuming.get(id);
      // Should the resume be refused, this is the generation that comes back, and it has no connection then.
      if (resumes !== undefined) resumes.kept = decideDetach(resumes.kept, generation, nowMs) ?? resumes.kept;
      if (record?.generation !== generation) return false;
      const detached = decideDetach(record, generation, nowMs);
      if (detached !== null) await put(detached);
      return true;
    },
    async end(id, generation) {
      // Until the resumes under way are stored or refused nobody knows whether this generation is over.
      if (!mayEnd(table.get(id), generation)) await resuming.get(id)?.over.promise;
      const record = table.get(id);
      if (!mayEnd(record, generation)) return false;
      table.delete(record);
      try {
        await journal.dropSession(id);
      } catch (error) {
        // The journal still has it, so it is not over: whoever asks again must find it, or it would end for nobody.
        if (table.get(id) === undefined) table.set(record);
        throw error;
      }
      return true;
    },
    sessionsOf: (user) => Promise.resolve(table.ofUser(user)),
    async restore() {
      await rewritten;
      return kept;
    },
  } satisfies SessionStore;
}

/** The one whose client has been gone for longest. */
function oldestUnheld(sessions: readonly SessionRecord[]): SessionRecord | null {
  let oldest: SessionRecord | null = null;
  for (const session of sessions) {
    if (session.detachedAtMs === null) continue;
    if (oldest === null || session.detachedAtMs < (oldest.detachedAtMs ?? 0)) oldest = session;
  }
  return oldest;
}
