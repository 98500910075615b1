import BetterSqlite3 from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import { ENTRIES_KEPT, POLL_MS } from '../../src/adapters/redis/revocations.ts';
import type { Sqlite } from '../../src/adapters/sql/sqlite.ts';
import type { Revocation } from '../../src/ports/revocations.ts';
import { revocationsContract, revocationsRestartContract } from '../../src/testing/index.ts';
import { temporarySqlite } from '../adapters/subjects.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { openRevocationNode, type RevocationNode } from './revocation-nodes.ts';

const FOREVER = Number.MAX_SAFE_INTEGER;
let server: RedisServer;
let file: Awaited<ReturnType<typeof temporarySqlite>>;
/** Two processes, as far as the database can tell; nodes are on either by turns. */
let databases: readonly Sqlite[] = [];
let prefix: string;
let opened = 0;
beforeAll(async () => {
  server = await startRedis();
  file = await temporarySqlite();
  databases = [await file.open(), await file.open()];
});
afterAll(async () => {
  for (const database of databases) await database.close();
  await file.remove();
  await server.stop();
});
beforeEach(() => {
  prefix = `t${++opened}:`;
  const raw = new BetterSqlite3(file.path);
  raw.exec('DELETE FROM revoked_users; DELETE FROM revoked_tokens');
  raw.close();
});
const nodes: RevocationNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.close();
});

async function openNode(
  more: Partial<Parameters<typeof openRevocationNode>[0]> = {},
): Promise<RevocationNode> {
  const database = databases[++opened % 2]!;
  const node = await openRevocationNode({ port: server.port, prefix, database, ...more });
  nodes.push(node);
  return node;
}

const token = (tokenId: string): Revocation => ({ kind: 'token', tokenId });
const isRevoked = ({ revocations }: RevocationNode, tokenId: string) =>
  revocations.isRevoked('x', tokenId, null);

/** What a node was told by has been sent before. */
const sent = (node: RevocationNode) => node.link.command(null, 'PING');

async function contractSubject() {
  const clock = createVirtualClock(0);
  const own = { nowMs: 0 };
  const node = await openNode({ clock: { ...clock, nowMs: () => own.nowMs } });
  return { revocations: node.revocations, clock: own, close: () => Promise.resolve() };
}

revocationsContract('SQLite, told to other nodes through Redis', contractSubject);
revocationsContract('SQLite, as another node has it', async () => {
  const subject = await contractSubject();
  const other = await openNode({ clock: { ...createVirtualClock(0), nowMs: () => subject.clock.nowMs } });
  return {
    ...subject,
    revocations: {
      async revoke(revocation, forgetAtMs) {
        await other.revocations.revoke(revocation, forgetAtMs);
        await sent(other);
        await subject.revocations.catchUp();
      },
      isRevoked: subject.revocations.isRevoked,
    },
  };
});
revocationsRestartContract('SQLite, told to other nodes through Redis', async () => {
  const own = { nowMs: 0 };
  const open = () => openNode({ clock: { ...createVirtualClock(0), nowMs: () => own.nowMs } });
  const { revocations } = await open();
  return {
    revocations,
    clock: own,
    restart: async () => (await open()).revocations,
    kept: () =>
      Number(
        databases[0]!.reader
          .prepare('SELECT (SELECT count(*) FROM revoked_users) + (SELECT count(*) FROM revoked_tokens)')
          .pluck()
          .get(),
      ),
    close: () => Promise.resolve(),
  };
});

