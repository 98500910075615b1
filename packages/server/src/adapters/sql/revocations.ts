import { setImmediate as nextTurn } from 'node:timers/promises';
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

export type UserRow = {
  readonly user_name: string;
  readonly issued_up_to_ms: number;
  readonly forget_at_ms: number;
};
export type TokenRow = { readonly token_id: string; readonly forget_at_ms: number };

/** Rows read again without a pause: about a millisecond. */
const ROWS_A_TURN = 1_000;

/** `reload` reads again what is kept, for what other processes have revoked in the same file. */
export type SqliteRevocations = Revocations & { reload(): Promise<void> };

/**
 * Revocations in SQLite, and in memory where each login asks. Everything that is kept is read here, before it returns.
 *
 * @param nowMs by which those that are over are forgotten
 */
export function createSqliteRevocations(
  { reader, writer }: Pick<Sqlite, 'reader' | 'writer'>,
  nowMs: () => number,
): SqliteRevocations {
  const list = emptyRevocationList();
  // By name, so that a page costs what is on it; the plus keeps SQLite from sorting all of them by when they end.
  const users = reader.prepare<[number, string, number], UserRow>(
    'SELECT * FROM revoked_users WHERE +forget_at_ms > ? AND user_name > ? ORDER BY user_name LIMIT ?',
  );
  const tokens = reader.prepare<[number, string, number], TokenRow>(
    'SELECT * FROM revoked_tokens WHERE +forget_at_ms > ? AND token_id > ? ORDER BY token_id LIMIT ?',
  );

  /** Both read a page behind a name (none is empty), and give the name behind which the next begins; null: that was all. */
  function readUsers(after: string): string | null {
    const atMs = nowMs();
    const rows = users.all(atMs, after, ROWS_A_TURN);
    for (const { user_name: user, issued_up_to_ms: issuedUpToMs, forget_at_ms } of rows)
      addRevocation(list, { kind: 'user', user, issuedUpToMs }, forget_at_ms, atMs);
    return rows.length < ROWS_A_TURN ? null : (rows.at(-1)?.user_name ?? null);
  }

  function readTokens(after: string): string | null {
    const atMs = nowMs();
    const rows = tokens.all(atMs, after, ROWS_A_TURN);
    for (const { token_id: tokenId, forget_at_ms } of rows)
      addRevocation(list, { kind: 'token', tokenId }, forget_at_ms, atMs);
    return rows.length < ROWS_A_TURN ? null : (rows.at(-1)?.token_id ?? null);
  }

  for (const readPage of [readUsers, readTokens])
    for (let after: string | null = ''; after !== null;) after = readPage(after);

  return {
    async revoke(revocation, forgetAtMs) {
      if (!hasRoom(list, nowMs())) throw storeUnavailable(`${MAX_REVOCATIONS} revocations are kept already`);
      if (revocation.kind === 'user')
        await writer.put('revokeUser', revocation.user, revocation.issuedUpToMs, forgetAtMs, nowMs());
      else await writer.put('revokeToken', revocation.tokenId, forgetAtMs, nowMs());
      addRevocation(list, revocation, forgetAtMs, nowMs());
    },
    isRevoked: (user, tokenId, issuedAtMs) => isRevokedBy(list, user, tokenId, issuedAtMs),
    async reload() {
      for (const readPage of [readUsers, readTokens]) {
        for (let after: string | null = ''; after !== null;) {
          after = readPage(after);
          await nextTurn();
        }
      }
    },
  } satisfies SqliteRevocations;
}
