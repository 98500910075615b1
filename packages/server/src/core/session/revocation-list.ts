import type { Revocation } from '../../ports/revocations.ts';

/** Revocations kept, in memory: some 200 bytes each. Twice what a day of a large app's logouts everywhere brings. */
export const MAX_REVOCATIONS = 1_000_000;

/** Forgotten ones are looked for when so many were added since: then a sweep costs less than what came in. */
const SWEEP_AT_LEAST = 1_000;

type RevokedUser = { issuedUpToMs: number; forgetAtMs: number };

/** What was revoked, as it is asked at each login. */
export type RevocationList = {
  readonly users: Map<string, RevokedUser>;
  /** When to forget them, by token id. */
  readonly tokens: Map<string, number>;
  sweepAtSize: number;
};

export function emptyRevocationList(): RevocationList {
  return { users: new Map(), tokens: new Map(), sweepAtSize: SWEEP_AT_LEAST };
}

export function sizeOf({ users, tokens }: RevocationList): number {
  return users.size + tokens.size;
}

/** Whether one more may be added, once those that are over are forgotten. */
export function hasRoom(list: RevocationList, nowMs: number): boolean {
  if (sizeOf(list) < MAX_REVOCATIONS) return true;
  sweep(list, nowMs);
  return sizeOf(list) < MAX_REVOCATIONS;
}

/** Adds a revocation. Of two that concern the same, whatever either revokes stays revoked for as long as either says. */
export function addRevocation(
  list: RevocationList,
  revocation: Revocation,
  forgetAtMs: number,
  nowMs: number,
): void {
  if (revocation.kind === 'token') {
    const before = list.tokens.get(revocation.tokenId) ?? 0;
    list.tokens.set(revocation.tokenId, Math.max(before, forgetAtMs));
  } else {
    const before = list.users.get(revocation.user);
    list.users.set(revocation.user, {
      issuedUpToMs: Math.max(before?.issuedUpToMs ?? 0, revocation.issuedUpToMs),
      forgetAtMs: Math.max(before?.forgetAtMs ?? 0, forgetAtMs),
    });
  }
  if (sizeOf(list) >= list.sweepAtSize) sweep(list, nowMs);
}

/** @param issuedAtMs null where the token does not say: then any revocation of the user concerns it */
export function isRevokedBy(
  list: RevocationList,
  user: string,
  tokenId: string | null,
  issuedAtMs: number | null,
): boolean {
  if (tokenId !== null && list.tokens.has(tokenId)) return true;
  const ofUser = list.users.get(user);
  return ofUser !== undefined && (issuedAtMs === null || issuedAtMs <= ofUser.issuedUpToMs);
}

/** Forgets what is over: every token it concerned has run out. */
function sweep(list: RevocationList, nowMs: number): void {
  for (const [user, { forgetAtMs }] of list.users) if (forgetAtMs <= nowMs) list.users.delete(user);
  for (const [tokenId, forgetAtMs] of list.tokens) if (forgetAtMs <= nowMs) list.tokens.delete(tokenId);
  list.sweepAtSize = Math.max(SWEEP_AT_LEAST, 2 * sizeOf(list));
}
