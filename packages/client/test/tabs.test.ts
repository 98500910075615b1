import { type StandardSchema, call, defineContract, map, signal, stream } from '@carillon/contract';
import { type TestServer, createTestServer } from '@carillon/server/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { socketOn } from '../src/testing/line-socket.ts';
import { type Browser, type Tab, createBrowser } from './tabs-world.ts';

const number: StandardSchema<number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'number' ? { value } : { issues: [{ message: 'expected a number' }] },
  },
};

const contract = defineContract({
  channels: {
    'chat:{room}': stream({ data: number, members: true, history: { count: 500 } }),
    'short:{room}': stream({ data: number, history: { count: 5 } }),
    'silent:{room}': stream({ data: number, echo: false }),
    'board:{id}': map({ data: number }),
    'cursor:{doc}': signal({ data: number }),
  },
  calls: { add: call({ input: number, output: number }), never: call({ input: number, output: number }) },
  clientCalls: { confirm: call({ input: number, output: number }) },
  broadcasts: { news: number },
});

type C = typeof contract;

let server: TestServer<C>;
let browser: Browser<C>;
let pending: ((value: number) => void)[];

beforeEach(async () => {
  pending = [];
  server = await createTestServer(contract, {
    follows: [
      ['alice', 'bob'],
      ['bob', 'alice'],
    ],
    authorize: {
      'chat:{room}': () => true,
      'short:{room}': () => true,
      'silent:{room}': () => true,
      'board:{id}': () => true,
      'cursor:{doc}': () => true,
    },
    calls: {
      add: (input) => input + 1,
      never: () => new Promise((resolve) => pending.push(resolve)),
    },
  });
  browser = createBrowser(server);
});

afterEach(async () => {
  for (const tab of browser.tabs) if (tab.alive) tab.client.disconnect();
  await server.close();
});

/** Opens so many tabs of alice, the first of which leads. */
async function tabs(count: number): Promise<Tab<C>[]> {
  const opened: Tab<C>[] = [];
  for (let n = 0; n < count; n++) {
    opened.push(browser.open());
    await server.clock.advance(50);
  }
  return opened;
}

/** A stream in a tab, and what it was told. */
async function follow(
  tab: Tab<C>,
  pattern: 'chat:{room}' | 'short:{room}' | 'silent:{room}' = 'chat:{room}',
) {
  const channel = tab.client.stream(pattern, { room: 'k' });
  const told: number[] = [];
  channel.onPublication(({ data }) => told.push(data));
  await Promise.all([channel.subscribe(), server.clock.advance(50)]);
  return { channel, told };
}

const publish = (data: number) => server.publish('chat:{room}', { room: 'k' }, data);
const settle = () => server.clock.advance(50);
const ids = (list: readonly Tab<C>[]) => list.map(({ id }) => id);

