import type { PgStatement, PgValue } from './statement.ts';

/** Which server it is, and where its write-ahead log stands. */
export type PgServer = {
  /** The cluster's own number and the timeline it writes; null: this user may not know, or it writes nothing. */
  readonly identity: string | null;
  /** Bytes of write-ahead log ever written. Never falls, unless what was written is gone. */
  readonly lsn: bigint;
};

/** What runs statements: a connection within a transaction, or whichever is free outside of one. */
export type PgRunner = {
  run<Row>(statement: PgStatement<Row>, ...values: readonly PgValue[]): Promise<readonly Row[]>;
};

export type PgTransaction = PgRunner & {
  /** Statements without arguments, in one message. Gives the rows of the last that has some. */
  exec(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
};

/**
 * One open database, over a pool of connections. Every promise rejects with `storeUnavailable` within a bounded time where
 * Postgres cannot be reached, refuses, or hangs, and the next call tries again; the driver's error is its `cause`.
 */
export type Postgres = PgRunner & {
  /**
   * Runs work in a transaction; where it fails nothing of it is kept, but when the commit itself is not answered: then it is
   * not known. Work that came into the way of another transaction is run again.
   */
  transaction<T>(work: (within: PgTransaction) => Promise<T>): Promise<T>;
  /** As `transaction`, where the work itself commits, in its last message. */
  committing<T>(work: (within: PgTransaction) => Promise<T>): Promise<T>;
  /**
   * Called with each new connection before anything else runs on it, and at once for the first: it may be another server, or
   * the same with older data. Where it rejects, the connection is not used.
   */
  onConnected(check: (within: PgTransaction, server: PgServer) => Promise<void>): Promise<void>;
  close(): Promise<void>;
};
