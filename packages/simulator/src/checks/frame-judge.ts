import type { DownMessage } from '@carillon/protocol';
import { AUDIENCE_PARTS, type AudiencePart } from '../model/audience.ts';
import { sight } from '../model/roster.ts';
import type { WireRecord } from '../model/wire-record.ts';
import { CAUSE_MS, LATE_BY_DISK_MS, LATE_EXPIRY_MS, type WorldModel } from '../model/world-model.ts';
import type { Line } from '../network/line.ts';
import type { Violations } from '../violations.ts';

/** Judges what the server hands to a viewer, at the moment it does. */
export function createFrameJudge(
  model: WorldModel,
  violations: Violations,
  diskRefusedAtMs: () => number,
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
    if (sight(roster, viewer, subject) === 'no') {
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

  function judgeTransition(line: Line, viewer: string, subject: string, text: string): void {
    const fromMs = line.behindSinceMs ?? nowMs();
    const excused =
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
    const latestMs = model.graceMs + LATE_EXPIRY_MS + lateMs + (nowMs() - fromMs);
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

  return ({ line, login }, text) => {
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
        return judgeTransition(line, viewer, message.id, text);
      default:
    }
  };
}
