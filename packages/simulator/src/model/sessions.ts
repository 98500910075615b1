import type { Line } from '../network/line.ts';
import type { Device } from './devices.ts';
import type { Outages } from './outages.ts';

/** A session as the wire shows it; one whose token was never sent has no id, and yet holds its device. */
export type Session = {
  readonly user: string;
  id: string | null;
  device: Device | null;
  readonly beganMs: number;
  line: Line | null;
  /** When the last connection began to suffer, and when the server lost it, ms. */
  lostMs: number;
  /** The same of the connection before the last: as the node had it then, should nobody know of it since, ms. */
  formerLostMs: number;
  endedMs: number;
  /** Ended by a logout or an erasure, or perhaps about to be. */
  ended: boolean;
  /** Two clients hold its tokens: they take it from each other. */
  duplicated: boolean;
  /** A login that names it reached the server, after an absence of so many ms, and is under way on this line. */
  claim: { readonly line: Line; readonly absentMs: number } | null;
};

export type Sessions = {
  begin(user: string, line: Line): Session;
  /** A login that names the session reached the server. */
  claim(session: Session, line: Line): void;
  attach(session: Session, line: Line): void;
  /** The server lost a line. */
  detach(line: Line): void;
  /** The server handed this token out for the session. */
  remember(token: string, session: Session): void;
  byToken(token: string): Session | undefined;
  byId(id: string): Session | undefined;
  of(user: string): readonly Session[];
  /** How long the session has been without a line that works in all, service downtime taken out, ms. */
  absentMs(session: Session): number;
  /** How long the server has surely been without a connection for it, service downtime taken out, ms. */
  abandonedMs(session: Session): number;
  forget(session: Session): void;
  /** Forgets what has been absent for so long that nothing of it can be left. */
  prune(): void;
};

/** What checking a login takes at most, ms. */
const CLAIM_MARGIN_MS = 2_000;

/** A session that was absent for longer than this has ended, and whatever its end caused has been told, ms. */
const FORGOTTEN_MS = 1_000_000;

/**
 * @param cutSinceMs since when the node at the end of a line has been cut from what nodes share: its clients may be taken for
 *   gone. Null for never
 */
export function createSessions(
  nowMs: () => number,
  graceMs: number,
  outages: Outages,
  cutSinceMs: (line: Line) => number | null = () => null,
): Sessions {
  const all = new Set<Session>();
  const tokens = new Map<string, Session>();

  return {
    begin(user, line) {
      const session: Session = {
        user,
        id: null,
        device: null,
        beganMs: nowMs(),
        line,
        lostMs: nowMs(),
        formerLostMs: -Infinity,
        endedMs: nowMs(),
        ended: false,
        duplicated: false,
        claim: null,
      };
      all.add(session);
      return session;
    },
    claim(session, line) {
      const absent = absentMs(session);
      // A login that comes in the last moment may be too late by the time it has been checked.
      if (session.line === null && absent < graceMs - CLAIM_MARGIN_MS)
        session.claim = { line, absentMs: absent };
    },
    attach(session, line) {
      if (session.line !== line) session.formerLostMs = session.line === null ? session.lostMs : nowMs();
      session.line = line;
      session.claim = null;
    },
    detach(line) {
      for (const session of all) {
        if (session.claim?.line === line) session.claim = null;
        if (session.line !== line) continue;
        session.line = null;
        session.lostMs = impairedSinceMs(line) ?? nowMs();
        session.endedMs = nowMs();
      }
    },
    remember: (token, session) => void tokens.set(token, session),
    byToken: (token) => tokens.get(token),
    byId: (id) => [...all].find((session) => session.id === id),
    of: (user) => [...all].filter((session) => session.user === user),
    absentMs,
    abandonedMs,
    forget: (session) => void all.delete(session),
    prune() {
      for (const session of all) if (abandonedMs(session) > FORGOTTEN_MS) all.delete(session);
    },
  };

  function impairedSinceMs(line: Line): number | null {
    const cutMs = cutSinceMs(line);
    if (cutMs === null) return line.impairedSinceMs;
    return Math.min(line.impairedSinceMs ?? cutMs, cutMs);
  }

  function abandonedMs({ line, endedMs }: Session): number {
    return line === null ? nowMs() - endedMs - outages.sinceMs(endedMs) : 0;
  }

  function absentMs({ line, lostMs, endedMs, claim }: Session): number {
    if (line !== null) return nowMs() - (impairedSinceMs(line) ?? nowMs());
    if (claim !== null && impairedSinceMs(claim.line) === null) return claim.absentMs;
    return nowMs() - lostMs - outages.sinceMs(endedMs);
  }
}
