import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { defineContract, map, signal, stream } from '@carillon/contract';
import * as z from 'zod';
import { type ServerUnderTest, startServer } from '../http-api/server-under-test.ts';

const contract = defineContract({
  channels: {
    'chat:{room}': stream({ data: z.unknown(), durability: 'memory', history: { count: 50 } }),
    'slow:{room}': stream({ data: z.unknown(), durability: 'memory', rate: { perSecond: 40, burst: 1 } }),
    'tasks:{user}': map({ data: z.number(), durability: 'memory' }),
    'cursor:{doc}': signal({ data: z.number(), flushMs: 10 }),
    'closed:{room}': stream({ data: z.number(), durability: 'memory' }),
  },
});

/** A real server with channels, for commands that run as processes of their own. */
export type ChannelServer = ServerUnderTest & {
  /** Publishes, and gives the position as the command line has it. */
  publish(channel: string, data: unknown): Promise<string>;
  /** A way to the server that can be cut. */
  cuttable(): Promise<CuttableWay>;
};

export type CuttableWay = {
  readonly url: string;
  /** Ends every connection that goes this way, and refuses others until `mend`. */
  cut(): void;
  mend(): void;
  /** Resolves when somebody comes this way. */
  used(): Promise<void>;
  close(): Promise<void>;
};

export async function startChannelServer(): Promise<ChannelServer> {
  const server = await startServer({
    config: {
      contract,
      authorize: { 'chat:{room}': () => true, 'slow:{room}': () => true, 'cursor:{doc}': () => true },
    },
  });
  return {
    ...server,
    async publish(channel, data) {
      const path = `/v1/channels/${encodeURIComponent(channel)}/publications`;
      const { status, body } = await server.api('POST', path, { data });
      if (status !== 200) throw new Error(JSON.stringify(body));
      const { epoch, offset } = body as { epoch: string; offset: number };
      return `${epoch}:${offset}`;
    },
    cuttable: () => cuttableWay(Number(new URL(server.url).port)),
  };
}

async function cuttableWay(port: number): Promise<CuttableWay> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let arrived = Promise.withResolvers<void>();
  const way = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => one.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
    arrived.resolve();
  });
  way.listen(0, '127.0.0.1');
  await once(way, 'listening');

  function cut(): void {
    isCut = true;
    arrived = Promise.withResolvers();
    for (const socket of sockets) socket.destroy();
  }

  return {
    url: `http://127.0.0.1:${(way.address() as AddressInfo).port}`,
    cut,
    mend() {
      isCut = false;
    },
    used: () => arrived.promise,
    async close() {
      cut();
      way.close();
      await once(way, 'close');
    },
  };
}
