import { decideConfirm, decideDetach } from '../../core/session/resume.ts';
import type { SessionRecord, SessionStanding, SharedSessionStore } from '../../ports/sessions.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';
import type { GivenUp } from './given-up.ts';
import type { HeldUser } from './held-user.ts';
import type { Holders } from './holders.ts';
import type { Keys } from './keys.ts';
import type { Missing } from './missing.ts';
import { createOwners } from './owners.ts';
import type { RedisLink } from './redis-link.ts';
import { listOf, pairsOf, textOf } from './reply-values.ts';
import { loadScript } from './script.ts';
import { readSession, sessionTuple } from './session-text.ts';
import { userKeys } from './user-keys.ts';
import { type UserScripts, loadUserScript } from './user-scripts.ts';

const CREATE = loadScript('session-create');
const RESUME = loadScript('session-resume');
const DISOWN = loadScript('session-disown');
const CHANGE = loadUserScript('session-change');
const END = loadUserScript('session-end');

/** How often what was given up is looked for. */
const LOOKS = 2;

export type RedisSessionsOptions = {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly scripts: UserScripts;
  readonly holders: Holders;
  readonly givenUp: GivenUp;
  readonly missing: Missing;
  /** How long a session waits for its client. */
  readonly graceMs: number;
  readonly steadyMs: () => number;
};

export type RedisSessions = SharedSessionStore & {
  /** Whether this node has just ended the session, and with that let go of its device. True once. */
  letGo(id: string): boolean;
};

/** Sessions whose end is remembered until their device is asked for, at most. */
const ENDED_REMEMBERED = 10_000;

