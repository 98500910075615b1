import {
  addRevocation,
  emptyRevocationList,
  hasRoom,
  isRevokedBy,
  MAX_REVOCATIONS,
} from '../../core/session/revocation-list.ts';
import type { Revocations } from '../../ports/revocations.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';
import type { Sqlite } from './sqlite.ts';

type UserRow = {
  readonly user_name: string;
  readonly issued_up_to_ms: number;
  readonly forget_at_ms: number;
};
type TokenRow = { readonly token_id: string; readonly forget_at_ms: number };

/**
 * Revocations in SQLite, and in memory where each login asks. Everything that is kept is read here, before it returns.
 *
 * @param nowMs by which those that are over are forgotten
 */
export function createSqliteRevocations(
  { reader, writer }: Pick<Sqlite, 'reader' | 'writer'>,
  nowMs: () => number,
): Revocations {
  const list = emptyRevocationList();
  const startMs = nowMs();
  const users = reader.prepare<[number], UserRow>('SELECT * FROM revoked_users WHERE forget_at_ms > ?');
  for (const { user_name: user, issued_up_to_ms: issuedUpToMs, forget_at_ms } of users.iterate(startMs))
    addRevocation(list, { kind: 'user', user, issuedUpToMs }, forget_at_ms, startMs);
  const tokens = reader.prepare<[number], TokenRow>('SELECT * FROM revoked_tokens WHERE forget_at_ms > ?');
  for (const { token_id: tokenId, forget_at_ms } of tokens.iterate(startMs))
    addRevocation(list, { kind: 'token', tokenId }, forget_at_ms, startMs);

  return {
    async revoke(revocation, forgetAtMs) {
      if (!hasRoom(list, nowMs())) throw storeUnavailable(`${MAX_REVOCATIONS} revocations are kept already`);
      if (revocation.kind === 'user')
        await writer.put('revokeUser', revocation.user, revocation.issuedUpToMs, forgetAtMs, nowMs());
      else await writer.put('revokeToken', revocation.tokenId, forgetAtMs, nowMs());
      addRevocation(list, revocation, forgetAtMs, nowMs());
    },
    isRevoked: (user, tokenId, issuedAtMs) => isRevokedBy(list, user, tokenId, issuedAtMs),
  } satisfies Revocations;
}
