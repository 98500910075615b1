/** A session as stored. It holds only hashes of resume tokens. */
export type SessionRecord = {
  readonly id: string;
  readonly user: string;
  readonly device: string;
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
  readonly nowMs: number;
};

export type ResumeResult =
  | { readonly ok: true; readonly session: SessionRecord }
  | { readonly ok: false; readonly reason: 'unknown' | 'foreign' | 'expired' };

/**
 * The sessions and their resume tokens.
 *
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
 */
export interface SessionStore {
  create(session: SessionRecord): Promise<void>;
  resume(request: ResumeRequest): Promise<ResumeResult>;
  /** The client holds the newest token: the previous one ends. */
  confirm(id: string, generation: number): Promise<boolean>;
  detach(id: string, generation: number, nowMs: number): Promise<boolean>;
  end(id: string, generation: number): Promise<boolean>;
  /** The sessions of one user, for erasure and export. */
  sessionsOf(user: string): Promise<readonly SessionRecord[]>;
  /** Every session that was kept when the process began; `detachedAtMs` is set on all, service downtime taken out. */
  restore(): Promise<readonly SessionRecord[]>;
}
