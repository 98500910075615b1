import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Certificates and a key, each in PEM; null: not given. */
export type TlsFiles = Readonly<Record<'ca' | 'cert' | 'key', string | null>>;

/**
 * Reads the files that a section names.
 *
 * @param section its name in the configuration, for what is said of a file
 * @param cwd what relative paths start at
 * @returns a text where one cannot be read
 */
export function readTlsFiles(
  section: string,
  paths: { readonly [Part in keyof TlsFiles as `${Part}File`]?: string | undefined },
  cwd: string,
): TlsFiles | string {
  const read: Record<keyof TlsFiles, string | null> = { ca: null, cert: null, key: null };
  for (const part of ['ca', 'cert', 'key'] as const) {
    const path = paths[`${part}File`];
    if (path === undefined) continue;
    try {
      read[part] = readFileSync(resolve(cwd, path), 'utf8');
    } catch (error) {
      return `${section}.${part}File: ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return read;
}
