import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../src/index.ts';
import { type RealServer, type contract, startRealServer } from './real-server.ts';

// The SDK and the server as they are, over sockets on loopback and a file.

let real: RealServer;

beforeEach(async () => {
  real = await startRealServer();
});

afterEach(async () => {
  await real.close();
});

type App = Client<typeof contract>;

/** Resolves when the condition holds; looked at when `on` says that something happened. */
function when(on: (look: () => void) => () => void, holds: () => boolean): Promise<void> {
  if (holds()) return Promise.resolve();
  return new Promise((resolve) => {
    const off = on(() => {
      if (!holds()) return;
      off();
      resolve();
    });
  });
}

const connection = (client: App, status: string): Promise<void> =>
  when(client.onConnection, () => client.connection.status === status);

/** What comes of a stream: numbers, and words for the rest. */
function follow(stream: ReturnType<App['stream']>): {
  readonly heard: unknown[];
  until(count: number): Promise<void>;
} {
  const heard: unknown[] = [];
  let look = (): void => {};
  const note = (each: unknown): void => {
    heard.push(each);
    look();
  };
  stream.onPublication(({ data }) => note(data));
  stream.onLost(({ why }) => note(`lost ${why}`));
  return {
    heard,
    until: (count) =>
      when(
        (each) => {
          look = each;
          return () => {};
        },
        () => heard.length >= count,
      ),
  };
}

const upTo = (count: number, from = 1): number[] => Array.from({ length: count }, (_, n) => from + n);

