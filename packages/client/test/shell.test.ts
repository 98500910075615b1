import { describe, expect, it } from 'vitest';
import { WebSocket as WsWebSocket } from 'ws';
import type { Client, ClientOptions } from '../src/index.ts';
import { isConnected, RESUMED, shellScene, SYNC, told, TOKEN } from './shell-scene.ts';

const scene = shellScene();
const { makeClient, connect } = scene;

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
      const next = await scene.server.peer();
      expect(JSON.parse(await next.next())).toMatchObject({ resume: 'r1', at: 1763715600000000 });
      next.send(
        RESUMED,
        '{"t":"sync","users":[{"username":"bob","s":"Busy"}],"delta":true,"gone":["carol"]}',
      );
      await back;
      expect([...client.presence]).toEqual([{ id: 'bob', status: 'Busy', lastSeen: null }]);
    });

    it('a server that is not there is tried again until it is', async () => {
      const { url } = scene.server;
      await scene.stopServer();
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
      const peer = await scene.server.peer();
      await peer.next();
      const left = client.logout();
      expect(JSON.parse(await peer.next())).toMatchObject({ t: 'logout' });
      peer.send(TOKEN, SYNC, '{"t":"bye","code":"logged_out","advice":"stop"}');
      peer.close(4205);
      await left;
      expect(statuses).toEqual(['connecting', 'disconnected']);
      expect([client.session, client.presence.size]).toEqual([null, 0]);
    });

    it('[LOG7] a status set behind a logout that is not answered goes with the next login', async () => {
      const client = start();
      const { peer } = await connect(client);
      const left = client.logout();
      expect(JSON.parse(await peer.next())).toMatchObject({ t: 'logout' });
      const hidden = client.setStatus({ status: 'Invisible' });
      const { login } = await connect(client);
      expect(JSON.parse(login)).toMatchObject({ t: 'login', s: 'Invisible' });
      expect(JSON.parse(login)).not.toHaveProperty('resume');
      await Promise.all([left, hidden, peer.closed]);
      expect(client.own).toEqual({ status: 'Invisible' });
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
