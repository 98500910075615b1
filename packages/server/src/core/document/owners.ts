/** Who has a client id. */
export type Owner = {
  /** Null: the server's side. */
  readonly user: string | null;
  /** They brought it in a copy of the whole, and it may be somebody else's: whoever names it takes it over. */
  readonly held: boolean;
};

export type Owners = Map<number, Owner>;

/** As the store of documents keeps them: a list of `[client, user, 1 where held]`. */
export function encodeOwners(owners: ReadonlyMap<number, Owner>): string {
  return JSON.stringify(
    [...owners].map(([client, { user, held }]) => (held ? [client, user, 1] : [client, user])),
  );
}

/** What cannot be read is nobody's: a newer version may have written it. */
export function decodeOwners(text: string): Owners {
  const owners: Owners = new Map();
  for (const entry of listOf(text)) {
    if (!Array.isArray(entry)) continue;
    const [client, user, held] = entry as readonly unknown[];
    if (Number.isSafeInteger(client) && (typeof user === 'string' || user === null))
      owners.set(client as number, { user, held: held === 1 });
  }
  return owners;
}

function listOf(text: string): readonly unknown[] {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
}
