import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const SECRET_FILE = 'dev-secret';

/** 48 random bytes, 64 characters: twice what HS256 needs. */
const SECRET_BYTES = 48;

/**
 * The secret that `carillon dev` signs its logins with: made at the first start and kept beside the database, readable
 * by its owner alone, so that tokens outlive a restart.
 */
export function devSecret(databasePath: string): string {
  const file = join(dirname(databasePath), SECRET_FILE);
  mkdirSync(dirname(file), { recursive: true });
  try {
    // Exclusive: of two that start at once one makes the secret and the other reads it.
    writeFileSync(file, `${randomBytes(SECRET_BYTES).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  return readFileSync(file, 'utf8').trim();
}
