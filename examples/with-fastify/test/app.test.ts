import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type App, startApp } from '../src/app.ts';

type Wire = Readonly<Record<string, unknown>>;

const API_KEY = 'a-key-of-the-example';

let folder: string;
let app: App;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'carillon-example-'));
  app = await start();
});
afterEach(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(): Promise<App> {
  const databaseUrl = `sqlite:${join(folder, 'app.sqlite')}`;
  return startApp({ port: 0, databaseUrl, apiKey: API_KEY });
}

/** What the app is asked: its parameters are JSON, which it reads after Carillon had its turn. */
function post(path: string, parameters: Record<string, string>): Promise<Response> {
  return fetch(app.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(parameters),
  });
}

/** A page, as far as the wire goes. */
async function open(user: string, token: string) {
  const socket = new WebSocket(`${app.url.replace('http', 'ws')}/ws`);
  const messages: Wire[] = [];
  const waits: (() => void)[] = [];
  socket.on('message', (data: Buffer) => {
    messages.push(JSON.parse(data.toString()) as Wire);
    for (const wake of waits.splice(0)) wake();
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ t: 'login', username: user, token }));
  return {
    socket,
    send: (message: Wire) => socket.send(JSON.stringify(message)),
    async next(type: string): Promise<Wire> {
      for (;;) {
        const at = messages.findIndex(({ t }) => t === type);
        if (at >= 0) return messages.splice(at, 1)[0] ?? {};
        await new Promise<void>((resolve) => waits.push(resolve));
      }
    },
  };
}

async function logIn(user: string) {
  const { token } = (await (await post('/logins', { user })).json()) as { readonly token: string };
  const page = await open(user, token);
  await page.next('sync');
  return page;
}

describe('Carillon with Fastify', () => {
  it("answers its own paths on the app's server, and the app the rest", async () => {
    expect(await (await fetch(`${app.url}/health`)).json()).toEqual({ alive: true });
    const publishing = `${app.url}/v1/channels/${encodeURIComponent('chat:lobby')}/publications`;
    const body = JSON.stringify({ data: { text: 'from another backend' } });
    const type = { 'content-type': 'application/json' };
    const stranger = await fetch(publishing, { method: 'POST', headers: type, body });
    expect([stranger.status, await stranger.json()]).toMatchObject([
      401,
      { error: { code: 'unauthorized' } },
    ]);
    const headers = { ...type, authorization: `Bearer ${API_KEY}` };
    const published = await fetch(publishing, { method: 'POST', headers, body });
    expect([published.status, await published.json()]).toMatchObject([200, { offset: 1 }]);
    expect((await fetch(`${app.url}/nowhere`)).status).toBe(404);
    expect((await post('/rooms/lobby', { text: 'anybody there?' })).status).toBe(200);
  });

  it("takes the app's logins, and what the app publishes arrives", async () => {
    const alice = await logIn('alice');
    alice.send({ t: 'sub', i: 1, c: 'chat:lobby' });
    expect(await alice.next('ok')).toMatchObject({ i: 1, o: 0 });
    expect(await (await post('/rooms/lobby', { text: 'hello' })).json()).toEqual({ offset: 1 });
    expect(await alice.next('p')).toMatchObject({ c: 'chat:lobby', o: 1, d: { text: 'hello' } });
    const refused = await post('/rooms/lobby', { text: '' });
    expect([refused.status, await refused.json()]).toEqual([422, { error: 'payload_invalid' }]);
    alice.socket.terminate();
  });

  it('lets nobody in whom the app does not know, and nobody into the room that its rule closes', async () => {
    const mallory = await open('mallory', 'made up');
    expect(await mallory.next('err')).toMatchObject({ code: 'token_invalid' });
    const alice = await logIn('alice');
    alice.send({ t: 'sub', i: 1, c: 'chat:closed' });
    expect(await alice.next('err')).toMatchObject({ i: 1, code: 'forbidden' });
    alice.socket.terminate();
  });

  it.each(['sse', 'poll'])('takes clients that have no WebSocket by /%s', async (path) => {
    const { token } = (await (await post('/logins', { user: 'alice' })).json()) as {
      readonly token: string;
    };
    const ms = [{ t: 'login', username: 'alice', token }];
    const opened = await fetch(`${app.url}/${path}`, { method: 'POST', body: JSON.stringify({ ms }) });
    expect(opened.status).toBe(200);
    if (path === 'poll') {
      expect(await opened.json()).toMatchObject({ k: 1, ms: [{ t: 'token' }, { t: 'sync' }] });
      return;
    }
    const reader = opened.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('"t":"sync"')) text += (await reader.read()).value ?? expect.unreachable();
    await app.close();
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(text).toContain('event: close\ndata: {"close":4000}\n\n');
    app = await start();
  });
});