describe('tabs of one browser', () => {
  it('share one connection and one session', async () => {
    const opened = await tabs(4);
    expect(opened.map(({ client }) => client.connection.status)).toEqual(Array(4).fill('connected'));
    expect(ids(browser.connected())).toEqual(['t1']);
    expect(new Set(opened.map(({ client }) => client.session)).size).toBe(1);
    expect(server.counts().connections).toBe(1);
  });

  it('are each told every publication, once and in order', async () => {
    const [a, b, c] = await tabs(3);
    const streams = [await follow(a!), await follow(b!), await follow(c!)];
    for (let n = 1; n <= 20; n++) await publish(n);
    await settle();
    const all = Array.from({ length: 20 }, (_, n) => n + 1);
    for (const { told } of streams) expect(told).toEqual(all);
    expect(server.counts().subscriptions).toBe(1);
  });

  it('that come late are told of the friends, and nobody hears anything twice', async () => {
    const bob = browser.open({ username: 'bob' });
    const [a] = await tabs(1);
    void bob.client.setStatus({ status: 'Busy', a: 'Cooking' });
    await settle();
    const changes: unknown[] = [];
    a!.client.presence.subscribe((batch) => changes.push(...batch));
    const late = browser.open();
    await settle();
    expect(late.client.presence.get('bob')).toMatchObject({ status: 'Busy', a: 'Cooking' });
    expect(changes).toEqual([]);
    void bob.client.setStatus({ a: '' });
    await settle();
    for (const { client } of [a!, late]) expect(client.presence.get('bob')).not.toHaveProperty('a');
  });

  it('[MAP1] that come late have the entries of a map', async () => {
    const [a] = await tabs(1);
    const board = a!.client.map('board:{id}', { id: '1' });
    await Promise.all([board.subscribe(), settle()]);
    await Promise.all([board.set('x', 1), board.set('y', 2), settle()]);
    const late = browser.open();
    const same = late.client.map('board:{id}', { id: '1' });
    await Promise.all([same.subscribe(), settle()]);
    expect([...same].map(({ key, value }) => [key, value])).toEqual([
      ['x', 1],
      ['y', 2],
    ]);
    await Promise.all([same.delete('x'), settle()]);
    for (const map of [board, same]) expect([...map].map(({ key }) => key)).toEqual(['y']);
  });

  it('[REC5] that come late begin with the last so many, or behind a position, and the others hear nothing twice', async () => {
    const [a, b, c, d] = await tabs(4);
    const first = await follow(a!);
    for (let n = 1; n <= 10; n++) await publish(n);
    const since = server.clock.nowMs() + 1;
    await server.clock.advance(1_000);
    await publish(11);
    await settle();
    const starts = [
      [b!, { last: 3 }, [9, 10, 11]],
      [c!, { position: { epoch: first.channel.position!.epoch, offset: 7 } }, [8, 9, 10, 11]],
      [d!, { since }, [11]],
    ] as const;
    for (const [tab, start, expected] of starts) {
      const channel = tab.client.stream('chat:{room}', { room: 'k' });
      const told: number[] = [];
      channel.onPublication(({ data }) => told.push(data));
      await Promise.all([channel.subscribe(start), settle()]);
      await settle();
      expect(told).toEqual(expected);
    }
    await publish(12);
    await settle();
    expect(first.told).toEqual(Array.from({ length: 12 }, (_, n) => n + 1));
  });

  it('[PUB4] have the publications of one of them that come back without their payload', async () => {
    const [a, b] = await tabs(2);
    const [first, second] = [await follow(a!, 'silent:{room}'), await follow(b!, 'silent:{room}')];
    await Promise.all([first.channel.publish(1), settle()]);
    await Promise.all([second.channel.publish(2), settle()]);
    expect(first.told).toEqual([1, 2]);
    expect(second.told).toEqual([1, 2]);
  });

  it('give a channel up when none of them wants it', async () => {
    const [a, b] = await tabs(2);
    const [first, second] = [await follow(a!), await follow(b!)];
    first.channel.unsubscribe();
    await settle();
    await publish(1);
    await settle();
    expect([first.told, second.told]).toEqual([[], [1]]);
    second.channel.unsubscribe();
    await settle();
    expect(server.counts().subscriptions).toBe(0);
  });

  it('notice one that vanished: what only it wanted is given up', async () => {
    const [, b] = await tabs(2);
    await follow(b!);
    expect(server.counts().subscriptions).toBe(1);
    b!.kill();
    await settle();
    expect(server.counts().subscriptions).toBe(0);
  });

  it('[CALL3] serve a call of the server in one of them, whichever has a handler', async () => {
    const opened = await tabs(3);
    const asked: string[] = [];
    opened[1]!.client.onCall('confirm', (input) => {
      asked.push('t2');
      return input + 1;
    });
    const [outcome] = await Promise.all([server.ask({ user: 'alice' }, 'confirm', 1), settle()]);
    expect(outcome).toMatchObject({ ok: true, value: [{ ok: true, output: 2 }] });
    expect(asked).toEqual(['t2']);
  });

  it('[CALL3] none of which has a handler say so', async () => {
    await tabs(2);
    const [outcome] = await Promise.all([server.ask({ user: 'alice' }, 'confirm', 1), settle()]);
    // At once, as a client by itself does; the code is none of the contract's.
    expect(outcome).toMatchObject({ ok: true, value: [{ ok: false, code: 'payload_invalid' }] });
  });

  it('[CHN8] are invited all', async () => {
    const opened = await tabs(3);
    const invited: string[] = [];
    for (const { id, client } of opened) client.onInvitation(({ channel }) => invited.push(id + channel));
    await Promise.all([server.subscribeUser('alice', 'chat:{room}', { room: 'k' }, 60_000), settle()]);
    expect(invited.sort()).toEqual(['t1chat:k', 't2chat:k', 't3chat:k']);
    expect(server.counts().subscriptions).toBe(1);
  });

  it('[CALL5] hear a broadcast each', async () => {
    const opened = await tabs(3);
    const told: unknown[] = [];
    for (const { client } of opened) client.onBroadcast('news', (data) => told.push(data));
    await server.broadcast('news', 7);
    await settle();
    expect(told).toEqual([7, 7, 7]);
  });

  it('[CALL1] [SIG1] call, signal and read the history each for itself', async () => {
    const [a, b] = await tabs(2);
    const cursors = [a!, b!].map(({ client }) => client.signal('cursor:{doc}', { doc: '1' }));
    const heard: unknown[][] = [[], []];
    cursors.forEach((cursor, at) => cursor.onSignal(({ data }) => heard[at]!.push(data)));
    await Promise.all([...cursors.map((cursor) => cursor.subscribe()), settle()]);
    await Promise.all([cursors[1]!.send(5), server.clock.advance(200)]);
    expect(heard).toEqual([[5], [5]]);
    const sums = await Promise.all([a!.client.call('add', 1), b!.client.call('add', 2), settle()]);
    expect(sums).toEqual([2, 3, undefined]);
    const { channel } = await follow(b!);
    await publish(1);
    const [{ publications }] = await Promise.all([channel.history(), settle()]);
    expect(publications.map(({ data }) => data)).toEqual([1]);
  });

  it('know what another of them has set as the own status, and restate it', async () => {
    const [a, b] = await tabs(2);
    const bob = browser.open({ username: 'bob' });
    await Promise.all([a!.client.setStatus({ status: 'Busy', p: 'Carillon' }), settle()]);
    expect(b!.client.own).toEqual({ status: 'Busy', p: 'Carillon' });
    a!.kill();
    // Longer than the grace: the session is gone, and the next leader begins another.
    b!.line.cut({ forMs: 120_000 });
    await server.clock.advance(150_000);
    expect(bob.client.presence.get('alice')).toMatchObject({ status: 'Busy', p: 'Carillon' });
  });

  it('of two users, of two versions, and where there is nothing to share by, are apart', async () => {
    browser.open({ username: 'alice' });
    browser.open({ username: 'bob' });
    browser.open({ username: 'alice', name: '2' });
    browser.open({ username: 'alice', client: { tabs: undefined } });
    await settle();
    expect(browser.connected()).toHaveLength(4);
    expect(new Set(browser.tabs.map(({ client }) => client.session)).size).toBe(4);
  });

  it('have a connection each where the browser refuses them its locks', async () => {
    const opened = [browser.open({ lockless: true }), browser.open({ lockless: true })];
    await settle();
    expect(ids(browser.connected())).toEqual(['t1', 't2']);
    const streams = [await follow(opened[0]!), await follow(opened[1]!)];
    opened[0]!.line.cut();
    await publish(1);
    await server.clock.advance(2_000);
    await publish(2);
    await settle();
    for (const { told } of streams) expect(told).toEqual([1, 2]);
    opened[0]!.client.disconnect();
    await settle();
    expect(ids(browser.connected())).toEqual(['t2']);
  });

  it('drop what no tab has said', async () => {
    const [a, b] = await tabs(2);
    const streams = [await follow(a!), await follow(b!)];
    const kinds = [
      'open',
      'up',
      'close',
      'lead',
      'pong',
      'opened',
      'down',
      'closed',
      'resume',
      'x',
      'toString',
    ];
    for (const k of kinds)
      for (const value of [undefined, null, 1, {}, ['a'], [1]])
        browser.scribble({ k, term: value, line: value, lines: value, text: value, token: value, code: 'x' });
    for (const message of [null, 1, 'lead', [], {}, { k: 1 }]) browser.scribble(message);
    browser.scribble({ k: 'lead', term: 'mallory/1' });
    await publish(1);
    await server.clock.advance(2_000);
    for (const { told } of streams) expect(told).toEqual([1]);
    expect(ids(browser.connected())).toEqual(['t1']);
  });
});

