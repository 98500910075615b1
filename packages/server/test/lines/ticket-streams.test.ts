import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { silentTelemetry } from '../../src/adapters/memory/silent-telemetry.ts';
import { createDoor } from '../../src/gate/door.ts';
import { createLineHttp } from '../../src/gate/line-http.ts';
import { createTicketStreams, type TicketStreams } from '../../src/gateways/sse/ticket-streams.ts';
import type { Connection } from '../../src/ports/transport.ts';
import type { RealtimeNode, TicketRight } from '../../src/runtime/node-api.ts';
import { createVirtualClock } from '../runtime/virtual-clock.ts';
import { record, runOf } from '../websocket/gateway-under-test.ts';

const RIGHT: TicketRight = {
  ...{
    id: 'x',
    user: 'ann',
    channel: 'chat:a',
    session: null,
    grant: 'signed',
    proof: 'proof',
    isMap: false,
  },
  ...{ isByRule: false, issuedAtMs: 0, useByMs: 60_000, expiresAtMs: 600_000 },
};

/** The gateway on a real HTTP server, and a desk that redeems tickets when the test says so. */
async function start() {
  const clock = createVirtualClock();
  const asked = Promise.withResolvers<Socket>();
  const redeemed = Promise.withResolvers<{ readonly ok: true; readonly value: TicketRight }>();
  const served = Promise.withResolvers<void>();
  const opened: Connection[] = [];
  const door = createDoor({
    origins: [],
    trustedProxies: [],
    limits: {
      connections: 10,
      connectionsPerAddress: 10,
      connectsPerSecond: 10,
      connectBurst: 10,
      lineBytes: 1_000,
      lineBytesPerSecond: 1_000,
      lineBytesBurst: 1_000,
    },
    state: () => 'ready',
    monotonicMs: () => clock.monotonicMs(),
  });
  const tickets = {
    redeem: () => redeemed.promise,
    isGood: () => Promise.resolve(true),
    open(connection: Connection) {
      opened.push(connection);
      return record(connection).link;
    },
  };
  const streams: TicketStreams = createTicketStreams({
    node: { tickets } as unknown as Pick<RealtimeNode, 'tickets'>,
    ...{ door, clock, http: createLineHttp({ door, telemetry: silentTelemetry, lineBytes: 1_000 }) },
    ...{ keepAliveMs: 8_000, ticketStreams: 2 },
  });
  const server = createServer((request, response) => {
    void streams.serve(request, response).then(served.resolve, served.reject);
    asked.resolve(request.socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined);
  client.write('GET /sse?ticket=x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return {
    ...{ clock, door, streams, opened, client, asked: asked.promise, served: served.promise },
    redeem: () => redeemed.resolve({ ok: true, value: RIGHT }),
    async stop(): Promise<void> {
      client.destroy();
      server.closeAllConnections();
      server.close();
      await streams.close();
    },
  };
}

let underTest: Awaited<ReturnType<typeof start>>;
afterEach(() => underTest.stop());

it('[TKT2] leaves nothing behind where its client has gone before the ticket was looked at', async () => {
  underTest = await start();
  const { asked, client, redeem, served, streams, door, opened } = underTest;
  const socket = await asked;
  const gone = once(socket, 'close');
  client.destroy();
  await gone;
  redeem();
  await served;
  expect([opened.length, streams.size, door.connections]).toEqual([0, 0, 0]);
});

it('[TKT3] ends a stream of which nothing is read for 30 s, and none that is read slowly', async () => {
  underTest = await start();
  const { client, clock, redeem, served, streams, opened, asked } = underTest;
  redeem();
  await served;
  client.pause();
  const socket = await asked;
  const stream = opened[0]!;
  // More than the kernel takes for a client that does not read.
  const much = runOf(`{"t":"p","c":"chat:a","o":1,"d":"${'x'.repeat(16 * 1024 * 1024)}"}`);
  stream.write(much);
  for (let look = 0; look < 2; look++) await clock.advance(10_000);
  client.resume();
  await expect.poll(() => stream.writing).toBe(false);
  client.pause();
  stream.write(much);
  for (let look = 0; look < 2; look++) await clock.advance(10_000);
  expect([stream.writing, socket.destroyed]).toEqual([true, false]);
  const gone = once(socket, 'close');
  await clock.advance(10_000);
  await gone;
  expect(streams.size).toBe(0);
});
