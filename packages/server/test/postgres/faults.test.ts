import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresLog } from '../../src/adapters/sql/postgres/log.ts';
import { createPostgresDirectory } from '../../src/adapters/sql/postgres/directory.ts';
import { createPostgresJournal } from '../../src/adapters/sql/postgres/journal.ts';
import type { AppendResult } from '../../src/ports/log.ts';
import { isStoreUnavailable } from '../../src/ports/unavailable.ts';
import { PLENTY, T0, appendOf } from '../../src/testing/log-subject.ts';
import { CHANNELS, channelOf, runPublishers } from '../log/published.ts';
import { session } from '../adapters/subjects.ts';
import { openCuttingLine } from './cutting-line.ts';
import { type PostgresUnderTest, openLog, openNode, startPostgresUnderTest } from './postgres-under-test.ts';

const PROGRAM = fileURLToPath(new URL('publishers.ts', import.meta.url));
const PUBLISHERS = 100;
const RETENTION = { ...PLENTY, count: 1_000_000, units: 1e9 };

/** So short that a test need not wait: what hangs is noticed after a second and a half. */
const IMPATIENT = { connectMs: 400, statementMs: 400 };

let server: PostgresUnderTest;
beforeAll(async () => {
  server = await startPostgresUnderTest('on');
});
afterAll(() => server.stop());

/** Everything of a channel, by id; it must have no gap. */
async function idsOf(log: PostgresLog, channel: string): Promise<readonly string[]> {
  const { epoch } = await log.top(channel);
  const read = await log.read(channel, { epoch, offset: 0 }, RETENTION, T0);
  if (!read.ok) throw new Error(read.why);
  expect(read.publications.map(({ offset }) => offset)).toEqual(read.publications.map((_, i) => i + 1));
  return read.publications.map(({ data }) => (JSON.parse(data ?? '') as { id: string }).id);
}

type Load = {
  /** Appends that have been acknowledged, by id. */
  readonly acknowledged: ReadonlyMap<string, { readonly epoch: string; readonly offset: number }>;
  readonly refused: ReadonlySet<string>;
  inFlight(): number;
  /** Resolves once so many more were acknowledged. */
  more(count: number): Promise<void>;
  stop(): Promise<void>;
};

/** Publishers in this process, who send again what was refused as unavailable, until they are told to stop. */
function publish(log: PostgresLog, publishers: number): Load {
  const acknowledged = new Map<string, { epoch: string; offset: number }>();
  const refused = new Set<string>();
  const waiting: { readonly at: number; readonly resolve: () => void }[] = [];
  let stopped = false;
  let inFlight = 0;

  async function one(id: string, publisher: number): Promise<void> {
    for (;;) {
      inFlight++;
      try {
        const once = { scope: `p${publisher}`, id, print: id };
        const channel = channelOf(publisher % CHANNELS);
        const result = await log.append(appendOf({ channel, data: JSON.stringify({ id }), once }));
        if ('publication' in result)
          acknowledged.set(id, { epoch: result.epoch, offset: result.publication.offset });
        else if ('duplicate' in result && result.duplicate !== null) acknowledged.set(id, result.duplicate);
        else throw new Error(JSON.stringify(result));
        return;
      } catch (error) {
        if (!isStoreUnavailable(error)) throw error;
        refused.add(id);
      } finally {
        inFlight--;
      }
    }
  }

  const running = Promise.all(
    Array.from({ length: publishers }, async (_, publisher) => {
      for (let n = 0; !stopped; n++) {
        await one(`${publisher}/${n}`, publisher);
        for (const each of waiting) if (acknowledged.size >= each.at) each.resolve();
      }
    }),
  );
  return {
    acknowledged,
    refused,
    inFlight: () => inFlight,
    more: (count) => new Promise((resolve) => waiting.push({ at: acknowledged.size + count, resolve })),
    async stop() {
      stopped = true;
      await running;
    },
  };
}