describe('when the leader goes', () => {
  /** Alice's friend, and when they saw her go. */
  async function friend(): Promise<{ gone: () => boolean }> {
    const bob = browser.open({ username: 'bob' });
    let gone = false;
    bob.client.presence.on('alice', (alice) => (gone ||= alice?.status === 'Offline'));
    await settle();
    return { gone: () => gone };
  }

  /** Publishes over the change, and says what each was told. */
  async function over(change: () => void, opened: readonly Tab<C>[]): Promise<void> {
    const bob = await friend();
    const streams: { tab: Tab<C>; told: number[] }[] = [];
    for (const tab of opened) streams.push({ tab, ...(await follow(tab)) });
    await settle();
    const changes: unknown[] = [];
    for (const { tab } of streams) {
      tab.client.onConnection(
        (is) => tab.alive && !tab.frozen && is.status !== 'connected' && changes.push(is),
      );
    }
    await publish(1);
    change();
    await publish(2);
    await server.clock.advance(1_000);
    await publish(3);
    await server.clock.advance(1_000);
    expect(changes, 'the apps see nothing of it').toEqual([]);
    const alive = streams.filter(({ tab }) => tab.alive && !tab.frozen);
    for (const { tab, told } of alive) {
      expect(tab.client.connection.status).toBe('connected');
      expect(told).toEqual([1, 2, 3]);
    }
    expect(new Set(alive.map(({ tab }) => tab.client.session)).size).toBe(1);
    expect(browser.connected().filter(({ client }) => client.username === 'alice')).toHaveLength(1);
    expect(bob.gone()).toBe(false);
  }

  it('another goes on within a second, with the same session and without a gap: its tab was closed', async () => {
    const opened = await tabs(3);
    const before = opened[1]!.client.session;
    await over(() => opened[0]!.kill(), opened);
    expect(opened[1]!.client.session).toBe(before);
  });

  it('another goes on: it was disconnected', async () => {
    const opened = await tabs(3);
    await over(() => opened[0]!.client.disconnect(), opened.slice(1));
    expect(opened[0]!.client.connection.status).toBe('disconnected');
  });

  it('[RES3] another goes on: it froze, and thaws as one of the others', async () => {
    const opened = await tabs(3);
    const streams = [await follow(opened[0]!)];
    await over(() => opened[0]!.freeze(), opened);
    const leader = browser.connected().find(({ client }) => client.username === 'alice');
    expect(leader?.id).not.toBe('t1');
    opened[0]!.thaw();
    await server.clock.advance(2_000);
    expect(opened[0]!.client.connection.status).toBe('connected');
    expect(opened[0]!.client.session).toBe(opened[1]!.client.session);
    expect(streams[0]!.told).toEqual([1, 2, 3]);
    expect(
      browser.connected().filter(({ client }) => client.username === 'alice'),
      'no fight',
    ).toEqual([leader]);
  });

  it('another goes on: it froze while the one next in turn is frozen too', async () => {
    const opened = await tabs(4);
    await over(() => {
      opened[1]!.freeze();
      opened[0]!.kill();
    }, opened);
  });

  it('[PUB2] what the others had sent is sent again, and published once', async () => {
    const [a, b] = await tabs(2);
    const [, second] = [await follow(a!), await follow(b!)];
    const outcomes = [1, 2, 3].map((data) => second.channel.publish(data));
    // The server takes the first, and its answer is lost with the leader.
    a!.line.loseNextReply();
    await server.clock.advance(2);
    a!.kill();
    await server.clock.advance(1_000);
    expect((await Promise.all(outcomes)).map(({ position }) => position?.offset)).toEqual([1, 2, 3]);
    expect(second.told).toEqual([1, 2, 3]);
  });

  it('a call in flight is lost, and nobody knows whether it was carried out', async () => {
    const [a, b] = await tabs(2);
    const outcome = b!.client.call('never', 1);
    await settle();
    expect(pending).toHaveLength(1);
    a!.kill();
    await server.clock.advance(1_000);
    await expect(outcome).rejects.toMatchObject({ code: 'line_lost', unknown: true });
    expect(pending, 'it was not called again').toHaveLength(1);
  });

  it('nobody goes on, where nobody is left', async () => {
    const [a, b] = await tabs(2);
    b!.client.disconnect();
    await settle();
    a!.client.disconnect();
    await settle();
    expect(browser.connected()).toEqual([]);
  });
});

