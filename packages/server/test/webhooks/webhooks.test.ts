import { describe, expect, it } from 'vitest';
import { CLOSE_WAIT_MS, FIRST_RETRY_MS, LONGEST_RETRY_MS } from '../../src/webhooks/deliveries.ts';
import { bodyOf } from '../../src/webhooks/webhook-event.ts';
import type { PostResult } from '../../src/outbound/signed-post.ts';
import { bench, BROKEN, OK, type Posted } from './webhooks-under-test.ts';

const T = Date.UTC(2026, 0, 1, 12);

it('a webhook is JSON with type, time and what it is about', () => {
  const user = { kind: 'user', name: 'zoë "\\ 💚' } as const;
  expect(bodyOf({ number: 1, id: 'evt_1', type: 'user.online', subject: user, atMs: T + 7 })).toBe(
    '{"type":"user.online","timestamp":"2026-01-01T12:00:00.007Z","data":{"user":"zoë \\"\\\\ 💚"}}',
  );
  const channel = { kind: 'channel', name: 'chat:lobby' } as const;
  expect(bodyOf({ number: 1, id: 'evt_1', type: 'channel.vacated', subject: channel, atMs: T })).toBe(
    '{"type":"channel.vacated","timestamp":"2026-01-01T12:00:00.000Z","data":{"channel":"chat:lobby"}}',
  );
});

describe('what is told', () => {
  it('is what differs from what was told last, of each user and channel', async () => {
    const { begin, settle, told } = bench();
    const hooks = await begin();
    hooks.userOffline('alice', T);
    hooks.userOnline('alice', T);
    hooks.userOnline('alice', T + 1);
    hooks.channelOccupied('alice', T);
    hooks.emit({ type: 'channel.occupied', channel: 'alice', atMs: T });
    hooks.userOffline('alice', T);
    hooks.userOffline('alice', T);
    hooks.channelVacated('chat:never', T);
    hooks.emit({ type: 'user.online', user: 'bob', atMs: T });
    await settle();
    expect(told().toSorted()).toEqual([
      'channel.occupied alice',
      'user.offline alice',
      'user.online alice',
      'user.online bob',
    ]);
    expect(hooks.waiting()).toBe(0);
  });

  it('of a channel is what a node says that is one of many: another may have told the opposite meanwhile', async () => {
    const { begin, settle, told } = bench();
    const one = await begin({ shared: async () => [''] });
    const other = await begin({ shared: async () => [''] });
    one.channelOccupied('c', T);
    await settle();
    other.channelVacated('c', T + 1);
    await settle();
    one.channelOccupied('c', T + 2);
    await settle();
    expect(told()).toEqual(['channel.occupied c', 'channel.vacated c', 'channel.occupied c']);
  });

  it('is no more than what was asked for, and who is there is kept all the same', async () => {
    const { begin, settle, told, store } = bench();
    const hooks = await begin({ types: new Set(['user.offline'] as const) });
    hooks.userOnline('alice', T);
    hooks.channelOccupied('c', T);
    hooks.userOffline('alice', T);
    hooks.userOnline('bob', T);
    await settle();
    expect(told()).toEqual(['user.offline alice']);
    expect((await store.load()).present.map(({ name }) => name).toSorted()).toEqual(['bob', 'c']);
  });

  it('is not sent before it is stored, nor before what happened earlier to the same subject', async () => {
    const { begin, settle, told, store } = bench();
    const hooks = await begin();
    const writes: PromiseWithResolvers<void>[] = [];
    store.put = () => {
      const write = Promise.withResolvers<void>();
      writes.push(write);
      return write.promise;
    };
    hooks.userOnline('alice', T);
    hooks.userOffline('alice', T);
    hooks.userOnline('bob', T);
    await settle();
    expect(told()).toEqual([]);
    expect(hooks.waiting()).toBe(3);
    writes[1]!.resolve();
    writes[2]!.resolve();
    await settle();
    expect(told()).toEqual(['user.online bob']);
    writes[0]!.resolve();
    await settle();
    expect(told()).toEqual(['user.online bob', 'user.online alice', 'user.offline alice']);
  });

  it('is sent although it could not be stored, and that is logged', async () => {
    const { begin, settle, told, store, warnings } = bench();
    const hooks = await begin();
    store.broken = true;
    hooks.userOnline('alice', T);
    await settle();
    expect(told()).toEqual(['user.online alice']);
    expect(warnings.map(({ event }) => event)).toEqual(['webhook_not_stored']);
  });
});

