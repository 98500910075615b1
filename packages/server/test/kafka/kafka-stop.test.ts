import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createKafkaSource } from '../../src/adapters/kafka/kafka-source.ts';
import { silentTelemetry } from '../../src/adapters/memory/silent-telemetry.ts';
import { createNodeSecrets } from '../../src/adapters/node/secrets.ts';
import { DEFAULT_OUTBOX } from '../../src/adapters/sql/postgres/outbox-options.ts';
import { openFeedSources } from '../../src/server/feeds.ts';
import { newName, optionsFor, quickTiming } from './kafka-kit.ts';
import { createLiteralIntake } from './literal-intake.ts';

/** A server that takes connections and never answers. */
async function openHangingServer(): Promise<{
  readonly address: string;
  /** Resolves once so many connections were made in all. */
  untilCalled(count: number): Promise<void>;
  readonly calls: number;
  /** Resolves once none of the connections is left. */
  untilAlone(): Promise<void>;
}> {
  const sockets = new Set<Socket>();
  let calls = 0;
  const server = createServer((socket) => {
    calls++;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async untilCalled(count) {
      while (calls < count) await once(server, 'connection');
    },
    get calls() {
      return calls;
    },
    async untilAlone() {
      for (const socket of sockets) await once(socket, 'close');
    },
  };
}

it('a source that is stopped while it looks for its brokers joins no group and leaves no connection', async () => {
  const broker = await openHangingServer();
  const options = optionsFor({ brokers: [broker.address] }, { topics: ['t'], groupId: newName('group') });
  const source = createKafkaSource(options, quickTiming);
  const intake = createLiteralIntake();
  const started = source.start(intake);
  await broker.untilCalled(1);
  await source.stop();
  await started;
  await broker.untilAlone();
  expect(broker.calls).toBe(1);
  expect(source.positions()).toEqual([]);
});

it('a server that is stopped while one of its sources starts does not start those behind it', async () => {
  const [broker, postgres] = [await openHangingServer(), await openHangingServer()];
  const kafka = optionsFor({ brokers: [broker.address] }, { topics: ['t'], groupId: newName('group') });
  const { clock } = kafka;
  const feeds = openFeedSources(
    {
      ...{ topics: new Map(), eventBytes: 1_000, kafka, dapr: null, outboxTable: DEFAULT_OUTBOX.table },
      outbox: { ...DEFAULT_OUTBOX, url: `postgres://u:p@${postgres.address}/d`, connectMs: 100 },
    },
    { clock, secrets: createNodeSecrets(), telemetry: silentTelemetry },
  );
  const started = feeds.start(createLiteralIntake());
  await broker.untilCalled(1);
  await feeds.stop();
  await started;
  expect(postgres.calls).toBe(0);
});
