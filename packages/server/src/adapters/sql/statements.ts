import type { Database, Statement } from 'better-sqlite3';
import type { Queries, QueryTexts, RowOf } from './compile.ts';

export type SqlValue = string | number | Buffer | null;

/** A prepared statement for each query. */
export type Statements<Q extends Queries> = {
  readonly [Name in keyof Q]: Statement<SqlValue[], RowOf<Q[Name]>>;
};

/** Prepares the named queries once; each is then run any number of times. */
export function prepareAll<Q extends Queries>(database: Database, texts: QueryTexts<Q>): Statements<Q> {
  const statements: Record<string, Statement> = {};
  for (const name of Object.keys(texts)) statements[name] = database.prepare(texts[name] as string);
  return statements as Statements<Q>;
}