describe('a stream', () => {
  it('[PUB5] [REC3] brings what somebody publishes to somebody else, in order and once', async () => {
    const { client: alice } = real.client('alice');
    const { client: bob } = real.client('bob');
    const room = { room: 'a/b 😀' };
    const there = bob.stream('chat:{room}', room);
    const { heard, until } = follow(there);
    await there.subscribe();
    const done = upTo(200).map((n) => alice.stream('chat:{room}', room).publish(n));
    const positions = (await Promise.all(done)).map(({ position }) => position!.offset);
    expect(positions).toEqual(upTo(200));
    await until(200);
    expect(heard).toEqual(upTo(200));
    expect(there.position).toMatchObject({ offset: 200 });
  });

  it('[REC1] [REC4] misses nothing of what is published while its line is cut, again and again', async () => {
    const { client: alice } = real.client('alice');
    const bob = real.client('bob');
    const there = bob.client.stream('chat:{room}', { room: 'x' });
    const { heard, until } = follow(there);
    await there.subscribe();
    for (let round = 0; round < 3; round++) {
      const published = upTo(20, round * 20 + 1).map((n) =>
        alice.stream('chat:{room}', { room: 'x' }).publish(n),
      );
      await published[5];
      bob.cut();
      await Promise.all(published);
      await connection(bob.client, 'connected');
    }
    await until(60);
    expect(heard).toEqual(upTo(60));
  });

  it('[PUB2] publishes once what its publisher lost the answer of', async () => {
    const alice = real.client('alice');
    const { client: bob } = real.client('bob');
    const there = bob.stream('chat:{room}', { room: 'x' });
    const { heard, until } = follow(there);
    await there.subscribe();
    const here = alice.client.stream('chat:{room}', { room: 'x' });
    const published: Promise<unknown>[] = [];
    for (let n = 1; n <= 30; n++) {
      published.push(here.publish(n));
      if (n % 10 === 0) {
        await Promise.race(published.slice(-5));
        alice.cut();
        await connection(alice.client, 'disconnected');
      }
    }
    await Promise.all(published);
    await until(30);
    expect(heard).toEqual(upTo(30));
  });

  it('[REC1] of which more was missed than is kept is told so, and goes on', async () => {
    const { client: alice } = real.client('alice');
    const bob = real.client('bob');
    const there = bob.client.stream('short:{room}', { room: 'x' });
    const { heard, until } = follow(there);
    await there.subscribe();
    bob.client.disconnect();
    const here = alice.stream('short:{room}', { room: 'x' });
    await Promise.all(upTo(20).map((n) => here.publish(n)));
    bob.client.connect();
    await until(1);
    await here.publish(21);
    await until(2);
    expect(heard).toEqual(['lost trimmed', 21]);
  });

  it('[REC5] begins with the last so many', async () => {
    const { client: alice } = real.client('alice');
    const here = alice.stream('chat:{room}', { room: 'x' });
    await Promise.all(upTo(9).map((n) => here.publish(n)));
    const there = real.client('bob').client.stream('chat:{room}', { room: 'x' });
    const { heard, until } = follow(there);
    void there.subscribe({ last: 3 });
    await until(3);
    expect(heard).toEqual([7, 8, 9]);
  });

  it('[REC6] a restart costs a stored channel nothing, and a channel in memory what it held, which is told', async () => {
    const { client: alice } = real.client('alice');
    const { client: bob } = real.client('bob');
    const kept = follow(bob.stream('chat:{room}', { room: 'x' }));
    const lost = follow(bob.stream('memory:{room}', { room: 'x' }));
    await bob.stream('chat:{room}', { room: 'x' }).subscribe();
    await bob.stream('memory:{room}', { room: 'x' }).subscribe();
    const publish = (n: number): Promise<unknown> =>
      Promise.all([
        alice.stream('chat:{room}', { room: 'x' }).publish(n),
        alice.stream('memory:{room}', { room: 'x' }).publish(n),
      ]);
    await publish(1);
    await Promise.all([kept.until(1), lost.until(1)]);
    await real.restart();
    await publish(2);
    await Promise.all([kept.until(2), lost.until(2)]);
    expect(kept.heard).toEqual([1, 2]);
    expect(lost.heard.slice(0, 2)).toEqual([1, 'lost epoch']);
  });

  it('[PUB4] tells its publisher what is not echoed, in its place', async () => {
    const { client: alice } = real.client('alice');
    const { client: bob } = real.client('bob');
    const here = alice.stream('silent:{room}', { room: 'x' });
    const { heard, until } = follow(here);
    await here.subscribe();
    await bob.stream('silent:{room}', { room: 'x' }).publish(1);
    await here.publish(2);
    await bob.stream('silent:{room}', { room: 'x' }).publish(3);
    await until(3);
    expect(heard).toEqual([1, 2, 3]);
  });

  it('[PUB3] [CHN5] [CHN3] refuses with the position, the path, or the word', async () => {
    const { client: alice } = real.client('alice');
    const here = alice.stream('chat:{room}', { room: 'x' });
    const { position } = await here.publish(1);
    await here.publish(2, { expect: position! });
    await expect(here.publish(3, { expect: position! })).rejects.toMatchObject({
      code: 'conflict',
      position: { epoch: position!.epoch, offset: 2 },
    });
    await expect(here.publish('text' as unknown as number)).rejects.toMatchObject({
      code: 'payload_invalid',
      path: '/n',
    });
    const closed = alice.stream('closed:{room}', { room: 'x' });
    await expect(closed.subscribe()).rejects.toMatchObject({ code: 'forbidden' });
    await expect(closed.publish(1)).rejects.toMatchObject({ code: 'forbidden' });
    expect(closed.state.status).toBe('failed');
  });

  it('[PUB6] [LIM1] is slowed down by its limits, and loses neither publications nor their order', async () => {
    const { client: alice } = real.client('alice');
    const { client: bob } = real.client('bob');
    const there = bob.stream('slow:{room}', { room: 'x' });
    const { heard, until } = follow(there);
    await there.subscribe();
    await Promise.all(upTo(30).map((n) => alice.stream('slow:{room}', { room: 'x' }).publish(n)));
    await until(30);
    expect(heard).toEqual(upTo(30));
  });

  it('[REC7] reads its history both ways, in pages', async () => {
    const { client: alice } = real.client('alice');
    const here = alice.stream('chat:{room}', { room: 'x' });
    await Promise.all(upTo(25).map((n) => here.publish(n)));
    const newest = await here.history({ limit: 10 });
    expect([newest.publications.map(({ data }) => data), newest.more]).toEqual([
      upTo(10, 16).toReversed(),
      true,
    ]);
    const before = await here.history({ limit: 100, before: newest.publications.at(-1)!.position });
    expect([before.publications.map(({ data }) => data), before.more]).toEqual([
      upTo(15).toReversed(),
      false,
    ]);
    const oldest = await here.history({ after: null, limit: 2 });
    const after = await here.history({ after: oldest.publications[1]!.position, limit: 2 });
    expect([...oldest.publications, ...after.publications].map(({ data }) => data)).toEqual([1, 2, 3, 4]);
    await expect(here.history({ after: { epoch: 'over', offset: 1 } })).rejects.toMatchObject({
      code: 'conflict',
      position: newest.top,
    });
  });
});

