import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { Log } from '../../src/ports/log.ts';
import { logContract } from '../../src/testing/index.ts';
import { snapshotAt, stateOf } from '../../src/testing/documents-contract.ts';
import { PLENTY, T0, appendOf, once, taken } from '../../src/testing/log-subject.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisPair, startRedisPair } from '../servers/redis-pair.ts';
import { documentsOn } from './documents-nodes.ts';
import { openLogNode } from './log-nodes.ts';

const PREFIX = 'r:';
/** Long enough for a machine with much else to do: what a replica that is well takes is refused otherwise. */
const WAIT_MS = 1_000;
const UNAVAILABLE = { code: 'unavailable' };
const WHOLE = { offset: null, reverse: false, limit: 1_000_000, sinceMs: null };

type Lines = { readonly link: RedisLink; readonly writes: RedisLink };

async function linesTo(port: number, prefix = PREFIX): Promise<Lines> {
  return { link: await openLink(port, { prefix }), writes: await openLink(port, { prefix }) };
}

const logOver = ({ link, writes }: Lines, prefix = PREFIX, waitMs = WAIT_MS): Log =>
  openLogNode(link, { prefix, replicas: { link: writes, waitMs } }).log;

describe('a log on Redis with a replica that follows', () => {
  let pair: RedisPair;
  let names = 0;
  beforeAll(async () => {
    pair = await startRedisPair();
  });
  afterAll(() => pair.stop());

  logContract(
    'Redis, replicated',
    async (limits) => {
      const prefix = `c${++names}:`;
      let lines = await linesTo(pair.primary.port, prefix);
      const open = (): Log =>
        openLogNode(lines.link, { prefix, limits, replicas: { link: lines.writes, waitMs: 2_000 } }).log;
      const close = async (): Promise<void> => {
        await lines.link.close();
        await lines.writes.close();
      };
      return {
        log: open(),
        async reopen() {
          await close();
          lines = await linesTo(pair.primary.port, prefix);
          return open();
        },
        close,
      };
    },
    { shared: true },
  );
});

