import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { type Backend, json, startBackend } from './backend.ts';
import { type CallbackUnderTest, openCallback } from './callback-under-test.ts';

const PROCESS = fileURLToPath(new URL('backend-process.ts', import.meta.url));

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of cleanUp.splice(0).toReversed()) await close();
});

function open(...args: Parameters<typeof openCallback>): CallbackUnderTest {
  const callback = openCallback(...args);
  cleanUp.push(() => callback.close());
  return callback;
}

async function openBackend(): Promise<Backend> {
  const backend = await startBackend();
  cleanUp.push(() => backend.close());
  return backend;
}

type BackendProcess = {
  readonly child: ChildProcess;
  readonly url: URL;
  /** Users it was asked about, in the order in which it read the questions. */
  readonly asked: readonly string[];
  /** Resolves once it has read so many questions. */
  reads(count: number): Promise<void>;
};

async function startProcess(): Promise<BackendProcess> {
  const child = spawn(process.execPath, [PROCESS], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanUp.push(() => child.kill('SIGKILL'));
  const asked: string[] = [];
  const port = Promise.withResolvers<string>();
  let onRead: (() => void) | undefined;
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [kind, value = ''] = line.split(' ');
      if (kind === 'port') port.resolve(value);
      else asked.push(value);
    }
    onRead?.();
  });
  return {
    child,
    url: new URL(`http://127.0.0.1:${await port.promise}/who`),
    asked,
    reads: (count) =>
      new Promise((resolve) => {
        onRead = () => {
          if (asked.length >= count) resolve();
        };
        onRead();
      }),
  };
}

