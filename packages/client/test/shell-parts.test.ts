import { describe, expect, it } from 'vitest';
import { createClientOn } from '../src/client.ts';
import { CarillonError, createClient } from '../src/index.ts';
import { hostPlatform } from '../src/platform.ts';
import { RESUMED, shellScene, SYNC, told, TOKEN } from './shell-scene.ts';

const scene = shellScene();
const { makeClient, connect } = scene;

describe('the login token', () => {
  it('[LOG6] comes from the callback, and comes anew when it ran out', async () => {
    let asked = 0;
    const client = makeClient({ token: () => Promise.resolve(`jwt-${++asked}`) });
    const { peer, login } = await connect(client);
    expect(JSON.parse(login)).toMatchObject({ token: 'jwt-1' });
    peer.close(4100);
    const next = await scene.server.peer();
    expect(JSON.parse(await next.next())).toMatchObject({ token: 'jwt-2', resume: 'r1' });
  });

  it('is asked for again when the callback throws, rejects, or gives something else; the app hears of it', async () => {
    const answers: (() => string | Promise<string>)[] = [
      () => {
        throw new Error('thrown');
      },
      () => Promise.reject(new Error('rejected')),
      () => undefined as unknown as string,
      () => '',
      () => 'jwt',
    ];
    const client = makeClient({ token: () => answers.shift()!() });
    const { login } = await connect(client);
    expect(JSON.parse(login)).toMatchObject({ token: 'jwt' });
    expect(scene.reported.map(String)).toEqual(['Error: thrown', 'Error: rejected']);
  });
});

describe('what the app hands in', () => {
  it('listeners that throw are reported and break nothing', async () => {
    const client = makeClient({
      onWire: () => {
        throw new Error('wire');
      },
    });
    client.onConnection(() => {
      throw new Error('status');
    });
    client.presence.subscribe(() => {
      throw new Error('presence');
    });
    const { peer } = await connect(client);
    const heard = new Promise((resolve) => client.presence.on('bob', resolve));
    peer.send('{"t":"x","id":"bob"}');
    expect(await heard).toMatchObject({ status: 'Offline' });
    expect(new Set(scene.reported.map(String))).toEqual(
      new Set(['Error: wire', 'Error: status', 'Error: presence']),
    );
  });

  it('a listener may act on the client at once', async () => {
    const client = makeClient();
    client.onConnection((change) => {
      if (change.status === 'connected') client.disconnect();
    });
    client.connect();
    const peer = await scene.server.peer();
    await peer.next();
    peer.send(TOKEN, SYNC);
    await peer.closed;
    expect(client.connection.status).toBe('disconnected');
  });

  it('what a listener does while effects are carried out comes after them', async () => {
    const statuses: string[] = [];
    const client = makeClient({
      onWire: (_direction, text) => {
        if (text.includes('"t":"statusUpdate"')) client.disconnect();
      },
    });
    client.onConnection((change) => statuses.push(change.status));
    client.connect();
    const peer = await scene.server.peer();
    await peer.next();
    void client.setStatus({ a: 'told after the login' });
    peer.send(TOKEN, SYNC);
    await peer.closed;
    expect(statuses).toEqual(['connecting', 'connected', 'disconnected']);
    expect(client.connection.status).toBe('disconnected');
  });

  it('whoever is told of the connection has been told of the friends', async () => {
    const client = makeClient();
    const order: string[] = [];
    client.presence.subscribe((changes) => order.push(`friends ${changes.length}`));
    client.onConnection((change) => order.push(`${change.status} ${client.presence.size}`));
    await connect(client);
    expect(order).toEqual(['connecting 0', 'friends 2', 'connected 2']);
  });

  it('onWire sees every message as it goes over the wire', async () => {
    const wire: [string, string][] = [];
    const client = makeClient({ onWire: (direction, text) => wire.push([direction, text]) });
    const { login, peer } = await connect(client);
    peer.send('{"t":"hb","at":1763715630000000}');
    expect(await peer.next()).toBe('{"t":"hb"}');
    expect(wire).toEqual([
      ['up', login],
      ['down', TOKEN],
      ['down', SYNC],
      ['down', '{"t":"hb","at":1763715630000000}'],
      ['up', '{"t":"hb"}'],
    ]);
  });

  it('a storage lets the next process go on with the session; a logout takes the token out of it', async () => {
    const entries = new Map<string, string>();
    const storage = {
      getItem: (key: string) => entries.get(key) ?? null,
      setItem: (key: string, value: string) => void entries.set(key, value),
      removeItem: (key: string) => void entries.delete(key),
    };
    const before = makeClient({ storage });
    await connect(before);
    expect([...entries.values()]).toEqual(['{"resume":"r1","confirmed":{},"pending":{}}']);
    const after = makeClient({ storage });
    const { login, peer } = await connect(after, RESUMED);
    expect(JSON.parse(login)).toMatchObject({ resume: 'r1' });
    expect(JSON.parse(login)).not.toHaveProperty('at');
    const left = after.logout();
    await peer.next();
    peer.close(4205);
    await left;
    expect(entries.size).toBe(0);
  });

  it("the storage of one user is not another's", async () => {
    const entries = new Map<string, string>();
    const storage = {
      getItem: (key: string) => entries.get(key) ?? null,
      setItem: (key: string, value: string) => void entries.set(key, value),
      removeItem: (key: string) => void entries.delete(key),
    };
    await connect(makeClient({ storage }));
    const { login } = await connect(makeClient({ storage, username: 'bob' }));
    expect(JSON.parse(login)).not.toHaveProperty('resume');
  });

  it('a wrong address, a field name that is taken, and a missing WebSocket are coded errors', () => {
    const options = { url: 'ws://127.0.0.1/ws', username: 'alice', token: 'jwt' };
    const code = (make: () => unknown): string => {
      try {
        make();
      } catch (error) {
        if (error instanceof CarillonError) return error.code;
      }
      return 'none';
    };
    expect(code(() => createClient({ ...options, url: '/ws' }))).toBe('url_invalid');
    expect(code(() => createClient({ ...options, url: 'ftp://127.0.0.1/ws' }))).toBe('url_invalid');
    expect(code(() => createClient({ ...options, fields: ['token'] }))).toBe('fields_invalid');
    expect(code(() => createClient({ ...options, fields: ['status'] }))).toBe('fields_invalid');
    for (const length of [0, 1025, Number.NaN])
      expect(code(() => createClient({ ...options, fieldLengths: { a: length } }))).toBe('fields_invalid');
    const unnamed = { ...options, fields: ['mood'], fieldLengths: { tune: 5 } as object };
    expect(code(() => createClient(unnamed))).toBe('fields_invalid');
    expect(code(() => createClientOn({ ...hostPlatform(), webSocket: null, fetch: null }, options))).toBe(
      'no_websocket',
    );
    expect(code(() => createClient({ ...options, url: 'https://127.0.0.1/ws#x' }))).toBe('none');
  });

  it('a WebSocket that throws when it is made is a line that failed', async () => {
    let made = 0;
    const client = makeClient({
      WebSocket: class {
        constructor() {
          made++;
          throw new Error('SecurityError');
        }
        send(): void {}
        close(): void {}
        addEventListener(): void {}
      },
    });
    const failed = told(client, (change) => change.reason === 'line_lost');
    client.connect();
    await failed;
    client.disconnect();
    expect([made, String(scene.reported[0])]).toEqual([1, 'Error: SecurityError']);
  });
});
