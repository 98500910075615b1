import { afterEach, expect, it } from 'vitest';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import { snapshotAt, stateOf } from '../../src/testing/documents-contract.ts';
import { edit, isWhole } from '../documents/editing.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { documentsOn } from './documents-nodes.ts';
import { openLogNode } from './log-nodes.ts';

const UNAVAILABLE = { code: 'unavailable' };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function start(): Promise<RedisServer> {
  const server = await startRedis({ durable: true });
  closing.push(() => server.stop());
  return server;
}

async function lineTo(server: RedisServer, commandTimeoutMs = 5_000): Promise<RedisLink> {
  const link = await openLink(server.port, { commandTimeoutMs });
  closing.push(() => link.close());
  return link;
}

it('a Redis that hangs: a put is refused in bounded time, and what is kept is one or the other, whole', async () => {
  const server = await start();
  const store = documentsOn(await lineTo(server, 500));
  const first = snapshotAt(1, { state: stateOf(2e6) });
  const second = snapshotAt(2, { state: stateOf(2e6, 7) });
  await store.put('doc:1', first, null);
  server.pause();
  const putting = store.put('doc:1', second, first.position);
  await expect(putting).rejects.toMatchObject(UNAVAILABLE);
  await expect(store.head('doc:1')).rejects.toMatchObject(UNAVAILABLE);
  server.resume();
  const again = documentsOn(await lineTo(server));
  const kept = await again.snapshot('doc:1');
  expect(Buffer.compare(kept!.state, kept?.position.offset === 2 ? second.state : first.state)).toBe(0);
  expect(await again.put('doc:1', snapshotAt(3), kept!.position)).toBe(true);
});

it('killed while a document is edited: a whole snapshot, none older than was acknowledged, and the log behind it', async () => {
  const server = await start();
  const link = await lineTo(server);
  const { log } = openLogNode(link, { prefix: 'carillon:' });
  let acknowledged = 0;
  let killed: Promise<void> | undefined;
  const editing = edit(log, documentsOn(link), 1_000, (offset) => {
    acknowledged = offset;
    if (offset >= 100) killed ??= server.kill9();
  });
  await expect(editing).rejects.toMatchObject(UNAVAILABLE);
  await killed;
  await server.restart();
  const after = await lineTo(server);
  const again = openLogNode(after, { prefix: 'carillon:' }).log;
  await isWhole(again, documentsOn(after), acknowledged);
  await edit(again, documentsOn(after), 1, (offset) => (acknowledged = offset));
  await isWhole(again, documentsOn(after), acknowledged);
});