/** A server that speaks no HTTP, or bad HTTP: `onRequest` is called with each socket that has sent something. */
async function rawBackend(onRequest: (socket: Socket) => void): Promise<URL> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', () => onRequest(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(async () => {
    for (const socket of sockets) socket.destroy();
    const closed = once(server, 'close');
    server.close();
    await closed;
  });
  const address = server.address();
  return new URL(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`);
}

const denied = { allow: false, code: 'unavailable' };

describe('[CHN3] an authorize callback that is in trouble denies', () => {
  it('one whose process is stopped: who is in flight and who waits are told in time, and it recovers', async () => {
    const backend = await startProcess();
    const callback = open(backend.url, { atOnce: 4, waiting: 16, timeoutMs: 2_500 });
    expect(await callback.ask({ user: 'before' })).toMatchObject({ allow: true });
    backend.child.kill('SIGSTOP');
    const decisions = Array.from({ length: 20 }, (_, i) => callback.ask({ user: `u${i}` }));
    expect(callback.counts()).toMatchObject({ running: 4, waiting: 16 });
    expect(await callback.ask({ user: 'one too many' })).toMatchObject(denied);
    expect(await Promise.all(decisions)).toEqual(decisions.map(() => expect.objectContaining(denied)));
    expect(callback.counts()).toEqual({ running: 0, waiting: 0, cached: 0 });
    backend.child.kill('SIGCONT');
    expect(await callback.ask({ user: 'after' })).toMatchObject({ allow: true });
    await backend.reads(6);
    // Those in flight had reached it, and no more than those: an independent count of what was under way.
    expect(backend.asked.filter((user) => /^u\d/.test(user)).toSorted()).toEqual(['u0', 'u1', 'u2', 'u3']);
  });

  it('one that is killed with questions in flight: all are answered, and none opens', async () => {
    const backend = await startProcess();
    const callback = open(backend.url, { atOnce: 8, timeoutMs: 20_000 });
    await callback.ask({ user: 'before' });
    backend.child.kill('SIGSTOP');
    const decisions = Array.from({ length: 8 }, (_, i) => callback.ask({ user: `u${i}` }));
    expect(callback.counts().running).toBe(8);
    backend.child.kill('SIGKILL');
    // Well before the time limit, or this test runs out of its own.
    expect(await Promise.all(decisions)).toEqual(decisions.map(() => expect.objectContaining(denied)));
    expect(await callback.ask({ user: 'after' })).toMatchObject(denied);
  }, 15_000);

  it('one that is not there', async () => {
    const backend = await openBackend();
    const callback = open(backend.url);
    await backend.close();
    expect(await callback.ask()).toMatchObject(denied);
    expect(JSON.stringify(callback.warnings)).toContain('ECONNREFUSED');
  });

  it.each([
    ['closes without a word', (socket: Socket) => void socket.end()],
    ['resets the connection', (socket: Socket) => void socket.resetAndDestroy()],
    ['speaks no HTTP', (socket: Socket) => void socket.write('{"allow":true}\n')],
    [
      'ends in the middle of its answer',
      (socket: Socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"allow":true}'),
    ],
    [
      'promises an answer and does not send it',
      (socket: Socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{"allow":tru'),
    ],
    [
      'switches protocols',
      (socket: Socket) =>
        void socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ],
    [
      'says for ever that it will continue',
      (socket: Socket) => forEver(socket, 'HTTP/1.1 100 Continue\r\n\r\n'),
    ],
    [
      'sends headers without end',
      (socket: Socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        forEver(socket, `x-${'x'.repeat(500)}: ${'y'.repeat(500)}\r\n`);
      },
    ],
    [
      'answers without end',
      (socket: Socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        forEver(socket, ' '.repeat(10_000));
      },
    ],
  ])('one that %s', async (_name, onRequest) => {
    const callback = open(await rawBackend(onRequest), { timeoutMs: 500 });
    expect(await callback.ask()).toMatchObject(denied);
    expect(callback.counts().running).toBe(0);
  });

  it('connections are kept: a hundred questions one after the other take one', async () => {
    const backend = await openBackend();
    const callback = open(backend.url);
    for (let i = 0; i < 100; i++) expect(await callback.ask()).toMatchObject({ allow: true });
    expect(backend.sockets.opened).toBe(1);
  });

  it('no more connections than questions that may be asked at once', async () => {
    const backend = await openBackend();
    const callback = open(backend.url, { atOnce: 3, waiting: 97 });
    const decisions = Array.from({ length: 100 }, (_, i) => callback.ask({ user: `u${i}` }));
    for (const decision of await Promise.all(decisions)) expect(decision).toMatchObject({ allow: true });
    expect(backend.sockets.opened).toBe(3);
  });

  it('a kept connection that is closed as it is used again costs no answer', async () => {
    const backend = await openBackend();
    const callback = open(backend.url, { atOnce: 4 });
    await Promise.all(Array.from({ length: 4 }, (_, i) => callback.ask({ user: `u${i}` })));
    const old = new Set(backend.sockets.open);
    expect(old.size).toBe(4);
    let refused = 0;
    backend.answer((response) => {
      const { socket } = response;
      if (socket !== null && old.has(socket)) {
        refused++;
        socket.resetAndDestroy();
      } else json({ allow: true })(response);
    });
    expect(await callback.ask()).toMatchObject({ allow: true });
    expect(refused).toBeGreaterThan(0);
    expect(callback.warnings).toEqual([]);
  });

  it('closing it answers what is under way, and leaves no connection', async () => {
    const backend = await openBackend();
    const callback = open(backend.url, { timeoutMs: 20_000 });
    await callback.ask();
    backend.answer(() => undefined);
    const decisions = Array.from({ length: 20 }, (_, i) => callback.ask({ user: `u${i}` }));
    await backend.arrivals(9);
    const closed = [...backend.sockets.open].map((socket) => once(socket, 'close'));
    callback.close();
    expect(await Promise.all(decisions)).toEqual(decisions.map(() => expect.objectContaining(denied)));
    await Promise.all(closed);
    expect(await callback.ask()).toMatchObject(denied);
    expect(backend.sockets.open.size).toBe(0);
  }, 15_000);
});

/** Sends the same again and again, as fast as it is read. */
function forEver(socket: Socket, text: string): void {
  const send = (): void => {
    if (!socket.destroyed) socket.write(text, () => setImmediate(send));
  };
  send();
}