describe('what is acknowledged as replicated', () => {
  let pair: RedisPair;
  let lines: Lines;
  let log: Log;
  const closing: (() => unknown)[] = [];
  beforeEach(async () => {
    pair = await startRedisPair();
    closing.push(() => pair.stop());
    lines = await open(pair.primary.port);
    log = logOver(lines);
  });
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  async function open(port: number): Promise<Lines> {
    const opened = await linesTo(port);
    closing.push(() => opened.link.close());
    closing.push(() => opened.writes.close());
    return opened;
  }

  it('an append is refused as unavailable while no replica has it, and taken again when one does', async () => {
    await taken(log);
    pair.replica.pause();
    await expect(log.append(appendOf())).rejects.toMatchObject(UNAVAILABLE);
    // Also those that share a wait, and those that come behind it.
    const refused = await Promise.allSettled(Array.from({ length: 20 }, async () => log.append(appendOf())));
    expect(refused.every(({ status }) => status === 'rejected')).toBe(true);
    pair.replica.resume();
    await pair.caughtUp();
    await taken(log);
    // What was refused had been appended, and is there: nobody was told that it is.
    expect((await log.top('chat:1')).offset).toBe(23);
  });

  it('without any replica nothing is acknowledged', async () => {
    await pair.replica.stop();
    await expect(log.append(appendOf())).rejects.toMatchObject(UNAVAILABLE);
    await expect(log.settle('chat:1')).rejects.toMatchObject(UNAVAILABLE);
  });

  it('what was refused is a duplicate when it is repeated, and is answered only once a replica has it', async () => {
    await taken(log);
    pair.replica.pause();
    await expect(log.append(appendOf(once('x')))).rejects.toMatchObject(UNAVAILABLE);
    // Another node, whose own line wrote nothing, knows no better.
    const other = logOver(await open(pair.primary.port));
    await expect(other.append(appendOf(once('x')))).rejects.toMatchObject(UNAVAILABLE);
    await expect(other.settle('chat:1')).rejects.toMatchObject(UNAVAILABLE);
    pair.replica.resume();
    await pair.caughtUp();
    expect(await other.append(appendOf(once('x')))).toMatchObject({ ok: true, duplicate: { offset: 2 } });
    await log.settle('chat:1');
    await other.settle('chat:1');
    expect((await log.top('chat:1')).offset).toBe(2);
  });

  it('WAIT asks for what its own line wrote last: where that wrote nothing, it writes before it asks', async () => {
    await taken(log, once('x'));
    await taken(log, { channel: 'tasks:a', key: 'k', version: 5 });
    const other = logOver(await open(pair.primary.port));
    const writes = async (): Promise<number> =>
      Number(/cmdstat_hset:calls=(\d+)/.exec(String(await pair.primary.run('INFO', 'commandstats')))?.[1]);
    const outdated = appendOf({ channel: 'tasks:a', key: 'k', version: 4 });
    for (const call of [
      () => other.settle('chat:1'),
      () => other.append(appendOf(once('x'))),
      () => other.append(outdated),
    ]) {
      const before = await writes();
      await call();
      expect(await writes()).toBe(before + 1);
    }
  });

  it('a key of a map that is outdated says so only once a replica has what outdates it', async () => {
    await taken(log);
    pair.replica.pause();
    const newer = appendOf({ channel: 'tasks:a', key: 'k', version: 5 });
    await expect(log.append(newer)).rejects.toMatchObject(UNAVAILABLE);
    await expect(log.append({ ...newer, version: 4 })).rejects.toMatchObject(UNAVAILABLE);
    pair.replica.resume();
    await pair.caughtUp();
    expect(await log.append({ ...newer, version: 4 })).toMatchObject({ ok: true, outdated: { offset: 1 } });
  });

  it('reads wait for no replica, also while appends do', async () => {
    await taken(log);
    pair.replica.pause();
    const appending = Promise.resolve(log.append(appendOf())).catch((error: unknown) => error);
    const top = await log.top('chat:1');
    expect(await log.read('chat:1', { ...top, offset: 0 }, PLENTY, T0)).toMatchObject({ ok: true });
    expect(await appending).toMatchObject(UNAVAILABLE);
  });

  it('[PUB2] nothing acknowledged is lost when the primary is killed and the replica promoted', async () => {
    const acknowledged: string[] = [];
    let refused = 0;
    let sent = 0;
    let killed: Promise<void> | undefined;
    async function publish(publisher: number): Promise<void> {
      for (;;) {
        const data = JSON.stringify(`${publisher}-${sent++}`);
        try {
          await taken(log, { channel: `chat:${publisher % 4}`, data });
        } catch (error) {
          expect(error).toMatchObject(UNAVAILABLE);
          // The first are refused because the replica hangs; from then on the primary is no more.
          if (++refused === 1) killed = pair.primary.kill9();
          return;
        }
        acknowledged.push(data);
        if (acknowledged.length === 400) pair.replica.pause();
      }
    }
    await Promise.all(Array.from({ length: 16 }, (_, publisher) => publish(publisher)));
    await killed;
    expect(acknowledged.length).toBeGreaterThanOrEqual(400);
    expect(refused).toBe(16);
    pair.replica.resume();
    await pair.promote();
    const after = openLogNode((await open(pair.replica.port)).link, { prefix: PREFIX }).log;
    const there = new Set<string | null>();
    for (const channel of ['chat:0', 'chat:1', 'chat:2', 'chat:3'])
      for (const { data } of (await after.history(channel, WHOLE, PLENTY, T0)).publications) there.add(data);
    expect(acknowledged.filter((data) => !there.has(data))).toEqual([]);
  });

  it('[REC1] the one that was promoted begins a new epoch, and every position of the old one is told so', async () => {
    const { epoch } = await taken(log);
    await pair.primary.kill9();
    await pair.promote();
    const after = openLogNode((await open(pair.replica.port)).link, { prefix: PREFIX }).log;
    expect(await after.read('chat:1', { epoch, offset: 1 }, PLENTY, T0)).toMatchObject({ why: 'epoch' });
  });

  it('a snapshot is kept once a replica has it, and is there when that is promoted', async () => {
    const store = documentsOn(lines.link, { link: lines.writes, waitMs: WAIT_MS });
    const kept = snapshotAt(1, { state: stateOf(900_000) });
    expect(await store.put('doc:1', kept, null)).toBe(true);
    pair.replica.pause();
    await expect(store.put('doc:1', snapshotAt(2), kept.position)).rejects.toMatchObject(UNAVAILABLE);
    await expect(
      store.addVersion('doc:1', { head: { ...VERSION, id: 'v' }, state: kept.state }),
    ).rejects.toMatchObject(UNAVAILABLE);
    await pair.primary.kill9();
    pair.replica.resume();
    await pair.promote();
    const after = documentsOn((await open(pair.replica.port)).link);
    const found = await after.snapshot('doc:1');
    // Either, whole: the second may have reached the replica when it went on.
    const wanted = found?.position.offset === 2 ? snapshotAt(2) : kept;
    expect(Buffer.compare(found!.state, wanted.state)).toBe(0);
  });
});

const VERSION = { name: null, atMs: T0, by: null, position: { epoch: 'epoch', offset: 1 } };
