import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket as WsWebSocket } from 'ws';
import { createClientOn } from '../src/client.ts';
import {
  type Client,
  type ClientOptions,
  type ConnectionChange,
  CarillonError,
  createClient,
} from '../src/index.ts';
import { type Platform, hostPlatform } from '../src/platform.ts';
import { type LiteralServer, type Peer, startLiteralServer } from './literal-server.ts';

const TOKEN =
  '{"t":"token","token":"r1","session":"s_1","v":1,"resumed":false,"at":1763715600000000,"graceMs":60000,"hbMs":30000}';
const RESUMED =
  '{"t":"token","token":"r2","session":"s_1","v":1,"resumed":true,"at":1763715601000000,"graceMs":60000,"hbMs":30000}';
const SYNC =
  '{"t":"sync","users":[{"username":"bob","s":"Online","a":"Coding"},{"username":"carol","s":"Offline","ts":1763711000000}]}';

let server: LiteralServer;
let clients: Client[];
let reported: unknown[];
let timers: number;

/** This process as it is, but that pauses are none, and that what is left running can be counted. */
function platform(): Platform {
  const host = hostPlatform();
  return {
    ...host,
    random: () => 0,
    report: (error) => void reported.push(error),
    setTimer(delayMs, fire) {
      timers++;
      let runs = true;
      const end = (): void => {
        if (runs) timers--;
        runs = false;
      };
      const cancel = host.setTimer(delayMs, () => {
        end();
        fire();
      });
      return () => {
        end();
        cancel();
      };
    },
  };
}

function makeClient(options: Partial<ClientOptions> = {}): Client {
  const client = createClientOn(platform(), { url: server.url, username: 'alice', token: 'jwt', ...options });
  clients.push(client);
  return client;
}

/** Resolves when the status is told that the condition holds for. */
function told(client: Client, holds: (change: ConnectionChange) => boolean): Promise<ConnectionChange> {
  return new Promise((resolve) => {
    const off = client.onConnection((change) => {
      if (!holds(change)) return;
      off();
      resolve(change);
    });
  });
}

const isConnected = (change: ConnectionChange): boolean => change.status === 'connected';

async function connect(client: Client, token = TOKEN): Promise<{ peer: Peer; login: string }> {
  const now = told(client, isConnected);
  client.connect();
  const peer = await server.peer();
  const login = await peer.next();
  peer.send(token, SYNC);
  await now;
  return { peer, login };
}

beforeEach(async () => {
  server = await startLiteralServer();
  clients = [];
  reported = [];
  timers = 0;
});

afterEach(async () => {
  for (const client of clients) client.disconnect();
  await server.stop();
  expect(timers, 'a client that is disconnected has no timers').toBe(0);
});

