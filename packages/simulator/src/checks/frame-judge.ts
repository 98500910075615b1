import type { DownMessage } from '@carillon/protocol';
import { AUDIENCE_PARTS, type AudiencePart } from '../model/audience.ts';
import { sight } from '../model/roster.ts';
import type { WireRecord } from '../model/wire-record.ts';
import { CAUSE_MS, LATE_BY_DISK_MS, LATE_EXPIRY_MS, type WorldModel } from '../model/world-model.ts';
import type { Violations } from '../violations.ts';

/** What is on its way between nodes has arrived within this, where all is well, ms. */
const UNDER_WAY_MS = 1_000;

/** What delays the news, or lets nodes forget: where several share a store. */
export type Troubles = {
  /** Since when what is told at this moment may have been owed, ms. */
  sinceMs(): number;
  /** Whether whoever was sent everything at that time may have been sent what was not so, for the store had forgotten. */
  misinformed(syncedMs: number): boolean;
  /** How much later than elsewhere a session may end, ms. */
  readonly lateMs: number;
};

/** Judges what the server hands to a viewer, at the moment it does. */
export function createFrameJudge(
  model: WorldModel,
  violations: Violations,
  diskRefusedAtMs: () => number,
  troubles: Troubles | null = null,
): (record: WireRecord, text: string) => void {
  const { nowMs, roster, causes, sessions, visibility } = model;

  /** Parts of the subject that the viewer may possibly see at this moment. */
  function visibleParts(viewer: string, subject: string): ReadonlySet<AudiencePart> {
    const closeness = roster.possible('close', subject, viewer);
    return new Set(
      AUDIENCE_PARTS.filter((part) =>
        closeness.some((close) => visibility.sees(subject, viewer, close, part)),
      ),
    );
  }

  function judgeSubject(viewer: string, subject: string, wire: Readonly<Record<string, unknown>>): void {
    if (sight(roster, viewer, subject) === 'no' && !mayBeUntold(viewer, subject)) {
      violations.found(
        'c',
        `${viewer} is told of ${subject}, whom they may not see: ${JSON.stringify(wire)}`,
      );
      return;
    }
    const parts = visibleParts(viewer, subject);
    const tells: AudiencePart[] = [];
    if (wire['t'] === 'o' || wire['t'] === 'u' || (wire['s'] ?? 'Offline') !== 'Offline')
      tells.push('status');
    if (wire['ts'] !== undefined) tells.push('status', 'lastSeen');
    for (const field of ['a', 'p', 'l'] as const) if (wire[field] !== undefined) tells.push(field);
    for (const part of tells) {
      if (!parts.has(part))
        violations.found('e', `${viewer} may not see ${part} of ${subject}: ${JSON.stringify(wire)}`);
    }
  }

  /** The node of the viewer may not have heard of the edit yet. */
  function mayBeUntold(viewer: string, subject: string): boolean {
    if (troubles === null) return false;
    return roster.edited(viewer, subject, Math.min(troubles.sinceMs(), nowMs() - UNDER_WAY_MS), nowMs());
  }

  function judgeTransition(
    { line, syncedMs }: Pick<WireRecord, 'line' | 'syncedMs'>,
    viewer: string,
    subject: string,
    text: string,
  ): void {
    const fromMs = Math.min(line.behindSinceMs ?? nowMs(), troubles?.sinceMs() ?? nowMs());
    const excused =
      troubles?.misinformed(syncedMs) === true ||
      causes.overlap(subject, fromMs, nowMs()) ||
      roster.edited(viewer, subject, fromMs - CAUSE_MS, nowMs()) ||
      mayHaveExpired(subject, fromMs) ||
      leaseMayHaveEnded(subject, fromMs);
    if (excused) return;
    const absences = sessions
      .of(subject)
      .map((session) => `${session.id} absent for ${Math.round(sessions.absentMs(session))} ms`);
    violations.found(
      'b',
      `${viewer} is told ${text}, and nothing had happened to ${subject}: ${absences.join(', ')}`,
    );
  }

  function mayHaveExpired(subject: string, fromMs: number): boolean {
    const lateMs = nowMs() - diskRefusedAtMs() < 2 * LATE_BY_DISK_MS ? LATE_BY_DISK_MS : 0;
    const latestMs = model.graceMs + LATE_EXPIRY_MS + lateMs + (troubles?.lateMs ?? 0) + (nowMs() - fromMs);
    return sessions
      .of(subject)
      .some(
        (session) => sessions.absentMs(session) >= model.graceMs && sessions.abandonedMs(session) <= latestMs,
      );
  }

  function leaseMayHaveEnded(subject: string, fromMs: number): boolean {
    for (const { user, expiresMs } of model.leases.values()) {
      if (user !== subject) continue;
      // What a time to live means while somebody sets the clock is anybody's guess.
      if (model.wallSetMs !== null || (expiresMs.least <= nowMs() && expiresMs.most + CAUSE_MS >= fromMs))
        return true;
    }
    return false;
  }

  return (record, text) => {
    const { login } = record;
    const message = JSON.parse(text) as DownMessage;
    const viewer = login?.username ?? '';
    switch (message.t) {
      case 'sync':
        for (const user of message.users) judgeSubject(viewer, user.username, user);
        return;
      case 'u':
        return judgeSubject(viewer, message.id, message);
      case 'o':
      case 'x':
        judgeSubject(viewer, message.id, message);
        return judgeTransition(record, viewer, message.id, text);
      default:
    }
  };
}
