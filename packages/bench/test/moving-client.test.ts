import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startBlockingProxy } from '../src/processes/blocking-proxy.ts';
import { fateOf, longestGapMs } from '../src/scenarios/moving-client.ts';

describe('what a moving client was told', () => {
  it.each([
    [[], { missed: 0, repeated: 0 }],
    [[7, 8, 9], { missed: 0, repeated: 0 }],
    [[7, 9, 12], { missed: 3, repeated: 0 }],
    [[7, 8, 8, 7, 9], { missed: 0, repeated: 2 }],
    [[7, 9, 8, 10], { missed: 1, repeated: 1 }],
  ])('%j is judged %j', (offsets, fate) => {
    expect(fateOf(offsets)).toEqual(fate);
  });

  it('was silent for as long as the longest pause between two moments', () => {
    expect(longestGapMs([5, 10, 12, 30, 31, 90], 11, 40)).toBe(18);
    expect(longestGapMs([5, 90], 10, 50)).toBe(40);
  });
});

describe('the blocking proxy', () => {
  const UPGRADE = 'GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n';

  /** A server that says everything back. */
  async function start() {
    const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const proxy = await startBlockingProxy((echo.address() as AddressInfo).port);
    const socket = connect(proxy.port, '127.0.0.1').setEncoding('latin1');
    return {
      proxy,
      socket,
      async end() {
        socket.destroy();
        await proxy.close();
        echo.close();
      },
    };
  }

  /** Waits until so many characters have come. */
  async function read(socket: Socket, length: number): Promise<string> {
    let text = '';
    while (text.length < length) text += String((await once(socket, 'data'))[0]);
    return text;
  }

  it('lets requests and upgrades pass', async () => {
    const { proxy, socket, end } = await start();
    socket.write(UPGRADE);
    expect(await read(socket, UPGRADE.length)).toBe(UPGRADE);
    expect(proxy.upgradedAtMs).toBeGreaterThan(0);
    await end();
  });

  it('refuses an upgrade, also behind a request on the same connection', async () => {
    const { proxy, socket, end } = await start();
    proxy.upgrades = 'refuse';
    socket.write('POST /poll');
    expect(await read(socket, 10)).toBe('POST /poll');
    socket.write(UPGRADE);
    expect(await read(socket, 40)).toMatch(/^HTTP\/1\.1 403 /);
    await end();
  });

  it('swallows what follows the answer to an upgrade, and from then on nothing else', async () => {
    const { proxy, socket, end } = await start();
    proxy.upgrades = 'swallow';
    socket.write(UPGRADE);
    expect(await read(socket, UPGRADE.length)).toBe(UPGRADE);
    socket.write('lost');
    const other = connect(proxy.port, '127.0.0.1').setEncoding('latin1');
    other.write('POST /poll');
    expect(await read(other, 10)).toBe('POST /poll');
    proxy.upgrades = 'pass';
    socket.write('here');
    expect(await read(socket, 4)).toBe('here');
    other.destroy();
    await end();
  });
});
