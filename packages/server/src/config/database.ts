import { resolve } from 'node:path';

const SQLITE = 'sqlite:';

/** Why a database URL cannot be used, or undefined. Never repeats it: it may hold a password. */
export function databaseProblem(url: string): string | undefined {
  if (url.startsWith(SQLITE)) {
    const path = url.slice(SQLITE.length);
    if (path === '') return 'names no file: write it like sqlite:/var/lib/carillon/carillon.sqlite';
    // SQLite reads these as "a file that vanishes" and as a URI: neither keeps what was promised to be kept.
    if (path.startsWith(':') || path.startsWith('file:'))
      return 'must name a plain file: write it like sqlite:/var/lib/carillon/carillon.sqlite';
    return undefined;
  }
  if (/^postgres(ql)?:/.test(url)) return 'is Postgres, which is not in this version: use sqlite:PATH';
  return 'has a scheme this server does not know: use sqlite:PATH';
}

/** The absolute path of the SQLite file. */
export function databasePath(url: string, cwd: string): string {
  return resolve(cwd, url.slice(SQLITE.length));
}