async function nothingLostOrTwice(log: PostgresLog, load: Load): Promise<void> {
  const all: string[] = [];
  for (let n = 0; n < CHANNELS; n++) {
    const ids = await idsOf(log, channelOf(n));
    all.push(...ids);
    for (const [id, { offset }] of load.acknowledged)
      if (Number(id.split('/')[0]) % CHANNELS === n) expect(ids[offset - 1], id).toBe(id);
  }
  expect(all.toSorted()).toEqual([...load.acknowledged.keys()].toSorted());
}

describe('a node killed with SIGKILL in the middle of appending', () => {
  it('[PUB1] nothing that was acknowledged is missing, nothing is there twice, also when it is sent again', async () => {
    const url = await server.createMigrated();
    const node = await openNode(url);
    const log = await openLog(node.postgres, { shared: true });
    const life = (number: number) =>
      runPublishers({
        path: url,
        life: number,
        publishers: PUBLISHERS,
        each: 0,
        killAfter: 1_000,
        program: PROGRAM,
      });
    // Two at once, and a third over what they left.
    const lives = [...(await Promise.all([life(0), life(1)])), await life(2)];
    for (const { issued, acknowledged } of lives) {
      const unknown = issued.filter((id) => !acknowledged.has(id));
      expect(unknown.length, 'appends in flight when it was killed').toBeGreaterThan(0);
      await Promise.all(
        [...unknown, ...unknown].map(async (id) => {
          const publisher = Number(id.slice(id.indexOf('/') + 1)) % 1_000;
          const once = { scope: `p${publisher}`, id, print: id };
          const channel = channelOf(publisher % CHANNELS);
          return log.append(appendOf({ channel, data: JSON.stringify({ id }), once }));
        }),
      );
    }
    const all: string[] = [];
    for (let n = 0; n < CHANNELS; n++) {
      const ids = await idsOf(log, channelOf(n));
      all.push(...ids);
      const { epoch } = await log.top(channelOf(n));
      for (const { acknowledged } of lives)
        for (const [id, at] of acknowledged)
          if (at.channel === channelOf(n))
            expect([ids[at.offset - 1], at.epoch], `${id} was acknowledged`).toEqual([id, epoch]);
    }
    expect(all.toSorted()).toEqual(lives.flatMap(({ issued }) => issued).toSorted());
    await log.close();
    await node.close();
  }, 90_000);
});

describe('the answer to a COMMIT that is lost', () => {
  it('is told as unavailable; sent again, it is a duplicate of what was committed, also on another node', async () => {
    const url = await server.createMigrated();
    const line = await openCuttingLine(url);
    const [node, other] = [await openNode(line.url), await openNode(url)];
    const [log, otherLog] = [await openLog(node.postgres), await openLog(other.postgres)];
    const once = (id: string) => appendOf({ once: { scope: 'alice', id, print: 'p' } });
    await log.append(once('first'));
    const cut = line.cutNextCommit();
    await expect(log.append(once('second'))).rejects.toMatchObject({ code: 'unavailable' });
    await cut;
    expect(await otherLog.append(once('second'))).toMatchObject({ duplicate: { offset: 2 } });
    expect(await log.append(once('second'))).toMatchObject({ duplicate: { offset: 2 } });
    expect(await log.append(once('third'))).toMatchObject({ publication: { offset: 3 } });
    for (const each of [log, otherLog]) await each.close();
    for (const each of [node, other]) await each.close();
    await line.close();
  });
});

