/** SQLite's result codes for what the next transaction would meet again: the disk, the file, another process. */
const NOT_OF_ONE_WRITE =
  /^SQLITE_(BUSY|LOCKED|FULL|IOERR|NOMEM|READONLY|CANTOPEN|CORRUPT|NOTADB|PROTOCOL|PERM)/;

/** Whether a write itself was at fault: what it would store, not the disk it would store it on. */
export function isOfOneWrite(error: unknown): boolean {
  return !NOT_OF_ONE_WRITE.test(codeOf(error));
}

/** For the log. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** SQLite's name of what went wrong, `SQLITE_FULL`; `unknown` of what is no error of SQLite's. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}
