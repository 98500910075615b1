import type { Revocation } from '../../ports/revocations.ts';
import type { Reply } from './redis-link.ts';

/** What one node tells the others. */
export type Told = { readonly revocation: Revocation; readonly forgetAtMs: number };

// Fields of an entry: `u` a user and `i` up to when their tokens were issued, or `t` the id of a token; `f` when to forget
// it. An entry with neither `u` nor `t` says that the database is to be read.

/** The entry that tells of revocations which could not be told one by one. */
export const READ_DATABASE: readonly string[] = ['all', '1'];

/** Fields and values, by turns. */
export function entryOf({ revocation, forgetAtMs }: Told): readonly string[] {
  const forget = ['f', String(forgetAtMs)];
  return revocation.kind === 'token'
    ? ['t', revocation.tokenId, ...forget]
    : ['u', revocation.user, 'i', String(revocation.issuedUpToMs), ...forget];
}

/**
 * @param entries as XRANGE gives them
 * @param since the number behind which they were asked for
 * @returns what they tell; null where only the database knows: some are missing, one says so, or cannot be read
 */
export function toldIn(entries: Reply, since: number): readonly Told[] | null {
  if (!Array.isArray(entries)) return null;
  const told: Told[] = [];
  for (const entry of entries as readonly Reply[]) {
    if (!Array.isArray(entry)) return null;
    const [id, fields] = entry as readonly Reply[];
    if (id !== `${since + told.length + 1}-0` || !Array.isArray(fields)) return null;
    const one = toldBy(fields as readonly Reply[]);
    if (one === null) return null;
    told.push(one);
  }
  return told;
}

function toldBy(fields: readonly Reply[]): Told | null {
  const values = new Map<Reply, Reply>();
  for (let i = 0; i + 1 < fields.length; i += 2) values.set(fields[i] ?? '', fields[i + 1] ?? '');
  const forgetAtMs = Number(values.get('f'));
  const issuedUpToMs = Number(values.get('i') ?? 0);
  const tokenId = values.get('t');
  const user = values.get('u');
  if (!Number.isFinite(forgetAtMs) || !Number.isFinite(issuedUpToMs)) return null;
  if (typeof tokenId === 'string') return { revocation: { kind: 'token', tokenId }, forgetAtMs };
  if (typeof user === 'string') return { revocation: { kind: 'user', user, issuedUpToMs }, forgetAtMs };
  return null;
}
