import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import notepack from 'notepack.io';
import { type WebSocket as ServerSocket, WebSocket, WebSocketServer } from 'ws';
import { createClient } from '../src/index.ts';
import { messagePack } from '../src/messagepack.ts';
import { startRealServer } from './real-server.ts';

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const ascii = (text: string): string => Buffer.from(text).toString('hex');

/** {"t":"token","token":"r1","session":"s","v":1,"resumed":false,"at":1,"graceMs":60000,"hbMs":30000} */
const TOKEN = bytes(
  `88 a174 a5${ascii('token')} a5${ascii('token')} a27231 a7${ascii('session')} a173 a176 01 a7${ascii('resumed')} c2` +
    `a26174 01 a7${ascii('graceMs')} cdea60 a4${ascii('hbMs')} cd7530`,
);
/** {"t":"sync","users":[{"username":"bob","s":"Online"}]} */
const SYNC = bytes(
  `82 a174 a4${ascii('sync')} a5${ascii('users')} 91 82 a8${ascii('username')} a3${ascii('bob')} a173 a6${ascii('Online')}`,
);
const TOKEN_TEXT =
  '{"t":"token","token":"r1","session":"s","v":1,"resumed":false,"at":1,"graceMs":60000,"hbMs":30000}';
const SYNC_TEXT = '{"t":"sync","users":[]}';

let ending: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ending.toReversed()) await end();
  ending = [];
});

