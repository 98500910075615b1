import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  connectRaw,
  type GatewaySettings,
  refusedWith,
  startGateway,
  type UnderTest,
  upgradeRequest,
} from './gateway-under-test.ts';

let underTest: UnderTest;

async function start(settings?: GatewaySettings): Promise<UnderTest> {
  underTest = await startGateway(settings);
  return underTest;
}

afterEach(() => underTest.stop());

const errorCode = (body: string): unknown => (JSON.parse(body) as { error: { code: string } }).error.code;

describe('the upgrade', () => {
  it('is answered as RFC 6455 section 1.3 has it, without extensions', async () => {
    const { port } = await start();
    const peer = await connectRaw(
      port,
      upgradeRequest(['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits']),
    );
    expect(peer.head.split('\r\n')).toEqual([
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
      '',
      '',
    ]);
    peer.socket.destroy();
  });

  it('takes a query behind the path, and what the client sent along with its request', async () => {
    const { port, nextOpened } = await start();
    const opening = nextOpened();
    const hello = Buffer.from('81850000000068656c6c6f', 'hex');
    const request = Buffer.from(upgradeRequest([], '/ws?from=here'));
    const peer = await connectRaw(port, Buffer.concat([request, hello]));
    const { waitFor } = await opening;
    expect(await waitFor('message')).toEqual({ kind: 'message', text: 'hello' });
    peer.socket.destroy();
  });

  it.each(['/', '/wsx', '/ws/', '/WS', 'http://other/ws'])(
    'to the path %s is refused with 404',
    async (path) => {
      const { port, refusals, opened } = await start();
      const { status, body } = await refusedWith(port, upgradeRequest([], path));
      expect([status, errorCode(body)]).toEqual([404, 'not_found']);
      expect(refusals).toEqual(['not_found']);
      expect(opened).toEqual([]);
    },
  );

  it('that is no WebSocket handshake is refused and opens nothing', async () => {
    const { port, gateway } = await start();
    const withoutKey = upgradeRequest().replace(/Sec-WebSocket-Key: .*\r\n/, '');
    expect((await refusedWith(port, withoutKey)).status).toBe(400);
    const oldVersion = upgradeRequest().replace('Version: 13', 'Version: 7');
    expect((await refusedWith(port, oldVersion)).status).toBe(400);
    expect(gateway.connections).toBe(0);
  });

  it.each(['/ws', '/nowhere'])(
    'to %s of a peer that resets behind its request ends nothing but that socket',
    async (path) => {
      const { port, server, gateway } = await start();
      for (let i = 0; i < 20; i++) {
        const accepted = once(server, 'connection') as Promise<[Socket]>;
        const peer = connect({ port, host: '127.0.0.1' });
        await once(peer, 'connect');
        // In one turn: the server reads the request from a line that is gone, and its answer fails.
        peer.write(upgradeRequest([], path));
        peer.resetAndDestroy();
        const [socket] = await accepted;
        if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
      }
      expect(gateway.connections).toBe(0);
    },
  );

  it('that was refused keeps no socket, though the peer keeps its half open', async () => {
    const { port, server } = await start();
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const peer = await connectRaw(port, upgradeRequest([], '/nowhere'));
    const [socket] = await accepted;
    if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
    await peer.ended;
    expect(peer.socket.writableEnded).toBe(false);
    peer.socket.destroy();
  });
});

describe('origins [LIM3]', () => {
  it('a page from an origin that is not listed is refused with 403', async () => {
    const { port } = await start({ origins: ['https://app.example'] });
    for (const origin of [
      'https://evil.example',
      'https://app.example.evil.example',
      'http://app.example',
      'https://app.example:8443',
      'null',
      '',
    ]) {
      const { status, body } = await refusedWith(port, upgradeRequest([`Origin: ${origin}`]));
      expect([origin, status, errorCode(body)]).toEqual([origin, 403, 'origin_refused']);
    }
  });

  it('a listed origin, and a client that is no page, may connect', async () => {
    const { port } = await start({ origins: ['https://app.example'] });
    for (const headers of [['Origin: https://app.example'], []]) {
      const peer = await connectRaw(port, upgradeRequest(headers));
      expect(peer.head).toMatch(/^HTTP\/1.1 101 /);
      peer.socket.destroy();
    }
  });

  it('a star allows every page', async () => {
    const { port } = await start({ origins: ['*'] });
    const peer = await connectRaw(port, upgradeRequest(['Origin: https://evil.example']));
    expect(peer.head).toMatch(/^HTTP\/1.1 101 /);
    peer.socket.destroy();
  });
});