describe('when the leader finds a better line', () => {
  /** A line of the server that stands open. */
  async function openLine(): Promise<{ socket: ReturnType<typeof socketOn>; connected: () => boolean }> {
    const line = server.line();
    const socket = socketOn(line);
    await settle();
    return { socket, connected: () => line.connected };
  }

  it('all move to it: the session goes on, and the apps see nothing of it', async () => {
    const opened = await tabs(3);
    const session = opened[1]!.client.session;
    const streams = [];
    const changes: unknown[] = [];
    for (const tab of opened) {
      streams.push(await follow(tab));
      tab.client.onConnection((is) => is.status !== 'connected' && changes.push(is));
    }
    await publish(1);
    const { socket, connected } = await openLine();
    expect(opened[0]!.climb(socket)).toBe(true);
    await publish(2);
    await settle();
    await publish(3);
    await settle();
    for (const { told } of streams) expect(told).toEqual([1, 2, 3]);
    expect(changes).toEqual([]);
    for (const { client } of opened) expect(client.session).toBe(session);
    expect([server.counts().connections, connected()]).toEqual([1, true]);
    opened[0]!.kill();
    socket.close();
    await server.clock.advance(1_000);
    await publish(4);
    await settle();
    for (const { told } of streams.slice(1)) expect(told).toEqual([1, 2, 3, 4]);
  });

  it('a tab that does not lead takes none', async () => {
    const [, b] = await tabs(2);
    const { socket } = await openLine();
    expect(b!.climb(socket)).toBe(false);
    socket.close();
  });
});

