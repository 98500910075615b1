import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defineContract, stream } from '@carillon/contract';
import { type CarillonServer, createServer, StartError } from '@carillon/server';
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { resolveConfig } from '../../src/config.ts';
import { type Line, logIn, optionsIn, temporaryFolder } from './app-under-test.ts';

const contract = defineContract({
  channels: {
    'chat:{room}': stream({ data: z.string(), durability: 'memory' }),
    'doc:{id}': stream({ data: z.string(), durability: 'memory' }),
  },
});
type C = typeof contract;

let folder: ReturnType<typeof temporaryFolder>;
let carillon: CarillonServer<C>;
const lines: Line[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const { socket } of lines.splice(0)) socket.terminate();
  await carillon.close(0);
  folder.remove();
});

async function start(options: object = {}): Promise<(user: string) => Promise<Line>> {
  carillon = await createServer(contract, { ...optionsIn(folder.path), ...options });
  const { url } = await carillon.listen();
  return async (user) => {
    const line = await logIn(`${url.replace('http', 'ws')}/ws`, user);
    lines.push(line);
    return line;
  };
}

describe("an app's backend in another language is asked who may", () => {
  const secret = 'a secret of at least thirty-two bytes';
  let backend: Server;
  let asked: { readonly body: string; readonly signed: boolean }[];
  beforeEach(async () => {
    asked = [];
    backend = createHttpServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => void (body += chunk.toString()));
      request.on('end', () => {
        const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = request.headers;
        const signed = `${String(id)}.${String(at)}.${body}`;
        const mac = createHmac('sha256', secret).update(signed).digest('base64');
        asked.push({ body, signed: signature === `v1,${mac}` });
        response.end(JSON.stringify({ allow: body.includes('"doc:open"') }));
      });
    });
    backend.listen(0, '127.0.0.1');
    await once(backend, 'listening');
  });
  afterEach(() => {
    backend.closeAllConnections();
    backend.close();
  });

  it('where no rule is, by signed HTTP; a rule is asked before', async () => {
    const url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}/may`;
    const enter = await start({
      authorize: { 'chat:{room}': () => true },
      authorizeCallback: { url, secret },
    });
    const alice = await enter('alice');
    expect(await alice.ask({ t: 'sub', c: 'chat:x' })).toMatchObject({ t: 'ok' });
    expect(asked).toEqual([]);
    expect(await alice.ask({ t: 'sub', c: 'doc:open' })).toMatchObject({ t: 'ok' });
    expect(await alice.ask({ t: 'sub', c: 'doc:shut' })).toMatchObject({ t: 'err', code: 'forbidden' });
    expect(asked.map(({ signed }) => signed)).toEqual([true, true]);
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({
      user: 'alice',
      channel: 'doc:open',
      pattern: 'doc:{id}',
    });
  });
});

describe('[CHN7] grants', () => {
  it('are good after a restart, where nobody configured a secret', async () => {
    await start();
    const signed = await carillon.grant('alice', 'chat:{room}', { room: 'x' }, 60_000);
    const grant = signed.ok ? signed.value.grant : '';
    await carillon.close(0);
    const enter = await start();
    const alice = await enter('alice');
    const mallory = await enter('mallory');
    expect(await mallory.ask({ t: 'sub', c: 'chat:x', g: grant })).toMatchObject({ code: 'grant_invalid' });
    expect(await alice.ask({ t: 'sub', c: 'chat:y', g: grant })).toMatchObject({ code: 'grant_invalid' });
    expect(await alice.ask({ t: 'sub', c: 'chat:x', g: grant })).toMatchObject({ t: 'ok' });
  });

  it('may be signed by a backend that has the secret for them', async () => {
    const secret = 'another secret, of thirty-two bytes or more';
    const key = new TextEncoder().encode(secret);
    const grant = await new SignJWT({ ch: 'chat:x' })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('alice')
      .setAudience('carillon:grant')
      .setExpirationTime('1h')
      .sign(key);
    const enter = await start({ grants: { secret } });
    const alice = await enter('alice');
    expect(await alice.ask({ t: 'sub', c: 'chat:x', g: grant })).toMatchObject({ t: 'ok' });
    expect(await alice.ask({ t: 'sub', c: 'chat:y', g: grant })).toMatchObject({ code: 'grant_invalid' });
  });
});

it('a revocation holds over a restart', async () => {
  const secret = 'another secret, of thirty-two bytes or more';
  const issued = Math.floor(Date.now() / 1000) - 10;
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('alice')
    .setJti('t1')
    .setIssuedAt(issued)
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));
  await start({ auth: { secret } });
  const socketUrl = (): string => `${carillon.address?.url.replace('http', 'ws')}/ws`;
  const alice = await logIn(socketUrl(), 'alice', token);
  const closed = once(alice.socket, 'close') as Promise<[number]>;
  expect(await carillon.revoke({ user: 'alice', tokenId: 't1' })).toEqual({ ok: true, value: undefined });
  expect((await closed)[0]).toBe(4208);
  await carillon.close(0);
  await start({ auth: { secret } });
  const again = logIn(socketUrl(), 'alice', token);
  await expect(again).rejects.toThrow('closed with 4208');
});

describe('the callback is configured whole or not at all', () => {
  it.each<[object, RegExp]>([
    [
      { url: 'https://backend.example/may' },
      /^authorizeCallback\.secret is missing, and authorizeCallback\.url is set/,
    ],
    [{ secret: 'x'.repeat(32) }, /^authorizeCallback\.url is missing/],
    [
      { url: 'http://backend.example/may', secret: 'x'.repeat(32) },
      /^authorizeCallback\.url is http: on another machine/,
    ],
    [{ url: 'https://backend.example/may', secret: 'short' }, /^authorizeCallback\.secret has 5 bytes/],
  ])('%j', async (authorizeCallback, line) => {
    const resolved = resolveConfig({ authorizeCallback }, folder.path);
    expect(resolved).toEqual({ ok: false, problem: expect.stringMatching(line) });
    await start();
    await expect(createServer(contract, { ...optionsIn(folder.path), authorizeCallback })).rejects.toThrow(
      StartError,
    );
  });
});
