import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';

/** Queries by name, built but not run. */
export type Queries = Readonly<Record<string, CompiledQuery>>;

/** The text of each query. Crosses to the writer thread, which then need not load the builder. */
export type QueryTexts<Q extends Queries> = { readonly [Name in keyof Q]: string };

/** The row that a query gives. */
export type RowOf<Query> = Query extends CompiledQuery<infer Row> ? Row : never;

/** A query builder without a database: it only builds. */
export function createSqliteBuilder<Tables>(): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

/** The same for Postgres. */
export function createPostgresBuilder<Tables>(): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
}

type Argument = { readonly argument: number };

/** The place of the statement's argument with this index, from 0. */
export function argument<T>(index: number): RawBuilder<T> {
  return sql<T>`${{ argument: index } satisfies Argument}`;
}

/**
 * The texts of queries whose arguments stand in the order of their indices: prepared statements bind by place.
 *
 * @throws Error where a query holds a value or an argument out of order, which would bind wrongly ever after
 */
export function textsOf<Q extends Queries>(queries: Q): QueryTexts<Q> {
  const texts: Record<string, string> = {};
  for (const [name, { sql: text, parameters }] of Object.entries(queries)) {
    for (const [i, parameter] of parameters.entries()) {
      if ((parameter as Partial<Argument> | null)?.argument !== i) {
        throw new Error(`query ${name}: parameter ${i} is ${JSON.stringify(parameter)}`);
      }
    }
    texts[name] = text;
  }
  return texts as QueryTexts<Q>;
}