describe('a leader that nobody looks at', () => {
  it('yields to a tab that is looked at, not while a call is under way, and not to one looked at in passing', async () => {
    const [a, b] = await tabs(2);
    b!.show(false);
    await settle();
    a!.show(false);
    b!.show(true);
    await server.clock.advance(1_000);
    b!.show(false);
    await server.clock.advance(3_000);
    expect(ids(browser.connected()), 'in passing').toEqual(['t1']);
    void b!.client.call('never', 1).catch(() => {});
    b!.show(true);
    await server.clock.advance(5_000);
    expect(ids(browser.connected()), 'a call is under way').toEqual(['t1']);
    pending[0]!(1);
    await server.clock.advance(4_000);
    expect(ids(browser.connected())).toEqual(['t2']);
    for (const { client } of [a!, b!]) expect(client.connection.status).toBe('connected');
  });

  it('and that froze while nobody looked at any is found by the others all the same', async () => {
    const opened = await tabs(3);
    for (const tab of opened) tab.show(false);
    await server.clock.advance(30_000);
    opened[0]!.freeze();
    await server.clock.advance(25_000);
    expect(opened[1]!.client.connection.status).toBe('connected');
    expect(browser.connected().some(({ id }) => id !== 't1')).toBe(true);
  });
});

describe('[LOG7] a logout', () => {
  it.each(['leader', 'follower'])('of a %s logs all tabs of the user out, and nobody else', async (who) => {
    const bob = browser.open({ username: 'bob' });
    const opened = await tabs(3);
    await settle();
    const [out] = who === 'leader' ? opened : opened.slice(1);
    await Promise.all([out!.client.logout(), settle()]);
    await settle();
    for (const { client } of opened) expect(client.connection.status).toBe('disconnected');
    for (const { client } of opened)
      if (client !== out!.client) expect(client.connection.reason).toBe('logged_out');
    expect(bob.client.presence.get('alice')?.status).toBe('Offline');
    expect(bob.client.connection.status).toBe('connected');
    await server.clock.advance(60_000);
    expect(ids(browser.connected())).toEqual([bob.id]);
  });

  it('without a connection logs out those that wait for one', async () => {
    const opened = await tabs(2);
    for (const { line } of opened) line.cut({ forMs: 20_000 });
    await server.clock.advance(5_000);
    await Promise.all([opened[1]!.client.logout(), settle()]);
    await server.clock.advance(60_000);
    expect(opened[0]!.client.connection).toMatchObject({ status: 'disconnected', reason: 'logged_out' });
    opened[0]!.client.connect();
    await settle();
    expect(opened[0]!.client.connection.status).toBe('connected');
    expect(opened[1]!.client.connection.status).toBe('disconnected');
  });
});

it('[RES3] a session that something else took is taken back once; taken again it is left, for one of its own', async () => {
  let newest = '';
  const onWire = (_: string, text: string): void => {
    const { t, token } = JSON.parse(text) as { t: string; token: string };
    if (t === 'token') newest = token;
  };
  const { client } = browser.open({ client: { onWire } });
  await settle();
  const before = client.session;
  const take = async () => {
    const thief = server.connect();
    thief.send(`{"t":"login","v":1,"username":"alice","token":"alice","resume":"${newest}"}`);
    await server.clock.advance(5_000);
    expect(thief.last('token')).toMatchObject({ resumed: true });
    return thief;
  };
  const first = await take();
  expect([first.closeCode, client.session]).toEqual([4204, before]);
  const second = await take();
  expect(second.closeCode, 'nobody fights').toBe(null);
  // As a page does that is looked at.
  expect(client.connection.status).toBe('connected');
  expect(client.session).not.toBe(before);
  second.close();
});
