import BetterSqlite3 from 'better-sqlite3';

/**
 * Holds the lock that every write of the server needs, from another process as far as SQLite can tell: what is sent from
 * then on is in flight until it is let go, however fast the machine is.
 *
 * @returns lets go
 */
export function holdDatabase(path: string): () => void {
  const holder = new BetterSqlite3(path);
  holder.exec('BEGIN IMMEDIATE');
  return () => {
    holder.exec('ROLLBACK');
    holder.close();
  };
}