describe('an event that is not answered 2xx', () => {
  it.each<[string, PostResult | number]>([
    ['a failed connection', { kind: 'failed', problem: 'ECONNREFUSED' }],
    ...[100, 199, 300, 301, 302, 304, 307, 400, 401, 404, 429, 500, 503].map((status): [string, number] => [
      String(status),
      status,
    ]),
  ])('(%s) is sent again, with its id', async (_name, answer) => {
    const one = bench();
    const hooks = await one.begin();
    one.answer = () => (typeof answer === 'number' ? { kind: 'answered', status: answer, body: '' } : answer);
    hooks.userOnline('alice', T);
    await one.settle();
    expect(one.posted).toHaveLength(1);
    one.answer = () => OK;
    await one.clock.advance(FIRST_RETRY_MS);
    expect(one.posted).toHaveLength(2);
    expect(one.posted[1]).toEqual({ ...one.posted[0], atMs: one.posted[1]!.atMs });
    expect(one.results).toEqual(['retried', 'delivered']);
    expect(one.store.events.size).toBe(0);
    await one.clock.advance(LONGEST_RETRY_MS);
    expect(one.posted).toHaveLength(2);
  });

  it.each([200, 201, 202, 204, 299])('(%i is 2xx)', async (status) => {
    const one = bench();
    const hooks = await one.begin();
    one.answer = () => ({ kind: 'answered', status, body: 'ignored' });
    hooks.userOnline('alice', T);
    await one.clock.advance(LONGEST_RETRY_MS);
    expect(one.posted).toHaveLength(1);
  });

  it.each([
    [0, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]],
    [0.5, [750, 1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000]],
  ])('is sent after pauses that double up to a bound, by chance %d', async (fraction, pauses) => {
    const one = bench();
    const hooks = await one.begin();
    one.answer = () => BROKEN;
    one.fraction = fraction;
    hooks.userOnline('alice', T);
    await one.clock.advance(200_000);
    const times = one.posted.map(({ atMs }) => atMs);
    expect(times.slice(1, 9).map((atMs, i) => atMs - times[i]!)).toEqual(pauses);
  });

  it('pauses anew from the beginning once something of its subject got through', async () => {
    const one = bench();
    const hooks = await one.begin();
    one.answer = () => BROKEN;
    hooks.userOnline('alice', T);
    hooks.userOffline('alice', T);
    await one.clock.advance(100_000);
    one.answer = ({ type }) => (type === 'user.online' ? OK : BROKEN);
    while (!one.told().includes('user.offline alice')) await one.clock.advance(500);
    const before = one.posted.length;
    await one.clock.advance(500);
    expect(one.posted.length - before).toBe(1);
  });

  it('is not sent sooner because something else happened to its subject', async () => {
    const one = bench();
    const hooks = await one.begin();
    one.answer = () => BROKEN;
    hooks.userOnline('alice', T);
    await one.clock.advance(100_000);
    const before = one.posted.length;
    for (let i = 0; i < 10; i++) {
      hooks.userOffline('alice', T);
      hooks.userOnline('alice', T);
    }
    await one.settle();
    expect(one.posted).toHaveLength(before);
  });

  it('holds up the later ones of its subject, and nobody else’s', async () => {
    const one = bench();
    const hooks = await one.begin();
    one.answer = ({ subject }) => (subject === 'user alice' ? BROKEN : OK);
    hooks.userOnline('alice', T);
    hooks.userOffline('alice', T);
    hooks.userOnline('bob', T);
    hooks.userOffline('bob', T);
    hooks.channelOccupied('alice', T);
    await one.clock.advance(10_000);
    expect(new Set(one.told())).toEqual(
      new Set(['user.online alice', 'user.online bob', 'user.offline bob', 'channel.occupied alice']),
    );
    one.answer = () => OK;
    one.posted.length = 0;
    await one.clock.advance(LONGEST_RETRY_MS);
    expect(one.told()).toEqual(['user.online alice', 'user.offline alice']);
  });

  it('is given up when it is too old, and those behind it go on', async () => {
    const one = bench();
    const hooks = await one.begin({ maxAgeMs: 60_000 });
    one.answer = () => BROKEN;
    const startMs = one.clock.nowMs();
    hooks.userOnline('alice', startMs);
    await one.clock.advance(50_000);
    hooks.userOffline('alice', startMs + 50_000);
    expect(one.results).not.toContain('given_up');
    one.answer = ({ type }) => (type === 'user.offline' ? OK : BROKEN);
    await one.clock.advance(50_000);
    expect(one.told().at(-1)).toBe('user.offline alice');
    expect(one.results.filter((result) => result !== 'retried')).toEqual(['given_up', 'delivered']);
    // Once it was too old it was tried at most once more.
    expect(one.posted.findIndex(({ type, atMs }) => type === 'user.online' && atMs >= startMs + 60_000)).toBe(
      one.posted.length - 2,
    );
    expect(one.warnings).toContainEqual(
      expect.objectContaining({ event: 'webhook_given_up', type: 'user.online' }),
    );
    expect(one.store.events.size).toBe(0);
  });

  it('is warned of once a second, not for each attempt', async () => {
    const one = bench();
    const hooks = await one.begin();
    one.answer = () => BROKEN;
    for (let i = 0; i < 500; i++) hooks.userOnline(`u${i}`, T);
    await one.settle();
    expect(one.posted).toHaveLength(500);
    expect(one.warnings).toEqual([
      { event: 'webhook_failed', receiver: 'http://127.0.0.1/hooks', problem: 'it answered 500' },
    ]);
  });
});

