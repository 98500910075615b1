import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, StartError } from '@carillon/server';
import { afterEach, describe, expect, it } from 'vitest';
import { io } from 'socket.io-client';
import { temporaryFolder } from '../contract/app-under-test.ts';
import { LOGIN_SECRET } from '../wire/scene/login-token.ts';
import {
  contract,
  listenTo,
  nothingLeft,
  openSocketIoScene,
  type SocketIoScene,
  tokenOf,
} from './socketio-scene.ts';

let scene: SocketIoScene;

describe('the server ends a client of Socket.IO', () => {
  afterEach(() => scene.close());

  it('whose login is revoked, and it stays away; a token issued since lets it in', async () => {
    scene = await openSocketIoScene({ sessions: { graceMs: 0 } });
    const issuedAt = Math.floor(Date.now() / 1000) - 5;
    const token = await tokenOf('anna', { iat: issuedAt });
    const anna = scene.client({ token }, { reconnection: true, reconnectionDelay: 1 });
    await anna.next('connect');
    await anna.ask('join-document', 'plan');
    expect(await scene.server.revoke({ user: 'anna' })).toMatchObject({ ok: true });
    expect(await anna.next('error')).toMatchObject([expect.any(String), { code: 'revoked' }]);
    expect(await anna.next('disconnect')).toEqual(['io server disconnect']);
    await nothingLeft(scene);
    const again = scene.client({ token });
    expect(await again.next('connect_error')).toMatchObject([{ message: 'Authentication failed' }]);
    expect(anna.of('connect')).toHaveLength(1);
  });

  it('whose token runs out, and it comes back with a newer one by itself', async () => {
    scene = await openSocketIoScene();
    let given = 0;
    const anna = scene.client(
      (give: (auth: object) => void) => {
        const exp = Math.floor(Date.now() / 1000) + (given++ === 0 ? 2 : 3_600);
        void tokenOf('anna', { exp }).then((token) => give({ token }));
      },
      { reconnection: true, reconnectionDelay: 1 },
    );
    await anna.next('connect');
    expect(await anna.next('error')).toMatchObject([expect.any(String), { code: 'token_expired' }]);
    expect(await anna.next('disconnect')).toEqual(['transport close']);
    await anna.next('connect');
    expect(await anna.ask('join-document', 'plan')).toMatchObject({ ok: true });
  });

  it('on a document, when its right is taken away: it is told, and its edits are refused', async () => {
    scene = await openSocketIoScene();
    const [anna, ben] = [await scene.connect('anna'), await scene.connect('ben')];
    for (const client of [anna, ben]) await client.ask('join-document', 'plan');
    expect(await scene.server.unsubscribeUser('anna', 'ops:{id}', { id: 'plan' })).toMatchObject({
      ok: true,
    });
    expect(await anna.next('error')).toMatchObject(['Access denied', { documentId: 'plan' }]);
    expect(await anna.ask('edit-operation', { documentId: 'plan', operation: 1 })).toMatchObject({
      error: 'Not joined',
    });
    expect(await ben.next('user-left')).toMatchObject([{ userId: 'anna' }, {}]);
    await ben.ask('edit-operation', { documentId: 'plan', operation: 2 });
    expect(anna.of('remote-edit')).toEqual([]);
  });

  it('when it stops: it is told so, and may come back by itself', async () => {
    scene = await openSocketIoScene();
    const anna = await scene.connect('anna');
    const ben = await scene.connect('ben', { transports: ['polling'] });
    await scene.server.close(100);
    expect(await anna.next('server-draining')).toEqual([{ afterMs: expect.any(Number) }]);
    expect(await anna.next('disconnect')).toEqual(['transport close']);
    // Between two polls nobody can be told anything; the next finds nobody there.
    expect(await ben.next('disconnect')).toEqual([expect.stringMatching(/^transport (close|error)$/)]);
  });
});

describe('where it is configured', () => {
  const folder = temporaryFolder();
  afterEach(() => folder.remove());
  const options = (channel: string) => ({
    port: 0,
    databaseUrl: `sqlite:${folder.path}/app.sqlite` as const,
    auth: { secret: LOGIN_SECRET },
    logging: { level: 'silent' as const },
    gateways: { socketio: { channel } },
  });

  it.each([
    ['other:{id}', 'does not declare'],
    ['ops', 'does not declare'],
    ['plain:{id}', 'members'],
  ])('the channel %s stops the start with one line', async (channel, said) => {
    const starting = createServer(contract, options(channel));
    await expect(starting).rejects.toThrow(StartError);
    await expect(starting).rejects.toThrow(new RegExp(`gateways.socketio.channel.*${said}`));
  });

  it('clients come in on an HTTP server of the app’s, beside the app’s own requests', async () => {
    const carillon = await createServer(contract, {
      ...options('ops:{id}'),
      authorize: { 'ops:{id}': () => true },
    });
    const http = createHttpServer((request, response) =>
      carillon.handler(request, response, () => response.end(`the app: ${request.url}`)),
    );
    await carillon.attach(http);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    for (const transport of ['websocket', 'polling']) {
      const client = listenTo(
        io(url, {
          auth: { token: await tokenOf('anna') },
          transports: [transport],
          forceNew: true,
          reconnection: false,
        }),
      );
      await client.next('connect');
      expect(await client.ask('join-document', 'plan')).toMatchObject({ ok: true });
      expect(await (await fetch(`${url}/socket.io/socket.io.js`)).text()).toBe(
        'the app: /socket.io/socket.io.js',
      );
      client.socket.disconnect();
    }
    await carillon.close(0);
    expect(await (await fetch(`${url}/mine`)).text()).toBe('the app: /mine');
    http.closeAllConnections();
    http.close();
  });
});
