import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { pub as pubCommand } from '../../src/cli/pub.ts';
import { configuredUrl, parseServerUrl, resourceUrl, webSocketUrl } from '../../src/cli/server-address.ts';
import { type ChannelServer, startChannelServer } from './channel-server.ts';
import { API_KEY, newFolder, result } from './run-cli.ts';
import { runHere } from './run-here.ts';

let s: ChannelServer;
beforeAll(async () => {
  s = await startChannelServer();
});
afterAll(() => s.close());

vi.setConfig({ testTimeout: 90_000 /* processes that start on a busy machine */ });

/** As a process where it reads stdin, else here. */
const pub = (args: readonly string[], stdin?: string) =>
  stdin === undefined
    ? runHere(pubCommand, [...args, '--url', s.url, '--api-key', API_KEY])
    : result(['pub', ...args, '--url', s.url], {
        cwd: newFolder(),
        env: { CARILLON_API_KEY: API_KEY },
        stdin,
      });
const history = async (channel: string) =>
  (
    (await s.api('GET', `/v1/channels/${encodeURIComponent(channel)}/history`)).body as {
      publications: Record<string, unknown>[];
    }
  ).publications;
const lines = (text: string): unknown[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

describe('carillon pub', () => {
  it('publishes a value under any name, and prints its position', async () => {
    const { code, stdout, stderr } = await result(
      ['pub', 'chat:auth0%7C1', '{"text":"a\\u0062c"}', '--url', s.url],
      { cwd: newFolder(), env: { CARILLON_API_KEY: API_KEY } },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lines(stdout)).toEqual([{ epoch: expect.any(String), offset: 1 }]);
    expect(await history('chat:auth0%7C1')).toMatchObject([{ data: { text: 'abc' } }]);
    expect(await pub(['cursor:1', '5'])).toEqual({ code: 0, stdout: '{}\n', stderr: '' });
  });

  it('publishes the lines of stdin in their order, and passes over empty ones', async () => {
    const { code, stdout } = await pub(['chat:lines', '-'], '1\n\n{"a":2}\r\n"three"');
    expect(code).toBe(0);
    expect(lines(stdout)).toMatchObject([{ offset: 1 }, { offset: 2 }, { offset: 3 }]);
    expect((await history('chat:lines')).map(({ data }) => data)).toEqual([1, { a: 2 }, 'three']);
  });

  it('ends at the first line that is wrong or refused, and says which; what was before it is published', async () => {
    expect(await pub(['chat:wrong', '-'], '1\n{"a":\n3\n')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^\{.*\}\n$/),
      stderr: expect.stringMatching(/^carillon: line 2: not JSON; the lines before it are published\n$/),
    });
    expect(await pub(['tasks:a', '-', '--key', 'k'], '1\n"no number"\n')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^carillon: line 2: payload_invalid: /),
    });
    expect(await history('chat:wrong')).toHaveLength(1);
  });

  it('sends again what came too fast', async () => {
    const { code, stdout } = await pub(['slow:1', '-'], '1\n2\n3\n4\n');
    expect(code).toBe(0);
    expect(lines(stdout)).toHaveLength(4);
    expect((await history('slow:1')).map(({ data }) => data)).toEqual([1, 2, 3, 4]);
  });

  it('sets and deletes keys of a map', async () => {
    expect((await pub(['tasks:m', '7', '--key', 'a b'])).code).toBe(0);
    expect((await pub(['tasks:m', '--key', 'a b', '--del'])).code).toBe(0);
    expect(await history('tasks:m')).toMatchObject([
      { key: 'a b', data: 7 },
      { key: 'a b', del: true },
    ]);
  });

  it('publishes an id once, and each line of stdin once', async () => {
    await pub(['chat:once', '1', '--id', 'a']);
    expect(lines((await pub(['chat:once', '1', '--id', 'a'])).stdout)).toMatchObject([
      { offset: 1, duplicate: true },
    ]);
    await pub(['chat:once', '-', '--id', 'b'], '2\n3\n');
    expect(lines((await pub(['chat:once', '-', '--id', 'b'], '2\n3\n4\n')).stdout)).toMatchObject([
      { offset: 2, duplicate: true },
      { offset: 3, duplicate: true },
      { offset: 4 },
    ]);
    expect((await history('chat:once')).map(({ data }) => data)).toEqual([1, 2, 3, 4]);
  });

  it('publishes at an expected position, each line behind the one before, or says where the channel is', async () => {
    const first = await s.publish('chat:expect', 1);
    const epoch = first.split(':')[0];
    expect(lines((await pub(['chat:expect', '-', '--expect', first], '2\n3\n')).stdout)).toMatchObject([
      { offset: 2 },
      { offset: 3 },
    ]);
    expect(await pub(['chat:expect', '4', '--expect', first])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(new RegExp(`^carillon: conflict: .* \\(it is at ${epoch}:3\\)\n$`)),
    });
  });

  it.each([
    ['no channel', []],
    ['no value', ['chat:1']],
    ['two values', ['chat:1', '1', '2']],
    ['a value that is no JSON', ['chat:1', 'hello']],
    ['a value beside --del', ['chat:1', '1', '--del', '--key', 'k']],
    ['--del without a key', ['chat:1', '--del']],
    ['an empty id', ['chat:1', '1', '--id', '']],
    ['an id of 65 characters', ['chat:1', '1', '--id', 'x'.repeat(65)]],
    ['half a position', ['chat:1', '1', '--expect', 'e']],
    ['a position without an epoch', ['chat:1', '1', '--expect', ':5']],
    ['a position that is no number', ['chat:1', '1', '--expect', 'e:1.5']],
    ['an option that there is not', ['chat:1', '1', '--kye', 'x']],
  ])('%s: one line on stderr, nothing on stdout, exit 2', async (_name, args) => {
    const { code, stdout, stderr } = await pub(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^carillon: .*\n$/);
  });

  it('an address that is none is a mistake in the command line', async () => {
    const ended = await runHere(pubCommand, ['chat:1', '1', '--url', 'ws://x']);
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/--url/) });
  });

  it('says what the server refuses, and why it cannot be reached', async () => {
    const stranger = createServer((_request, response) => response.writeHead(404).end('<html>'));
    stranger.listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const elsewhere = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    const tryAt = (...args: string[]) => runHere(pubCommand, ['chat:1', '1', ...args]);
    const failed = (stderr: RegExp): object => ({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(stderr),
    });
    expect(await tryAt('--url', s.url)).toEqual(failed(/^carillon: CARILLON_API_KEY is not set/));
    expect(await tryAt('--url', s.url, '--api-key', 'not-the-key-of-this')).toEqual(
      failed(/^carillon: unauthorized: /),
    );
    expect(await tryAt('--url', elsewhere, '--api-key', API_KEY)).toEqual(
      failed(/^carillon: 404, and not what a Carillon server says\n$/),
    );
    stranger.close();
    stranger.closeAllConnections();
    await once(stranger, 'close');
    expect(await tryAt('--url', elsewhere, '--api-key', API_KEY)).toEqual(
      failed(/127\.0\.0\.1:\d+: .*ECONNREFUSED/),
    );
    expect(await pub(['nothing:1', '1'])).toEqual(failed(/^carillon: channel_unknown: /));
  });
});

describe('addresses', () => {
  it('a server may be behind a path of its proxy', () => {
    expect(resourceUrl(new URL('https://app.example/rt?x#y'), '/v1/batch').href).toBe(
      'https://app.example/rt/v1/batch',
    );
    expect(webSocketUrl(new URL('https://app.example/rt/')).href).toBe('wss://app.example/rt/ws');
    expect(webSocketUrl(new URL('http://[::1]:8005')).href).toBe('ws://[::1]:8005/ws');
  });

  it('the configured one is where a browser on this machine finds it', () => {
    expect(configuredUrl({ host: '0.0.0.0', port: 8005 }).href).toBe('http://127.0.0.1:8005/');
    expect(configuredUrl({ host: '::1', port: 1 }).href).toBe('http://[::1]:1/');
    expect(configuredUrl({ host: 'rt.local', port: 80 }).href).toBe('http://rt.local/');
  });

  it('others are none', () => {
    for (const text of ['', 'nowhere', 'ws://x', 'file:///etc/passwd', '127.0.0.1:8005'])
      expect(parseServerUrl(text)).toBeNull();
  });
});
