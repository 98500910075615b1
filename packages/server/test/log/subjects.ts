import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryLog } from '../../src/adapters/memory/log.ts';
import { type SqliteLog, type SqliteLogOptions, createSqliteLog } from '../../src/adapters/sql/log.ts';
import type { OpenLog } from '../../src/testing/index.ts';

let given = 0;

/** Names that differ over all logs of a test's process, and are short. */
export function newEpoch(): string {
  return `e${process.pid}-${++given}`;
}

export const openMemory: OpenLog = async (limits) => ({
  log: createMemoryLog({ newEpoch, limits }),
  reopen: null,
  close: async () => undefined,
});

/** A folder for a log's file, removed with it. */
export async function temporaryLog(): Promise<{
  readonly folder: string;
  readonly path: string;
  open(options?: Partial<SqliteLogOptions>): Promise<SqliteLog>;
  remove(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-log-'));
  const path = join(folder, 'log.sqlite');
  return {
    folder,
    path,
    open: (options) => createSqliteLog({ path, newEpoch, ...options }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export const openSqliteLog: OpenLog = async (limits) => {
  const file = await temporaryLog();
  let log = await file.open({ limits });
  return {
    log,
    async reopen() {
      await log.close();
      log = await file.open({ limits });
      return log;
    },
    async close() {
      await log.close();
      await file.remove();
    },
  };
};
