import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { nothingLeft, openSocketIoScene, type SocketIoScene, tokenOf, TRANSPORTS } from './socketio-scene.ts';

let scene: SocketIoScene;

const PAGE = 'https://app.example';

/** A plain request, with the headers of a page. */
function ask(
  path: string,
  { method = 'GET', headers = {}, body = '' } = {},
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(`${scene.url}${path}`, { method, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: text }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const HANDSHAKE = '/socket.io/?EIO=4&transport=polling';

describe.each(TRANSPORTS)('a client of Socket.IO over %s', (transport) => {
  beforeAll(async () => {
    scene = await openSocketIoScene({ sessions: { graceMs: 0 } });
  });
  afterAll(() => scene.close());
  const options = { transports: [transport] };

  it('is logged in by the token of its handshake, as a session like any other', async () => {
    const anna = await scene.connect('anna', options);
    expect(anna.socket.io.engine.transport.name).toBe(transport);
    expect(await scene.server.sessionsOf('anna')).toMatchObject({
      ok: true,
      value: [{ user: 'anna', name: 'anna by name', connected: true }],
    });
    anna.socket.disconnect();
    await nothingLeft(scene);
  });

  it.each([
    ['no token', () => ({})],
    ['a token that is no text', () => ({ token: { sub: 'anna' } })],
    ['a token that is no token', () => ({ token: 'let me in', username: 'anna' })],
    [
      'a token signed by somebody else',
      async () => ({ token: `${(await tokenOf('anna')).slice(0, -4)}AAAA` }),
    ],
    ['a token that has run out', async () => ({ token: await tokenOf('anna', { exp: 1_000_000_000 }) })],
    ['the token of another user', async () => ({ token: await tokenOf('anna'), username: 'ben' })],
    ['a token of a user that cannot be', async () => ({ token: await tokenOf('\u0000') })],
  ])('with %s is told "Authentication failed", and nothing of it is left', async (_, auth) => {
    const client = scene.client(await Promise.resolve(auth()), options);
    const [error] = (await client.next('connect_error')) as [Error & { data: { code: string } }];
    expect(error.message).toBe('Authentication failed');
    expect(error.data.code).toMatch(/^(token_invalid|token_expired|username_mismatch|user_id_invalid)$/);
    expect(client.socket.connected).toBe(false);
    await nothingLeft(scene);
  });

  it('leaves nothing behind, whichever way it goes', async () => {
    const [anna, ben] = [await scene.connect('anna', options), await scene.connect('ben', options)];
    await anna.ask('join-document', 'plan');
    await ben.ask('join-document', 'plan');
    expect(scene.server.node.counts()).toMatchObject({ connections: 2, attached: 2, subscriptions: 2 });
    anna.socket.disconnect();
    ben.socket.io.engine.close();
    await nothingLeft(scene);
  });
});

describe('a client that begins with polls', () => {
  afterEach(() => scene.close());

  it('goes on over a WebSocket, and loses nothing on the way', async () => {
    scene = await openSocketIoScene();
    const anna = await scene.connect('anna', { transports: ['polling', 'websocket'] });
    const ben = await scene.connect('ben');
    await ben.ask('join-document', 'plan');
    await anna.ask('join-document', 'plan');
    for (let i = 0; i < 50; i++) ben.socket.emit('edit-operation', { documentId: 'plan', operation: i });
    await expect.poll(() => anna.socket.io.engine.transport.name).toBe('websocket');
    await ben.ask('edit-operation', { documentId: 'plan', operation: 'last' });
    await expect.poll(() => anna.of('remote-edit').length).toBe(51);
    expect(anna.of('remote-edit').map(([edit]) => (edit as { operation: unknown }).operation)).toEqual([
      ...Array(50).keys(),
      'last',
    ]);
    expect(scene.server.node.counts()).toMatchObject({ connections: 2, attached: 2 });
  });
});

describe('pages', () => {
  afterEach(() => scene.close());

  it('of no allowed origin are refused, over polls and WebSockets; those of one that is may bring cookies', async () => {
    scene = await openSocketIoScene({ allowedOrigins: [PAGE] });
    expect(await ask(HANDSHAKE, { headers: { origin: 'https://evil.example' } })).toMatchObject({
      status: 403,
      headers: expect.not.objectContaining({ 'access-control-allow-origin': expect.anything() }),
    });
    const socket = new WebSocket(`${scene.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`, {
      origin: 'https://evil.example',
    });
    const status = await new Promise((resolve) =>
      socket.on('unexpected-response', (_, response) => resolve(response.statusCode)),
    );
    expect(status).toBe(403);
    for (const method of ['GET', 'OPTIONS'])
      expect(await ask(HANDSHAKE, { method, headers: { origin: PAGE } })).toMatchObject({
        status: method === 'GET' ? 200 : 204,
        headers: {
          'access-control-allow-origin': PAGE,
          'access-control-allow-credentials': 'true',
          vary: 'origin',
        },
      });
  });

  it('are asked for a sign of life every 25 s, and have 30 s to give it, unless configured', async () => {
    scene = await openSocketIoScene();
    const { body } = await ask(HANDSHAKE);
    expect(JSON.parse(body.slice(1))).toMatchObject({
      pingInterval: 25_000,
      pingTimeout: 30_000,
      maxPayload: 65_536,
      upgrades: ['websocket'],
    });
  });
});

describe('a client that is silent', () => {
  afterEach(() => scene.close());

  it('is gone once it has not answered a ping', async () => {
    scene = await openSocketIoScene({
      sessions: { graceMs: 0 },
      gateways: { socketio: { channel: 'ops:{id}', pingIntervalMs: 200, pingTimeoutMs: 200 } },
    });
    const anna = await scene.connect('anna');
    // A pulled cable: nothing of what comes is answered.
    (anna.socket.io.engine.transport as unknown as { ws: WebSocket }).ws.removeAllListeners();
    (anna.socket.io.engine.transport as unknown as { ws: { onmessage: null } }).ws.onmessage = null;
    await nothingLeft(scene);
  });

  it('and never logs in, is sent away', async () => {
    scene = await openSocketIoScene({ sessions: { loginTimeoutMs: 200 } });
    const socket = new WebSocket(`${scene.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    await new Promise((resolve) => socket.on('close', resolve));
  });
});

describe('a client of another time', () => {
  beforeAll(async () => {
    scene = await openSocketIoScene();
  });
  afterAll(() => scene.close());

  it('with Engine.IO 3 is told over polls that its protocol is not spoken', async () => {
    for (const path of ['/socket.io/?EIO=3&transport=polling', '/socket.io/?transport=polling'])
      expect(await ask(path)).toMatchObject({
        status: 400,
        body: '{"code":5,"message":"Unsupported protocol version"}',
      });
  });

  it('with Engine.IO 3 is told so over a WebSocket', async () => {
    const socket = new WebSocket(`${scene.url.replace('http', 'ws')}/socket.io/?EIO=3&transport=websocket`);
    const [status, body] = await new Promise<[number, string]>((resolve) =>
      socket.on('unexpected-response', (_, response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk)));
        response.on('end', () => resolve([response.statusCode!, text]));
      }),
    );
    expect([status, JSON.parse(body)]).toMatchObject([400, { error: { code: 'version_unsupported' } }]);
  });

  it('whose session nobody knows any more is answered 404, so that a balancer asks the next node', async () => {
    for (const method of ['GET', 'POST'])
      expect(
        await ask(`${HANDSHAKE}&sid=gone`, { method, body: method === 'POST' ? '40' : '' }),
      ).toMatchObject({
        status: 404,
        body: '{"code":1,"message":"Session ID unknown"}',
      });
  });
});
