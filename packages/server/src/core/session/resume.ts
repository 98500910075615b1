import type { ResumeRequest, ResumeResult, SessionRecord } from '../../ports/sessions.ts';

/**
 * Whether a session may go on with a new connection, and what it is then. Pure: the in-process store applies it in one
 * step, a shared store's script must decide the same ([RES1] to [RES4]).
 *
 * @param record the session that the presented token belongs to, if any
 * @param graceMs how long a session waits for its client
 */
export function decideResume(
  record: SessionRecord | undefined,
  request: ResumeRequest,
  graceMs: number,
): ResumeResult {
  if (record === undefined) return { ok: false, reason: 'unknown' };
  const presentsCurrent = record.tokenHash === request.tokenHash;
  const presentsPrevious = record.previousTokenHash === request.tokenHash;
  if (!presentsCurrent && !presentsPrevious) return { ok: false, reason: 'unknown' };
  if (record.user !== request.user) return { ok: false, reason: 'foreign' };
  if (hasLapsed(record, request.nowMs, graceMs)) return { ok: false, reason: 'expired' };
  return {
    ok: true,
    from: record.node,
    session: {
      ...record,
      node: request.node,
      generation: record.generation + 1,
      tokenHash: request.nextTokenHash,
      // The client surely holds the token it presented; whether the reply with the next one arrives is not yet known.
      previousTokenHash: request.tokenHash,
      detachedAtMs: null,
    },
  };
}

/** Whether nobody came back for the session in time. A session with a connection never lapses. */
export function hasLapsed(record: SessionRecord, nowMs: number, graceMs: number): boolean {
  return record.detachedAtMs !== null && nowMs - record.detachedAtMs >= graceMs;
}

/** The session after its client has shown that it holds the newest token, or null when nothing changes. */
export function decideConfirm(record: SessionRecord | undefined, generation: number): SessionRecord | null {
  if (record === undefined || record.generation !== generation || record.previousTokenHash === null)
    return null;
  return { ...record, previousTokenHash: null };
}

/** The session after its connection dropped, or null where an older generation asks: it may no longer change anything. */
export function decideDetach(
  record: SessionRecord | undefined,
  generation: number,
  nowMs: number,
): SessionRecord | null {
  if (record === undefined || record.generation !== generation || record.detachedAtMs !== null) return null;
  return { ...record, detachedAtMs: nowMs };
}

/** Whether this generation may end the session. */
export function mayEnd(record: SessionRecord | undefined, generation: number): record is SessionRecord {
  return record !== undefined && record.generation === generation;
}

/**
 * A session after the service itself was down: the downtime is nobody's absence, so only the part of the grace that
 * had passed while the service still lived is used up.
 */
export function afterDowntime(record: SessionRecord, aliveAtMs: number | null, nowMs: number): SessionRecord {
  const usedMs =
    record.detachedAtMs === null || aliveAtMs === null ? 0 : Math.max(0, aliveAtMs - record.detachedAtMs);
  return { ...record, detachedAtMs: nowMs - usedMs };
}
