import { afterEach, describe, expect, it, vi } from 'vitest';
import { createHeldPublications } from '../src/stores/held-publications.ts';
import { createStore } from '../src/stores/store.ts';
import {
  LINGER_MS,
  type Store,
  callStore,
  connectionStore,
  friendStore,
  mapStore,
  presenceStore,
  signalStore,
  streamStore,
} from '../src/stores/stores.ts';
import type { Peer } from './literal-server.ts';
import { shellScene } from './shell-scene.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('a store', () => {
  function counter(lingerMs?: number) {
    const told: string[] = [];
    let value = 0;
    let change = (): void => {};
    const store = createStore(
      -1,
      {
        read: () => value,
        start(changed) {
          told.push('start');
          change = changed;
          return () => void told.push('end');
        },
      },
      lingerMs,
    );
    return {
      store,
      told,
      set(next: number) {
        value = next;
        change();
      },
    };
  }

  it('tells a new subscriber the present value at once, as the contract of Svelte stores asks', () => {
    const { store } = counter();
    const seen: number[] = [];
    store.subscribe((value) => seen.push(value))();
    expect(seen).toEqual([0]);
  });

  it('tells once what changed often in a turn, and not what came out the same', async () => {
    const { store, set } = counter();
    const seen: number[] = [];
    const off = store.subscribe((value) => seen.push(value));
    set(1);
    set(2);
    await Promise.resolve();
    set(3);
    set(2);
    await Promise.resolve();
    off();
    expect(seen).toEqual([0, 2]);
  });

  it('is put up and taken down once, though a page is put up twice (StrictMode), and ends when nobody came back', () => {
    vi.useFakeTimers();
    const { store, told } = counter();
    store.subscribe(() => {})();
    const off = store.subscribe(() => {});
    const other = store.subscribe(() => {});
    off();
    off();
    vi.advanceTimersByTime(2 * LINGER_MS);
    expect(told, 'the other still looks').toEqual(['start']);
    other();
    vi.advanceTimersByTime(LINGER_MS - 1);
    expect(told).toEqual(['start']);
    vi.advanceTimersByTime(1);
    expect(told).toEqual(['start', 'end']);
    expect(store.get()).toBe(-1);
  });

  it('tells the others when one throws, and nobody who left while the others were told', async () => {
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {});
    const { store, set } = counter();
    const seen: number[] = [];
    store.subscribe((value) => {
      if (value === 1) throw new Error('a listener of the app');
    });
    const leaves = store.subscribe((value) => value === 1 && gone());
    const gone = store.subscribe((value) => seen.push(value));
    store.subscribe((value) => seen.push(value * 10));
    set(1);
    await Promise.resolve();
    leaves();
    expect(seen).toEqual([0, 0, 10]);
    expect(reported).toHaveBeenCalledTimes(1);
    reported.mockRestore();
  });
});

describe('held publications', () => {
  const at = (offset: number, epoch = 'e1') => ({
    position: { epoch, offset },
    atMs: null,
    by: null,
    data: offset,
  });
  const offsets = (held: ReturnType<typeof createHeldPublications<number>>) =>
    held.all().map(({ position }) => position.offset);

  it('are the newest so many, in order', () => {
    const held = createHeldPublications<number>(3);
    for (let offset = 1; offset <= 20; offset++) held.add(at(offset));
    expect(offsets(held)).toEqual([18, 19, 20]);
    expect(held.all()).toBe(held.all());
  });

  it('are each there once, though somebody else begins the channel anew', () => {
    const held = createHeldPublications<number>(10);
    for (const offset of [4, 5, 3, 4, 5, 6]) held.add(at(offset));
    held.addEarlier([at(2), at(3), at(4)]);
    expect(offsets(held)).toEqual([2, 3, 4, 5, 6]);
    held.addEarlier([at(1, 'e0')]);
    expect(offsets(held)).toEqual([2, 3, 4, 5, 6]);
  });

  it('count no more when what was known does not', () => {
    const held = createHeldPublications<number>(10);
    const to = { epoch: 'e1', offset: 9 };
    held.add(at(1));
    held.lose({ why: 'dropped', from: null, to });
    expect(offsets(held)).toEqual([1]);
    held.lose({ why: 'trimmed', from: null, to });
    expect(offsets(held)).toEqual([]);
    held.add(at(10));
    held.add(at(1, 'e2'));
    expect(held.all().map(({ position }) => position)).toEqual([{ epoch: 'e2', offset: 1 }]);
  });
});