for (const [name, WebSocket] of [
  ['the WebSocket of Node', undefined],
  ['the WebSocket of ws', WsWebSocket],
] as const) {
  describe(`a client with ${name}`, () => {
    const start = (options: Partial<ClientOptions> = {}): Client => makeClient({ ...options, WebSocket });

    it('[VER1] [LOG1] logs in word for word, and shows the friends', async () => {
      const client = start({ device: 'desk' });
      const { login } = await connect(client);
      expect(login).toMatch(
        /^\{"t":"login","username":"alice","token":"jwt","v":1,"i":\d+,"device":"desk"\}$/,
      );
      expect([client.connection.status, client.session]).toEqual(['connected', 's_1']);
      expect([...client.presence]).toEqual([
        { id: 'bob', status: 'Online', lastSeen: null, a: 'Coding' },
        { id: 'carol', status: 'Offline', lastSeen: 1763711000000 },
      ]);
    });

    it('[RES1] [RES5] goes on with its session when the line was cut, and keeps the friends meanwhile', async () => {
      const client = start();
      const { peer } = await connect(client);
      const back = told(client, isConnected);
      const lost = told(client, (change) => change.status === 'disconnected');
      peer.cut();
      expect(await lost).toEqual({ status: 'disconnected', reason: 'line_lost', retryInMs: 0 });
      expect(client.presence.size).toBe(2);
      const next = await server.peer();
      expect(JSON.parse(await next.next())).toMatchObject({ resume: 'r1', at: 1763715600000000 });
      next.send(
        RESUMED,
        '{"t":"sync","users":[{"username":"bob","s":"Busy"}],"delta":true,"gone":["carol"]}',
      );
      await back;
      expect([...client.presence]).toEqual([{ id: 'bob', status: 'Busy', lastSeen: null }]);
    });

    it('a server that is not there is tried again until it is', async () => {
      const { url } = server;
      await server.stop();
      const client = start({ url });
      let failures = 0;
      await new Promise<void>((resolve) => {
        client.onConnection((change) => {
          if (change.reason === 'line_lost' && ++failures === 3) resolve();
        });
        client.connect();
      });
      client.disconnect();
      expect(client.connection.status).toBe('disconnected');
      server = await startLiteralServer();
    });

    it('disconnect closes the line, and connect goes on with the session', async () => {
      const client = start();
      const { peer } = await connect(client);
      client.disconnect();
      await peer.closed;
      expect(client.connection).toEqual({ status: 'disconnected', reason: null, retryInMs: null });
      const { login } = await connect(client, RESUMED);
      expect(JSON.parse(login)).toMatchObject({ resume: 'r1' });
    });

    it('[LOG7] logout says so and ends when the server answers', async () => {
      const client = start();
      const { peer } = await connect(client);
      const left = client.logout();
      expect(JSON.parse(await peer.next())).toMatchObject({ t: 'logout' });
      peer.send('{"t":"bye","code":"logged_out","advice":"stop"}');
      peer.close(4205);
      await left;
      expect([client.connection.status, client.session, client.presence.size]).toEqual([
        'disconnected',
        null,
        0,
      ]);
    });

    it('[LOG2] [LOG7] logout while the login is under way ends the session that it begins', async () => {
      const client = start();
      const statuses: string[] = [];
      client.onConnection((change) => statuses.push(change.status));
      client.connect();
      const peer = await server.peer();
      await peer.next();
      const left = client.logout();
      expect(JSON.parse(await peer.next())).toMatchObject({ t: 'logout' });
      peer.send(TOKEN, SYNC, '{"t":"bye","code":"logged_out","advice":"stop"}');
      peer.close(4205);
      await left;
      expect(statuses).toEqual(['connecting', 'disconnected']);
      expect([client.session, client.presence.size]).toEqual([null, 0]);
    });

    it('[RES3] stops when another connection took the session, and says why', async () => {
      const client = start();
      const { peer } = await connect(client);
      const stopped = told(client, (change) => change.status === 'disconnected');
      peer.close(4204);
      expect(await stopped).toEqual({ status: 'disconnected', reason: 'replaced', retryInMs: null });
    });

    it('a binary message is passed over', async () => {
      const client = start();
      const { peer } = await connect(client);
      const heard = new Promise((resolve) => client.presence.on('bob', resolve));
      peer.sendBinary(new Uint8Array([1, 2, 3]));
      peer.send('{"t":"u","id":"bob","a":"Reading"}');
      expect(await heard).toMatchObject({ a: 'Reading' });
    });
  });
}

