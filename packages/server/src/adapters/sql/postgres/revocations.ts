import {
  MAX_REVOCATIONS,
  addRevocation,
  emptyRevocationList,
  hasRoom,
  isRevokedBy,
} from '../../../core/session/revocation-list.ts';
import type { Revocations } from '../../../ports/revocations.ts';
import { storeUnavailable } from '../../../ports/unavailable.ts';
import type { TokenRow, UserRow } from '../revocations.ts';
import type { KeptQueue } from './kept-writes.ts';
import type { Postgres } from './connection.ts';
import { pgStatement } from './statement.ts';

/** time */
const users = pgStatement<UserRow>('revoked_users', 'SELECT * FROM revoked_users WHERE forget_at_ms > $1');
const tokens = pgStatement<TokenRow>(
  'revoked_tokens',
  'SELECT * FROM revoked_tokens WHERE forget_at_ms > $1',
);

/**
 * Revocations in Postgres, and in memory where each login asks. `reload` reads again what is kept, for what other nodes have
 * revoked; what was revoked on this node counts from when its promise resolves.
 */
export type PostgresRevocations = Revocations & { reload(): Promise<void> };

/** @param nowMs by which those that are over are forgotten */
export async function createPostgresRevocations(
  postgres: Postgres,
  queue: KeptQueue,
  nowMs: () => number,
): Promise<PostgresRevocations> {
  const list = emptyRevocationList();

  async function reload(): Promise<void> {
    const atMs = nowMs();
    const [ofUsers, ofTokens] = await Promise.all([
      postgres.run(users, Math.floor(atMs)),
      postgres.run(tokens, Math.floor(atMs)),
    ]);
    for (const { user_name: user, issued_up_to_ms: issuedUpToMs, forget_at_ms } of ofUsers)
      addRevocation(list, { kind: 'user', user, issuedUpToMs }, forget_at_ms, atMs);
    for (const { token_id: tokenId, forget_at_ms } of ofTokens)
      addRevocation(list, { kind: 'token', tokenId }, forget_at_ms, atMs);
  }

  await reload();
  return {
    async revoke(revocation, forgetAtMs) {
      if (!hasRoom(list, nowMs())) throw storeUnavailable(`${MAX_REVOCATIONS} revocations are kept already`);
      await queue.ask({ kind: 'revoke', revocation, forgetAtMs, nowMs: nowMs() });
      addRevocation(list, revocation, forgetAtMs, nowMs());
    },
    isRevoked: (user, tokenId, issuedAtMs) => isRevokedBy(list, user, tokenId, issuedAtMs),
    reload,
  } satisfies PostgresRevocations;
}