/** Sessions that all nodes share, in Redis: those of a user in one hash, each decision in one script. */
export function createRedisSessions(options: RedisSessionsOptions): RedisSessions {
  const { link, keys, scripts, holders, givenUp, missing, graceMs, steadyMs } = options;
  const owners = createOwners();
  const ended = new Set<string>();

  function told(record: SessionRecord): SessionRecord {
    if (holders.session(record.id) === undefined) owners.remember(record);
    return record;
  }

  function noteEnded(id: string): void {
    ended.add(id);
    if (ended.size <= ENDED_REMEMBERED) return;
    for (const oldest of ended) {
      ended.delete(oldest);
      return;
    }
  }

  function drop(id: string): void {
    holders.dropSession(id);
    owners.forget(id);
  }

  /** The answer did not come: the session may be there, and its client was told that it is not. */
  function doubtCreated(held: HeldUser, { id, user, generation }: SessionRecord): void {
    let looks = 0;
    givenUp.add(held, async () => {
      await endStored(user, id, generation);
      return ++looks >= LOOKS;
    });
  }

  /** The answer did not come: the session may have a generation that nobody has. It waits for its client as any other. */
  function doubtResumed(held: HeldUser, tokenHash: string): void {
    const { user } = held;
    const { sessions } = userKeys(keys, user);
    let looks = 0;
    let found: { readonly id: string; readonly generation: number; readonly sinceMs: number } | null = null;
    givenUp.add(held, async () => {
      if (found === null) {
        const sinceMs = steadyMs();
        const reply = await link.run(DISOWN, [sessions], [tokenHash, holders.node, String(sinceMs)]);
        const [id, generation] = listOf(reply);
        if (id === undefined) return ++looks >= LOOKS;
        found = { id: textOf(id), generation: Number(generation), sinceMs };
        return false;
      }
      if (steadyMs() - found.sinceMs < graceMs) return false;
      await endStored(user, found.id, found.generation);
      return true;
    });
  }

  async function endStored(user: string, id: string, generation: number): Promise<number> {
    const [code, shown] = await scripts.run(END, user, [id, String(generation), holders.node]);
    if (code === 1) scripts.shown(shown, holders.get(user));
    return Number(code);
  }

  /** Whether this node has no later generation of it, which may have come back here meanwhile. */
  function isOld(id: string, generation: number): boolean {
    return (holders.session(id)?.generation ?? generation) <= generation;
  }

  function userOf(id: string): string | undefined {
    return holders.session(id)?.user ?? owners.of(id);
  }

  /** Redis knows nothing of the session. Where it lives here, Redis lost it, and is given it back. */
  function putBackWhereOurs(user: string, id: string, generation: number): void {
    if (!holders.lives(id, generation)) return;
    missing.note(user);
    throw storeUnavailable('Redis has lost a session, which is put back');
  }

  async function change(
    id: string,
    generation: number,
    detachedAtMs: number | null,
    decide: (record: SessionRecord) => SessionRecord | null,
  ): Promise<boolean> {
    const user = userOf(id);
    if (user === undefined) return false;
    const held = holders.enter(user);
    try {
      const own = holders.session(id);
      // Also where it cannot be told: what is put back into a store that forgot is what happened here.
      const decided = own?.generation === generation ? decide(own) : null;
      if (decided !== null) holders.keepSession(held, decided);
      const at = detachedAtMs === null ? '' : String(detachedAtMs);
      const [code] = await scripts.run(CHANGE, user, [id, String(generation), at]);
      if (code === -1) putBackWhereOurs(user, id, generation);
      if (code === -2 || (code === 0 && isOld(id, generation))) drop(id);
      return code === 1;
    } finally {
      holders.exit(held);
    }
  }

  /** What no hash has may be over, or lost: the set of those that are over tells. Read behind the hash, for it is written with it. */
  async function standingOf(user: string, id: string): Promise<SessionStanding> {
    const { sessions, ended: over } = userKeys(keys, user);
    const text = await link.command(sessions, 'HGET', sessions, id);
    if (typeof text === 'string') return readSession(user, id, text).generation;
    return (await link.command(over, 'SISMEMBER', over, id)) === 1 ? 'over' : 'unknown';
  }

  return {
    async create(session, most) {
      const { id, user } = session;
      const { sessions } = userKeys(keys, user);
      const held = holders.enter(user);
      const maySend = link.up;
      try {
        const [ok, oldestId, oldest] = await holders.noted(held, async () =>
          listOf(
            await link.run(CREATE, [sessions], [id, JSON.stringify(sessionTuple(session)), String(most)]),
          ),
        );
        if (ok === 1) {
          holders.keepSession(held, session);
          return { ok: true };
        }
        if (typeof oldestId !== 'string' || typeof oldest !== 'string')
          return { ok: false, oldestUnheld: null };
        return { ok: false, oldestUnheld: told(readSession(user, oldestId, oldest)) };
      } catch (error) {
        if (maySend) doubtCreated(held, session);
        throw error;
      } finally {
        holders.exit(held);
      }
    },
    async resume({ user, tokenHash, nextTokenHash, node, nowMs }) {
      const { sessions } = userKeys(keys, user);
      const held = holders.enter(user);
      const maySend = link.up;
      try {
        const args = [tokenHash, nextTokenHash, node, String(nowMs), String(graceMs)];
        const [ok, id, text, from] = await holders.noted(held, async () =>
          listOf(await link.run(RESUME, [sessions], args)),
        );
        if (ok !== 1) return { ok: false, reason: id === 'expired' ? 'expired' : 'unknown' };
        const session = readSession(user, textOf(id), textOf(text));
        holders.keepSession(held, session);
        return { ok: true, session, from: textOf(from) };
      } catch (error) {
        if (maySend) doubtResumed(held, nextTokenHash);
        throw error;
      } finally {
        holders.exit(held);
      }
    },
    confirm: (id, generation) => change(id, generation, null, (record) => decideConfirm(record, generation)),
    detach: (id, generation, nowMs) =>
      change(id, generation, nowMs, (record) => decideDetach(record, generation, nowMs)),
    async end(id, generation) {
      const user = userOf(id);
      if (user === undefined) return false;
      const isFirst = holders.lives(id, generation);
      holders.endAsked(id);
      const code = await endStored(user, id, generation);
      holders.endAnswered(id);
      // Asked for before, it has ended.
      if (code === -1 && isFirst) putBackWhereOurs(user, id, generation);
      // Elsewhere by now, unless it came back here meanwhile: then a later generation of it is kept.
      if (code !== 0 || isOld(id, generation)) drop(id);
      if (code === 1) noteEnded(id);
      return code === 1;
    },
    async sessionsOf(user) {
      const { sessions } = userKeys(keys, user);
      const reply = await link.command(sessions, 'HGETALL', sessions);
      return pairsOf(reply).map(([id, text]) => told(readSession(user, id, text)));
    },
    /** Sessions outlive the nodes here: what a dead one has left is swept. */
    restore: () => Promise.resolve([]),
    generationsOf: (sessions) => Promise.all(sessions.map(({ user, id }) => standingOf(user, id))),
    letGo: (id) => ended.delete(id),
  } satisfies RedisSessions;
}