describe('a map', () => {
  it('[MAP1] [MAP2] is complete while others change it, and over cuts', async () => {
    const filled = upTo(1200).map((n) => real.server.publish('board:{id}', { id: 'x' }, n, { key: `k${n}` }));
    expect((await Promise.all(filled)).every(({ ok }) => ok)).toBe(true);
    const { client: alice } = real.client('alice');
    const bob = real.client('bob');
    const board = bob.client.map('board:{id}', { id: 'x' });
    const writing = alice.map('board:{id}', { id: 'x' });
    const changed = upTo(60).flatMap((n) => [writing.set(`k${n * 7}`, -n), writing.delete(`k${n * 11}`)]);
    await board.subscribe();
    bob.cut();
    await connection(bob.client, 'disconnected');
    await Promise.all(changed);
    const { position } = await writing.set('last', 1);
    await when(board.onChange, () => board.get('last') === 1);
    expect(board.position).toEqual(position);
    const { client: fresh } = real.client('carol');
    const other = fresh.map('board:{id}', { id: 'x' });
    await other.subscribe();
    const plain = (entries: typeof board): unknown =>
      Object.fromEntries([...entries].map(({ key, value, offset }) => [key, [value, offset]]));
    expect(plain(board)).toEqual(plain(other));
    expect(board.size).toBeGreaterThan(1000);
  });

  it('[MAP3] [MAP4] drops what is outdated, and keys that ran out', async () => {
    const { client: alice } = real.client('alice');
    const board = alice.map('board:{id}', { id: 'x' });
    await board.subscribe();
    await board.set('a', 5, { version: 5 });
    expect(await board.set('a', 4, { version: 4 })).toMatchObject({ outdated: true });
    await board.set('b', 1, { ttlMs: 200 });
    await when(board.onChange, () => board.get('b') === 1);
    await when(board.onChange, () => board.get('b') === undefined);
    expect(board.entry('a')).toMatchObject({ value: 5, version: 5, by: 'alice' });
  });
});

describe('a signal', () => {
  it('[SIG1] reaches everybody, the sender included, who knows it', async () => {
    const { client: alice } = real.client('alice');
    const { client: bob } = real.client('bob');
    const here = alice.signal('cursor:{doc}', { doc: 'x' });
    const there = bob.signal('cursor:{doc}', { doc: 'x' });
    await Promise.all([here.subscribe(), there.subscribe()]);
    const heard = Promise.all(
      [here, there].map(
        (each) =>
          new Promise<unknown[]>((resolve) =>
            each.onSignal(({ by, data, own }) => data === 40 && resolve([by, own])),
          ),
      ),
    );
    await Promise.all(upTo(40).map((n) => here.send(n)));
    expect(await heard).toEqual([
      ['alice', true],
      ['alice', false],
    ]);
    expect(there.latest.map(({ data }) => data)).toEqual([40]);
  });
});

describe('members', () => {
  it('[MEM1] are counted and named as they come and go', async () => {
    const { client: alice } = real.client('alice');
    const here = alice.stream('chat:{room}', { room: 'x' });
    await here.subscribe();
    expect(here.count).toBe(1);
    const { client: bob } = real.client('bob');
    const there = bob.stream('chat:{room}', { room: 'x' });
    await there.subscribe();
    await when(here.onMember, () => here.count === 2);
    expect(there.count).toBe(2);
    expect(await here.members()).toEqual({ ids: ['alice', 'bob'], count: 2, next: null });
    const left = new Promise((resolve) => here.onMember(({ user, joined }) => !joined && resolve(user)));
    there.unsubscribe();
    expect([await left, here.count]).toEqual(['bob', 1]);
  });
});