/** A server that agrees to a subprotocol, or to none, as it is told for each connection. */
async function literalServer(agree: (asked: readonly string[]) => string | false) {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    handleProtocols: (asked) => agree([...asked]),
  });
  await once(server, 'listening');
  ending.push(async () => {
    for (const socket of server.clients) socket.terminate();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { server, url: `ws://127.0.0.1:${port}/ws` };
}

function makeClient(url: string, onWire?: (direction: string, text: string) => void) {
  const client = createClient({
    url,
    username: 'alice',
    token: 'jwt',
    WebSocket,
    codec: messagePack,
    onWire,
  });
  ending.push(() => client.disconnect());
  return client;
}

async function connection(server: WebSocketServer): Promise<ServerSocket> {
  const [socket] = (await once(server, 'connection')) as [ServerSocket];
  return socket;
}

async function message(socket: ServerSocket): Promise<{ readonly data: Buffer; readonly isBinary: boolean }> {
  const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
  return { data, isBinary };
}

function connected(client: ReturnType<typeof makeClient>): Promise<void> {
  return new Promise((resolve) => {
    const off = client.onConnection(({ status }) => {
      if (status !== 'connected') return;
      off();
      resolve();
    });
  });
}

describe('a client with the codec', () => {
  it('[PACK1] asks for the subprotocol, writes binary frames, reads them, and shows the wire as JSON', async () => {
    const asked: string[][] = [];
    const { server, url } = await literalServer((names) => {
      asked.push([...names]);
      return 'carillon.msgpack';
    });
    const wire: string[] = [];
    const client = makeClient(url, (direction, text) => wire.push(`${direction} ${text}`));
    const there = connected(client);
    client.connect();
    const peer = await connection(server);
    const login = await message(peer);
    expect(asked).toEqual([['carillon.msgpack', 'carillon.json']]);
    expect(login.isBinary).toBe(true);
    expect(notepack.decode(login.data)).toMatchObject({ t: 'login', username: 'alice', token: 'jwt' });
    // What is no MessagePack, and what no client knows, is passed over.
    for (const frame of [TOKEN, bytes('c1'), bytes('81 a174 a26162'), SYNC]) peer.send(frame);
    await there;
    expect(client.presence.get('bob')).toMatchObject({ status: 'Online' });
    expect(wire[0]).toMatch(/^up \{"t":"login","username":"alice"/);
    expect(wire.slice(1)).toEqual([
      `down ${TOKEN_TEXT}`,
      'down {"t":"ab"}',
      'down {"t":"sync","users":[{"username":"bob","s":"Online"}]}',
    ]);
  });

  it('[PACK1] goes on in JSON where the server prefers it', async () => {
    const { server, url } = await literalServer(() => 'carillon.json');
    const client = makeClient(url);
    const there = connected(client);
    client.connect();
    const peer = await connection(server);
    const login = await message(peer);
    expect([login.isBinary, JSON.parse(login.data.toString())]).toMatchObject([false, { t: 'login' }]);
    for (const text of [TOKEN_TEXT, SYNC_TEXT]) peer.send(text);
    await there;
  });

  it('[PACK1] where the subprotocol is left unanswered and the socket fails, the next does not ask and speaks JSON', async () => {
    const asked: string[][] = [];
    const { server, url } = await literalServer((names) => {
      asked.push([...names]);
      return false;
    });
    const client = makeClient(url);
    const there = connected(client);
    client.connect();
    // `ws` fails the first as browsers do; the server has it for open until then.
    await connection(server);
    const peer = await connection(server);
    expect(peer.protocol).toBe('');
    const login = await message(peer);
    expect(login.isBinary).toBe(false);
    for (const text of [TOKEN_TEXT, SYNC_TEXT]) peer.send(text);
    await there;
    expect(asked).toHaveLength(1);
  });

  it('[PACK1] once it was agreed, a socket that fails does not end the asking', async () => {
    const asked: string[] = [];
    let refuse = false;
    const { server, url } = await literalServer((names) => {
      asked.push(names.join());
      return refuse ? false : 'carillon.msgpack';
    });
    const client = makeClient(url);
    const there = connected(client);
    client.connect();
    const first = await connection(server);
    for (const frame of [TOKEN, SYNC]) first.send(frame);
    await there;
    refuse = true;
    first.close(4000);
    await connection(server);
    refuse = false;
    const again = await connection(server);
    expect(again.protocol).toBe('carillon.msgpack');
    expect(new Set(asked)).toEqual(new Set(['carillon.msgpack,carillon.json']));
    expect(asked).toHaveLength(3);
  });
});

describe('over a real server', () => {
  it('[PACK1] [REC4] two with the codec and one without publish to each other, over lines that are cut', async () => {
    const real = await startRealServer();
    ending.push(() => real.close());
    const wire: string[] = [];
    const writers = [
      real.client('ann', { codec: messagePack }),
      real.client('ben', { codec: messagePack, onWire: (_, text) => wire.push(text) }),
      real.client('cai'),
    ];
    const heard = await Promise.all(
      writers.map(async ({ client }) => {
        const room = client.stream('chat:{room}', { room: 'ü' });
        const numbers: unknown[] = [];
        const all = Promise.withResolvers<void>();
        room.onPublication(({ data }) => {
          numbers.push(data);
          if (numbers.length === 180) all.resolve();
        });
        await room.subscribe();
        return { numbers, all: all.promise };
      }),
    );
    const published: Promise<unknown>[] = [];
    for (let n = 0; n < 60; n++) {
      for (const [at, { client }] of writers.entries())
        published.push(client.stream('chat:{room}', { room: 'ü' }).publish(n * 1.5 + at * 1e12));
      if (n % 20 === 19 && n < 59) {
        await Promise.all(published);
        for (const { cut } of writers) cut();
      }
    }
    for (const { all } of heard) await all;
    const sorted = heard.map(({ numbers }) => JSON.stringify(numbers));
    expect(new Set(sorted).size, 'all heard the same in the same order').toBe(1);
    expect(new Set(heard[0]!.numbers).size).toBe(180);
    expect(wire.every((text) => (JSON.parse(text) as { t: string }).t.length > 0)).toBe(true);
    expect(await writers[0]!.client.call('add', [1.5, 2 ** 40])).toBe(2 ** 40 + 1.5);
  });
});
