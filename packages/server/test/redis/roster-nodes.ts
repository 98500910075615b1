import { randomUUID } from 'node:crypto';
import BetterSqlite3 from 'better-sqlite3';
import { createNodeClock } from '../../src/adapters/node/clock.ts';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { RedisSettings } from '../../src/adapters/redis/redis-settings.ts';
import { createRosterCache, type RosterCache } from '../../src/adapters/redis/roster-cache.ts';
import { createSqliteDirectory } from '../../src/adapters/sql/directory.ts';
import type { Sqlite } from '../../src/adapters/sql/sqlite.ts';
import type { Directory } from '../../src/ports/directory.ts';
import { storeUnavailable } from '../../src/ports/unavailable.ts';
import { temporarySqlite } from '../adapters/subjects.ts';
import { openLink } from '../servers/open-link.ts';

/** One node's cache, with what it asked of Redis and of the database. */
export type RosterNode = {
  readonly cache: RosterCache;
  readonly link: RedisLink;
  /** Scripts, by name, in order. */
  readonly scripts: string[];
  /** Rosters that were found in Redis. */
  hits: number;
  /** Methods of the directory, in order. */
  readonly queries: string[];
  /** Scripts that are refused as if Redis were away. */
  refused: ReadonlySet<string>;
  readonly warnings: string[];
  close(): Promise<void>;
};

/**
 * @param directory what both nodes share
 * @param more of the link: where it is no single server
 */
export async function openRosterNode(
  port: number,
  directory: Directory,
  prefix: string,
  more: Partial<RedisSettings> = {},
): Promise<RosterNode> {
  const link = await openLink(port, { prefix, ...more });
  const clock = createNodeClock();
  const node: Omit<RosterNode, 'cache'> = {
    link,
    scripts: [],
    hits: 0,
    queries: [],
    refused: new Set(),
    warnings: [],
    async close() {
      cache.close();
      await link.close();
    },
  };
  const counted = new Proxy(directory, {
    get(target, method: keyof Directory) {
      const ask = target[method] as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        node.queries.push(method);
        return ask(...args);
      };
    },
  });
  const cache = createRosterCache({
    directory: counted,
    link: {
      ...link,
      get up() {
        return link.up;
      },
      async run(script, keys, args) {
        node.scripts.push(script.name);
        if (made.refused.has(script.name)) throw storeUnavailable('away');
        const reply = await link.run(script, keys, args);
        if (script.name === 'roster-read' && typeof reply === 'string') made.hits++;
        return reply;
      },
    },
    keys: createKeys(prefix),
    clock,
    id: () => randomUUID(),
    warn: (event) => void node.warnings.push(event),
  });
  const made = Object.assign(node, { cache });
  return made;
}

let prefixes = 0;

/** A prefix of its own for each test, in place of emptying the server. */
export function newPrefix(): string {
  return `t${++prefixes}:`;
}

/** One database for many tests, emptied for each: opening one takes longer than most tests. */
export function sharedSqlite(): { empty(): Promise<Directory>; close(): Promise<void> } {
  const file = temporarySqlite();
  let opened: Promise<Sqlite> | undefined;
  return {
    async empty() {
      const database = await (opened ??= file.then(({ open }) => open()));
      const raw = new BetterSqlite3((await file).path);
      raw.exec(`
        DELETE FROM users; DELETE FROM follows; DELETE FROM blocks; DELETE FROM close_friends;
        DELETE FROM roster_changes; DELETE FROM late_edits; UPDATE directory_state SET complete_from = 0`);
      raw.close();
      return createSqliteDirectory(database);
    },
    async close() {
      await (await opened)?.close();
      await (await file).remove();
    },
  };
}
