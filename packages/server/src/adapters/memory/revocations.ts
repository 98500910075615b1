import {
  addRevocation,
  emptyRevocationList,
  hasRoom,
  isRevokedBy,
  MAX_REVOCATIONS,
} from '../../core/session/revocation-list.ts';
import type { Revocations } from '../../ports/revocations.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';

/**
 * Revocations that end with the process: for the simulator and for tests.
 *
 * @param nowMs by which those that are over are forgotten
 */
export function createMemoryRevocations(nowMs: () => number): Revocations {
  const list = emptyRevocationList();
  return {
    revoke(revocation, forgetAtMs) {
      if (!hasRoom(list, nowMs()))
        return Promise.reject(storeUnavailable(`${MAX_REVOCATIONS} revocations are kept already`));
      addRevocation(list, revocation, forgetAtMs, nowMs());
      return Promise.resolve();
    },
    isRevoked: (user, tokenId, issuedAtMs) => isRevokedBy(list, user, tokenId, issuedAtMs),
  } satisfies Revocations;
}
