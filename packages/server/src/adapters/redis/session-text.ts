import type { SessionRecord } from '../../ports/sessions.ts';

/** A session as the hash of its user's sessions holds it, beside its id. */
export type SessionTuple = readonly [
  device: string,
  node: string,
  generation: number,
  tokenHash: string,
  previousTokenHash: string | null,
  detachedAtMs: number | null,
];

export function sessionTuple(record: SessionRecord): SessionTuple {
  const { device, node, generation, tokenHash, previousTokenHash, detachedAtMs } = record;
  return [device, node, generation, tokenHash, previousTokenHash, detachedAtMs];
}

export function readSession(user: string, id: string, text: string): SessionRecord {
  const [device, node, generation, tokenHash, previousTokenHash, detachedAtMs] = JSON.parse(
    text,
  ) as SessionTuple;
  return { id, user, device, node, generation, tokenHash, previousTokenHash, detachedAtMs };
}