describe('setStatus', () => {
  it('sends the wire names and resolves with the ok', async () => {
    const client = makeClient();
    const { peer } = await connect(client);
    const done = client.setStatus({ status: 'Busy', a: 'Review' });
    const text = await peer.next();
    expect(text).toMatch(/^\{"t":"statusUpdate","s":"Busy","a":"Review","i":\d+\}$/);
    peer.send(`{"t":"ok","i":${(JSON.parse(text) as { i: number }).i}}`);
    await done;
    expect(client.own).toEqual({ status: 'Busy', a: 'Review' });
  });

  it('rejects with the code of the server, which need not be caught', async () => {
    const client = makeClient();
    const { peer } = await connect(client);
    const caught = client.setStatus({ a: 'x' });
    void client.setStatus({ status: 'Sleepy' as 'Busy' });
    void client.setStatus({ z: 'x' } as object);
    const { i } = JSON.parse(await peer.next()) as { i: number };
    peer.send(`{"t":"err","code":"bad_message","m":"a: expected at most 128 characters","i":${i}}`);
    await expect(caught).rejects.toMatchObject({ name: 'CarillonError', code: 'bad_message' });
  });

  it('refuses what can never be taken, before it is sent', async () => {
    const client = makeClient();
    const wrong = [
      { status: 'Sleepy' },
      { mood: 'x' },
      { a: 1 },
      { a: 'x'.repeat(129) },
      { toString: 'x' },
    ] as object[];
    for (const change of wrong) {
      await expect(client.setStatus(change)).rejects.toMatchObject({ code: 'bad_message' });
    }
    expect(client.own).toEqual({});
    await client.setStatus({});
    await client.setStatus({ a: undefined } as object);
  });

  it('takes values as long as the server is said to take', async () => {
    const client = makeClient({ fieldLengths: { a: 1024, p: 8 } });
    const { peer } = await connect(client);
    await expect(client.setStatus({ p: 'x'.repeat(9) })).rejects.toMatchObject({
      code: 'bad_message',
      retry: false,
    });
    void client.setStatus({ a: 'x'.repeat(1024), p: 'x'.repeat(8) });
    expect(await peer.next()).toContain('statusUpdate');
  });

  it('called when the client has stopped, rejects at once', async () => {
    const client = makeClient();
    const { peer } = await connect(client);
    const stopped = told(client, (change) => change.status === 'disconnected');
    peer.close(4203);
    await stopped;
    await expect(client.setStatus({ a: 'x' })).rejects.toMatchObject({
      code: 'version_unsupported',
      retry: false,
    });
  });

  it('called while disconnected, goes with the login, the newest value of each field', async () => {
    const client = makeClient();
    const first = client.setStatus({ status: 'Away', a: 'one' });
    expect(client.setStatus({ a: 'two' })).toBe(first);
    const { login } = await connect(client);
    expect(JSON.parse(login)).toMatchObject({ s: 'Away', a: 'two' });
    await first;
  });

  it('that waits when the client is stopped rejects with the reason', async () => {
    const client = makeClient();
    const { peer } = await connect(client);
    const waiting = client.setStatus({ a: 'x' });
    peer.close(4206);
    await expect(waiting).rejects.toMatchObject({ code: 'user_erased' });
  });
});

describe('the login token', () => {
  it('[LOG6] comes from the callback, and comes anew when it ran out', async () => {
    let asked = 0;
    const client = makeClient({ token: () => Promise.resolve(`jwt-${++asked}`) });
    const { peer, login } = await connect(client);
    expect(JSON.parse(login)).toMatchObject({ token: 'jwt-1' });
    peer.close(4100);
    const next = await server.peer();
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
    expect(reported.map(String)).toEqual(['Error: thrown', 'Error: rejected']);
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
    expect(new Set(reported.map(String))).toEqual(
      new Set(['Error: wire', 'Error: status', 'Error: presence']),
    );
  });

  it('a listener may act on the client at once', async () => {
    const client = makeClient();
    client.onConnection((change) => {
      if (change.status === 'connected') client.disconnect();
    });
    client.connect();
    const peer = await server.peer();
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
    const peer = await server.peer();
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
    expect(code(() => createClientOn({ ...hostPlatform(), webSocket: null }, options))).toBe('no_websocket');
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
    expect([made, String(reported[0])]).toEqual([1, 'Error: SecurityError']);
  });
});
