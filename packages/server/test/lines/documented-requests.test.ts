import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineContract, stream } from '@carillon/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as z from 'zod';
import { signToken } from '../../src/auth/sign-token.ts';
import { API_KEY, SECRET, type ServerUnderTest, startServer } from '../http-api/server-under-test.ts';
import { serverProgram } from '../servers/child-server.ts';
import { WAIT_LIMIT_MS, within } from '../wire/scene/within.ts';

const GUIDE = readFileSync(fileURLToPath(new URL('../../../../docs/transports.md', import.meta.url)), 'utf8');

/** What stands in the guide for what each run has of its own. */
const LINE = '4f0c…';
const TICKET = 'eyJ…';

let underTest: ServerUnderTest;
let token: string;
const ending: (() => void)[] = [];

beforeAll(async () => {
  token = await signToken({
    ...{ user: 'alice', secret: SECRET, ttlMs: 600_000, issuer: null, audience: null, nowMs: Date.now() },
  });
  underTest = await startServer({
    config: {
      contract: defineContract({
        channels: { 'chat:{room}': stream({ data: z.string(), durability: 'memory' }) },
      }),
      authorize: { 'chat:{room}': () => true },
    },
  });
});
afterAll(async () => {
  for (const end of ending) end();
  await underTest.close();
});

/** The guide's commands that ask with curl, in their order, as one would paste them. */
function commands(): readonly string[] {
  const blocks = [...GUIDE.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text!);
  return blocks
    .flatMap((text) => text.replaceAll('\\\n', ' ').split('\n'))
    .filter((line) => line.startsWith('curl'));
}

/** Runs a command of the guide in a shell, against this server. */
function run(folder: string, command: string, own: Readonly<Record<string, string>>) {
  let text = command.replaceAll('http://127.0.0.1:8005', underTest.url);
  for (const [placeholder, value] of Object.entries(own)) text = text.replaceAll(placeholder, value);
  const child = spawn('/bin/sh', ['-c', `exec ${text}`], {
    env: { PATH: `${folder}:${process.env['PATH']}`, TOKEN: token, CARILLON_API_KEY: API_KEY },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  ending.push(() => child.kill());
  let out = '';
  let err = '';
  let arrived = Promise.withResolvers<void>();
  const note = (): void => {
    arrived.resolve();
    arrived = Promise.withResolvers();
  };
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    out += piece;
    note();
  });
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (err += piece));
  const ended = new Promise<string>((resolve) => child.on('close', () => resolve(out)));
  const shown = (): string => `${text}\n${out}\n${err}`;
  return {
    json: async () =>
      JSON.parse(await within(ended, 'the command is done', shown)) as Record<string, unknown>,
    async until(part: string): Promise<string> {
      const here = async (): Promise<string> => {
        while (!out.includes(part)) await arrived.promise;
        return out;
      };
      return within(here(), `${part} comes`, shown);
    },
  };
}

it(
  "[HTTP2] [HTTP3] [HTTP5] [TKT2] the guide's requests by curl do what it says",
  { timeout: 2 * WAIT_LIMIT_MS },
  async () => {
    const folder = dirname(serverProgram('CARILLON_CURL', ['curl']));
    const all = commands();
    expect(all).toHaveLength(6);
    const [openStream, send, openPoll, poll, makeTicket, followTicket] = all as [
      ...[string, string, string, string, string, string],
    ];

    const streaming = run(folder, openStream, {});
    const opening = await streaming.until('"t":"sync"');
    expect(opening).toMatch(/^event: line\ndata: \{"line":"[^"]+"\}\n\ndata: \{"t":"token",/);
    const sent = run(folder, send, { [LINE]: /"line":"([^"]+)"/.exec(opening)![1]! });
    expect(await sent.json()).toEqual({ n: 3 });
    await streaming.until('{"t":"ok","i":1}');

    const opened = await run(folder, openPoll, {}).json();
    expect(opened).toMatchObject({ line: expect.any(String), k: 1 });
    expect((opened['ms'] as { t: string }[])[0]).toMatchObject({ t: 'token' });
    const polling = run(folder, poll, { [LINE]: opened['line'] as string });

    const made = await run(folder, makeTicket, {}).json();
    expect(made).toEqual({
      ticket: expect.any(String),
      useByMs: expect.any(Number),
      expiresAtMs: expect.any(Number),
    });
    const following = run(folder, followTicket, { [TICKET]: made['ticket'] as string });
    await following.until('id: ');
    const { status } = await underTest.api('POST', '/v1/channels/chat%3Alobby/publications', {
      data: 'hello',
    });
    expect(status).toBe(200);
    const text = await following.until('hello');
    expect(text.slice(text.indexOf('data: '))).toMatch(/^data: \{"o":1,"ts":\d+,"d":"hello"\}\n\n$/);
    // The poll waits for what comes next.
    await underTest.api('POST', '/v1/users/alice/disconnect', {});
    expect(await polling.json()).toMatchObject({ k: 2, ms: [{ t: 'bye' }], close: expect.any(Number) });
  },
);
