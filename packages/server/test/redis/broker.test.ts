import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { NodeMessage } from '../../src/ports/broker.ts';
import { brokerContract } from '../../src/testing/broker-contract.ts';
import { redisSettings } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { brokerSubject } from './broker-subject.ts';
import { type BrokerNode, openNode } from './broker-nodes.ts';

const roster = (user: string): NodeMessage => ({ kind: 'roster', user });

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

brokerContract('Redis', () => brokerSubject(redisSettings(server.port)));

describe('brokers of two nodes on one Redis', () => {
  const open: BrokerNode[] = [];
  const node = async (prefix = 'carillon:'): Promise<BrokerNode> => {
    const opened = await openNode(redisSettings(server.port, { prefix }));
    open.push(opened);
    return opened;
  };
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });

  it('what one publishes the other receives, in order, whatever the topic is called', async () => {
    const [one, other] = [await node(), await node()];
    const names = ['a', '{a}', 'a{b}c%', '%7Ba%7D', 'x\ny', 'ünï💚', '__proto__', 'a b*?[x]'];
    for (const name of names) {
      const topic = `inbox:${name}`;
      await other.broker.subscribe(topic);
      const sent = Array.from({ length: 50 }, (_, i) => roster(`${name} ${i}`));
      await Promise.all(sent.map(async (message) => one.broker.publish(topic, message)));
      expect(await other.until(topic, sent.length)).toEqual(sent);
    }
    expect(one.received).toEqual([]);
  });

  it('apps with other prefixes are not heard', async () => {
    const [one, stranger] = [await node(), await node('carillon2:')];
    await one.broker.subscribe('inbox:a');
    await stranger.broker.publish('inbox:a', roster('stranger'));
    await one.broker.publish('inbox:a', roster('own'));
    expect(await one.until('inbox:a', 1)).toEqual([roster('own')]);
  });

  it('subscriptions of one turn are one command', async () => {
    const one = await node();
    await server.run('CONFIG', 'RESETSTAT');
    await Promise.all(Array.from({ length: 400 }, async (_, i) => one.broker.subscribe(`presence:u${i}`)));
    for (let i = 0; i < 400; i++) one.broker.unsubscribe(`presence:u${i}`);
    await one.broker.subscribe('presence:last');
    const stats = String(await server.run('INFO', 'commandstats'));
    expect(/cmdstat_ssubscribe:calls=(\d+)/.exec(stats)![1]).toBe('2');
    expect(/cmdstat_sunsubscribe:calls=(\d+)/.exec(stats)![1]).toBe('1');
    expect(await server.run('PUBSUB', 'SHARDCHANNELS', 'carillon:presence:*')).toEqual([
      'carillon:presence:last',
    ]);
  });

  it('a topic that is left and taken again while commands are under way is subscribed in the end', async () => {
    const one = await node();
    for (let i = 0; i < 20; i++) {
      const subscribing = one.broker.subscribe('inbox:a');
      if (i % 3 === 0) await subscribing;
      one.broker.unsubscribe('inbox:a');
      if (i % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await one.broker.subscribe('inbox:a');
    await one.broker.publish('inbox:a', roster('a'));
    expect(await one.until('inbox:a', 1)).toEqual([roster('a')]);
    expect(await server.run('PUBSUB', 'SHARDNUMSUB', 'carillon:inbox:a')).toEqual(['carillon:inbox:a', 1]);
  });

  it('knows whether anybody listens, until the moment the last one died; looking reaches nobody', async () => {
    const [one, other] = [await node(), await node()];
    expect(await one.broker.isHeard('node:other')).toBe(false);
    await other.broker.subscribe('node:other');
    expect(await one.broker.isHeard('node:other')).toBe(true);
    expect([other.received, other.broker.dropped]).toEqual([[], 0]);
    await other.close();
    await expect.poll(() => one.broker.isHeard('node:other')).toBe(false);
  });

  it('what cannot be read, and kinds of another version, are dropped and counted', async () => {
    const one = await node();
    await one.broker.subscribe('inbox:a');
    for (const text of ['{"kind":', '{"kind":"levitate"}', '\u0000\u0001'])
      await server.run('SPUBLISH', 'carillon:inbox:a', text);
    await one.broker.publish('inbox:a', roster('a'));
    expect(await one.until('inbox:a', 1)).toEqual([roster('a')]);
    expect(one.broker.dropped).toBe(3);
  });

  it('a listener that throws costs its message, and nothing else', async () => {
    const one = await node();
    const seen: string[] = [];
    const last = Promise.withResolvers<void>();
    one.broker.listen((_topic, message) => {
      if (message.kind !== 'roster') return;
      seen.push(message.user);
      if (message.user === 'bad') throw new Error('on purpose');
      if (message.user === 'last') last.resolve();
    });
    await one.broker.subscribe('inbox:a');
    for (const user of ['first', 'bad', 'last']) await one.broker.publish('inbox:a', roster(user));
    await last.promise;
    expect(seen).toEqual(['first', 'bad', 'last']);
  });
});
