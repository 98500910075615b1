import { decideConfirm, decideDetach, decideResume, mayEnd } from '../../core/session/resume.ts';
import type { StampSource } from '../../core/presence/stamp.ts';
import type {
  ResumeRequest,
  ResumeResult,
  SessionRecord,
  SessionStanding,
  SharedSessionStore,
} from '../../ports/sessions.ts';
import type { Shared } from './cluster-shared.ts';
import type { StoreLine } from './cluster-line.ts';
import { endStored } from './cluster-presence.ts';
import { type Recall, forgetSession } from './cluster-recall.ts';
import { type HolderNote, addNote, dropNote, sessionByToken } from './cluster-state.ts';

export type ClusterSessionsParts = {
  readonly shared: Shared;
  readonly node: string;
  readonly line: StoreLine;
  readonly recall: Recall;
  readonly stamps: StampSource;
  readonly nowMs: () => number;
  readonly steadyMs: () => number;
  /** Steps to be made before the store is relied on again. */
  readonly owed: Set<() => void>;
};

/**
 * A node's face of the sessions. As in Redis the index of holders lies elsewhere, so that it takes steps of its own: written
 * before the session, cleared behind it.
 */
export function createClusterSessions(parts: ClusterSessionsParts): SharedSessionStore {
  const { shared, node, line, recall, stamps, nowMs, steadyMs, owed } = parts;
  const noteOf = ({ user, device, id }: SessionRecord): HolderNote => ({ user, device, session: id });

  /** Behind the session: should it fail, it is made up for with the next renewal. */
  function clear(at: string, note: HolderNote): void {
    const step = (): void => dropNote(shared.state, at, note);
    line.run(step).catch(() => owed.add(step));
  }

  /**
   * A call was given up, and may have been carried out: then nobody is there for what it made, and its client comes back, or the
   * node finds it forgotten.
   */
  function giveBack(tokenHash: string): void {
    owed.add(() => {
      for (const session of shared.state.sessions.values()) {
        if (session.tokenHash !== tokenHash || session.node !== node) continue;
        recall.sessions.delete(session.id);
        if (session.detachedAtMs === null)
          shared.state.sessions.set(session.id, { ...session, detachedAtMs: steadyMs() });
      }
    });
  }

  async function resume(request: ResumeRequest): Promise<ResumeResult> {
    const { user, tokenHash } = request;
    const found = await line.run(() => sessionByToken(shared.state, user, tokenHash));
    if (found?.user !== user) return { ok: false, reason: found === undefined ? 'unknown' : 'foreign' };
    const note = noteOf(found);
    const result = await entering(found.id, async () => {
      await line.run(() => addNote(shared.state, node, note));
      return line.run(() => takeStored(found.id, request));
    });
    if (!result.ok) clear(node, note);
    else if (result.from !== node) clear(result.from, note);
    return result;
  }

  /** What is noted and not yet held must not be taken for forgotten. */
  async function entering<T>(id: string, enter: () => Promise<T>): Promise<T> {
    recall.entering.add(id);
    try {
      return await enter();
    } finally {
      recall.entering.delete(id);
    }
  }

  function takeStored(id: string, request: ResumeRequest): ResumeResult {
    const decided = decideResume(shared.state.sessions.get(id), request, shared.times.graceMs);
    if (!decided.ok) return decided;
    shared.state.sessions.set(id, decided.session);
    recall.sessions.set(id, decided.session);
    return decided;
  }

  /** Changes a session where `generation` is the present one. @returns whether it is */
  async function change(
    id: string,
    generation: number,
    next: (record: SessionRecord) => SessionRecord | null,
  ): Promise<boolean> {
    const own = recall.sessions.get(id);
    if (own?.generation === generation) recall.sessions.set(id, next(own) ?? own);
    return line.run(() => {
      const record = shared.state.sessions.get(id);
      if (record?.generation !== generation) return false;
      shared.state.sessions.set(id, next(record) ?? record);
      return true;
    });
  }

  return {
    async create(session, most) {
      const note = noteOf(session);
      try {
        const result = await entering(session.id, async () => {
          await line.run(() => addNote(shared.state, node, note));
          return line.run(() => {
            const created = createStored(shared, session, most);
            if (created.ok) recall.sessions.set(session.id, session);
            return created;
          });
        });
        if (!result.ok) clear(node, note);
        return result;
      } catch (error) {
        giveBack(session.tokenHash);
        clear(node, note);
        throw error;
      }
    },
    async resume(request) {
      try {
        return await resume(request);
      } catch (error) {
        giveBack(request.nextTokenHash);
        throw error;
      }
    },
    confirm: (id, generation) => change(id, generation, (record) => decideConfirm(record, generation)),
    detach: (id, generation, atMs) =>
      change(id, generation, (record) => decideDetach(record, generation, atMs)),
    async end(id, generation) {
      const ended = await line.run(() => {
        const record = shared.state.sessions.get(id);
        if (!mayEnd(record, generation)) return null;
        endStored(shared, record, { nowMs: nowMs(), stamp: stamps.next(nowMs()) });
        return record;
      });
      const own = recall.sessions.get(id);
      // Ended by others, or gone on elsewhere: it is not this node's to put back.
      if (own !== undefined && (ended !== null || own.generation === generation)) forgetSession(recall, own);
      if (ended !== null) clear(ended.node, noteOf(ended));
      return ended !== null;
    },
    sessionsOf: (user) =>
      line.run(() => [...shared.state.sessions.values()].filter((session) => session.user === user)),
    restore: () => Promise.resolve([]),
    generationsOf: (sessions) => line.run(() => sessions.map(({ id }) => standingOf(shared, id))),
  } satisfies SharedSessionStore;
}

function standingOf({ state }: Shared, id: string): SessionStanding {
  return state.sessions.get(id)?.generation ?? (state.ended.has(id) ? 'over' : 'unknown');
}

function createStored({ state }: Shared, session: SessionRecord, most: number) {
  const ofUser = [...state.sessions.values()].filter(({ user }) => user === session.user);
  if (ofUser.length < most) {
    state.sessions.set(session.id, session);
    return { ok: true } as const;
  }
  const unheld = ofUser
    .filter(({ detachedAtMs }) => detachedAtMs !== null)
    .toSorted((a, b) => (a.detachedAtMs ?? 0) - (b.detachedAtMs ?? 0));
  return { ok: false, oldestUnheld: unheld[0] ?? null } as const;
}
