import type { Queries, QueryTexts, RowOf } from '../compile.ts';

/** A value as it is bound. Arrays are bound as Postgres arrays. */
export type PgValue =
  | string
  | number
  | bigint
  | boolean
  | Buffer
  | null
  | readonly (string | null)[]
  | readonly (number | null)[]
  | readonly (Buffer | null)[]
  | readonly boolean[];

declare const rowOf: unique symbol;

/** A query under a name: each connection parses and plans it once. */
export type PgStatement<Row> = {
  readonly name: string;
  readonly text: string;
  /** The row it gives; only a type. */
  readonly [rowOf]?: Row;
};

/** Statements for queries that were built with Kysely, as `prepareAll` has them for SQLite. */
export type PgStatements<Q extends Queries> = { readonly [Name in keyof Q]: PgStatement<RowOf<Q[Name]>> };

/** @param prefix keeps statements of the same name apart */
export function pgStatements<Q extends Queries>(prefix: string, texts: QueryTexts<Q>): PgStatements<Q> {
  const statements: Record<string, PgStatement<unknown>> = {};
  for (const name of Object.keys(texts))
    statements[name] = { name: `${prefix}_${name}`, text: texts[name] as string };
  return statements as PgStatements<Q>;
}

/** A statement written by hand: what Kysely cannot say, or would only make harder to read. */
export function pgStatement<Row>(name: string, text: string): PgStatement<Row> {
  return { name, text };
}