describe('calls', () => {
  it('[CALL1] [CALL2] come back with output, with the error of the app, in time or called off', async () => {
    const { client: alice } = real.client('alice');
    expect(await alice.call('add', [1, 2])).toBe(3);
    const failed: unknown = await alice.call('add', [-5]).catch((error: unknown) => error);
    expect(alice.callError('add', failed)).toEqual({ code: 'negative', data: -5 });
    await expect(alice.call('never', null, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'deadline_exceeded',
    });
    const calling = new AbortController();
    const off = alice.call('never', null, { signal: calling.signal });
    // A call behind it is answered: so it is being served.
    await alice.call('add', [1]);
    const before = real.calledOff();
    calling.abort();
    await expect(off).rejects.toMatchObject({ code: 'cancelled' });
    await alice.call('add', [1]);
    expect(real.calledOff()).toBeGreaterThan(before);
  });

  it('[CALL3] [CALL5] the server calls a client, and tells everyone', async () => {
    const { client: alice } = real.client('alice');
    await connection(alice, 'connected');
    alice.onCall('confirm', (n, { fail }) => (n > 0 ? n + 1 : fail('busy', 9)));
    const session = alice.session!;
    expect(await real.server.ask({ user: 'alice' }, 'confirm', 1)).toMatchObject({
      ok: true,
      value: [{ session, ok: true, output: 2 }],
    });
    expect(await real.server.ask({ session }, 'confirm', 0)).toMatchObject({
      ok: true,
      value: [{ ok: false, code: 'call_failed', error: { code: 'busy', data: 9 } }],
    });
    const news = new Promise((resolve) => alice.onBroadcast('news', resolve));
    await real.server.broadcast('news', 7);
    expect(await news).toBe(7);
  });
});

describe('rights', () => {
  it('[CHN7] [CHN8] a grant opens a closed channel, and an invitation brings one', async () => {
    const { client: alice } = real.client('alice');
    await connection(alice, 'connected');
    const granted = await real.server.grant('alice', 'closed:{room}', { room: 'g' }, 60_000);
    if (!granted.ok) throw new Error(granted.code);
    await alice.stream('closed:{room}', { room: 'g' }).subscribe({ grant: granted.value.grant });

    const invited = new Promise<string>((resolve) =>
      alice.onInvitation((channel) => {
        if (channel.kind === 'stream')
          channel.onPublication(({ data }) => resolve(`${channel.channel} ${String(data)}`));
      }),
    );
    await real.server.subscribeUser('alice', 'closed:{room}', { room: 'i' }, 60_000);
    const there = alice.stream('closed:{room}', { room: 'i' });
    await when(there.onState, () => there.state.status === 'live');
    await real.server.publish('closed:{room}', { room: 'i' }, 5);
    expect(await invited).toBe('closed:i 5');

    await real.server.unsubscribeUser('alice', 'closed:{room}', { room: 'i' });
    await when(there.onState, () => there.state.status !== 'live');
    expect(there.state.status).toBe('failed');
  });
});

describe('a server with its default limits', () => {
  beforeEach(async () => {
    await real.close();
    real = await startRealServer({});
  });

  it('[LIM1] [LIM2] 200 subscriptions at once are all made, and made again after a cut', async () => {
    const bob = real.client('bob');
    let closes = 0;
    const rooms = upTo(200).map((n) => bob.client.stream('chat:{room}', { room: `r${n}` }));
    await Promise.all(rooms.map((room) => room.subscribe()));
    bob.client.onConnection(({ status }) => {
      if (status === 'disconnected') closes++;
    });
    bob.cut();
    await connection(bob.client, 'disconnected');
    for (const room of rooms) await when(room.onState, () => room.state.status === 'live');
    expect(closes, 'no other close than the cut').toBe(1);
  });

  it('[CALL4] [LIM1] 200 calls at once are all answered', async () => {
    const { client: alice } = real.client('alice');
    const sums = await Promise.all(upTo(200).map((n) => alice.call('add', [n], { timeoutMs: 60_000 })));
    expect(sums).toEqual(upTo(200));
  });
});
