import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import type { Bench } from '../src/bench.ts';
import { compilePrograms, type Programs } from '../src/processes/native.ts';
import { startLoad } from '../src/processes/load.ts';

// The load generator waits by epoll, which only Linux has; the bench says the same where it is started elsewhere.
describe.runIf(process.platform === 'linux')('the load generator', () => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-bench-test-'));
  let programs: Programs;
  beforeAll(() => {
    programs = compilePrograms(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const bench = (): Bench => ({
    folder,
    programs,
    cores: { described: '', server: (command) => command, load: (command) => command },
    say: () => undefined,
  });

  async function serve(deliver: (text: string, send: (copy: string, to: number) => void) => void) {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const clients: { send(text: string): void }[] = [];
    server.on('connection', (client) => {
      let number: number | null = null;
      client.on('message', (data) => {
        const text = (data as Buffer).toString('utf8');
        if (number === null) {
          number = Number(text);
          clients[number] = client;
          client.send('ready');
        } else deliver(text, (copy, to) => clients[to]?.send(copy));
      });
    });
    return { port: (server.address() as AddressInfo).port, close: () => server.close() };
  }

  const fanout = (port: number) =>
    startLoad(bench(), {
      mode: 'fanout',
      port,
      path: '/',
      ready: 'ready',
      openings: ['0', '1', '2'],
      more: { prefix: '{"a":"', suffix: '"}' },
    });

  it('counts a delivery for each follower of each change', async () => {
    const server = await serve((text, send) => [0, 1].forEach((to) => send(text, to)));
    const load = await fanout(server.port);
    expect(load.opened.connections).toBe(3);
    const line = await load.ask('go 0.05', 'measured');
    expect(Number(line['changes'])).toBeGreaterThan(0);
    expect(line['deliveries']).toBe(Number(line['changes']) * 2);
    await load.end();
    server.close();
  });

  it.each([
    [
      'twice',
      (text: string, send: (copy: string, to: number) => void) => [0, 0, 1].forEach((to) => send(text, to)),
    ],
    ['to its publisher', (text: string, send: (copy: string, to: number) => void) => send(text, 2)],
  ])('ends when a change is delivered %s', async (_name, deliver) => {
    const server = await serve(deliver);
    const load = await fanout(server.port);
    await expect(load.ask('go 0.05', 'measured')).rejects.toThrow(
      /load: (follower 0 had|change|publisher 0 was sent)/,
    );
    server.close();
  });

  it('counts on the graph who got what: strangers, twice, and who got nothing', async () => {
    // Person 0 is followed by 1 and 2, nobody else is followed by anybody.
    const followers = join(folder, 'followers');
    execFileSync('sh', ['-c', `printf '0 1\\n0 2\\n' > "$0"`, followers]);
    const server = await serve((text, send) => {
      const a = /"a":"([^"]*)"/.exec(text)?.[1] ?? '';
      const copy = `{"t":"u","id":"x","a":"${a}"}`;
      // 1 gets everything of 0 twice and 2 nothing of it; 0, who follows nobody, gets everything of the others.
      if (a.startsWith('~000000')) [1, 1].forEach((to) => send(copy, to));
      else send(copy, 0);
    });
    const load = await startLoad(bench(), {
      mode: 'graph',
      port: server.port,
      path: '/',
      ready: 'ready',
      openings: Array.from({ length: 12 }, (_, i) => String(i)),
      more: { followers, prefix: '{"t":"statusUpdate","a":"', suffix: '"}', settle: '0.1' },
    });
    // Twelve people, each resting for a second between changes: within it everybody changes once.
    const line = await load.ask('go 200 0.06', 'measured');
    expect(line).toMatchObject({
      changes: 12,
      exact: 11,
      due: 2,
      deliveries: 1,
      duplicates: 1,
      strangers: 11,
    });
    await load.end();
    server.close();
  });
});
