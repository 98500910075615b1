import type { Sqlite } from './sqlite.ts';

/**
 * A secret that the server made for itself and keeps: the same one after every restart.
 *
 * @param make gives a new one, for the first time
 * @throws StoreUnavailable where a new one cannot be kept
 */
export async function keptServerKey(
  { reader, writer }: Pick<Sqlite, 'reader' | 'writer'>,
  name: string,
  make: () => string,
): Promise<string> {
  const kept = reader
    .prepare<[string], string>('SELECT secret FROM server_keys WHERE name = ?')
    .pluck()
    .get(name);
  return kept ?? writer.ask('keepKey', name, make());
}
