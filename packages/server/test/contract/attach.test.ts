import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { defineContract, stream } from '@carillon/contract';
import { type CarillonServer, createServer, StartError } from '@carillon/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import * as z from 'zod';
import { originsOf } from '../../src/server/listening.ts';
import { logIn, optionsIn, temporaryFolder } from './app-under-test.ts';

const contract = defineContract({
  channels: { 'chat:{room}': stream({ data: z.string(), durability: 'memory' }) },
});

let folder: ReturnType<typeof temporaryFolder>;
let carillon: CarillonServer<typeof contract>;
let http: Server;
const requests: string[] = [];

const ownListener: RequestListener = (request, response) => {
  requests.push(`${request.method} ${request.url}`);
  response.end(`the app: ${request.url}`);
};

beforeEach(async () => {
  requests.length = 0;
  folder = temporaryFolder();
  carillon = await createServer(contract, {
    ...optionsIn(folder.path),
    authorize: { 'chat:{room}': () => true },
  });
  http = createHttpServer(ownListener);
});
afterEach(async () => {
  await carillon.close(0);
  http.closeAllConnections();
  http.close();
  folder.remove();
});

async function listen(server: Server = http): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const text = async (url: string, init?: RequestInit): Promise<string> => (await fetch(url, init)).text();

