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
let nowMs = 0;

afterEach(() => underTest.stop());

async function start(settings: GatewaySettings): Promise<UnderTest> {
  nowMs = 0;
  underTest = await startGateway({ monotonicMs: () => nowMs, connectionsPerAddress: 1, ...settings });
  return underTest;
}

/** Opens a connection and ends it again; resolves once the gateway has seen both. */
async function openAndClose({ port, opened }: UnderTest, request = upgradeRequest()): Promise<void> {
  const at = opened.length;
  const peer = await connectRaw(port, request);
  expect(peer.head).toMatch(/^HTTP\/1.1 101 /);
  peer.socket.destroy();
  await opened[at]!.waitFor('closed');
}

const from = (address: string): string => upgradeRequest([`X-Forwarded-For: ${address}`]);

describe('[LIM3] connections that one address opens', () => {
  it('too fast are refused with 429 and a time, and let in after it', async () => {
    const gateway = await start({ connectsPerSecond: 2, connectBurst: 3 });
    for (let i = 0; i < 3; i++) await openAndClose(gateway);
    const refused = await refusedWith(gateway.port, upgradeRequest());
    expect(refused.status).toBe(429);
    expect(refused.head).toMatch(/\r\nRetry-After: 1\r\n/);
    expect(JSON.parse(refused.body)).toEqual({
      error: { code: 'rate_limited', message: expect.any(String), retryAfterMs: 500 },
    });
    expect(gateway.refusals).toEqual(['rate_limited']);
    expect(gateway.gateway.connections).toBe(0);
    nowMs = 499;
    expect((await refusedWith(gateway.port, upgradeRequest())).status).toBe(429);
    nowMs = 500;
    await openAndClose(gateway);
    expect((await refusedWith(gateway.port, upgradeRequest())).status).toBe(429);
  });

  it('are counted by what a trusted proxy says, and an IPv6 network of 64 bits as one', async () => {
    const gateway = await start({ trustedProxies: ['127.0.0.1'], connectsPerSecond: 1, connectBurst: 2 });
    await openAndClose(gateway, from('2001:db8:1:2::1'));
    await openAndClose(gateway, from('2001:db8:1:2::2'));
    for (const forged of ['2001:db8:1:2:ffff::9', '203.0.113.7, 2001:db8:1:2::1'])
      expect((await refusedWith(gateway.port, from(forged))).status).toBe(429);
    await openAndClose(gateway, from('2001:db8:1:3::1'));
    await openAndClose(gateway, from('203.0.113.7'));
  });

  it('are counted by the socket where the proxy is not trusted', async () => {
    const gateway = await start({ connectsPerSecond: 1, connectBurst: 2 });
    for (let i = 0; i < 2; i++) await openAndClose(gateway, from(`203.0.113.${i}`));
    expect((await refusedWith(gateway.port, from('203.0.113.9'))).status).toBe(429);
  });

  it('are as many at once as may be open, however small the burst: after a restart all come back', async () => {
    const { port } = await start({ connectionsPerAddress: 20, connectsPerSecond: 1, connectBurst: 1 });
    const peers = await Promise.all(Array.from({ length: 20 }, () => connectRaw(port)));
    for (const peer of peers) expect(peer.head).toMatch(/^HTTP\/1.1 101 /);
    for (const peer of peers) peer.socket.destroy();
  });

  it('are not counted where they are refused for something else', async () => {
    const gateway = await start({ connectsPerSecond: 1, connectBurst: 2 });
    for (let i = 0; i < 5; i++) {
      expect((await refusedWith(gateway.port, upgradeRequest(['Origin: https://evil.example']))).status).toBe(
        403,
      );
      gateway.node.state = 'starting';
      expect((await refusedWith(gateway.port, upgradeRequest())).status).toBe(503);
      gateway.node.state = 'ready';
    }
    for (let i = 0; i < 2; i++) await openAndClose(gateway);
    expect((await refusedWith(gateway.port, upgradeRequest())).status).toBe(429);
  });
});