describe('a revocation on one node', () => {
  it('is learned by the others by themselves, twice a second', async () => {
    expect(POLL_MS).toBeLessThanOrEqual(500);
    const one = await openNode();
    const two = await openNode({ polls: true });
    await one.revocations.revoke(token('t1'), FOREVER);
    await one.revocations.revoke({ kind: 'user', user: 'alice', issuedUpToMs: 5_000 }, FOREVER);
    await two.learned();
    await two.revocations.catchUp();
    expect(isRevoked(two, 't1')).toBe(true);
    expect(two.revocations.isRevoked('alice', null, 5_000)).toBe(true);
    expect(two.revocations.isRevoked('alice', null, 5_001)).toBe(false);
    expect(isRevoked(two, 't2')).toBe(false);
    // From the stream, and once at the beginning from the database.
    expect(two.reloads).toBe(1);
  });

  it('costs one command, and reading that there is none another', async () => {
    const one = await openNode();
    one.scripts.length = 0;
    await one.revocations.revoke(token('t1'), FOREVER);
    await sent(one);
    expect(one.scripts).toEqual(['revocations-add']);
    await one.revocations.catchUp();
    await one.revocations.catchUp();
    expect(one.scripts).toEqual(['revocations-add', 'revocations-read', 'revocations-read']);
  });

  it('before a node began is known to it, told or not', async () => {
    const one = await openNode();
    one.refused = new Set(['revocations-add']);
    await one.revocations.revoke(token('t1'), FOREVER);
    const two = await openNode();
    expect(isRevoked(two, 't1')).toBe(true);
  });

  it('of thousands is read in pieces, each once', async () => {
    const one = await openNode();
    const two = await openNode();
    two.scripts.length = 0;
    await Promise.all(
      Array.from({ length: 1_201 }, (_, i) => one.revocations.revoke(token(`t${i}`), FOREVER)),
    );
    await sent(one);
    await two.revocations.catchUp();
    expect(two.scripts).toHaveLength(3);
    for (let i = 0; i < 1_201; i++) expect(isRevoked(two, `t${i}`), String(i)).toBe(true);
    expect(two.reloads).toBe(1);
    await two.revocations.catchUp();
    expect(two.heard).toBe(4);
  });

  it('that cannot be stored is none, and nobody is told', async () => {
    const own = await temporarySqlite();
    const database = await own.open();
    const one = await openNode({ database });
    const two = await openNode();
    await database.close();
    await expect(one.revocations.revoke(token('t1'), FOREVER)).rejects.toThrow();
    await own.remove();
    await sent(one);
    await two.revocations.catchUp();
    expect([one, two].some((node) => isRevoked(node, 't1'))).toBe(false);
  });
});

describe('where the stream cannot tell', () => {
  it('because Redis was emptied, the database is read; also where it has as many entries again', async () => {
    const one = await openNode();
    const two = await openNode();
    await one.revocations.revoke(token('t1'), FOREVER);
    await sent(one);
    await two.revocations.catchUp();
    await one.revocations.revoke(token('lost'), FOREVER);
    await sent(one);
    await server.run('FLUSHALL');
    for (const id of ['t2', 't3', 't4']) await one.revocations.revoke(token(id), FOREVER);
    await sent(one);
    await two.revocations.catchUp();
    for (const id of ['t1', 'lost', 't2', 't3', 't4']) expect(isRevoked(two, id), id).toBe(true);
    expect(two.reloads).toBe(2);
    await one.revocations.revoke(token('t5'), FOREVER);
    await sent(one);
    await two.revocations.catchUp();
    expect(isRevoked(two, 't5')).toBe(true);
    expect(two.reloads).toBe(2);
  });

  it('because what a node has not read is not kept any more, the database is read', async () => {
    const one = await openNode();
    const two = await openNode();
    const stream = createKeys(prefix).cluster('revocations');
    await one.revocations.revoke(token('t1'), FOREVER);
    await one.revocations.revoke(token('t2'), FOREVER);
    await sent(one);
    await server.run('XTRIM', stream, 'MAXLEN', '1');
    await two.revocations.catchUp();
    expect(isRevoked(two, 't1')).toBe(true);
    expect(two.reloads).toBe(2);
    await one.revocations.revoke(token('t3'), FOREVER);
    await sent(one);
    // An hour later nothing of it is there.
    await server.run('DEL', stream);
    await two.revocations.catchUp();
    expect(isRevoked(two, 't3')).toBe(true);
    expect(two.reloads).toBe(3);
    expect(Number(await server.run('PTTL', stream))).toBe(-2);
  });

  it('because an entry is of a kind that this version does not know, the database is read', async () => {
    const one = await openNode();
    const two = await openNode();
    one.refused = new Set(['revocations-add']);
    await one.revocations.revoke(token('t1'), FOREVER);
    const [stream, state] = ['revocations', 'revocations-state'].map((part) =>
      createKeys(prefix).cluster(part),
    );
    await server.run('HSET', state!, 'n', '1');
    await server.run('XADD', stream!, '1-0', 'newer', 'x');
    await two.revocations.catchUp();
    expect(isRevoked(two, 't1')).toBe(true);
    expect(two.reloads).toBe(2);
  });

  it('is bounded: no more is kept than its number, nor for ever', async () => {
    const one = await openNode();
    const stream = createKeys(prefix).cluster('revocations');
    await one.revocations.revoke(token('t1'), FOREVER);
    await sent(one);
    expect(Number(await server.run('PTTL', stream))).toBeGreaterThan(0);
    await server.run(
      'EVAL',
      `for i = 2, ${ENTRIES_KEPT} do redis.call('XADD', KEYS[1], i .. '-0', 't', i) end redis.call('HSET', KEYS[2], 'n', ${ENTRIES_KEPT})`,
      '2',
      stream,
      createKeys(prefix).cluster('revocations-state'),
    );
    await one.revocations.revoke(token('t2'), FOREVER);
    await sent(one);
    expect(await server.run('XLEN', stream)).toBe(ENTRIES_KEPT);
  });
});

