import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import {
  createPostgresLog,
  type PostgresLog,
  type PostgresLogOptions,
} from '../../src/adapters/sql/postgres/log.ts';
import { createKeptQueue, type KeptQueue } from '../../src/adapters/sql/postgres/kept-writes.ts';
import { migratePostgres } from '../../src/adapters/sql/postgres/migrate.ts';
import type { Postgres } from '../../src/adapters/sql/postgres/connection.ts';
import {
  connectPostgres,
  openPostgres,
  type PostgresOptions,
} from '../../src/adapters/sql/postgres/postgres.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres-server.ts';

const TEMPLATE = 'carillon_template';

export type PostgresUnderTest = PostgresServer & {
  /** A new database with everything in place but no row, as a copy of one that was migrated; its URL. */
  createMigrated(): Promise<string>;
};

/**
 * One server for a file of tests.
 *
 * @param fsync whether what it acknowledges is on the disk: to be told how fast it is, and where something is killed
 */
export async function startPostgresUnderTest(fsync: 'on' | 'off' = 'off'): Promise<PostgresUnderTest> {
  const server = await startPostgres({ settings: [['fsync', fsync]] });
  await server.run(`CREATE DATABASE ${TEMPLATE}`);
  const template = await connectPostgres({ url: urlOf(server, TEMPLATE) });
  await migratePostgres(template);
  await template.close();
  return {
    ...server,
    async createMigrated() {
      const name = `copy_${randomBytes(6).toString('hex')}`;
      await server.run(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
      return urlOf(server, name);
    },
  };
}

export function urlOf({ url }: Pick<PostgresServer, 'url'>, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}

/** What a process has open. */
export type Node = { readonly postgres: Postgres; readonly queue: KeptQueue; close(): Promise<void> };

export async function openNode(url: string, options: Partial<PostgresOptions> = {}): Promise<Node> {
  const postgres = await openPostgres({ url, ...options });
  const queue = createKeptQueue(postgres);
  return {
    postgres,
    queue,
    async close() {
      await queue.close();
      await postgres.close();
    },
  };
}

/** The one process of a file of tests that has a database of its own. */
export type NodeUnderTest = {
  /** The process that has the database now. */
  readonly node: Node;
  readonly url: string;
  /** Ends the process and begins another over the same database. */
  restart(): Promise<void>;
};

/** A server, a database with everything in place and a process over it, for all tests of a file. There once these begin. */
export function nodeForFile(): NodeUnderTest {
  let server: PostgresUnderTest;
  let url: string;
  let node: Node;
  beforeAll(async () => {
    server = await startPostgresUnderTest();
    url = await server.createMigrated();
    node = await openNode(url);
  });
  afterAll(async () => {
    await node.close();
    await server.stop();
  });
  return {
    get node() {
      return node;
    },
    get url() {
      return url;
    },
    async restart() {
      await node.close();
      node = await openNode(url);
    },
  };
}

const EMPTY = `
  DELETE FROM users; DELETE FROM follows; DELETE FROM blocks; DELETE FROM close_friends;
  DELETE FROM roster_changes; DELETE FROM late_edits; UPDATE directory_state SET complete_from = 0;
  DELETE FROM sessions; DELETE FROM devices;
  UPDATE journal_state SET alive_at_ms = NULL, alive_wall_ms = NULL, stamp = 0;
  DELETE FROM revoked_users; DELETE FROM revoked_tokens; DELETE FROM server_keys;
  DELETE FROM webhook_events; DELETE FROM webhook_present;
  DELETE FROM channels; DELETE FROM publications; DELETE FROM entries; DELETE FROM ids; DELETE FROM lanes; DELETE FROM dropped_channels;
  UPDATE log_state SET turns = 0, untouched = 0, channels = 0, dropped = 0; DELETE FROM log_era;
  DELETE FROM documents; DELETE FROM document_versions; DELETE FROM document_parts`;

export async function emptyDatabase(postgres: Postgres): Promise<void> {
  await postgres.transaction((within) => within.exec(EMPTY));
}

let given = 0;

/** Names that differ over all logs of a test's process, and are short. */
export function newEpoch(): string {
  return `e${process.pid}-${++given}`;
}

export function openLog(postgres: Postgres, options: Partial<PostgresLogOptions> = {}): Promise<PostgresLog> {
  return createPostgresLog(postgres, { newEpoch, ...options });
}
