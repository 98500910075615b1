import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A line to a Postgres that can be cut at the worst moment: behind a COMMIT, ahead of its answer. */
export type CuttingLine = {
  readonly url: string;
  /** Lets the next COMMIT through, and nothing that comes back. Resolves when it has been cut. */
  cutNextCommit(): Promise<void>;
  close(): Promise<void>;
};

export async function openCuttingLine(url: string): Promise<CuttingLine> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let cut: (() => void) | null = null;

  const server = createServer((client) => {
    const postgres = connect(Number(target.port), target.hostname);
    sockets.add(client).add(postgres);
    let isCut = false;
    for (const socket of [client, postgres]) socket.on('error', () => undefined); // `close` follows.
    client.on('data', (data) => {
      postgres.write(data);
      if (cut === null || !data.includes('COMMIT')) return;
      isCut = true;
      // The end of what the client sent comes behind the commit: Postgres has read that before it.
      client.destroy();
      postgres.end();
      postgres.once('close', cut);
      cut = null;
    });
    postgres.on('data', (data) => void (isCut || client.write(data)));
    client.on('close', () => void (isCut || postgres.end()));
    postgres.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    cutNextCommit: () => new Promise((resolve) => (cut = resolve)),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