describe('limits', () => {
  it('one connection too many of an address is refused with 429, until one of them has gone', async () => {
    const { port, gateway, opened } = await start({ connectionsPerAddress: 2 });
    const first = await connectRaw(port);
    const second = await connectRaw(port);
    const refused = await refusedWith(port, upgradeRequest());
    expect([refused.status, errorCode(refused.body)]).toEqual([429, 'too_many_connections']);
    expect(refused.head).toMatch(/\r\nRetry-After: \d+\r\n/);
    expect(refused.head).toMatch(/\r\nContent-Type: application\/json\r\n/);
    expect(gateway.connections).toBe(2);
    first.socket.destroy();
    await opened[0]!.waitFor('closed');
    const third = await connectRaw(port);
    expect(third.head).toMatch(/^HTTP\/1.1 101 /);
    expect((await refusedWith(port, upgradeRequest())).status).toBe(429);
    second.socket.destroy();
    third.socket.destroy();
  });

  it('a full node refuses with 503, and says when to ask again', async () => {
    const { port } = await start({ connections: 1 });
    const first = await connectRaw(port);
    const refused = await refusedWith(port, upgradeRequest());
    expect([refused.status, errorCode(refused.body)]).toEqual([503, 'unavailable']);
    expect(refused.head).toMatch(/\r\nRetry-After: \d+\r\n/);
    first.socket.destroy();
  });

  it.each(['starting', 'draining', 'stopped'] as const)(
    'a node that is %s refuses with 503',
    async (state) => {
      const { port, node } = await start();
      node.state = state;
      const refused = await refusedWith(port, upgradeRequest());
      expect([refused.status, errorCode(refused.body)]).toEqual([503, 'unavailable']);
    },
  );

  it('a closed gateway takes nobody, and leaves the HTTP server to others', async () => {
    const { port, gateway, server, opened } = await start();
    const peer = await connectRaw(port);
    opened[0]!.connection.close(4000, 'draining');
    const closing = gateway.close();
    expect((await peer.ended).toString('hex')).toBe(
      '880a' + '0fa0' + Buffer.from('draining').toString('hex'),
    );
    peer.send('8882 00000000 0fa0');
    await closing;
    expect(server.listenerCount('upgrade')).toBe(0);
    expect(server.listening).toBe(true);
    peer.socket.destroy();
  });
});

describe('the address behind proxies', () => {
  const addressOf = async (settings: GatewaySettings, ...forwardedFor: string[]): Promise<string> => {
    const { port, opened } = await start(settings);
    const peer = await connectRaw(
      port,
      upgradeRequest(forwardedFor.map((value) => `X-Forwarded-For: ${value}`)),
    );
    const { address } = opened[0]!.connection;
    peer.socket.destroy();
    return address;
  };
  const loopbackTrusted = { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8', 'fd00::/8'] };

  it.each<[string, GatewaySettings, string[], string]>([
    ['without proxies the header is not believed', {}, ['203.0.113.7'], '127.0.0.1'],
    [
      'a peer that is no proxy is not believed',
      { trustedProxies: ['10.0.0.0/8'] },
      ['203.0.113.7'],
      '127.0.0.1',
    ],
    ['one hop', loopbackTrusted, ['203.0.113.7'], '203.0.113.7'],
    ['what a client wrote itself is skipped', loopbackTrusted, ['198.51.100.1, 203.0.113.7'], '203.0.113.7'],
    ['two proxies', loopbackTrusted, ['198.51.100.1, 203.0.113.7, 10.1.2.3'], '203.0.113.7'],
    ['lines are joined in their order', loopbackTrusted, ['198.51.100.1', '203.0.113.7'], '203.0.113.7'],
    [
      'words that are no address end the reading',
      loopbackTrusted,
      ['203.0.113.7, junk, 10.1.2.3'],
      '10.1.2.3',
    ],
    ['an empty header', loopbackTrusted, [''], '127.0.0.1'],
    ['IPv6 through an IPv6 proxy', loopbackTrusted, ['2001:db8::7, fd00::1'], '2001:db8::7'],
    ['IPv4 mapped into IPv6', loopbackTrusted, ['::ffff:203.0.113.7'], '203.0.113.7'],
    ['only proxies', loopbackTrusted, ['10.9.9.9, 10.1.2.3'], '10.9.9.9'],
  ])('%s', async (_title, settings, forwardedFor, expected) => {
    expect(await addressOf(settings, ...forwardedFor)).toBe(expected);
  });

  it('is what the limit counts: forged headers do not get around it', async () => {
    const { port } = await start({ ...loopbackTrusted, connectionsPerAddress: 1 });
    const via = (value: string): string => upgradeRequest([`X-Forwarded-For: ${value}`]);
    const first = await connectRaw(port, via('203.0.113.7'));
    for (const forged of [
      '203.0.113.7',
      '1.1.1.1, 203.0.113.7',
      '2.2.2.2,3.3.3.3,203.0.113.7',
      '::ffff:203.0.113.7',
    ])
      expect((await refusedWith(port, via(forged))).status).toBe(429);
    const other = await connectRaw(port, via('203.0.113.8'));
    expect(other.head).toMatch(/^HTTP\/1.1 101 /);
    first.socket.destroy();
    other.socket.destroy();
    await once(other.socket, 'close');
  });
});
