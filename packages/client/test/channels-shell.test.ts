import { describe, expect, it } from 'vitest';
import type { AnyChannel, Client, ClientOptions } from '../src/index.ts';
import type { Peer } from './literal-server.ts';
import { RESUMED, isConnected, shellScene, told } from './shell-scene.ts';

const scene = shellScene();

/** The next message of the client. */
async function take(peer: Peer): Promise<Record<string, unknown>> {
  return JSON.parse(await peer.next()) as Record<string, unknown>;
}

/** A connected client. */
async function connected(
  options: Partial<ClientOptions> = {},
): Promise<{ readonly client: Client; readonly peer: Peer }> {
  const client = scene.makeClient(options);
  const { peer } = await scene.connect(client);
  return { client, peer };
}

/** Lets what was sent arrive: a broadcast behind it has been heard. */
async function settle(client: Client, peer: Peer): Promise<void> {
  await new Promise<void>((resolve) => {
    const off = client.onBroadcast('settled', () => {
      off();
      resolve();
    });
    peer.send('{"t":"msg","n":"settled"}');
  });
}

describe('a stream', () => {
  it('[CHN1] [REC1] is subscribed by its encoded name, tells what comes, and goes on behind it after a cut', async () => {
    const { client, peer } = await connected();
    const chat = client.stream('chat:{room}', { room: 'a b' });
    const heard: unknown[] = [];
    chat.onPublication(({ position, data, by, atMs }) => heard.push([position.offset, data, by, atMs]));
    const live = chat.subscribe();
    const text = await peer.next();
    expect(text).toMatch(/^\{"t":"sub","i":\d+,"c":"chat:a%20b"\}$/);
    const { i } = JSON.parse(text) as { i: number };
    peer.send(
      `{"t":"ok","i":${i},"e":"e1","o":3}`,
      '{"t":"p","c":"chat:a%20b","o":4,"ts":7,"by":"bob","d":"hi"}',
    );
    await live;
    await settle(client, peer);
    expect([chat.state.status, chat.position]).toEqual(['live', { epoch: 'e1', offset: 4 }]);
    const back = told(client, isConnected);
    peer.cut();
    const next = await scene.server.peer();
    await next.next();
    next.send(RESUMED, '{"t":"sync","users":[],"delta":true}');
    await back;
    const again = await take(next);
    expect(again).toMatchObject({ t: 'sub', c: 'chat:a%20b', e: 'e1', o: 4 });
    next.send(`{"t":"ok","i":${String(again['i'])},"e":"e1","o":5,"rec":true}`);
    next.send('{"t":"ps","c":"chat:a%20b","ps":[{"o":5,"d":"missed"}]}');
    await settle(client, next);
    expect(heard).toEqual([
      [4, 'hi', 'bob', 7],
      [5, 'missed', null, null],
    ]);
  });

  it('has one handle, is counted in what wants it, and ends with the last', async () => {
    const { client, peer } = await connected();
    const chat = client.stream('chat:{room}', { room: 'x' });
    expect(client.stream('chat:x')).toBe(chat);
    const states: string[] = [];
    chat.onState(({ status }) => states.push(status));
    const first = chat.subscribe({ last: 5 });
    const second = client.stream('chat:x').subscribe();
    const { i, last } = await take(peer);
    expect(last).toBe(5);
    peer.send(`{"t":"ok","i":${String(i)},"e":"e1","o":0}`);
    await Promise.all([first, second]);
    chat.unsubscribe();
    chat.subscribe().catch(() => {});
    chat.unsubscribe();
    expect(chat.state.status).toBe('live');
    chat.unsubscribe();
    chat.unsubscribe();
    expect(await take(peer)).toMatchObject({ t: 'unsub', c: 'chat:x' });
    expect(states).toEqual(['subscribing', 'live', 'idle']);
  });

  it('that is in use as another kind, or whose name cannot be, throws', async () => {
    const { client } = await connected();
    const chat = client.stream('chat');
    expect(() => client.map('chat')).toThrow(expect.objectContaining({ code: 'kind_mismatch' }));
    expect(() => client.stream('chat:{room}', { room: '' })).toThrow(
      expect.objectContaining({ code: 'channel_invalid' }),
    );
    expect(chat.kind).toBe('stream');
  });

  it('onWire sees what goes over the wire', async () => {
    const wire: string[] = [];
    const { client, peer } = await connected({
      onWire: (direction, text) => wire.push(`${direction} ${text}`),
    });
    void client.stream('chat').subscribe();
    const text = await peer.next();
    await settle(client, peer);
    expect(wire.slice(-2)).toEqual([`up ${text}`, 'down {"t":"msg","n":"settled"}']);
  });

  it('that is refused rejects with the code, is shown as failed, and need not be caught', async () => {
    const { client, peer } = await connected();
    const chat = client.stream('chat');
    const refused = chat.subscribe();
    const { i } = await take(peer);
    peer.send(`{"t":"err","i":${String(i)},"code":"forbidden","m":"ask for it"}`);
    await expect(refused).rejects.toMatchObject({ code: 'forbidden', retry: false });
    expect(chat.state).toEqual({ status: 'failed', code: 'forbidden', detail: 'ask for it' });
    void chat.subscribe();
    const again = await take(peer);
    peer.send(`{"t":"err","i":${String(again['i'])},"code":"forbidden","m":""}`);
    await settle(client, peer);
  });

  it('that is given up before it is there rejects with `cancelled`', async () => {
    const client = scene.makeClient();
    const chat = client.stream('chat');
    const given = chat.subscribe();
    chat.unsubscribe();
    await expect(given).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('[REC6] tells what is lost and what was conflated', async () => {
    const { client, peer } = await connected();
    const chat = client.stream('chat');
    const heard: unknown[] = [];
    chat.onLost((lost) => heard.push(lost));
    chat.onConflated((conflated) => heard.push(conflated));
    void chat.subscribe();
    const { i } = await take(peer);
    peer.send(
      `{"t":"ok","i":${String(i)},"e":"e1","o":3}`,
      '{"t":"gap","c":"chat","why":"conflated","o":5}',
      '{"t":"gap","c":"chat","why":"dropped","o":8}',
    );
    await settle(client, peer);
    expect(heard).toEqual([
      { from: { epoch: 'e1', offset: 3 }, to: { epoch: 'e1', offset: 5 } },
      { why: 'dropped', from: { epoch: 'e1', offset: 5 }, to: { epoch: 'e1', offset: 8 } },
    ]);
  });

  it('a listener that throws is reported, and misses nothing; nor do the others', async () => {
    const { client, peer } = await connected();
    const chat = client.stream('chat');
    const heard: unknown[] = [];
    chat.onPublication(({ data }) => {
      heard.push(`first ${String(data)}`);
      throw new Error(`at ${String(data)}`);
    });
    const off = chat.onPublication(({ data }) => heard.push(data));
    void chat.subscribe({ last: 3 });
    const { i } = await take(peer);
    peer.send(
      `{"t":"ok","i":${String(i)},"e":"e1","o":2}`,
      '{"t":"ps","c":"chat","ps":[{"o":1,"d":1},{"o":2,"d":2}]}',
    );
    await settle(client, peer);
    expect(heard).toEqual(['first 1', 'first 2', 1, 2]);
    expect(scene.reported.map(String)).toEqual(['Error: at 1', 'Error: at 2']);
    off();
    peer.send('{"t":"p","c":"chat","o":3,"d":3}');
    await settle(client, peer);
    expect(heard.slice(4)).toEqual(['first 3']);
  });

  it('a listener may publish at once, and whoever listens to it may too', async () => {
    const { client, peer } = await connected();
    const chat = client.stream('chat');
    chat.onPublication(({ data }) => void chat.publish(`re: ${String(data)}`));
    void chat.subscribe();
    const { i } = await take(peer);
    peer.send(`{"t":"ok","i":${String(i)},"e":"e1","o":0}`, '{"t":"p","c":"chat","o":1,"d":"hi"}');
    expect(await take(peer)).toMatchObject({ t: 'pub', c: 'chat', d: 're: hi' });
  });

  it('[REC7] reads its history both ways', async () => {
    const { client, peer } = await connected();
    const chat = client.stream('chat');
    const newest = chat.history({ limit: 2 });
    const { i, ...first } = await take(peer);
    expect(first).toEqual({ t: 'hist', c: 'chat', rev: true, n: 2 });
    peer.send(
      `{"t":"ok","i":${String(i)},"e":"e1","o":9,"more":true,"ps":[{"o":9,"ts":1,"d":"z"},{"o":8,"ts":1,"d":"y"}]}`,
    );
    const page = await newest;
    expect(page.publications.map(({ data }) => data)).toEqual(['z', 'y']);
    expect([page.more, page.top]).toEqual([true, { epoch: 'e1', offset: 9 }]);
    void chat.history({ before: page.publications[1]!.position });
    expect(await take(peer)).toMatchObject({ e: 'e1', o: 8, rev: true });
    void chat.history({ after: null });
    const oldest = await take(peer);
    expect([oldest['rev'], oldest['o']]).toEqual([undefined, undefined]);
    void chat.history({ after: page.top });
    expect(await take(peer)).toMatchObject({ e: 'e1', o: 9 });
  });
});

describe('publishing', () => {
  it('[PUB1] resolves with the position', async () => {
    const { client, peer } = await connected();
    const done = client.stream('chat').publish({ text: 'hi' });
    const { i, id, ...pub } = await take(peer);
    expect(pub).toEqual({ t: 'pub', c: 'chat', d: { text: 'hi' } });
    expect(id).toBeTypeOf('string');
    peer.send(`{"t":"ok","i":${String(i)},"e":"e1","o":4}`);
    expect(await done).toEqual({ position: { epoch: 'e1', offset: 4 }, duplicate: false, outdated: false });
  });

  it('[PUB3] rejects with what the server says of it', async () => {
    const { client, peer } = await connected();
    const done = client.stream('chat').publish(1, { expect: { epoch: 'e1', offset: 2 } });
    const { i } = await take(peer);
    peer.send(`{"t":"err","i":${String(i)},"code":"conflict","m":"read on","e":"e1","o":7}`);
    await expect(done).rejects.toMatchObject({
      name: 'CarillonError',
      code: 'conflict',
      message: 'conflict: read on',
      retry: false,
      unknown: false,
      position: { epoch: 'e1', offset: 7 },
    });
  });

  it('what JSON cannot carry is refused before it is sent', async () => {
    const { client } = await connected();
    const chat = client.stream('chat');
    const cycle: { self?: object } = {};
    cycle.self = cycle;
    for (const data of [undefined, () => {}, 1n, cycle])
      await expect(chat.publish(data)).rejects.toMatchObject({ code: 'payload_invalid' });
    await expect(client.call('ask', 1n)).rejects.toMatchObject({ code: 'payload_invalid' });
  });

  it('what is changed after the call is sent as it was', async () => {
    const client = scene.makeClient();
    const data = { text: 'as it was' };
    void client.stream('chat').publish(data);
    data.text = 'changed';
    const { peer } = await scene.connect(client);
    expect(await take(peer)).toMatchObject({ d: { text: 'as it was' } });
  });

  it('beyond the room for what waits rejects with `queue_full`, which may work later', async () => {
    const client = scene.makeClient({ queueCount: 2 });
    const chat = client.stream('chat');
    void chat.publish(1);
    void chat.publish(2);
    await expect(chat.publish(3)).rejects.toMatchObject({ code: 'queue_full', retry: true });
    const small = scene.makeClient({ queueBytes: 200 }).stream('chat');
    await expect(small.publish('x'.repeat(200))).rejects.toMatchObject({ code: 'queue_full' });
    const tiny = scene.makeClient({ messageBytes: 100 }).stream('chat');
    await expect(tiny.publish('x'.repeat(100))).rejects.toMatchObject({ code: 'too_large' });
    for (const options of [{ queueCount: 0 }, { queueBytes: Number.NaN }, { messageBytes: -1 }])
      expect(() => scene.makeClient(options)).toThrow(expect.objectContaining({ code: 'options_invalid' }));
  });

  it('waits over a disconnect, and is refused by a logout; what comes behind that is for the next session', async () => {
    const { client, peer } = await connected();
    client.disconnect();
    await peer.closed;
    const chat = client.stream('chat');
    const kept = chat.publish('kept');
    const { peer: next } = await scene.connect(client, RESUMED);
    const { i } = await take(next);
    next.send(`{"t":"ok","i":${String(i)},"e":"e1","o":1}`);
    await kept;
    const sent = chat.publish('sent');
    await next.next();
    const waiting = chat.publish('waits');
    void chat.subscribe();
    await next.next();
    const left = client.logout();
    await expect(sent).rejects.toMatchObject({ code: 'logged_out', unknown: true });
    await expect(waiting).rejects.toMatchObject({ code: 'logged_out', unknown: false });
    expect(chat.state.status).toBe('idle');
    void chat.publish('later');
    expect(await take(next)).toMatchObject({ t: 'logout' });
    next.close(4205);
    await left;
    const { peer: third } = await scene.connect(client);
    expect(await take(third)).toMatchObject({ t: 'pub', d: 'later' });
    void chat.subscribe();
    expect(await take(third)).toMatchObject({ t: 'sub' });
    chat.unsubscribe();
    expect(await take(third), 'the session before wanted it, and is over').toMatchObject({ t: 'unsub' });
  });

  it('on a client that stopped rejects with the reason', async () => {
    const { client, peer } = await connected();
    const stopped = told(client, (change) => change.status === 'disconnected');
    peer.close(4203);
    await stopped;
    await expect(client.stream('chat').publish(1)).rejects.toMatchObject({ code: 'version_unsupported' });
  });
});

describe('a map', () => {
  it('[MAP1] [MAP2] is complete when it is subscribed, and changes by itself', async () => {
    const { client, peer } = await connected();
    const tasks = client.map('tasks:{user}', { user: 'alice' });
    const changes: unknown[] = [];
    tasks.onChange((each) =>
      changes.push(each.map(({ key, before, after }) => [key, before?.value, after?.value])),
    );
    expect(tasks.getSnapshot()).toBe(tasks.getSnapshot());
    const complete = tasks.subscribe();
    const { i } = await take(peer);
    peer.send(`{"t":"ok","i":${String(i)},"e":"e1","o":2,"es":[{"k":"a","d":1,"o":1}],"next":"a"}`);
    const page = await take(peer);
    expect([page['t'], page['k'], tasks.state.status]).toEqual(['page', 'a', 'replaying']);
    peer.send(
      `{"t":"ok","i":${String(page['i'])},"e":"e1","o":2,"es":[{"k":"b","d":2,"o":2,"ts":9,"by":"bob","ver":3}]}`,
    );
    await complete;
    expect([tasks.size, tasks.get('a'), [...tasks].map(({ key }) => key)]).toEqual([2, 1, ['a', 'b']]);
    expect(tasks.entry('b')).toEqual({ key: 'b', value: 2, offset: 2, atMs: 9, by: 'bob', version: 3 });
    const snapshot = tasks.getSnapshot();
    expect([snapshot, tasks.getSnapshot() === snapshot]).toEqual([[...tasks], true]);
    peer.send('{"t":"p","c":"tasks:alice","k":"a","o":3,"del":true}');
    await settle(client, peer);
    expect([tasks.get('a'), tasks.getSnapshot() === snapshot]).toEqual([undefined, false]);
    tasks.unsubscribe();
    expect([tasks.size, tasks.getSnapshot()]).toEqual([0, []]);
    expect(changes).toEqual([
      [['a', undefined, 1]],
      [['b', undefined, 2]],
      [['a', 1, undefined]],
      [['b', 2, undefined]],
    ]);
  });

  it('what a listener does comes behind what it is being told of', async () => {
    const { client, peer } = await connected();
    const tasks = client.map('tasks');
    const states: string[] = [];
    tasks.onState(({ status }) => states.push(status));
    tasks.onChange(([change]) => change?.after !== undefined && tasks.unsubscribe());
    void tasks.subscribe();
    const { i } = await take(peer);
    peer.send(`{"t":"ok","i":${String(i)},"e":"e1","o":1,"es":[{"k":"a","d":1,"o":1}]}`);
    await settle(client, peer);
    expect(states).toEqual(['subscribing', 'live', 'idle']);
  });

  it('[MAP3] sets and deletes keys', async () => {
    const { client, peer } = await connected();
    const tasks = client.map('tasks');
    const set = tasks.set('k', { done: true }, { version: 4, ttlMs: 900, echo: false, id: 'once' });
    const { i, ...pub } = await take(peer);
    expect(pub).toEqual({
      t: 'pub',
      c: 'tasks',
      k: 'k',
      d: { done: true },
      ver: 4,
      ttl: 900,
      echo: false,
      id: 'once',
    });
    peer.send(`{"t":"ok","i":${String(i)},"e":"e1","o":7,"old":true}`);
    expect(await set).toMatchObject({ outdated: true });
    void tasks.delete('k', { version: 5 });
    const { i: _i, id: _id, ...del } = await take(peer);
    expect(del).toEqual({ t: 'pub', c: 'tasks', k: 'k', del: true, ver: 5 });
  });
});

describe('a signal', () => {
  it('[SIG1] sends, hears, and knows the latest of each while the line is there', async () => {
    const { client, peer } = await connected();
    const cursor = client.signal('cursor');
    const heard: unknown[] = [];
    cursor.onSignal(({ by, data, own }) => heard.push([by, data, own]));
    const live = cursor.subscribe();
    const { i } = await take(peer);
    peer.send(`{"t":"ok","i":${String(i)},"n":2}`);
    await live;
    const sent = cursor.send([1, 2], 'left');
    const pub = await take(peer);
    expect(pub).toMatchObject({ t: 'pub', c: 'cursor', k: 'left', d: [1, 2] });
    peer.send(
      `{"t":"ok","i":${String(pub['i'])}}`,
      '{"t":"sig","c":"cursor","ss":[{"id":"s_2","by":"bob","d":1},{"id":"s_1","by":"alice","k":"left","d":[1,2]}]}',
      '{"t":"sig","c":"cursor","ss":[{"id":"s_2","by":"bob","d":2}]}',
    );
    expect(await sent).toBeUndefined();
    await settle(client, peer);
    expect(heard).toEqual([
      ['bob', 1, false],
      ['alice', [1, 2], true],
      ['bob', 2, false],
    ]);
    expect(cursor.latest.map(({ session, key, data }) => [session, key, data])).toEqual([
      ['s_1', 'left', [1, 2]],
      ['s_2', null, 2],
    ]);
    peer.send('{"t":"leave","c":"cursor","id":"bob"}');
    await settle(client, peer);
    expect(cursor.latest).toHaveLength(1);
    client.disconnect();
    expect(cursor.latest).toEqual([]);
    await expect(cursor.send(3)).rejects.toMatchObject({ code: 'line_lost' });
    void cursor.send(4);
  });

  it('keeps the latest of a thousand at most', async () => {
    const { client, peer } = await connected();
    const cursor = client.signal('cursor');
    void cursor.subscribe();
    const { i } = await take(peer);
    peer.send(`{"t":"ok","i":${String(i)}}`);
    const ss = Array.from({ length: 1002 }, (_, n) => ({ id: `s_${n}`, d: n }));
    peer.send(JSON.stringify({ t: 'sig', c: 'cursor', ss }));
    await settle(client, peer);
    expect([cursor.latest.length, cursor.latest[0]!.data]).toEqual([1000, 2]);
  });
});

describe('members', () => {
  it('[MEM1] are counted and listed', async () => {
    const { client, peer } = await connected();
    const chat = client.stream('chat');
    const heard: unknown[] = [];
    chat.onMember((change) => heard.push(change));
    void chat.subscribe();
    const { i } = await take(peer);
    peer.send(`{"t":"ok","i":${String(i)},"e":"e1","o":0,"n":1}`, '{"t":"join","c":"chat","id":"bob"}');
    await settle(client, peer);
    expect([heard, chat.count]).toEqual([
      [
        { user: null, joined: true, count: 1 },
        { user: 'bob', joined: true, count: 2 },
      ],
      2,
    ]);
    const page = chat.members({ limit: 1 });
    const ask = await take(peer);
    expect(ask).toMatchObject({ t: 'members', c: 'chat', n: 1 });
    peer.send(`{"t":"ok","i":${String(ask['i'])},"ids":["alice"],"n":2,"next":"alice"}`);
    expect(await page).toEqual({ ids: ['alice'], count: 2, next: 'alice' });
  });
});

describe('calls', () => {
  it('[CALL1] resolve with the output, or reject with the error of the app', async () => {
    const { client, peer } = await connected();
    const done = client.call('task.done', { id: 1 }, { timeoutMs: 700 });
    const { i, ...call } = await take(peer);
    expect(call).toMatchObject({ t: 'call', n: 'task.done', d: { id: 1 } });
    expect(call['ms']).toBeLessThanOrEqual(700);
    peer.send(`{"t":"ok","i":${String(i)},"d":{"left":2}}`);
    expect(await done).toEqual({ left: 2 });
    const failed = client.call('task.done', {});
    const next = await take(peer);
    peer.send(`{"t":"err","i":${String(next['i'])},"code":"call_failed","m":"","n":"gone","d":{"by":"bob"}}`);
    const error: unknown = await failed.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'call_failed', error: 'gone', data: { by: 'bob' } });
    expect(client.callError('task.done', error)).toEqual({ code: 'gone', data: { by: 'bob' } });
    expect([client.callError('x', new Error('other')), client.callError('x', null)]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('[CALL2] are called off by their signal', async () => {
    const { client, peer } = await connected();
    const calling = new AbortController();
    const { signal } = calling;
    const off = client.call('slow', undefined, { signal });
    const { i } = await take(peer);
    calling.abort();
    await expect(off).rejects.toMatchObject({ code: 'cancelled', unknown: true });
    expect(await take(peer)).toEqual({ t: 'cancel', r: i });
    await expect(client.call('slow', undefined, { signal })).rejects.toMatchObject({
      code: 'cancelled',
      unknown: false,
    });
  });

  it('leave nothing at a signal once they are over', async () => {
    const { client, peer } = await connected();
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (type: string, listener: EventListener) => {
      listeners++;
      add(type, listener);
    };
    signal.removeEventListener = (type: string, listener: EventListener) => {
      listeners--;
      remove(type, listener);
    };
    const done = client.call('ask', 1, { signal });
    expect(listeners).toBe(1);
    const { i } = await take(peer);
    peer.send(`{"t":"ok","i":${String(i)}}`);
    await done;
    expect(listeners).toBe(0);
  });

  it('whose line is cut reject: whether they were carried out is unknown', async () => {
    const { client, peer } = await connected();
    const paid = client.call('pay', 5);
    await peer.next();
    peer.cut();
    await expect(paid).rejects.toMatchObject({ code: 'line_lost', unknown: true });
  });

  it('[CALL3] of the server are served, once', async () => {
    const { client, peer } = await connected();
    const off = client.onCall('confirm', (input) => ({ echo: input }));
    client.onCall('later', async () => {
      await Promise.resolve();
      return undefined;
    });
    client.onCall('busy', (_, { fail, timeoutMs }) => fail('busy', { waited: timeoutMs }, 'try again'));
    client.onCall('broken', () => {
      throw new Error('secret of the app');
    });
    client.onCall('no-json', () => 1n);
    const ask = async (name: string, i: number): Promise<unknown> => {
      peer.send(`{"t":"call","i":${i},"n":"${name}","d":{"q":1},"ms":500}`);
      return take(peer);
    };
    expect(await ask('confirm', 2)).toEqual({ t: 're', r: 2, d: { echo: { q: 1 } } });
    expect(await ask('later', 3)).toEqual({ t: 're', r: 3 });
    expect(await ask('busy', 4)).toEqual({ t: 're', r: 4, d: { waited: 500 }, code: 'busy', m: 'try again' });
    expect(await ask('broken', 5)).toEqual({ t: 're', r: 5, code: 'internal' });
    expect(await ask('no-json', 6)).toEqual({ t: 're', r: 6, code: 'internal' });
    expect(await ask('nobody', 7)).toEqual({ t: 're', r: 7, code: 'call_unknown' });
    const other = client.onCall('confirm', () => 'newer');
    off();
    expect(await ask('confirm', 8)).toEqual({ t: 're', r: 8, d: 'newer' });
    other();
    expect(await ask('confirm', 9)).toEqual({ t: 're', r: 9, code: 'call_unknown' });
    expect(scene.reported.map(String)).toEqual([
      'Error: secret of the app',
      expect.stringContaining('payload_invalid'),
    ]);
  });

  it('[CALL5] broadcasts come to those who listen', async () => {
    const { client, peer } = await connected();
    const heard: unknown[] = [];
    const off = client.onBroadcast('news', (data) => heard.push(data));
    peer.send('{"t":"msg","n":"news","d":[1]}', '{"t":"msg","n":"other","d":2}');
    await settle(client, peer);
    off();
    peer.send('{"t":"msg","n":"news","d":[2]}');
    await settle(client, peer);
    expect(heard).toEqual([[1]]);
  });
});

describe('an invitation', () => {
  it('[CHN8] is answered, and the app is given the channel before anything of it comes', async () => {
    const { client, peer } = await connected();
    const channels: AnyChannel[] = [];
    const heard: unknown[] = [];
    client.onInvitation((channel) => {
      channels.push(channel);
      if (channel.kind === 'stream') channel.onPublication(({ data }) => heard.push(data));
    });
    peer.send('{"t":"sub","c":"chat:x","g":"g1"}');
    const { i, ...sub } = await take(peer);
    expect(sub).toEqual({ t: 'sub', c: 'chat:x', g: 'g1' });
    peer.send(`{"t":"ok","i":${String(i)},"e":"e1","o":1}`, '{"t":"p","c":"chat:x","o":2,"d":"first"}');
    await settle(client, peer);
    expect([channels.map(({ channel, kind }) => [channel, kind]), heard]).toEqual([
      [['chat:x', 'stream']],
      ['first'],
    ]);
    expect(client.stream('chat:{room}', { room: 'x' })).toBe(channels[0]);
    channels[0]!.unsubscribe();
    expect(await take(peer)).toMatchObject({ t: 'unsub', c: 'chat:x' });
  });
});
