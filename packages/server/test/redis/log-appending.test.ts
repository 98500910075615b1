import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { AppendResult, Publication, PublishingLog } from '../../src/ports/log.ts';
import { PLENTY, T0, appendOf, taken } from '../../src/testing/log-subject.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { listenTo, openLogNode, tappedLink } from './log-nodes.ts';

const NODES = 4;
const EACH = 250;

describe('several nodes that append to the same channels', () => {
  let server: RedisServer;
  const links: RedisLink[] = [];
  let prefix: string;
  let logs: readonly PublishingLog[];
  beforeAll(async () => {
    server = await startRedis();
    for (let i = 0; i < NODES; i++) links.push(await openLink(server.port));
  });
  afterAll(async () => {
    await Promise.all(links.map((link) => link.close()));
    await server.stop();
  });
  beforeEach(() => {
    prefix = `t${randomUUID().slice(0, 8)}:`;
    logs = links.map((link) => openLogNode(link, { prefix }).log);
  });

  const channelOf = (topic: string) => createKeys(prefix).channel(`channel:${topic}`);

  it('[CHN4] offsets have no gap and no repeat, and each publication is published once, in order', async () => {
    const listeners = await Promise.all(
      ['a', 'b', 'c'].map((name) => listenTo(server.port, channelOf(`chat:${name}`))),
    );
    const names = ['chat:a', 'chat:b', 'chat:c'];
    let inFlight = 0;
    let most = 0;
    const results = await Promise.all(
      logs.map(async (log, node) =>
        Promise.all(
          Array.from({ length: EACH }, async (_, i) => {
            const channel = names[i % names.length]!;
            most = Math.max(most, ++inFlight);
            const result = await log.append(appendOf({ channel, by: `n${node}`, data: `[${node},${i}]` }));
            inFlight--;
            return { channel, node, i, result };
          }),
        ),
      ),
    );
    expect(most, 'appends in flight at once').toBe(NODES * EACH);
    for (const [n, name] of names.entries()) {
      const here = results.flat().filter(({ channel }) => channel === name);
      const listener = listeners[n]!;
      await listener.count(here.length);
      const offsets = listener.heard.map(({ header }) => header['offset']);
      expect(offsets).toEqual(here.map((_, i) => i + 1));
      expect(new Set(listener.heard.map(({ header }) => header['epoch'])).size).toBe(1);
      for (const { result, node, i } of here) {
        const { publication } = result as Extract<AppendResult, { publication: Publication }>;
        expect(listener.heard[publication.offset - 1]?.data).toBe(`[${node},${i}]`);
      }
      // Of one node, in the order of its calls.
      for (let node = 0; node < NODES; node++) {
        const own = listener.heard.filter(({ header }) => header['by'] === `n${node}`);
        const numbers = own.map(({ data }) => (JSON.parse(data!) as [number, number])[1]);
        expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
        expect(numbers).toHaveLength(here.filter((each) => each.node === node).length);
      }
      const top = await logs[0]!.top(name);
      const read = await logs[3]!.read(name, { ...top, offset: 0 }, PLENTY, T0);
      expect(read.ok && read.publications.map(({ data }) => data)).toEqual(
        listener.heard.map(({ data }) => data),
      );
      listener.close();
    }
  });

  it('[PUB2] an id that comes from all of them at once publishes once', async () => {
    const listener = await listenTo(server.port, channelOf('chat:1'));
    const once = { scope: 'alice', id: 'x', print: 'print' };
    const results = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => logs[i % NODES]!.append(appendOf({ once }))),
    );
    expect(results.filter((result) => 'publication' in result)).toHaveLength(1);
    expect(results.filter((result) => 'duplicate' in result && result.duplicate?.offset === 1)).toHaveLength(
      99,
    );
    await taken(logs[0]!);
    await listener.count(2);
    expect(listener.heard.map(({ header }) => header['offset'])).toEqual([1, 2]);
    listener.close();
  });

  it('what is published is the text that every version reads, and what was not taken is not published', async () => {
    const listener = await listenTo(server.port, channelOf('tasks:a'));
    const [log] = logs as [PublishingLog];
    const silent = { session: 's"1', request: 7 };
    await taken(log, { channel: 'tasks:a', key: 'k', version: 4, data: '{"a":"x\\ny 💚"}', silent });
    const { epoch } = await taken(log, { channel: 'tasks:a', key: 'k', by: null, data: null });
    expect(
      await log.append(appendOf({ channel: 'tasks:a', key: 'k', expect: { epoch, offset: 1 } })),
    ).toMatchObject({ code: 'conflict' });
    await taken(log, {
      channel: 'tasks:a',
      key: 'é\ud800"\n',
      silent: { session: 's', request: null },
      data: '1',
    });
    await listener.count(3);
    expect(listener.heard).toEqual([
      {
        header: {
          kind: 'publication',
          epoch,
          offset: 1,
          at: T0,
          by: 'alice',
          key: 'k',
          version: 4,
          silent: ['s"1', 7],
        },
        data: '{"a":"x\\ny 💚"}',
      },
      { header: { kind: 'publication', epoch, offset: 2, at: T0, key: 'k' }, data: null },
      {
        header: {
          kind: 'publication',
          epoch,
          offset: 3,
          at: T0,
          by: 'alice',
          key: 'é\ud800"\n',
          silent: ['s', null],
        },
        data: '1',
      },
    ]);
    listener.close();
  });

  it('[PUB8] what it answers is published and kept, when it happened is published and not kept', async () => {
    const listener = await listenTo(server.port, channelOf('tasks:a'));
    const [log] = logs as [PublishingLog];
    await taken(log, { ref: 'm"1', eventMs: T0 - 250.5, channel: 'tasks:a', key: 'k', data: '1' });
    await listener.count(1);
    expect(listener.heard[0]?.header).toMatchObject({ at: T0, ref: 'm"1', key: 'k', event: T0 - 250.5 });
    const state = `{${prefix}channel:tasks:a}:log`;
    const text = `,"at":${T0},"by":"alice","ref":"m\\"1","key":"k"}\n1`;
    expect(await server.run('LRANGE', `${state}:history`, '0', '-1')).toEqual([`1${text}`]);
    expect(await server.run('HVALS', `${state}:entries`)).toEqual([`1${text}`]);
    listener.close();
  });

  it('an append is one command, whatever it has to check', async () => {
    const asked: string[] = [];
    const tapped = tappedLink(links[0]!, (what) => void asked.push(what));
    const { log } = openLogNode(tapped, { prefix });
    const commandsOf = async (work: () => unknown) => {
      asked.length = 0;
      await work();
      return [...asked];
    };
    const { epoch } = await taken(log);
    const retention = { ...PLENTY, count: 2 };
    const once = { scope: 'alice', id: 'x', print: 'print' };
    const expected = { epoch, offset: 1 };
    expect(await commandsOf(async () => taken(log, { retention, once, expect: expected }))).toEqual([
      'log-append',
    ]);
    const map = { channel: 'tasks:a', key: 'k', version: 1 };
    expect(await commandsOf(async () => taken(log, { ...map, once }))).toEqual(['log-put']);
    // The index is written for the first key of a channel that runs out, and not again for those that run out later.
    const ends = { channel: 'tasks:b', ttlMs: 1_000 };
    expect(await commandsOf(async () => taken(log, { ...ends, key: 'k' }))).toEqual([
      'log-put',
      'log-note',
      'log-put',
    ]);
    for (let i = 0; i < 3; i++)
      expect(await commandsOf(async () => taken(log, { ...ends, key: `k${i}`, nowMs: T0 + i }))).toEqual([
        'log-put',
      ]);
  });

  it('appends whose keys run out, and others, keep the order of the calls', async () => {
    const log = logs[0]!;
    const results = await Promise.all(
      Array.from({ length: 60 }, async (_, i) =>
        log.append(
          appendOf({
            channel: 'tasks:a',
            key: `k${i}`,
            data: String(i),
            ttlMs: i % 3 === 0 ? 10_000 - i : null,
          }),
        ),
      ),
    );
    expect(results.map((result) => 'publication' in result && result.publication.offset)).toEqual(
      results.map((_, i) => i + 1),
    );
  });
});
