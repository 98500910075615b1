import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { readText } from '../../src/gate/read-text.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('[HTTP2] what opened a line is not kept for as long as its answer lasts', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sent = httpRequest({ host: '127.0.0.1', port, method: 'POST' }).on('error', () => undefined);
  sent.end('x'.repeat(100_000));
  const [request, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];

  const chunks: WeakRef<Buffer>[] = [];
  request.on('data', (chunk: Buffer) => void chunks.push(new WeakRef(chunk)));
  expect(await readText(request, 100_000)).toMatchObject({ bytes: 100_000 });
  await turn();
  collectGarbage();
  expect(chunks.length).toBeGreaterThan(0);
  expect(chunks.map((chunk) => chunk.deref())).toEqual(chunks.map(() => undefined));
  // The request itself is still there, as that of a stream is.
  expect([request.complete, response.writableEnded]).toEqual([true, false]);

  sent.destroy();
  server.closeAllConnections();
  server.close();
});