it('so many are in flight at once and no more', async () => {
  const one = bench();
  const hooks = await one.begin({ atOnce: 3 });
  const open: { readonly posted: Posted; readonly answer: (result: PostResult) => void }[] = [];
  one.answer = (posted) => new Promise((resolve) => open.push({ posted, answer: resolve }));
  for (let i = 0; i < 20; i++) hooks.userOnline(`u${i}`, T);
  await one.settle();
  for (let done = 0; done < 20; done++) {
    expect(one.posted).toHaveLength(Math.min(20, done + 3));
    open[done]!.answer(OK);
    await one.settle();
  }
  expect(hooks.waiting()).toBe(0);
});

describe('410 Gone', () => {
  const GONE: PostResult = { kind: 'answered', status: 410, body: '' };

  it('ends it: nothing that waits or comes is sent, until the next start', async () => {
    const one = bench();
    const hooks = await one.begin({ atOnce: 1 });
    one.answer = () => GONE;
    for (let i = 0; i < 10; i++) hooks.userOnline(`u${i}`, T);
    await one.settle();
    hooks.userOnline('later', T);
    hooks.userOffline('u3', T);
    await one.clock.advance(3_600_000);
    expect(one.posted).toHaveLength(1);
    expect(one.warnings.map(({ event }) => event)).toContain('webhooks_disabled');
    expect(one.results.filter((result) => result === 'given_up')).toHaveLength(10);
    expect(one.store.events.size).toBe(0);
    expect(hooks.waiting()).toBe(0);
    await hooks.close();

    one.answer = () => OK;
    one.posted.length = 0;
    for (const user of ['later', 'u0', 'u1']) one.online.add(user);
    const next = await one.begin();
    next.userOffline('later', T);
    await one.settle();
    // Of those that it was not told of it is told what is the case now, by what was kept meanwhile.
    expect(one.told().toSorted()).toEqual([
      'user.offline later',
      ...[2, 4, 5, 6, 7, 8, 9].map((i) => `user.offline u${i}`),
    ]);
  });
});

describe('closing', () => {
  it('waits for what is in flight, begins nothing, and keeps what was not delivered', async () => {
    const one = bench();
    const hooks = await one.begin({ atOnce: 2 });
    const open: ((result: PostResult) => void)[] = [];
    one.answer = () => new Promise((resolve) => open.push(resolve));
    for (let i = 0; i < 5; i++) hooks.userOnline(`u${i}`, T);
    await one.settle();
    const closed = hooks.close();
    open[0]!(OK);
    await one.settle();
    expect(one.senderClosed()).toBe(false);
    open[1]!(BROKEN);
    await closed;
    expect(one.senderClosed()).toBe(true);
    expect(one.posted).toHaveLength(2);
    expect([...one.store.events.values()].map(({ subject }) => subject.name)).toEqual([
      'u1',
      'u2',
      'u3',
      'u4',
    ]);
    expect(one.clock.timers).toBe(0);
  });

  it('does not wait for ever for a receiver that hangs', async () => {
    const one = bench();
    const hooks = await one.begin();
    one.answer = () => new Promise(() => undefined);
    hooks.userOnline('alice', T);
    await one.settle();
    let closed = false;
    const closing = hooks.close().then(() => (closed = true));
    await one.clock.advance(CLOSE_WAIT_MS - 1);
    expect(closed).toBe(false);
    await one.clock.advance(1);
    await closing;
    expect(one.store.events.size).toBe(1);
  });
});
