import { describe, expect, it } from 'vitest';
import { createMemoryBroker } from '../../src/adapters/memory/broker.ts';
import { createMemoryDirectory } from '../../src/adapters/memory/directory.ts';
import { createMemoryJournal } from '../../src/adapters/memory/journal.ts';
import { createMemoryPresence } from '../../src/adapters/memory/presence.ts';
import { createStampSource } from '../../src/core/presence/stamp.ts';
import { tellingBroker } from '../../src/webhooks/presence-events.ts';
import { bench, BROKEN, OK } from './webhooks-under-test.ts';

const T = Date.UTC(2026, 0, 1, 12);

describe('after a restart', () => {
  it('what was not delivered is sent, with its id, ahead of what comes now', async () => {
    const one = bench();
    const first = await one.begin();
    one.answer = () => BROKEN;
    first.userOnline('alice', T);
    first.userOffline('alice', T + 1);
    first.userOnline('bob', T + 2);
    await one.settle();
    const [alice, bob] = one.posted;
    await first.close();

    one.answer = () => OK;
    one.posted.length = 0;
    one.online.add('bob');
    const second = await one.begin();
    second.userOnline('alice', T + 3);
    await one.settle();
    expect(one.told().filter((what) => what.endsWith('alice'))).toEqual([
      'user.online alice',
      'user.offline alice',
      'user.online alice',
    ]);
    expect(one.posted).toContainEqual({ ...alice, atMs: expect.any(Number) });
    expect(one.posted).toContainEqual({ ...bob, atMs: expect.any(Number) });
    expect(new Set(one.posted.map(({ id }) => id)).size).toBe(4);
  });

  it('and what came in a life in which nothing could be delivered survives the next end as well', async () => {
    const one = bench();
    one.answer = () => BROKEN;
    for (let life = 0; life < 3; life++) {
      const hooks = await one.begin();
      hooks.userOnline(`u${life}`, T);
      one.online.add(`u${life}`);
      await one.settle();
      one.kill();
    }
    one.answer = () => OK;
    one.posted.length = 0;
    await one.begin();
    await one.settle();
    expect(one.told().toSorted()).toEqual(['user.online u0', 'user.online u1', 'user.online u2']);
  });

  it('an event is told before the start, and goes out behind what was kept', async () => {
    const one = bench();
    const first = await one.begin();
    one.answer = () => BROKEN;
    first.userOnline('alice', T);
    await one.settle();
    await first.close();
    one.answer = () => OK;
    one.posted.length = 0;
    const { start, userOffline } = await one.open();
    userOffline('alice', T);
    await start({ read: () => Promise.resolve([]) });
    await one.settle();
    expect(one.told()).toEqual(['user.online alice', 'user.offline alice']);
  });

  it('who went offline unnoticed is told of, once, with when they were last seen; who is online is not', async () => {
    const one = bench();
    const first = await one.begin();
    for (const user of ['gone', 'there', 'came']) first.userOnline(user, T);
    await one.settle();
    await first.close();

    one.posted.length = 0;
    one.online.add('there');
    const second = await one.begin();
    second.userOnline('there', T);
    await one.settle();
    expect(one.posted.filter(({ subject }) => subject === 'user gone')).toMatchObject([
      { type: 'user.offline', timestamp: new Date(1_700_000_000_000).toISOString() },
    ]);
    expect(one.told()).not.toContain('user.online there');
    second.userOffline('gone', T);
    second.userOffline('there', T);
    await one.settle();
    expect(one.told().filter((what) => what === 'user.offline gone')).toHaveLength(1);
    expect(one.told()).toContain('user.offline there');
  });

  it('what is told of a user while presence is read counts, not what was read', async () => {
    const one = bench();
    const first = await one.begin();
    first.userOnline('alice', T);
    await one.settle();
    await first.close();
    one.posted.length = 0;
    one.online.add('alice');
    const second = await one.open();
    const read = Promise.withResolvers<[]>();
    const started = second.start({
      read: async (users) => {
        await read.promise;
        return users.map((user) => ({ user, version: 1, s: 'Offline', fields: {}, lastSeenMs: null }));
      },
    });
    second.userOnline('alice', T);
    read.resolve([]);
    await started;
    await one.settle();
    expect(one.told()).toEqual([]);
  });

  it('presence that cannot be read does not stop the start', async () => {
    const one = bench();
    const first = await one.begin();
    first.userOnline('alice', T);
    await one.settle();
    one.online.add('alice');
    const second = await one.open();
    await second.start({ read: () => Promise.reject(new Error('the database is locked')) });
    expect(one.warnings.map(({ event }) => event)).toEqual(['webhooks_unsettled']);
  });

  it('channels that nobody came back to in time are vacated, the others are not told of', async () => {
    const one = bench();
    const first = await one.begin();
    for (let i = 0; i < 1_200; i++) first.channelOccupied(`chat:${i}`, T);
    first.channelOccupied('chat:back', T);
    first.channelOccupied('chat:back-and-gone', T);
    await one.settle();
    await first.close();

    one.posted.length = 0;
    const second = await one.begin({ settleMs: 90_000, queued: 10_000 });
    await one.clock.advance(89_999);
    second.channelOccupied('chat:back', T);
    second.channelOccupied('chat:back-and-gone', T);
    second.channelVacated('chat:back-and-gone', T);
    second.channelOccupied('chat:back-and-gone', T);
    await one.settle();
    expect(one.told()).toEqual(['channel.vacated chat:back-and-gone', 'channel.occupied chat:back-and-gone']);
    one.posted.length = 0;
    await one.clock.advance(1);
    second.channelOccupied('chat:7', T);
    await one.settle();
    expect(one.posted.filter(({ type }) => type === 'channel.vacated')).toHaveLength(1_200);
    expect(one.told()).not.toContain('channel.vacated chat:back');
    expect(one.told().at(-1)).toBe('channel.occupied chat:7');
  });
});