describe('stores of a client', () => {
  const scene = shellScene();

  /** Resolves with the first value that the condition holds for. */
  function until<T>(store: Store<T>, holds: (value: T) => boolean): Promise<T> {
    return new Promise((resolve) => {
      const off = store.subscribe((value) => {
        if (!holds(value)) return;
        resolve(value);
        queueMicrotask(() => off());
      });
    });
  }

  async function request(peer: Peer): Promise<Record<string, unknown>> {
    return JSON.parse(await peer.next()) as Record<string, unknown>;
  }

  it('show the connection and the friends before anybody subscribed, and tell of changes', async () => {
    const client = scene.makeClient();
    const connection = connectionStore(client);
    expect(connectionStore(client)).toBe(connection);
    expect(connection.get()).toBe(client.connection);
    const connected = until(connection, ({ status }) => status === 'connected');
    const { peer } = await scene.connect(client);
    await connected;
    expect(connection.get().status).toBe('connected');
    expect(
      presenceStore(client)
        .get()
        .map(({ id }) => id),
    ).toEqual(['bob', 'carol']);
    const bob = friendStore(client, 'bob');
    expect(bob.get()?.status).toBe('Online');
    const busy = until(bob, (friend) => friend?.status === 'Busy');
    peer.send('{"t":"u","id":"bob","s":"Busy"}');
    expect(await busy).toBe(client.presence.get('bob'));
    expect(presenceStore(client).initial).toEqual([]);
  });

  it('[REC5] a stream is subscribed while somebody looks, with its last publications', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    const chat = client.stream('chat:a');
    const store = streamStore(chat, { last: 2 });
    expect(streamStore(chat)).toBe(store);
    expect(store.get()).toBe(store.initial);
    const three = until(store, ({ publications }) => publications.length === 3);
    const { i, last } = await request(peer);
    expect(last).toBe(2);
    peer.send(
      `{"t":"ok","i":${String(i)},"e":"e1","o":7,"rec":true}`,
      '{"t":"ps","c":"chat:a","ps":[{"o":6,"d":"x"},{"o":7,"d":"y"}]}',
      '{"t":"p","c":"chat:a","o":8,"d":"z"}',
    );
    const view = await three;
    expect(view.publications.map(({ data }) => data)).toEqual(['x', 'y', 'z']);
    expect(view.state.status).toBe('live');
    expect(await request(peer)).toMatchObject({ t: 'unsub', c: 'chat:a' });
    expect(store.get()).toBe(store.initial);
  });

  it('[REC7] a stream that the app is subscribed to already is not begun anew: what was before is read', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    const chat = client.stream('chat:a');
    const live = chat.subscribe();
    peer.send(`{"t":"ok","i":${String((await request(peer))['i'])},"e":"e1","o":7}`);
    await live;
    const heard: number[] = [];
    chat.onPublication(({ position }) => heard.push(position.offset));
    const three = until(streamStore(chat, { last: 2 }), ({ publications }) => publications.length === 3);
    const asked = await request(peer);
    expect(asked).toMatchObject({ t: 'hist', c: 'chat:a', rev: true, n: 2 });
    peer.send(
      '{"t":"p","c":"chat:a","o":8,"d":"z"}',
      `{"t":"ok","i":${String(asked['i'])},"e":"e1","o":8,"ps":[{"o":8,"d":"z"},{"o":7,"d":"y"},{"o":6,"d":"x"}],"more":true}`,
    );
    const { publications } = await three;
    expect(publications.map(({ position }) => position.offset)).toEqual([6, 7, 8]);
    expect(heard, 'nobody else is told again').toEqual([8]);
  });

  it('a map and a signal are told with their state, and a failed subscription by its code', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    const tasks = mapStore(client.map('tasks:alice'));
    const one = until(tasks, ({ entries }) => entries.length === 1);
    peer.send(
      `{"t":"ok","i":${String((await request(peer))['i'])},"e":"e1","o":1,"es":[{"k":"t1","o":1,"d":{"done":true}}]}`,
    );
    expect((await one).entries[0]).toMatchObject({ key: 't1', value: { done: true } });
    expect(tasks.get()).toBe(tasks.get());
    expect(await request(peer)).toMatchObject({ t: 'unsub', c: 'tasks:alice' });

    const cursors = signalStore(client.signal('cursor:d'));
    const moved = until(cursors, ({ signals }) => signals.length === 1);
    peer.send(
      `{"t":"ok","i":${String((await request(peer))['i'])}}`,
      '{"t":"sig","c":"cursor:d","ss":[{"id":"s_2","by":"bob","d":{"x":1}}]}',
    );
    expect((await moved).signals[0]).toMatchObject({ by: 'bob', data: { x: 1 }, own: false });
    expect(await request(peer)).toMatchObject({ t: 'unsub', c: 'cursor:d' });

    const closed = streamStore(client.stream('chat:closed'));
    const failed = until(closed, ({ state }) => state.status === 'failed');
    peer.send(`{"t":"err","i":${String((await request(peer))['i'])},"code":"forbidden","m":"no"}`);
    expect((await failed).state.code).toBe('forbidden');
  });

  it('a call shows what became of the one begun last, whichever is answered first', async () => {
    const client = scene.makeClient();
    const { peer } = await scene.connect(client);
    const store = callStore(client, 'add');
    const views: unknown[] = [];
    const off = store.subscribe(({ status, data }) => views.push([status, data]));
    const first = store.run({ n: 1 });
    const second = store.run({ n: 2 });
    const [one, two] = [await request(peer), await request(peer)];
    peer.send(`{"t":"ok","i":${String(two['i'])},"d":2}`, `{"t":"ok","i":${String(one['i'])},"d":1}`);
    expect(await Promise.all([first, second])).toEqual([1, 2]);
    await Promise.resolve();
    const third = store.run({ n: 3 });
    peer.send(
      `{"t":"err","i":${String((await request(peer))['i'])},"code":"call_failed","m":"no","n":"gone"}`,
    );
    await expect(third).rejects.toMatchObject({ code: 'call_failed', error: 'gone' });
    await Promise.resolve();
    off();
    expect(views).toEqual([
      ['idle', undefined],
      ['pending', undefined],
      ['done', 2],
      ['pending', 2],
      ['failed', 2],
    ]);
  });
});
