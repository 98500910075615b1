import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentsContract } from '../../src/testing/index.ts';
import { snapshotAt, stateOf, versionOf } from '../../src/testing/documents-contract.ts';
import { appendOf } from '../../src/testing/log-subject.ts';
import { FOR_EVER } from '../documents/editing.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { documentsOn, openDocumentsOn } from './documents-nodes.ts';
import { openLogNode } from './log-nodes.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

documentsContract(
  'Redis',
  openDocumentsOn(async (prefix) => ({ link: await openLink(server.port, { prefix }) })),
);

describe('documents in Redis', () => {
  const names = async (prefix: string): Promise<string[]> =>
    ((await server.run('KEYS', `*${prefix}*`)) as string[]).toSorted();

  it('what is replaced, removed and forgotten leaves no key, and its memory', async () => {
    const link = await openLink(server.port, { prefix: 'keys:' });
    try {
      const store = documentsOn(link);
      const used = async (): Promise<number> =>
        Number(/used_memory:(\d+)/.exec(String(await server.run('INFO', 'memory')))?.[1]);
      const before = await used();
      const large = stateOf(8 * 1024 * 1024);
      await store.put('doc:1', snapshotAt(1, { state: large }), null);
      await store.addVersion('doc:1', versionOf('v', {}, large));
      expect((await used()) - before).toBeGreaterThan(16 * 1024 * 1024);
      await store.put('doc:1', snapshotAt(2), { epoch: 'epoch', offset: 1 });
      await store.removeVersion('doc:1', 'v');
      expect(await names('keys:')).toEqual([
        '{keys:channel:doc:1}:document',
        '{keys:channel:doc:1}:document:state',
      ]);
      await store.forget('doc:1');
      expect(await names('keys:')).toEqual([]);
      // What UNLINK lets go of is freed by another thread of the server.
      await expect
        .poll(async () => (await used()) - before, { timeout: 10_000 })
        .toBeLessThan(2 * 1024 * 1024);
    } finally {
      await link.close();
    }
  });

  it('the memory of updates that are trimmed is free', async () => {
    const link = await openLink(server.port, { prefix: 'free:' });
    try {
      const { log } = openLogNode(link, { prefix: 'free:' });
      const update = appendOf({
        channel: 'doc:1',
        retention: FOR_EVER,
        data: JSON.stringify('x'.repeat(1_000)),
      });
      await Promise.all(Array.from({ length: 3_000 }, async () => log.append(update)));
      const used = async (): Promise<number> =>
        Number(await server.run('MEMORY', 'USAGE', '{free:channel:doc:1}:log:history', 'SAMPLES', '0'));
      expect(await used()).toBeGreaterThan(3_000_000);
      await log.trim('doc:1', { ...(await log.top('doc:1')), offset: 2_990 });
      expect(await used()).toBeLessThan(50_000);
    } finally {
      await link.close();
    }
  });

  it('neither a document nor its updates run out, however long nobody asks for them', async () => {
    const link = await openLink(server.port, { prefix: 'ever:' });
    try {
      const { log } = openLogNode(link, { prefix: 'ever:' });
      const append = () => log.append(appendOf({ channel: 'doc:1', retention: FOR_EVER }));
      const { epoch } = await log.top('doc:1');
      for (let i = 0; i < 5; i++) await append();
      await log.trim('doc:1', { epoch, offset: 5 });
      await append();
      const store = documentsOn(link);
      await store.put('doc:1', snapshotAt(1, { state: stateOf(600_000) }), null);
      await store.addVersion('doc:1', versionOf('v', {}, stateOf(600_000)));
      const kept = await names('ever:');
      expect(kept).toHaveLength(7);
      for (const name of kept) expect([name, await server.run('PTTL', name)]).toEqual([name, -1]);
    } finally {
      await link.close();
    }
  });

  it('what a node put aside and never took, because it died, runs out by itself', async () => {
    const link = await openLink(server.port, { prefix: 'dead:' });
    const dying = await openLink(server.port, { prefix: 'dead:' });
    try {
      // Its parts go out, and its line ends before the script that takes them.
      const store = documentsOn({
        ...dying,
        run: (script, keys, args) =>
          script.name === 'document-put'
            ? Promise.reject(new Error('killed'))
            : dying.run(script, keys, args),
      });
      await expect(store.put('doc:1', snapshotAt(1, { state: stateOf(1_000_000) }), null)).rejects.toThrow(
        'killed',
      );
      const [aside, ...others] = await names('dead:');
      expect(others).toEqual([]);
      expect(await server.run('PTTL', aside!)).toBeGreaterThan(0);
      const living = documentsOn(link);
      expect(await living.head('doc:1')).toBeNull();
      expect(await living.put('doc:1', snapshotAt(2), null)).toBe(true);
    } finally {
      await dying.close();
      await link.close();
    }
  });

  it('parts that are lost before they are taken: nothing is kept, and what was there stays', async () => {
    const link = await openLink(server.port, { prefix: 'lost:' });
    try {
      await documentsOn(link).put('doc:1', snapshotAt(1), null);
      const store = documentsOn({
        ...link,
        async run(script, keys, args) {
          if (script.name === 'document-put' || script.name === 'document-version')
            await link.command(keys.at(-1)!, 'HDEL', keys.at(-1)!, '1');
          return link.run(script, keys, args);
        },
      });
      const large = snapshotAt(2, { state: stateOf(600_000) });
      await expect(store.put('doc:1', large, { epoch: 'epoch', offset: 1 })).rejects.toMatchObject({
        code: 'unavailable',
      });
      await expect(store.addVersion('doc:1', versionOf('v', {}, large.state))).rejects.toMatchObject({
        code: 'unavailable',
      });
      expect(await store.head('doc:1')).toMatchObject({ position: { offset: 1 } });
      expect(await store.versions('doc:1', null, 9)).toEqual([]);
    } finally {
      await link.close();
    }
  });
});
