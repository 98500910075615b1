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
  // A page each, by the tables' own keys: other statements run in between.
  const users = reader.prepare<[number, string, number], UserRow>(
    'SELECT * FROM revoked_users WHERE forget_at_ms > ? AND user_name > ? ORDER BY user_name LIMIT ?',
  );
  const tokens = reader.prepare<[number, string, number], TokenRow>(
    'SELECT * FROM revoked_tokens WHERE forget_at_ms > ? AND token_id > ? ORDER BY token_id LIMIT ?',
  );
  // The empty name is kept too, and comes before every page.
  const unnamed = reader.prepare<[], UserRow>("SELECT * FROM revoked_users WHERE user_name = ''");
  const unnamedToken = reader.prepare<[], TokenRow>("SELECT * FROM revoked_tokens WHERE token_id = ''");

  function* pages(): Generator<void> {
    const atMs = nowMs();
    function addUser({ user_name: user, issued_up_to_ms: issuedUpToMs, forget_at_ms }: UserRow): void {
      addRevocation(list, { kind: 'user', user, issuedUpToMs }, forget_at_ms, atMs);
    }
    function addToken({ token_id: tokenId, forget_at_ms }: TokenRow): void {
      addRevocation(list, { kind: 'token', tokenId }, forget_at_ms, atMs);
    }
    for (const row of unnamed.all()) if (row.forget_at_ms > atMs) addUser(row);
    for (const row of unnamedToken.all()) if (row.forget_at_ms > atMs) addToken(row);
    for (let page = users.all(atMs, '', ROWS_A_TURN); page.length > 0;) {
      page.forEach(addUser);
      yield;
      page = users.all(atMs, page.at(-1)?.user_name ?? '', ROWS_A_TURN);
    }
    for (let page = tokens.all(atMs, '', ROWS_A_TURN); page.length > 0;) {
      page.forEach(addToken);
      yield;
      page = tokens.all(atMs, page.at(-1)?.token_id ?? '', ROWS_A_TURN);
    }
  }

  for (const _ of pages());
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
      for (const _ of pages()) await nextTurn();
    },
  } satisfies SqliteRevocations;
}
