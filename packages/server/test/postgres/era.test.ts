import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresLog } from '../../src/adapters/sql/postgres/log.ts';
import { settleEra } from '../../src/adapters/sql/postgres/log-era.ts';
import { appendOf, taken, takenMany } from '../../src/testing/log-subject.ts';
import { postgresProgram } from '../servers/postgres-server.ts';
import { type PostgresUnderTest, openLog, openNode, startPostgresUnderTest } from './postgres-under-test.ts';

const run = promisify(execFile);

let server: PostgresUnderTest;
beforeAll(async () => {
  server = await startPostgresUnderTest();
});
afterAll(() => server.stop());

type Life = {
  readonly epoch: string;
  readonly renewed: readonly string[];
  readonly log: PostgresLog;
  close(): Promise<void>;
};

async function live(url: string): Promise<Life> {
  const node = await openNode(url);
  const renewed: string[] = [];
  const log = await openLog(node.postgres, { shared: true, onRenewed: (reason) => renewed.push(reason) });
  return {
    epoch: (await log.top('chat:1')).epoch,
    renewed,
    log,
    async close() {
      await log.close();
      await node.close();
    },
  };
}

/** Writes the tables anew, or marks what is in them as old. */
async function vacuum(url: string, how: 'FULL' | 'FREEZE'): Promise<void> {
  await run(postgresProgram('psql'), ['-q', '-c', `VACUUM (${how})`, url]);
}

describe('the era of a log in Postgres', () => {
  it('goes on from one process to the next, over restarts of Postgres, its kill, and a rewriting of its tables', async () => {
    const url = await server.createMigrated();
    const first = await live(url);
    await takenMany(first.log, 3);
    await first.close();
    for (const between of [
      () => Promise.resolve(),
      () => vacuum(url, 'FULL'),
      () => vacuum(url, 'FREEZE'),
      () => server.restart(),
      async () => {
        await server.kill9();
        await server.restart();
      },
    ]) {
      await between();
      const next = await live(url);
      expect([next.epoch, next.renewed]).toEqual([first.epoch, []]);
      expect((await next.log.top('chat:1')).offset).toBe(3);
      await next.close();
    }
  }, 60_000);

  it('nodes that begin at once begin one', async () => {
    const url = await server.createMigrated();
    const lives = await Promise.all(Array.from({ length: 5 }, () => live(url)));
    expect(new Set(lives.map(({ epoch }) => epoch)).size).toBe(1);
    expect(lives.flatMap(({ renewed }) => renewed)).toEqual([]);
    for (const one of lives) await one.close();
  });

  it.each(['--clean --if-exists', '--data-only'])(
    'ends where a dump is put back (%s): whoever held a position of what the dump lacks is told, and offsets go on',
    async (how) => {
      const url = await server.createMigrated();
      const first = await live(url);
      await takenMany(first.log, 3);
      const options = how.split(' ');
      const dump = await run(postgresProgram('pg_dump'), [...options, url]);
      const lost = await taken(first.log);
      await first.close();
      let into = url;
      if (how === '--data-only') {
        into = await server.createMigrated();
        const emptied = await openNode(into);
        await emptied.postgres.transaction((within) =>
          within.exec(
            'DELETE FROM log_state; DELETE FROM journal_state; DELETE FROM directory_state; DELETE FROM schema_migrations',
          ),
        );
        await emptied.close();
      }
      const restored = run(postgresProgram('psql'), ['-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', into]);
      restored.child.stdin?.end(dump.stdout);
      await restored;
      const next = await live(into);
      expect(next.renewed).toEqual(['the database was put back from a dump']);
      const { epoch, publication } = await taken(next.log, { data: '"another"' });
      expect(publication.offset).toBe(lost.publication.offset);
      expect(epoch).not.toBe(lost.epoch);
      expect(
        await next.log.read('chat:1', { epoch: lost.epoch, offset: 4 }, appendOf().retention, 0),
      ).toMatchObject({ ok: false, why: 'epoch' });
      await next.close();
      // And from then on it goes on again.
      const later = await live(into);
      expect([later.epoch, later.renewed]).toEqual([epoch, []]);
      await later.close();
    },
    60_000,
  );

  it('ends on another server, on another timeline, and where the write-ahead log is shorter than it was', async () => {
    const node = await openNode(await server.createMigrated());
    let made = 0;
    const newEra = () => `era${++made}`;
    let here = { identity: '', lsn: 0n };
    await node.postgres.onConnected(async (within, found) => {
      here = { identity: found.identity ?? '', lsn: found.lsn };
      expect(await settleEra(within, found, 0n, newEra)).toBeNull();
    });
    expect(here.identity).toMatch(/^\d+\/[0-9A-F]{8}$/);
    const told: (string | null)[] = [];
    const ask = (server: { identity: string | null; lsn: bigint }, seenLsn: bigint) =>
      node.postgres.onConnected(async (within) => {
        told.push(await settleEra(within, server, seenLsn, newEra));
      });
    await ask(here, here.lsn);
    const promoted = { ...here, identity: here.identity.replace(/.$/, '2') };
    await ask(promoted, here.lsn);
    await ask(promoted, here.lsn);
    await ask(promoted, promoted.lsn + 100n);
    // One that may not say who it is: only what is seen counts.
    await ask({ identity: null, lsn: here.lsn }, here.lsn);
    expect(told).toEqual([
      null,
      `it is another server, or another timeline: ${promoted.identity}, no longer ${here.identity}`,
      null,
      'its write-ahead log lacks the last 100 bytes that were there',
      null,
    ]);
    expect(made).toBe(3);
    await node.close();
  });
});