describe('a COMMIT that Postgres does not finish', () => {
  it('[PUB1] nothing is acknowledged before it has, and what was sent again meanwhile is there once', async () => {
    const url = await server.createMigrated();
    const [node, other] = [await openNode(url, { limits: IMPATIENT }), await openNode(url)];
    const [log, otherLog] = [await openLog(node.postgres), await openLog(other.postgres)];
    const once = (n: number) => appendOf({ once: { scope: 'alice', id: String(n), print: 'p' } });
    await log.append(once(0));
    // From here on a commit waits for a standby that does not exist.
    await server.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    await server.run('SELECT pg_reload_conf()');
    let n = 0;
    let refused: unknown = null;
    // The backend that has the connection hears of it a moment later.
    while (refused === null) {
      n++;
      refused = await Promise.resolve(log.append(once(n))).then(
        () => null,
        (error: unknown) => error,
      );
    }
    expect(refused).toMatchObject({ code: 'unavailable' });
    const { offset } = await otherLog.top('chat:1');
    expect(offset, 'what was acknowledged is there for everybody').toBeGreaterThanOrEqual(n);
    await server.run('ALTER SYSTEM RESET synchronous_standby_names');
    await server.run('SELECT pg_reload_conf()');
    let again: AppendResult | null = null;
    while (again === null) again = await Promise.resolve(log.append(once(n))).catch(() => null);
    expect(again).toMatchObject({ ok: true });
    expect((await log.top('chat:1')).offset).toBe(n + 1);
    for (const each of [log, otherLog]) await each.close();
    for (const each of [node, other]) await each.close();
  }, 30_000);
});

describe('Postgres goes away under load, and comes back', () => {
  it.each([
    ['shut down and started', () => server.restart()],
    [
      'killed and started',
      async () => {
        await server.kill9();
        await server.restart();
      },
    ],
    [
      'stopped with SIGSTOP',
      async (load: Load) => {
        server.pause();
        // Everything that was in flight has been refused by the time something is refused that came behind it.
        const before = load.refused.size;
        while (load.refused.size < before + 1) await new Promise((resolve) => setImmediate(resolve));
        server.resume();
      },
    ],
  ])(
    '%s: nothing acknowledged is lost, nothing twice, the epoch stays, and it recovers by itself',
    async (_, fault) => {
      const node = await openNode(await server.createMigrated(), { limits: IMPATIENT });
      const renewed: string[] = [];
      const log = await openLog(node.postgres, { onRenewed: (reason) => renewed.push(reason) });
      const load = publish(log, 40);
      await load.more(400);
      expect(load.inFlight(), 'appends in flight when it struck').toBeGreaterThan(0);
      await fault(load);
      await load.more(400);
      await load.stop();
      expect(load.refused.size, 'refused as unavailable meanwhile').toBeGreaterThan(0);
      await nothingLostOrTwice(log, load);
      expect(new Set([...load.acknowledged.values()].map(({ epoch }) => epoch)).size).toBe(1);
      expect(renewed).toEqual([]);
      await log.close();
      await node.close();
    },
    60_000,
  );

  it('every method rejects as unavailable while it hangs, and works when it goes on', async () => {
    const node = await openNode(await server.createMigrated(), { limits: IMPATIENT });
    const log = await openLog(node.postgres);
    const directory = createPostgresDirectory(node.postgres, node.queue);
    const journal = createPostgresJournal(node.postgres, node.queue);
    await directory.importEdges([['alice', 'bob']], 1);
    const methods = (): readonly Promise<unknown>[] => [
      Promise.resolve(log.append(appendOf())),
      Promise.resolve(log.top('chat:1')),
      Promise.resolve(log.read('chat:1', { epoch: '', offset: 0 }, PLENTY, T0)),
      Promise.resolve(log.expire(T0, 10)),
      log.probe(),
      directory.rosterOf('alice'),
      directory.ensureUser('carol'),
      directory.follow('bob', 'alice', 2),
      directory.importEdges([['bob', 'carol']], 3),
      directory.recordLastSeen([{ user: 'alice', ms: 5 }]),
      directory.changesSince('alice', 0),
      journal.putSession(session('s1', 'alice', 'd1')),
      journal.load(),
    ];
    server.pause();
    const refused = await Promise.allSettled(methods());
    server.resume();
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 'rejected'));
    for (const one of refused)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'unavailable' });
    // What hung may still hold its locks for a moment: whoever comes next waits for them, or is refused once more.
    for (let settled = false; !settled;)
      settled = (await Promise.allSettled(methods())).every(({ status }) => status === 'fulfilled');
    expect(await directory.rosterOf('alice')).toEqual([{ user: 'bob', close: false }]);
    await log.close();
    await node.close();
  }, 60_000);
});