describe('while Redis is away', () => {
  it('a revocation is made, counts on its own node, and reaches the others when the node can speak again', async () => {
    const one = await openNode();
    const two = await openNode();
    one.refused = new Set(['revocations-add', 'revocations-read']);
    await one.revocations.revoke(token('t1'), FOREVER);
    await one.revocations.revoke(token('t2'), FOREVER);
    expect(isRevoked(one, 't1')).toBe(true);
    await two.revocations.catchUp();
    expect(isRevoked(two, 't1')).toBe(false);
    one.refused = new Set();
    await one.revocations.catchUp();
    await two.revocations.catchUp();
    expect(isRevoked(two, 't1')).toBe(true);
    expect(isRevoked(two, 't2')).toBe(true);
    expect(two.reloads).toBe(2);
    // Once.
    await one.revocations.catchUp();
    await two.revocations.catchUp();
    expect(two.reloads).toBe(2);
  });

  it('a node that died before it could speak is made up for by reading the database', async () => {
    const one = await openNode();
    const two = await openNode();
    one.refused = new Set(['revocations-add']);
    await one.revocations.revoke(token('t1'), FOREVER);
    await two.revocations.catchUp();
    expect(isRevoked(two, 't1')).toBe(false);
    two.away = true;
    await two.revocations.doubt();
    await expect(two.revocations.catchUp()).rejects.toMatchObject({ code: 'unavailable' });
    two.away = false;
    await two.revocations.catchUp();
    expect(isRevoked(two, 't1')).toBe(true);
    expect(two.reloads).toBe(2);
  });

  it('nothing is lost when it comes back older, or another server in its place: everybody reads the database', async () => {
    const own = await startRedis();
    const [one, two] = [
      await openNode({ port: own.port, polls: true }),
      await openNode({ port: own.port, polls: true }),
    ];
    await one.revocations.revoke(token('t1'), FOREVER);
    await sent(one);
    await two.revocations.catchUp();
    await own.run('SAVE');
    await one.revocations.revoke(token('t2'), FOREVER);
    await sent(one);
    await two.revocations.catchUp();
    const down = new Promise<void>((resolve) => one.link.onDown(() => resolve()));
    await own.kill9();
    await down;
    await one.revocations.revoke(token('t3'), FOREVER);
    // Behind what the revocations themselves do when the line stands again: before anybody is let in.
    const back = [one, two].map(
      (node) => new Promise<boolean>((resolve) => node.link.onUp(async () => resolve(isRevoked(node, 't3')))),
    );
    await own.restart();
    expect(await Promise.all(back)).toEqual([true, true]);
    await one.revocations.revoke(token('t4'), FOREVER);
    await sent(one);
    await two.revocations.catchUp();
    for (const id of ['t1', 't2', 't3', 't4']) expect(isRevoked(two, id), id).toBe(true);
    expect(one.warnings).toEqual([]);
    for (const node of nodes.splice(0)) await node.close();
    await own.stop();
  });

  it('that the database cannot be read is told once, and tried again', async () => {
    const clock = createVirtualClock();
    const two = await openNode({ clock, polls: true });
    const one = await openNode();
    two.away = true;
    await server.run('FLUSHALL');
    for (let i = 0; i < 3; i++) {
      await clock.advance(POLL_MS);
      await expect(two.revocations.catchUp()).rejects.toMatchObject({ code: 'unavailable' });
    }
    expect(two.warnings).toEqual(['revocations_unread']);
    one.refused = new Set(['revocations-add']);
    await one.revocations.revoke(token('t1'), FOREVER);
    two.away = false;
    await two.revocations.catchUp();
    expect(isRevoked(two, 't1')).toBe(true);
  });
});
