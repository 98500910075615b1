import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Bench } from '../src/bench.ts';
import { startLoad } from '../src/processes/load.ts';
import { compilePrograms, type Programs } from '../src/processes/native.ts';

type Posted = { line?: string; n?: number; ack?: number; ms?: unknown[] };

describe.runIf(process.platform === 'linux')('the load generator over SSE and long-poll', () => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-bench-test-'));
  let programs: Programs;
  beforeAll(() => {
    programs = compilePrograms(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A line as PROTOCOL.md has it, by hand: `S` streams, `P` is polled. `publish` says what goes to both. */
  async function serve(publish: (mark: string) => readonly string[]) {
    const http = createServer((request, response) => {
      void (async () => {
        let text = '';
        for await (const chunk of request) text += String(chunk);
        const posted = JSON.parse(text) as Posted;
        seen.push([request.url ?? '', posted]);
        answer(request.url ?? '', posted, response);
      })();
    });
    const seen: [string, Posted][] = [];
    let stream: ServerResponse | null = null;
    let poll: ServerResponse | null = null;
    let k = 0;
    let waiting: string[] = [];
    let refusals = 1;
    let publisher: WebSocket | null = null;
    const answered = Promise.withResolvers<void>();

    function batch(): void {
      if (poll === null || waiting.length === 0) return;
      poll.end(`{"line":"P","k":${++k},"ms":[${waiting.join(',')}]}`);
      poll = null;
      waiting = [];
    }

    function answer(url: string, { line, n, ms = [] }: Posted, response: ServerResponse): void {
      if (n !== undefined) {
        // The first answer is lost on its way.
        if (refusals-- > 0) response.destroy();
        else {
          response.end(`{"n":${n + ms.length}}`);
          answered.resolve();
        }
      } else if (url === '/sse') {
        stream = response;
        response.useChunkedEncodingByDefault = false;
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('event: line\ndata: {"line":"S"}\n\n:\n\ndata: {"t":"ready"}\n\n');
        response.write('data: {"t":"hb"}\n\n');
      } else {
        poll = response;
        if (line === undefined) waiting.push('{"t":"ready","m":"a \\"] and a }"}', '{"t":"other"}');
        batch();
      }
    }

    new WebSocketServer({ server: http }).on('connection', (client) => {
      client.on('message', (data) => {
        const text = (data as Buffer).toString('utf8');
        if (publisher === null) client.send('ready');
        publisher = client;
        const mark = /~\d+~/.exec(text)?.[0];
        if (mark === undefined) return;
        for (const message of publish(mark)) {
          // In two pieces, each a packet of its own most times.
          stream?.write(`data: ${message.slice(0, 9)}`, () => stream?.write(`${message.slice(9)}\n\n`));
          waiting.push(message);
        }
        batch();
      });
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return { port: (http.address() as AddressInfo).port, seen, answered: answered.promise, http };
  }

  const fanout = (port: number) => {
    const bench: Bench = {
      folder,
      programs,
      cores: { described: '', server: (command) => command, load: (command) => command },
      say: () => undefined,
    };
    return startLoad(bench, {
      mode: 'fanout',
      port,
      path: '/',
      ready: 'ready',
      openings: ['sse {"t":"login"}\t{"t":"sub"}', 'poll {"t":"login"}\t{"t":"sub"}', 'publisher'],
      more: { prefix: '{"a":"', suffix: '"}', ping: '{"t":"hb"', pong: '{"t":"hb"}' },
    });
  };

  it('[HTTP4] [HTTP5] counts what comes as events and in batches, in whatever pieces, and acknowledges each batch', async () => {
    const server = await serve((mark) => [`{"t":"p","d":["\\"]{ ${mark}"]}`]);
    const load = await fanout(server.port);
    const line = await load.ask('go 0.05', 'measured');
    expect(Number(line['changes'])).toBeGreaterThan(0);
    expect(line['deliveries']).toBe(Number(line['changes']) * 2);
    await load.end();
    const acks = server.seen.flatMap(([, { ack }]) => (ack === undefined ? [] : [ack]));
    expect(acks).toEqual(acks.map((_, i) => i + 1));
    expect(acks.length).toBeGreaterThan(Number(line['changes']));
    server.http.closeAllConnections();
    server.http.close();
  });

  it('ends when a change is delivered twice', async () => {
    const server = await serve((mark) => [`{"a":"${mark}"}`, `{"a":"${mark}"}`]);
    const load = await fanout(server.port);
    await expect(load.ask('go 0.05', 'measured')).rejects.toThrow(/load: (follower \d had|change)/);
    server.http.closeAllConnections();
    server.http.close();
  });

  it('[HTTP3] numbers what it sends behind what opened the line, and repeats it when the answer was lost', async () => {
    const server = await serve(() => []);
    const load = await fanout(server.port);
    await server.answered;
    const sent = { line: 'S', n: 3, ms: [{ t: 'hb' }] };
    expect(server.seen.filter(([, { n }]) => n !== undefined)).toEqual([
      ['/sse', sent],
      ['/sse', sent],
    ]);
    await load.end();
    server.http.closeAllConnections();
    server.http.close();
  });
});