describe('presence', () => {
  it('is told of as others see it: an invisible user is offline', async () => {
    const one = bench();
    const hooks = await one.begin();
    const stamps = createStampSource(0);
    const directory = createMemoryDirectory();
    const broker = createMemoryBroker();
    const presence = createMemoryPresence({
      broker: tellingBroker(broker, hooks, () => one.clock.nowMs()),
      journal: createMemoryJournal(),
      lastSeen: directory,
      stamps,
      nowMs: () => one.clock.nowMs(),
    });
    await directory.ensureUser('alice');
    const received: unknown[] = [];
    broker.listen((_topic, message) => received.push(message));
    await broker.subscribe('presence:alice');
    const session = (id: string) => ({ kind: 'session', session: id, generation: 1 }) as const;
    const expectTold = async (...told: string[]): Promise<void> => {
      await one.settle();
      expect(one.told()).toEqual(told);
      one.posted.length = 0;
    };

    await presence.join('alice', 'd1', session('s1'), { s: 'Invisible', fields: {} });
    await expectTold();
    await presence.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Busy', fields: {} });
    await expectTold('user.online alice');
    await presence.update('alice', 'd1', { session: 's1', generation: 1 }, { s: 'Away', fields: { a: 'x' } });
    await presence.join('alice', 'd2', session('s2'), { fields: {} });
    await presence.leave('alice', 'd1', 's1');
    await expectTold();
    await presence.update('alice', 'd2', { session: 's2', generation: 1 }, { s: 'Invisible', fields: {} });
    await expectTold('user.offline alice');
    await presence.leave('alice', 'd2', 's2');
    await expectTold();
    await presence.join('alice', 'd3', session('s3'), { fields: {} });
    await presence.erase('alice');
    await expectTold('user.online alice', 'user.offline alice');
    expect(received.length, 'published as before').toBeGreaterThan(4);
  });
});
