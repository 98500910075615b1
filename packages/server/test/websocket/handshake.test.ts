import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { refuseUpgrade } from '../../src/gate/refuse-upgrade.ts';
import {
  connectRaw,
  type GatewaySettings,
  refusedWith,
  runOf,
  startGateway,
  type UnderTest,
  upgradeRequest,
} from './gateway-under-test.ts';

let underTest: UnderTest | undefined;

async function start(settings?: GatewaySettings): Promise<UnderTest> {
  return (underTest = await startGateway(settings));
}

afterEach(async () => {
  await underTest?.stop();
  underTest = undefined;
});

const errorCode = (body: string): unknown => (JSON.parse(body) as { error: { code: string } }).error.code;

const changed = (from: string | RegExp, to: string): string => upgradeRequest().replace(from, to);

describe('a handshake', () => {
  it.each<[string, string, number, string]>([
    ['without a key', changed(/Sec-WebSocket-Key: .*\r\n/, ''), 400, 'bad_message'],
    ['with a key that is too short', changed('dGhlI', 'dGhl'), 400, 'bad_message'],
    ['without a version', changed(/Sec-WebSocket-Version: .*\r\n/, ''), 400, 'bad_message'],
    ['of version 12', changed('Version: 13', 'Version: 12'), 400, 'bad_message'],
    ['of version 8, whose origin stands elsewhere', changed('Version: 13', 'Version: 8'), 400, 'bad_message'],
    ['to another protocol', changed('Upgrade: websocket', 'Upgrade: h2c'), 400, 'bad_message'],
    ['by POST', changed('GET', 'POST'), 405, 'method_not_allowed'],
    [
      'with a subprotocol that is no token',
      upgradeRequest(['Sec-WebSocket-Protocol: a b']),
      400,
      'bad_message',
    ],
  ])('%s is refused with a code, and opens nothing', async (_title, request, status, code) => {
    const { port, gateway, opened, refusals } = await start();
    const refused = await refusedWith(port, request);
    expect([refused.status, errorCode(refused.body)]).toEqual([status, code]);
    expect(refused.head).toMatch(/\r\nConnection: close\r\n/);
    if (status === 400) expect(refused.head).toMatch(/\r\nSec-WebSocket-Version: 13\r\n/);
    expect(refusals).toEqual([code]);
    expect(gateway.connections).toBe(0);
    expect(opened).toEqual([]);
  });

  it('with headers beyond 16 KB is refused with 431', async () => {
    const { port, gateway } = await start();
    const forwardedFor = '203.0.113.7,'.repeat(2_000);
    const { status } = await refusedWith(port, upgradeRequest([`X-Forwarded-For: ${forwardedFor}`]));
    expect(status).toBe(431);
    expect(gateway.connections).toBe(0);
  });

  it.each<[string, string | null]>([
    ['carillon.msgpack', 'carillon.msgpack'],
    ['carillon.json', 'carillon.json'],
    ['carillon.json, carillon.msgpack', 'carillon.json'],
    ['graphql-ws, carillon.msgpack, carillon.json', 'carillon.msgpack'],
    ['some-secret, graphql-ws', null],
    ['Carillon.msgpack', null],
  ])('[PACK1] of the subprotocols %s agrees to %s', async (asked, agreed) => {
    const { port } = await start();
    const peer = await connectRaw(port, upgradeRequest([`Sec-WebSocket-Protocol: ${asked}`]));
    expect(peer.head).toMatch(/^HTTP\/1.1 101 /);
    expect(/protocol: *(.*)\r/i.exec(peer.head)?.[1] ?? null).toBe(agreed);
    peer.socket.destroy();
  });

  it('behind a request that has been answered is taken', async () => {
    const { port, nextOpened } = await start();
    const opening = nextOpened();
    const peer = await connectRaw(port, 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(peer.head).toMatch(/^HTTP\/1.1 404 /);
    peer.socket.write(upgradeRequest());
    const { connection } = await opening;
    connection.write(runOf('hello'));
    connection.close(4000, '');
    // The server ends its half once its close frame was answered.
    peer.send('8882 00000000 0fa0');
    const received = (await peer.ended).toString('latin1');
    expect(received).toContain('HTTP/1.1 101 ');
    expect(received.split('\r\n\r\n').at(-1)).toBe('\x81\x05hello\x88\x02\x0f\xa0');
    peer.socket.destroy();
  });

  it('behind a request that is not answered yet ends the socket: the answer would land in the WebSocket', async () => {
    const { port, server, opened } = await start();
    const slow = Promise.withResolvers<ServerResponse>();
    const [respond404] = server.listeners('request') as [() => void];
    server.removeListener('request', respond404);
    server.on('request', (_request, response) => slow.resolve(response));
    const request = `GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n${upgradeRequest()}`;
    const peer = await connectRaw(port, request);
    (await slow.promise).end('late');
    expect((await peer.ended).length).toBe(0);
    expect(opened).toEqual([]);
  });
});

describe('an answer that is owed', () => {
  it('counts by request: the first of two that is answered does not free the socket', async () => {
    const { port, server, opened, gateway } = await start();
    const [respond404] = server.listeners('request') as [() => void];
    server.removeListener('request', respond404);
    const responses: ServerResponse[] = [];
    const both = Promise.withResolvers<void>();
    server.on('request', (_request, response) => {
      if (responses.push(response) === 2) both.resolve();
    });
    const request = 'GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const answered = connectRaw(port, request + request);
    await both.promise;
    responses[0]!.end('one');
    const peer = await answered;
    peer.socket.write(upgradeRequest());
    await peer.ended;
    responses[1]!.end('two');
    expect(peer.bytes().toString('latin1')).toBe('one');
    expect(opened).toEqual([]);
    expect(gateway.connections).toBe(0);
  });
});

describe('the limit per address', () => {
  it('counts an IPv6 network of 64 bits as one, and frees it when the connection has gone', async () => {
    const { port, opened } = await start({ trustedProxies: ['127.0.0.1'], connectionsPerAddress: 1 });
    const from = (address: string): string => upgradeRequest([`X-Forwarded-For: ${address}`]);
    const first = await connectRaw(port, from('2001:db8:1:2::1'));
    expect(opened[0]!.connection.address).toBe('2001:db8:1:2::1');
    const neighbour = await refusedWith(port, from('2001:db8:1:2:ffff::9'));
    expect([neighbour.status, errorCode(neighbour.body)]).toEqual([429, 'too_many_connections']);
    const elsewhere = await connectRaw(port, from('2001:db8:1:3::1'));
    expect(elsewhere.head).toMatch(/^HTTP\/1.1 101 /);
    first.socket.destroy();
    await opened[0]!.waitFor('closed');
    const next = await connectRaw(port, from('2001:db8:1:2:ffff::9'));
    expect(next.head).toMatch(/^HTTP\/1.1 101 /);
  });
});

describe('a refusal', () => {
  async function socketPair(): Promise<{ server: Server; socket: Socket; peer: Socket }> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const { port } = server.address() as AddressInfo;
    const peer = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    peer.on('error', () => undefined).pause();
    const [socket] = await accepted;
    return { server, socket, peer };
  }

  it('ends the socket once it is written, without a timer, though the peer keeps its half open', async () => {
    const { server, socket, peer } = await socketPair();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const closed = once(socket, 'close');
      refuseUpgrade(socket, 'not_found');
      expect(vi.getTimerCount()).toBe(1);
      await closed;
      expect(socket.writableFinished).toBe(true);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
    peer.destroy();
    server.close();
  });

  it('to a peer that reads nothing ends its socket all the same', async () => {
    const { server, socket, peer } = await socketPair();
    // More than the kernel takes: the refusal waits behind it.
    socket.write(Buffer.alloc(24 * 1024 * 1024));
    refuseUpgrade(socket, 'not_found');
    await once(socket, 'close');
    expect(socket.writableFinished).toBe(false);
    peer.destroy();
    server.close();
  });
});
