/** A session as stored. It holds only hashes of resume tokens. */
export type SessionRecord = {
  readonly id: string;
  readonly user: string;
  readonly device: string;
  /** The node that its connection is on, or was on last: its home. */
  readonly node: string;
  /** Counts the connections the session has had, from 1. */
  readonly generation: number;
  readonly tokenHash: string;
  /** The token before, good until the client has shown that it holds the newer one; null after that. */
  readonly previousTokenHash: string | null;
  /** When the last connection dropped, ms since the epoch; null while one is attached. */
  readonly detachedAtMs: number | null;
};

export type ResumeRequest = {
  readonly user: string;
  readonly tokenHash: string;
  /** The hash that becomes current, if the resume works. */
  readonly nextTokenHash: string;
  /** The node that the client has come to. */
  readonly node: string;
  readonly nowMs: number;
};

export type ResumeResult =
  /** `from`: the node that had it before, which may still hold an older connection. */
  | { readonly ok: true; readonly session: SessionRecord; readonly from: string }
  /** A store MAY say `unknown` in place of `foreign`. */
  | { readonly ok: false; readonly reason: 'unknown' | 'foreign' | 'expired' };

export type CreateResult =
  | { readonly ok: true }
  /** The user has as many as may be. `oldestUnheld`: the one without a connection for longest, null where there is none. */
  | { readonly ok: false; readonly oldestUnheld: SessionRecord | null };

/** What a store that several nodes share knows of a session: its generation; that it is over for good; or nothing. */
export type SessionStanding = number | 'over' | 'unknown';

/**
 * The sessions and their resume tokens.
 *
 * - `create` MUST refuse a session beyond `most` of one user, whatever other nodes create at the same time, and then
 *   change nothing.
 * - `create`, `resume` and `end` MUST be durable at the store's level when they resolve: what a client is told
 *   afterwards must survive a crash of the process.
 * - `resume` MUST be atomic: of two at once with one token, the later gets a higher generation, and both succeed or
 *   the second is refused; never the same generation twice.
 * - `resume` MUST accept the current token and the previous one while that is kept. It MUST keep as previous the token
 *   that the client presented, for that is the one it surely holds.
 * - `resume` MUST refuse as `expired` a session detached for longer than the grace, and MUST NOT revive it.
 * - `confirm`, `detach` and `end` MUST do nothing and resolve false when `generation` is not the session's current
 *   one: an older connection may no longer change anything.
 * - A resume that rejects MUST leave the session as it was, and `end` MUST answer only when it is known whether a resume
 *   under way works: else a generation may come back of which everybody has been told that it is over.
 * - A store that several nodes share MUST note in `cluster`'s index that a node holds a session before the session
 *   is created or resumed there, and take the note back only when the session is over or has another home: a node that
 *   dies in between must leave nothing that nobody looks for.
 * - Such a store MAY let go of the session's device in the same step as `end`; `PresenceStore.leave` then finds it gone.
 */
export interface SessionStore {
  /** @param most sessions of one user, with a connection or waiting for one */
  create(session: SessionRecord, most: number): Promise<CreateResult>;
  resume(request: ResumeRequest): Promise<ResumeResult>;
  /** The client holds the newest token: the previous one ends. */
  confirm(id: string, generation: number): Promise<boolean>;
  detach(id: string, generation: number, nowMs: number): Promise<boolean>;
  end(id: string, generation: number): Promise<boolean>;
  /** The sessions of one user, for erasure and export. */
  sessionsOf(user: string): Promise<readonly SessionRecord[]>;
  /**
   * Every session that was kept when the process began; `detachedAtMs` is set on all, service downtime taken out. None
   * where the store outlives its nodes: their sessions are swept by the others.
   */
  restore(): Promise<readonly SessionRecord[]>;
}

/**
 * Sessions of several nodes. A node that has a connection learns by a message that its session went on, or ended, elsewhere; here it
 * asks, for messages are lost.
 *
 * - `generationsOf` MUST answer in the order asked, with what the store has, not with what this node remembers.
 * - It MUST say `over` only of a session that was ended and can never go on, and MUST say so for some minutes after another node than
 *   its home ended it. Of a session that the store has lost, or never had, or that is just being created, it MUST say `unknown`.
 * - It MUST NOT change anything, and MUST cost a number of commands that grows with nothing but the number of sessions asked about.
 *   It rejects with `storeUnavailable` where the store does not answer.
 */
export interface SharedSessionStore extends SessionStore {
  /** @param sessions by id, with the user whose they are */
  generationsOf(sessions: readonly Pick<SessionRecord, 'id' | 'user'>[]): Promise<readonly SessionStanding[]>;
}

export function areSessionsShared(sessions: SessionStore): sessions is SharedSessionStore {
  return 'generationsOf' in sessions;
}