/** Sends bytes and answers with everything that comes back until the server ends. */
async function exchange(address: string, request: string): Promise<string> {
  const { hostname, port } = new URL(`http://${address}`);
  const socket = connect(Number(port), hostname);
  socket.write(request);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

const offer = (path: string, protocol: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: ${protocol}\r\n\r\n`;

describe("on an app's own HTTP server", () => {
  it.each(['before it listens', 'while it listens'])(
    'takes WebSocket clients on /ws, attached %s',
    async (when) => {
      let address = '';
      if (when === 'while it listens') address = await listen();
      await carillon.attach(http);
      if (address === '') address = await listen();
      const line = await logIn(`ws://${address}/ws?from=here`, 'alice');
      await line.ask({ t: 'sub', c: 'chat:x' });
      expect(await carillon.publish('chat:{room}', { room: 'x' }, 'hi')).toMatchObject({ ok: true });
      expect(await line.next('p')).toMatchObject({ d: 'hi' });
      expect(carillon.address).toBeNull();
      line.socket.terminate();
    },
  );

  it('is attached at once where the options name it', async () => {
    await carillon.close(0);
    carillon = await createServer(contract, { ...optionsIn(folder.path), server: http });
    const line = await logIn(`ws://${await listen()}/ws`, 'alice');
    line.socket.terminate();
  });

  it('leaves every request to the app', async () => {
    await carillon.attach(http);
    const address = await listen();
    for (const path of ['/', '/health', '/v1/users/alice', '/ws'])
      expect(await text(`http://${address}${path}`)).toBe(`the app: ${path}`);
  });

  it.each(['before', 'behind'])('leaves other upgrades to whoever listens for them, %s it', async (when) => {
    const own = new WebSocketServer({ noServer: true });
    own.on('connection', (peer) =>
      peer.on('message', (data: Buffer) => peer.send(`the app: ${data.toString()}`)),
    );
    const listenForOwn = (): void =>
      void http.on('upgrade', (request, socket, head) => {
        if (request.url === '/own')
          own.handleUpgrade(request, socket, head, (peer) => own.emit('connection', peer));
      });
    if (when === 'before') listenForOwn();
    await carillon.attach(http);
    if (when === 'behind') listenForOwn();
    const address = await listen();
    const socket = new WebSocket(`ws://${address}/own`);
    await once(socket, 'open');
    const line = await logIn(`ws://${address}/ws`, 'alice');
    // Behind whatever else might have been written to it.
    socket.send('still here?');
    expect(String(await once(socket, 'message'))).toBe('the app: still here?,false');
    expect(await line.rest()).toEqual([]);
    socket.terminate();
    line.socket.terminate();
    own.close();
  });

  it.each([
    ['/own', 'websocket'],
    ['/wsx', 'websocket'],
    ['/', 'h2c'],
    ['/ws', 'h2c'],
  ])(
    'where nobody else takes upgrades, one to %s (%s) is the request that it would be',
    async (path, protocol) => {
      await carillon.attach(http);
      const address = await listen();
      expect(await exchange(address, offer(path, protocol))).toMatch(
        new RegExp(`^HTTP/1\\.1 200 OK\r\n[^]*the app: ${path}`),
      );
      expect(requests).toEqual([`GET ${path}`]);
    },
  );

  it('refuses an upgrade to /ws with its reason, as on a server of its own', async () => {
    await carillon.attach(http);
    const address = await listen();
    const socket = new WebSocket(`ws://${address}/ws`, { origin: 'https://evil.example' });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toBe('Unexpected server response: 403');
  });

  it('lets in pages of the server that it is attached to', async () => {
    await carillon.attach(http);
    const address = await listen();
    const { port } = new URL(`http://${address}`);
    for (const host of [address, `localhost:${port}`]) {
      const socket = new WebSocket(`ws://${address}/ws`, { origin: `http://${host}` });
      await once(socket, 'open');
      socket.terminate();
    }
  });

  it('knows what pages of a TLS server, and of one on a socket file, are called', async () => {
    const tls = createHttpsServer();
    const { port } = new URL(`http://${await listen(tls)}`);
    expect(originsOf(tls)).toEqual([
      `https://127.0.0.1:${port}`,
      `https://localhost:${port}`,
      `https://[::1]:${port}`,
    ]);
    tls.close();
    const file = createHttpServer().listen(join(folder.path, 'socket'));
    await once(file, 'listening');
    expect(originsOf(file)).toEqual([]);
    file.close();
  });

  it('closes what is its own, and leaves the server running as it was', async () => {
    const before = {
      upgrade: http.listenerCount('upgrade'),
      request: http.listenerCount('request'),
      listening: http.listenerCount('listening'),
      decides: (http as unknown as { shouldUpgradeCallback: unknown }).shouldUpgradeCallback,
    };
    await carillon.attach(http);
    const address = await listen();
    const line = await logIn(`ws://${address}/ws`, 'alice');
    const closed = once(line.socket, 'close') as Promise<[number]>;
    await carillon.close(0);
    expect((await closed)[0]).toBe(4000);
    expect(await line.next('bye')).toMatchObject({ code: 'draining' });
    expect({
      upgrade: http.listenerCount('upgrade'),
      request: http.listenerCount('request'),
      listening: http.listenerCount('listening'),
      decides: (http as unknown as { shouldUpgradeCallback: unknown }).shouldUpgradeCallback,
    }).toEqual(before);
    expect(http.listening).toBe(true);
    expect(await text(`http://${address}/`)).toBe('the app: /');
    expect(await exchange(address, offer('/ws', 'websocket'))).toMatch(/the app: \/ws/);
  });

  it('closed before the app listens, takes nobody', async () => {
    await carillon.attach(http);
    await carillon.close(0);
    const address = await listen();
    expect(await exchange(address, offer('/ws', 'websocket'))).toMatch(/the app: \/ws/);
  });

  it('comes in one way, once; a second try harms nobody', async () => {
    await carillon.attach(http);
    await expect(carillon.attach(createHttpServer())).rejects.toThrow(StartError);
    await expect(carillon.listen()).rejects.toThrow(/takes clients already/);
    const line = await logIn(`ws://${await listen()}/ws`, 'alice');
    line.socket.terminate();
  });

  it('sessions outlive the server: the next one on the same HTTP server resumes them', async () => {
    await carillon.attach(http);
    const address = await listen();
    const first = new WebSocket(`ws://${address}/ws`);
    await once(first, 'open');
    first.send(JSON.stringify({ t: 'login', username: 'alice', token: 'alice', v: 1 }));
    const [data] = (await once(first, 'message')) as [Buffer];
    const { token } = JSON.parse(data.toString()) as { token: string };
    await carillon.close(0);
    carillon = await createServer(contract, optionsIn(folder.path));
    await carillon.attach(http);
    const second = new WebSocket(`ws://${address}/ws`);
    await once(second, 'open');
    second.send(JSON.stringify({ t: 'login', username: 'alice', token: 'alice', resume: token, v: 1 }));
    const [resumed] = (await once(second, 'message')) as [Buffer];
    expect(JSON.parse(resumed.toString())).toMatchObject({ t: 'token', resumed: true });
    second.terminate();
  });
});

describe('the HTTP API where the app asks for it', () => {
  it('answers its own paths, and hands on the rest', async () => {
    http = createHttpServer((request, response) =>
      carillon.handler(request, response, () => ownListener(request, response)),
    );
    await carillon.attach(http);
    const address = await listen();
    expect(await text(`http://${address}/health`)).toBe('{"alive":true}');
    expect((await fetch(`http://${address}/ready`)).status).toBe(200);
    expect((await fetch(`http://${address}/v1/users/alice`)).status).toBe(401);
    expect((await fetch(`http://${address}/v1/nowhere`)).status).toBe(401);
    for (const path of ['/', '/v1x', '/healthy', '/app/v1', '/?/health', '//health'])
      expect(await text(`http://${address}${path}`)).toBe(`the app: ${path}`);
  });

  it('without a next, answers everything else with 404', async () => {
    http = createHttpServer((request, response) => carillon.handler(request, response));
    const address = await listen();
    expect((await fetch(`http://${address}/elsewhere`)).status).toBe(404);
  });
});
