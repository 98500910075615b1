import { resolve } from 'node:path';
import * as z from 'zod';
import { whole } from './setting.ts';

const SQLITE = 'sqlite:';
const POSTGRES = /^postgres(ql)?:/;

/** The most connections of one process: Postgres itself takes a hundred unless told otherwise. */
const MAX_POOL_SIZE = 1_000;

/** Where the server keeps what lasts, checked. */
export type DatabaseConfig =
  /** `path` is absolute. */
  | { readonly kind: 'sqlite'; readonly path: string }
  | {
      readonly kind: 'postgres';
      /** Holds the password: never to be shown. */
      readonly url: string;
      readonly poolSize: number;
      readonly connectMs: number;
      readonly statementMs: number;
    };

/** How Postgres is spoken to. SQLite needs none of it. */
export const databaseSchema = z
  .strictObject({
    poolSize: whole('Postgres: connections of this process at most.', 10, 2, MAX_POOL_SIZE),
    connectMs: whole(
      'Postgres: how long a connection may take to stand, or to become free.',
      5_000,
      100,
      60_000,
    ),
    statementMs: whole('Postgres: how long a statement may take.', 5_000, 100, 600_000),
  })
  .prefault({});

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
  if (!POSTGRES.test(url))
    return 'has a scheme this server does not know: use sqlite:PATH or postgres://USER:PASSWORD@HOST:5432/DATABASE';
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || parsed.host === '')
    return 'is no address of a Postgres: write it like postgres://USER:PASSWORD@HOST:5432/DATABASE, with what is special in the password percent-encoded';
  if (parsed.pathname.length < 2)
    return 'names no database: write it like postgres://USER:PASSWORD@HOST:5432/DATABASE';
  return undefined;
}

/** @param url one that `databaseProblem` has nothing against */
export function toDatabaseConfig(
  url: string,
  settings: z.output<typeof databaseSchema>,
  cwd: string,
): DatabaseConfig {
  return url.startsWith(SQLITE)
    ? { kind: 'sqlite', path: resolve(cwd, url.slice(SQLITE.length)) }
    : { kind: 'postgres', url, ...settings };
}

/** What a database is called in logs and messages: without user, password and parameters. */
export function databaseName(database: DatabaseConfig): string {
  if (database.kind === 'sqlite') return database.path;
  const { host, pathname } = new URL(database.url);
  return `postgres://${host}${pathname}`;
}
